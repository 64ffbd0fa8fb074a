"""The command line: clear errors in one line, honest exit statuses."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import cli
from deploy.local.commands import suite
from deploy.local.errors import StartFailed
from deploy.local.instance import ROOT


def _paymesh(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.local", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"})


def test_the_status_of_what_never_ran_is_down_and_not_zero() -> None:
    done = _paymesh("status", "--json", "--instance", "never-started")
    assert json.loads(done.stdout) == {"instance": "never-started", "state": "down"}
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pay", "--instance", "never-started"], "does not run: start it with `./paymesh up`"),
        (["logs", "router", "--instance", "never-started"], "no log of 'router': there are none"),
        (["status", "--instance", "../elsewhere"], "an instance's name has letters"),
        (["simulate", "--worlds", "docs"], "docs: no world there"),
        (["simulate", "--random=-1"], "not below 0"),
        (["simulate", "--jobs=-1"], "not below 0"),
        (["simulate", "--worlds", "docs", "--plots", "README.md"], "--plots: "),
    ],
)
def test_an_error_is_one_line_and_not_zero(arguments: list[str], says: str) -> None:
    done = _paymesh(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("paymesh: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["faults --payments", "faults --rate", "bench --rate", "bench --light-seconds", "bench --webhooks --deliveries"]
)
def test_nothing_is_not_measured(command: str) -> None:
    """Before anything is started: of nothing, nothing is lost."""
    done = _paymesh(*command.split(), "0", "--instance", "never-started")
    assert done.returncode == 2
    assert "Must be > 0" in done.stdout + done.stderr
    assert not (ROOT / ".paymesh" / "never-started").exists()


def test_ending_what_never_ran_is_no_error() -> None:
    done = _paymesh("down", "--instance", "never-started")
    assert (done.returncode, done.stdout) == (0, "there is no instance 'never-started'\n")


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("up", "down", "status", "logs", "pay", "test"):
        with pytest.raises(SystemExit) as exited:
            cli.app([name, "--help"])
        assert exited.value.code == 0
        assert f"Usage: paymesh {name}" in capsys.readouterr().out


def test_the_list_of_commands_says_what_each_is_for() -> None:
    said = _paymesh("--help").stdout
    for command in ("bench", "down", "faults", "logs", "merchant", "pay", "seed", "simulate", "status", "test", "up"):
        assert re.search(rf"│ {command} +[A-Z]", said), command
    assert _paymesh().stdout == said


def test_the_detail_of_an_error_follows_below(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise StartFailed("router ended", "line one\nline two")

    monkeypatch.setattr(cli, "app", fails)
    monkeypatch.setattr(sys, "argv", ["paymesh", "up"])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 1
    assert capsys.readouterr().err == "paymesh: router ended\n  | line one\n  | line two\n"


@pytest.fixture
def _sigterm_kept() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_sigterm_kept")
def test_the_suite_exits_with_the_status_of_pytest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On given servers, which are not started; pytest is asked for what it does not know (status 4), then for its version (0)."""
    started: list[str] = []
    monkeypatch.setattr("deploy.local.instance.ROOT", tmp_path)
    monkeypatch.setattr(suite, "_start", lambda server, _: started.append(server.url))
    monkeypatch.setenv("PAYMESH_TEST_POSTGRES_URL", "postgresql://given/postgres")
    monkeypatch.setenv("PAYMESH_TEST_RABBITMQ_URL", "amqp://given/")
    assert suite.run_tests("--no-such-option") == 4
    assert suite.run_tests("--version", long=True) == 0
    assert started == ["postgresql://given/postgres", "amqp://given/"] * 2
