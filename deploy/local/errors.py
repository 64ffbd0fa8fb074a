"""What the runner tells a person instead of a traceback."""


class LocalError(Exception):
    """Something on this machine keeps the mesh from running: one clear line, and in `detail` what a developer wants to see below it."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class InstanceBusy(LocalError):
    """Another runner holds this instance."""


class ServerUnavailable(LocalError):
    """Neither a URL, nor a program, nor a way to get one for PostgreSQL or RabbitMQ; the message names the commands that help."""


class StartFailed(LocalError):
    """A program did not become ready; `detail` is the end of its log."""
