"""`up` and `down` as a person uses them, in a checkout of stand-ins, on the servers the tests are given."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import demo
from deploy.local.instance import ROOT, Instance
from deploy.local.leftovers import end_programs
from deploy.local.prepare import create_databases
from deploy.local.process import Identity
from deploy.local.programs import SERVICES
from tests.local.checkout import make_checkout
from tests.local.waiting import until


def heeding() -> None:
    """A terminal's programs hear Ctrl-C; those of a shell's background, as which the tests may run, have it ignored, and so would ours."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Person:
    """Types commands in a checkout."""

    def __init__(self, folder: Path, postgres_url: str, rabbitmq_url: str) -> None:
        self.root = make_checkout(folder, SERVICES)
        shutil.copytree(ROOT / "deploy" / "local", self.root / "deploy" / "local", ignore=shutil.ignore_patterns("__pycache__"))
        self.instance = Instance(self.root / ".paymesh" / "local")
        self._environment = {**os.environ, "PAYMESH_POSTGRES_URL": postgres_url, "PAYMESH_RABBITMQ_URL": rabbitmq_url}

    def starts(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "deploy.local", *arguments]
        environment = {**self._environment, **settings}
        return subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=heeding
        )

    def types(self, *arguments: str) -> tuple[int, str]:
        process = self.starts(*arguments)
        said, _ = process.communicate(timeout=100)
        return process.returncode, said

    def sees(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.types("status", "--json")[1])
        return status


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it says up to a line with these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"never said {words!r}: {said}")


@pytest.fixture
def person(tmp_path: Path, postgres_url: str, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    create_databases(postgres_url, [f"paymesh_{name}" for name in SERVICES])  # idempotent, and nothing of ours is in them
    found = Person(tmp_path, postgres_url, rabbitmq_url)
    yield found
    found.types("down")
    end_programs(found.instance)


def test_up_in_the_background_over_and_over_and_down(person: Person) -> None:
    status, said = person.types("up", "--detach")
    assert status == 0
    assert "ok  api" in said
    assert "it runs in the background" in said
    first = person.sees()
    assert first["state"] == "running"
    assert all(service["ready"] for service in first["services"].values())
    assert first["merchant"]["publishable_key"] == demo.PUBLISHABLE_KEY
    command = Path(f"/proc/{first['services']['sandbox']['pid']}/cmdline").read_text().split("\0")
    assert command[command.index("--call-back") + 1] == f"{first['api']}/webhooks"

    status, said = person.types("up")
    assert status == 0
    assert "the instance 'local' is up already" in said

    runner = Identity.of(first["runner"])
    assert runner is not None
    runner.signal(signal.SIGKILL)
    assert runner.wait(60)
    assert person.sees()["state"] == "abandoned"
    status, said = person.types("up", "--detach")
    assert status == 0
    assert "ended what an earlier runner left running: api, executor" in said
    second = person.sees()
    assert second["state"] == "running"
    assert second["runner"] != first["runner"]

    assert person.types("down") == (0, "stopping the instance 'local' …\nstopped: runner\n")
    last = person.sees()
    assert last["state"] == "down"
    assert {service["pid"] for service in last["services"].values()} == {None}
    assert person.types("down") == (0, "nothing of the instance 'local' was running\n")


def test_up_in_the_foreground_until_interrupted(person: Person) -> None:
    up = person.starts("up")
    said = read_until(up, "Ctrl-C ends it")
    assert person.sees()["state"] == "running"
    up.send_signal(signal.SIGINT)
    rest, _ = up.communicate(timeout=100)
    assert up.returncode == 0, said + rest
    assert "ok  stop api" in rest
    assert person.sees()["state"] == "down"
    assert person.instance.recorded() == []


def test_a_second_interrupt_ends_even_what_does_not_want_to(person: Person) -> None:
    up = person.starts("up", FAKE_ROUTER="stubborn")
    read_until(up, "Ctrl-C ends it")
    up.send_signal(signal.SIGINT)
    read_until(up, "ok  stop api")  # the edge ends first: the others are asked now or soon
    up.send_signal(signal.SIGINT)
    assert "killed what had not ended" in up.communicate(timeout=100)[0]
    last = person.sees()
    assert last["state"] == "down"
    assert {service["pid"] for service in last["services"].values()} == {None}


def test_a_start_that_fails_says_why_and_leaves_nothing(person: Person) -> None:
    (person.root / "services" / "router" / "__main__.py").write_text("raise SystemExit('no such queue')")
    status, said = person.types("up", "--detach")
    assert status == 1
    assert "paymesh: router ended before it was ready: exit status 1" in said
    assert "  | no such queue" in said
    until(lambda: not person.instance.is_held())
    assert person.instance.recorded() == []


def test_removing_everything(person: Person) -> None:
    assert person.types("up", "--detach")[0] == 0
    assert person.types("down", "--wipe")[0] == 0
    assert not person.instance.folder.exists()
