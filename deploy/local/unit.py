"""What the runner starts, watches and ends, whatever it is: a server, the sandbox, a service."""

from typing import Protocol


class Unit(Protocol):
    """One long-running part of the mesh."""

    @property
    def name(self) -> str:
        """Its name in status, logs and messages."""

    @property
    def pid(self) -> int | None:
        """Its main process, where it is ours and runs."""

    @property
    def wanted(self) -> bool:
        """Whether it should run and is ours to start again: True from `start` to `stop` or `kill`."""

    def alive(self) -> bool:
        """Whether it runs."""

    def start(self) -> None:
        """Start it; nothing happens when it runs. Raises LocalError."""

    def stop(self) -> None:
        """End it properly, or by force after a grace; nothing happens when it does not run."""

    def kill(self) -> None:
        """End it as a crash or a power cut would."""

    def ending(self) -> str:
        """How it ended, in words."""

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
