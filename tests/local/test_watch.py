"""What dies unasked comes back, slower each time, and it is said."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import watch
from deploy.local.errors import StartFailed
from deploy.local.watch import Watch, delay_s
from tests.local.waiting import until


class Dummy:
    """A unit that dies when told to."""

    name = "router"
    pid = None

    def __init__(self) -> None:
        self._wanted = True
        self.looked_at = 0
        self.running = True
        self.dies_at_once = False
        self.refuses = False
        self.starts = 0

    @property
    def wanted(self) -> bool:
        self.looked_at += 1
        return self._wanted

    def alive(self) -> bool:
        return self.running

    def start(self) -> None:
        self.starts += 1
        if self.refuses:
            raise StartFailed("no room")
        self.running = not self.dies_at_once

    def stop(self) -> None:
        self._wanted = self.running = False

    def kill(self) -> None:
        self._wanted = self.running = False

    def ending(self) -> str:
        return "exit status 1"

    def tail(self, lines: int = 15) -> str:
        return "the last words"


class Watched:
    """A dummy under watch, and what was said about it."""

    def __init__(self, folder: Path) -> None:
        self.unit = Dummy()
        self.said: list[str] = []
        self.changed = threading.Event()
        self.watch = Watch([self.unit], folder, self.said.append, self.changed.set)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(watch, "POLL_S", 0.005)
    monkeypatch.setattr(watch, "FIRST_DELAY_S", 0.001)
    found = Watched(tmp_path)
    found.watch.start()
    yield found
    found.watch.close()


def test_waits_double_up_to_half_a_minute() -> None:
    assert [delay_s(deaths) for deaths in (1, 2, 3, 4, 7, 8, 1000)] == [0.5, 1, 2, 4, 30, 30, 30]


def test_who_dies_is_started_again_and_it_is_said(watched: Watched) -> None:
    watched.unit.running = False
    assert watched.changed.wait(60)
    assert watched.unit.starts == 1
    assert watched.watch.restarts == {"router": 1}
    assert watched.said[0].startswith("router died (exit status 1); restart 1 in")


def test_who_was_killed_on_purpose_stays_dead(watched: Watched) -> None:
    watched.unit.kill()
    before = watched.unit.looked_at
    until(lambda: watched.unit.looked_at > before + 2)
    assert watched.unit.starts == 0
    assert watched.said == []


def test_who_keeps_dying_is_shown_with_the_end_of_its_log(watched: Watched) -> None:
    watched.unit.dies_at_once = True
    watched.unit.running = False
    until(lambda: any("keeps dying (3 times in a row)" in text and "the last words" in text for text in list(watched.said)))
    watched.unit.stop()


def test_a_start_that_fails_is_said_and_tried_again(watched: Watched) -> None:
    watched.unit.refuses = True
    watched.unit.running = False
    until(lambda: watched.unit.starts >= 2)
    watched.unit.stop()
    assert "router: no room" in watched.said


def test_nothing_is_restarted_after_close(watched: Watched) -> None:
    watched.watch.close()
    watched.unit.running = False
    assert not any(thread.is_alive() for thread in watched.watch.threads)
    assert watched.unit.starts == 0
