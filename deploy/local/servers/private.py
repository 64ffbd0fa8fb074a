"""What private PostgreSQL and RabbitMQ have in common: data, a process, an account, found again by any later runner of the instance."""

import functools
import os
import secrets
from abc import ABC, abstractmethod
from pathlib import Path

from deploy.local.account import Account, data_home, unprivileged
from deploy.local.files import write_atomically
from deploy.local.instance import Instance
from deploy.local.servers import START_TIMEOUT_S, Say, silent
from deploy.local.servers.answering import wait_until_answering


class PrivateServer(ABC):
    """A server whose program, data in `<folder>/<name>`, port and password are the instance's own. `folder` is the instance's."""

    name: str

    def __init__(self, folder: Path, say: Say = silent) -> None:
        self._instance = Instance(folder)
        self._process = self._instance.process(self.name)
        self._say = say

    @functools.cached_property
    def _account(self) -> Account | None:
        return unprivileged(self.name)

    @functools.cached_property
    def home(self) -> Path:
        """The folder of its data, made on first use."""
        return data_home(self._instance.folder / self.name, self._account, self._say)

    @property
    @abstractmethod
    def url(self) -> str:
        """Where to connect, password included."""

    @property
    def _port(self) -> int:
        return self._instance.ports.last(self.name)

    @property
    def _password_file(self) -> Path:
        """Made on first use, beside the data that know it: they are kept, moved and deleted together."""
        file = self.home / "password"
        with self._process.lock:
            if not file.exists():
                self._give(file, secrets.token_hex(24))
        return file

    @property
    def _password(self) -> str:
        return self._password_file.read_text()

    def _give(self, file: Path, text: str) -> None:
        """Write a file that only the server's account may read."""
        write_atomically(file, text, mode=0o600)
        if self._account:
            os.chown(file, self._account.uid, self._account.gid)

    @property
    def pid(self) -> int | None:
        """Its main process while it lives."""
        return self._process.pid

    @property
    def wanted(self) -> bool:
        """Whether it was started and neither stopped nor killed through this object."""
        return self._process.wanted

    def alive(self) -> bool:
        """Whether its main process runs."""
        return self._process.alive()

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Run it, with data made on the first start, and return when it answers. Raises StartFailed, LocalError."""
        with self._process.lock:
            if self._process.alive():
                self._process.wanted = True
            else:
                before = self._instance.ports.remembered().get(self.name)
                port = self._instance.ports.of(self.name)
                if before not in (None, port):
                    self._say(f"{self.name}: port {before} is taken by another program; from now on it is {port}")
                self._launch()
        wait_until_answering(self, timeout_s)

    @abstractmethod
    def _launch(self) -> None:
        """Start the process. Its port is free."""

    @abstractmethod
    def stop(self) -> None:
        """Shut it down properly."""

    def kill(self) -> None:
        """SIGKILL everything it runs: the next start recovers from what is on disk."""
        self._process.kill()

    def ending(self) -> str:
        """How it ended, in words."""
        return self._process.ending()

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return self._process.tail(lines)
