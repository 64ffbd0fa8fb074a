"""A server somebody else runs and gave by URL: used, never started, stopped or killed."""

from pathlib import Path

from deploy.local.errors import LocalError, StartFailed
from deploy.local.servers import START_TIMEOUT_S
from deploy.local.servers.answering import wait_until_answering

GIVEN_TIMEOUT_S = 10.0  # it should be there already


class Given:
    """`setting` is the environment variable that gave it, for messages."""

    wanted = False
    pid = None
    home: Path | None = None

    def __init__(self, name: str, url: str, setting: str) -> None:
        self.name = name
        self.url = url
        self._setting = setting

    def alive(self) -> bool:
        """Presumed."""
        return True

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Check that it answers. Raises StartFailed."""
        try:
            wait_until_answering(self, min(timeout_s, GIVEN_TIMEOUT_S))
        except StartFailed as error:
            raise StartFailed(f"{error} (it was given by {self._setting})") from error

    def stop(self) -> None:
        """Not ours to stop."""

    def kill(self) -> None:
        """Raises LocalError: not ours to kill."""
        raise LocalError(f"{self.name} was given by {self._setting}: it is not ours to kill")

    def ending(self) -> str:
        """Nobody here knows."""
        return "ended"

    def tail(self, lines: int = 15) -> str:
        """Its log is elsewhere."""
        return ""
