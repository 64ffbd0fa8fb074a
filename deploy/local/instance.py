"""One instance of the mesh on this machine: its folder, and who may run it."""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.local.errors import InstanceBusy, LocalError
from deploy.local.files import Remembered
from deploy.local.ports import PREFERRED, Ports
from deploy.local.process import Process

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = "local"
RUNNER_RECORD = "runner.json"


class Instance:
    """Everything an instance is lies in its folder: logs, records of processes, ports, keys, data; each made when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder = folder.absolute()  # servers run with other working folders
        self.name = folder.name
        self._secrets: Remembered[str] = Remembered(folder / "secrets.json", mode=0o600)
        self.ports = Ports(folder, PREFERRED if self.name == DEFAULT else None)

    @classmethod
    def named(cls, name: str) -> "Instance":
        """`.paymesh/<name>` of this checkout."""
        if not name.replace("-", "").replace("_", "").isalnum():
            raise LocalError(f"an instance's name has letters, digits, - and _ only, not {name!r}")
        return cls(ROOT / ".paymesh" / name)

    def log(self, program: str) -> Path:
        """Where a program's output goes."""
        return self.folder / "logs" / f"{program}.log"

    def process(self, program: str) -> Process:
        """The program's process, alive or not."""
        return Process(program, self.folder / "run" / f"{program}.json", self.log(program))

    def recorded(self) -> list[str]:
        """Names of programs that were started and not properly ended."""
        return sorted(record.stem for record in (self.folder / "run").glob("*.json"))

    def secret(self, name: str, size_bytes: int = 24) -> str:
        """A random hex secret, made on first use and kept: the databases and the broker remember theirs too."""
        return self._secrets.get(name, lambda _: secrets.token_hex(size_bytes))

    @contextlib.contextmanager
    def held(self, patience_s: float = 0.5) -> Iterator[None]:
        """Be the one runner of this instance. Raises InstanceBusy when there is one; the kernel lets go when it dies, however it dies.

        The patience is for `is_held`, which has to take hold for an instant.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + patience_s
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise InstanceBusy(f"the instance {self.name!r} is held by another runner") from None
                    time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether a runner holds it now."""
        if not (self.folder / "lock").exists():
            return False
        try:
            with self.held(patience_s=0):
                return False
        except InstanceBusy:
            return True
