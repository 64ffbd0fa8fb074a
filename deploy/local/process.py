"""One long-running program of an instance, remembered on disk so that any later runner can find it and end exactly it."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local.account import Account
from deploy.local.files import keep_to_size, tail, write_atomically


def born(pid: int) -> str | None:
    """What tells this process from any other that ever had its number; None when it is gone or only waits to be reaped.

    On Linux the boot's id and the start tick since then: wall clock start times move whenever the clock is set.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _born_by_clock(pid)
    except ProcessLookupError:
        return None
    state, *fields = stat[stat.rindex(")") + 2 :].split()  # the name before it may hold spaces and brackets
    if state in "ZX" and int(fields[16]) <= 1:  # while it has other threads it is dying, and keeps its files and its port
        return None
    return f"{boot}:{fields[18]}"


def _born_by_clock(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.0f}"
    except psutil.Error:
        return None


@dataclass(frozen=True)
class Identity:
    """Which process, not only which number: numbers are used again."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The process that has this number now."""
        birth = born(pid)
        return None if birth is None else cls(pid, birth)

    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        return born(self.pid) == self.born

    def signal(self, number: signal.Signals) -> None:
        """Signal this process; nothing happens when it is gone, whoever has its number now."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended within the time."""
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def kill(self, timeout_s: float = 10.0) -> None:
        """SIGKILL, itself first and then what it had started, so that no parent cleans up after a child; returns when all are gone."""
        try:
            family = psutil.Process(self.pid).children(recursive=True) if self.alive() else []
        except psutil.NoSuchProcess:
            family = []
        members = [self, *filter(None, (Identity.of(child.pid) for child in family))]
        for member in members:
            member.signal(signal.SIGKILL)
        for member in members:
            member.wait(timeout_s)

    def save(self, record: Path) -> None:
        """Remember it for later runners."""
        write_atomically(record, json.dumps({"pid": self.pid, "born": self.born}))

    @classmethod
    def load(cls, record: Path) -> "Identity | None":
        """The remembered process, alive or not."""
        try:
            data = json.loads(record.read_text())
            return cls(int(data["pid"]), str(data["born"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


class Process:
    """A program that is started, ended, and found again by its record. Safe to use from several threads."""

    def __init__(self, name: str, record: Path, log: Path) -> None:
        self.name = name
        self.log = log
        self.wanted = False
        """Whether it should be running: True from `start` to `end` or `kill`. Who watches it restarts only what is wanted."""
        self._record = record
        self._child: subprocess.Popen[bytes] | None = None
        self.lock = threading.RLock()

    @property
    def identity(self) -> Identity | None:
        """The living process: started here, or left by an earlier runner."""
        if self._child is not None:
            self._child.poll()  # reaps it
        identity = Identity.load(self._record)
        return identity if identity is not None and identity.alive() else None

    @property
    def pid(self) -> int | None:
        """Its number while it lives."""
        identity = self.identity
        return None if identity is None else identity.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self.identity is not None

    def start(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, account: Account | None = None) -> None:
        """Start it in a session of its own (a Ctrl-C in the terminal reaches the runner only), its output appended to its log."""
        with self.lock:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            keep_to_size(self.log)
            with self.log.open("ab") as output:
                self._child = subprocess.Popen(
                    list(command),
                    env=dict(environment),
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=[] if account else None,
                )
            identity = Identity.of(self._child.pid)
            if identity is not None:  # None: it ended at once; whoever waits for it will say so
                identity.save(self._record)
            self.wanted = True  # last: until the record is written it would look wanted and dead

    def end(self, how: signal.Signals = signal.SIGTERM, grace_s: float = 25.0) -> bool:
        """Ask it to end, and kill it after the grace; whether it went by itself. A `kill` from elsewhere cuts the grace short."""
        identity = self._give_up()
        graceful = True
        if identity is not None:
            identity.signal(how)
            graceful = identity.wait(grace_s)
            if not graceful:
                identity.kill()
        with self.lock:
            if not self.alive():  # or somebody has started it again
                self._record.unlink(missing_ok=True)
        return graceful

    def kill(self) -> None:
        """SIGKILL, with everything it had started; returns when all of it is gone."""
        identity = self._give_up()
        if identity is not None:
            identity.kill()

    def _give_up(self) -> Identity | None:
        """Want it no more; the living process, if there is one. The lock is not kept while anybody waits for the end."""
        with self.lock:
            self.wanted = False
            return self.identity

    def ending(self) -> str:
        """How it ended, in words; only its own runner can know."""
        status = None if self._child is None else self._child.poll()
        if status is None:
            return "ended"
        return f"exit status {status}" if status >= 0 else f"killed by {signal.Signals(-status).name}"

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(tail(self.log, lines))
