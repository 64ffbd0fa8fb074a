"""A process is ended by who it is, never by its number alone."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.process import Identity, Process, born
from tests.local.waiting import until

SLEEPER = "import signal, sys\nprint('ready', flush=True)\nsignal.pause()\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('ready', flush=True)\nwhile True: signal.pause()\n"
PARENT = """\
import subprocess, sys, signal
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
print(child.pid, flush=True)
print('ready', flush=True)
signal.pause()
"""

# Its first thread ends and leaves another: the kernel shows it as a zombie, and its files are still open.
HEADLESS = """\
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print('ready', flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    found = _process(tmp_path)
    yield found
    found.kill()


def _process(folder: Path) -> Process:
    return Process("sleeper", folder / "run" / "sleeper.json", folder / "logs" / "sleeper.log")


def _start(process: Process, folder: Path, program: str = SLEEPER) -> int:
    process.start([sys.executable, "-c", program], environment=os.environ, folder=folder)
    until(lambda: "ready" in process.tail())
    assert process.pid is not None
    return process.pid


def test_a_later_runner_finds_and_ends_it(process: Process, tmp_path: Path) -> None:
    pid = _start(process, tmp_path)
    later = _process(tmp_path)
    assert later.pid == pid
    assert later.end()
    assert not process.alive()
    assert not (tmp_path / "run" / "sleeper.json").exists()


def test_a_number_that_was_used_again_is_left_alone(tmp_path: Path) -> None:
    """The record says this test's own pid, but a process of another boot."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sleeper.json").write_text(json.dumps({"pid": os.getpid(), "born": "another-boot:1"}))
    process = _process(tmp_path)
    assert not process.alive()
    assert process.pid is None
    process.kill()  # would end the tests
    assert process.end()


def test_a_signal_goes_to_the_very_process_only() -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        Identity(stranger.pid, "another-boot:1").signal(signal.SIGKILL)
        Identity(stranger.pid, "another-boot:1").kill()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        assert stranger.wait(60) == -signal.SIGKILL


def test_a_process_that_waits_to_be_reaped_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: born(child.pid) is None)  # nobody has called wait: it is a zombie now
    assert Path(f"/proc/{child.pid}").exists() == Path("/proc/self").exists()
    child.wait(60)


def test_who_ignores_the_request_is_killed_after_the_grace(process: Process, tmp_path: Path) -> None:
    _start(process, tmp_path, STUBBORN)
    assert not process.end(grace_s=0.1)
    assert not process.alive()
    assert process.ending() == "killed by SIGKILL"


def test_a_kill_cuts_the_grace_short(process: Process, tmp_path: Path) -> None:
    _start(process, tmp_path, STUBBORN)
    asking = threading.Thread(target=process.end, kwargs={"grace_s": 600.0})
    asking.start()
    until(lambda: not process.wanted)
    process.kill()
    asking.join(60)
    assert not asking.is_alive()
    assert process.ending() == "killed by SIGKILL"


def test_killing_takes_what_it_had_started(process: Process, tmp_path: Path) -> None:
    _start(process, tmp_path, PARENT)
    child = Identity.of(int(process.tail().splitlines()[0]))
    assert child is not None
    process.kill()
    assert not child.alive()


def test_the_ending_is_told_in_words(process: Process, tmp_path: Path) -> None:
    process.start([sys.executable, "-c", "raise SystemExit(3)"], environment=os.environ, folder=tmp_path)
    until(lambda: not process.alive())
    assert process.ending() == "exit status 3"


def test_it_is_wanted_from_start_to_kill(process: Process, tmp_path: Path) -> None:
    assert not process.wanted
    pid = _start(process, tmp_path)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not process.alive())
    assert process.wanted
    process.kill()
    assert not process.wanted


def test_output_is_appended_to_what_the_last_run_left(process: Process, tmp_path: Path) -> None:
    process.log.parent.mkdir()
    process.log.write_text("earlier\n")
    _start(process, tmp_path)
    assert process.tail().splitlines() == ["earlier", "ready"]


def test_a_spoilt_record_is_no_process(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sleeper.json").write_text('{"pid": 1}')
    assert _process(tmp_path).pid is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a kernel that tells threads")
def test_who_still_has_threads_is_not_gone(process: Process, tmp_path: Path) -> None:
    pid = _start(process, tmp_path, HEADLESS)
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert process.alive()
    process.kill()
    assert not process.alive()
