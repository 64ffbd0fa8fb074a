"""Whose fault a database error is, by its SQLSTATE: asyncpg's data errors reach SQLAlchemy as plain DBAPIError."""

from enum import Enum, auto

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

TIMED_OUT = "57014"
ROW_SQLSTATES = ("22", "23", TIMED_OUT)  # bad data · broken constraint · statement timeout: find the one row that did it
# connection · deadlock, serialization · out of connections, memory or disk · lock timeout · shutting down, starting up ·
# no such database (while it is restored) · read-only (a standby after a failover)
AWAY_SQLSTATES = ("08", "40", "53", "55P03", "57P", "3D000", "25006")


class Blame(Enum):
    ROW = auto()
    AWAY = auto()
    OTHER = auto()


def sqlstate_of(error: BaseException) -> str:
    """Five characters; empty where the server said nothing."""
    return getattr(error.orig, "sqlstate", None) or "" if isinstance(error, DBAPIError) else ""


def blame(error: BaseException) -> Blame:
    """AWAY is nobody's fault and passes; ROW is one change's own; OTHER is a bug."""
    if isinstance(error, DBAPIError):
        sqlstate = sqlstate_of(error)
        if sqlstate.startswith(ROW_SQLSTATES):
            return Blame.ROW
        if error.connection_invalidated or sqlstate.startswith(AWAY_SQLSTATES) or not sqlstate:
            return Blame.AWAY
        return Blame.OTHER
    # The pool runs out of connections when the server hangs: whoever held them waits for it.
    return Blame.AWAY if isinstance(error, OSError | TimeoutError | PoolExhausted) else Blame.OTHER
