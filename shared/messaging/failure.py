"""What a failed change means, in one place: try later, never, or nobody's fault. Already done is no failure: it is acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TypeVar

from shared import topology
from shared.storage.away import say_away
from shared.storage.blame import Blame, blame, sqlstate_of

T = TypeVar("T")
AWAY_PAUSE_S = 0.5
REASON_MAX = 500


class Permanent(Exception):
    """No later try can succeed; dead-letter now."""


class Fate(Enum):
    LATER = auto()  # a rung of the delay ladder
    DEAD = auto()  # the dead letters, with the reason
    AWAY = auto()  # the database is away: climbs no rung; hold the envelope and try again


def fate(error: BaseException, rung: int) -> Fate:
    if blame(error) is Blame.AWAY:
        return Fate.AWAY
    if isinstance(error, Permanent) or rung >= len(topology.DELAY_LADDER_S):
        return Fate.DEAD
    return Fate.LATER


def reason_of(error: BaseException) -> str:
    """Type and first line only: a database error's detail may quote the row, and the first line of a data error (class 22) the value.

    What no text column holds (NUL, half a surrogate pair) is escaped: nobody could be told the reason otherwise.
    """
    sqlstate = sqlstate_of(error)
    first = f"SQLSTATE {sqlstate}" if sqlstate.startswith("22") else next(iter(str(error).splitlines()), "")
    reason = f"{type(error).__name__}: {first}".replace("\x00", r"\x00")
    return reason.encode(errors="backslashreplace").decode()[:REASON_MAX]


async def patiently(act: Callable[[], Awaitable[T]]) -> T:
    """Repeat `act` for as long as only the database's absence stops it. What it does must bear repetition.

    The envelope stays unacknowledged meanwhile, so prefetch stops the flow; a nack would count against the delivery
    limit and in the end dead-letter the healthy.
    """
    while True:
        try:
            return await act()
        except Exception as error:
            if blame(error) is not Blame.AWAY:
                raise
            say_away(error)
        await asyncio.sleep(AWAY_PAUSE_S)
