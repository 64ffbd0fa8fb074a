"""The journal: on disk before anybody is told, in few writes, whole after a crash, and honest when the disk is not."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from deploy.sandbox import journal as journal_module
from deploy.sandbox.journal import Journal, JournalError
from tests.sandbox.client import Sandbox


class Disk:
    """Stands in for fdatasync: counts, and waits while it is told to."""

    def __init__(self) -> None:
        self.syncs = 0
        self.entered, self.free = threading.Event(), threading.Event()
        self.free.set()

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        self.entered.set()
        assert self.free.wait(20)
        os.fsync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(journal_module, "_sync", disk.sync)
    yield disk
    disk.free.set()


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[[], Journal]]:
    """Opens the journal of this test; a second time only after the first was closed."""
    journals: list[Journal] = []

    def open_one() -> Journal:
        journal = Journal(tmp_path / "facts.jsonl", "name")
        journal.open()
        journals.append(journal)
        return journal

    yield open_one
    for journal in journals:
        await journal.close()


async def test_nothing_is_answered_or_shown_before_it_is_on_disk(sandbox: Sandbox, disk: Disk) -> None:
    disk.free.clear()
    waiting = asyncio.create_task(sandbox.charge(reference="held"))
    assert await asyncio.to_thread(disk.entered.wait, 10)
    # Were it answered by now, these answers of the same server would come after its own.
    assert await sandbox.found("held") == []
    assert await sandbox.journal(reference="held") == []
    assert not waiting.done()
    disk.free.set()
    assert (await waiting).status == 200
    assert len(await sandbox.found("held")) == 1


async def test_records_of_a_busy_moment_share_a_write(opened: Callable[[], Journal], disk: Disk) -> None:
    journal = opened()
    disk.free.clear()
    first = journal.append({"name": "first"})
    assert await asyncio.to_thread(disk.entered.wait, 10)
    rest = [journal.append({"name": "rest", "n": n}) for n in range(500)]
    assert not first.done()
    disk.free.set()
    await asyncio.gather(first, *rest)
    assert disk.syncs == 2
    assert [record["n"] for record in journal.find("rest")] == list(range(500))


async def test_a_disk_that_refuses_ends_it(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError("no space left on device")

    await sandbox.charge(reference="before")
    with monkeypatch.context() as patched:
        patched.setattr(journal_module, "_sync", refuse)
        assert (await sandbox.charge(reference="unknown")).status == 500
    assert (await sandbox.charge(reference="after")).status == 500
    assert (await sandbox.call("GET", "/livez")).status == 503
    assert await sandbox.found("unknown") == []
    assert len(await sandbox.found("before")) == 1
    assert "asha@okbank" not in caplog.text


async def test_a_torn_last_line_is_cut_off(opened: Callable[[], Journal], tmp_path: Path) -> None:
    journal = opened()
    await journal.append({"name": "whole"})
    await journal.close()
    with (tmp_path / "facts.jsonl").open("ab") as file:
        file.write(b'{"name": "torn", "amo')
    again = opened()
    await again.append({"name": "next"})
    assert again.read(0, 10) == ([{"name": "whole"}, {"name": "next"}], again.size)
    assert [again.find(name) for name in ("whole", "torn", "next")] == [[{"name": "whole"}], [], [{"name": "next"}]]
    lines = (tmp_path / "facts.jsonl").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["whole", "next"]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "facts.jsonl").write_bytes(b'{"name": "a"}\nnonsense\n{"name": "b"}\n')
    with pytest.raises(JournalError, match="byte 14"):
        Journal(tmp_path / "facts.jsonl", "name").open()


async def test_a_journal_has_one_owner(opened: Callable[[], Journal], tmp_path: Path) -> None:
    opened()
    with pytest.raises(JournalError, match="running"):
        Journal(tmp_path / "facts.jsonl", "name").open()


async def test_reading_goes_on_from_an_offset(opened: Callable[[], Journal]) -> None:
    journal = opened()
    await asyncio.gather(*(journal.append({"name": "x", "n": n}) for n in range(5)))
    first, following = journal.read(0, 2)
    rest, end = journal.read(following, 100)
    assert [record["n"] for record in first + rest] == [0, 1, 2, 3, 4]
    assert journal.read(end, 100) == ([], end)
    assert [record["n"] for record in journal.find("x", following)] == [2, 3, 4]
    for wrong in (1, following - 1, end + 1):
        with pytest.raises(ValueError, match="offset"):
            journal.read(wrong, 10)


async def test_who_waits_is_woken_by_the_record(sandbox: Sandbox) -> None:
    place = (await sandbox.get("/gateways/journal"))["next"]
    waiting = asyncio.create_task(sandbox.journal(after=place, account="beta", wait_s=20))
    await sandbox.charge("alpha", reference="not this")
    await sandbox.charge("alpha", reference="other")
    await sandbox.charge("beta", reference="wanted")
    assert [record["reference"] for record in await waiting] == ["wanted"]
    assert await sandbox.journal(reference="nobody", wait_s=0.01) == []
    assert (await sandbox.call("GET", "/gateways/journal", params={"after": "1"})).status == 400
    assert (await sandbox.call("GET", "/gateways/journal", params={"wait_s": "31"})).status == 400
