"""Is an attempt settled by what has been seen of it, and if not, when is it asked about next?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Finding = Literal["succeeded", "failed", "pending", "not_found", "unanswered"]
NOT_FOUND_TIMES = 2  # a gateway's search may lag behind its charges: once, or too early, proves nothing


@dataclass(frozen=True, slots=True)
class Patience:
    """`ladder_s`: pauses before each lookup; `grace_s`: how old an attempt must be before "not found" counts."""

    ladder_s: Sequence[float]
    grace_s: float


@dataclass(frozen=True, slots=True)
class Settled:
    verdict: Literal["succeeded", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class Open:
    """Not settled. `not_found` is the count so far of "not found" answers that came after the grace."""

    not_found: int
    reason: str


def weigh(finding: Finding, *, opened_at: datetime, now: datetime, not_found: int, patience: Patience) -> Settled | Open:
    """What one more piece of evidence proves."""
    match finding:
        case "succeeded" | "failed":
            return Settled(finding, f"the gateway says {finding}")
        case "not_found":
            age_s = (now - opened_at).total_seconds()
            if age_s < patience.grace_s:
                return Open(not_found, f"not found after {age_s:.1f} s, before the grace of {patience.grace_s:.0f} s: proves nothing")
            if not_found + 1 >= NOT_FOUND_TIMES:
                return Settled("failed", f"not found {not_found + 1} times after the grace of {patience.grace_s:.0f} s")
            return Open(not_found + 1, "not found once after the grace: asked again")
        case _:
            return Open(not_found, finding)


def next_lookup(*, lookups: int, now: datetime, patience: Patience) -> datetime | None:
    """When to ask for the time after `lookups` times; None where the ladder is spent and only an operator can settle it."""
    if lookups >= len(patience.ladder_s):
        return None
    return now + timedelta(seconds=patience.ladder_s[lookups])
