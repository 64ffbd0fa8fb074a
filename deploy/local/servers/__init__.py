"""PostgreSQL and RabbitMQ for one instance: given by URL, private processes of ours, or containers. The system's own are never touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from deploy.local.unit import Unit

Say = Callable[[str], None]
START_TIMEOUT_S = 90.0
"""RabbitMQ needs about 5 s on 2 idle cores; a first start beside an installation or a test run many times that."""


def silent(_: str) -> None:
    """For whom nothing needs to be said."""


class Server(Unit, Protocol):
    """A server the mesh stands on."""

    @property
    def url(self) -> str:
        """Where to connect, password included: postgresql://…/postgres or amqp://…"""

    @property
    def home(self) -> Path | None:
        """The folder of its data, where that is ours: what is written there is gone when the data are."""

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when it answers; one that an earlier runner left is taken over. Raises StartFailed, LocalError."""
