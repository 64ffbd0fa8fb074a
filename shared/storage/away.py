"""The database is away: said once every few seconds for the whole process, however many wait for it."""

import structlog

from shared.clock import monotonic_s

EVERY_S = 5.0
said = {"at_s": float("-inf")}

log = structlog.get_logger()


def say_away(error: BaseException) -> None:
    """Only the type: the text may be a whole traceback of the driver's."""
    if monotonic_s() - said["at_s"] >= EVERY_S:
        said["at_s"] = monotonic_s()
        log.warning("database_away", error=type(error).__name__, because=str(getattr(error, "orig", "") or error)[:200])
