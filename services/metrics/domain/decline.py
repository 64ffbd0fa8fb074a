"""A gateway's rate over five minutes has fallen well below its last hour's: said once, until it has recovered or become the usual.

A drop is one of at least 15 points that chance would hardly make: three standard errors of a share (binomial). It is over when the rate
is within 5 points of what it was before, or when the rest of the hour is no better any more.
"""

from dataclasses import dataclass
from math import sqrt

SAMPLES_MIN = 20  # of the five minutes
SAMPLES_BEFORE_MIN = 50  # of the rest of the hour
DROP_MIN = 0.15
DEVIATIONS_MIN = 3.0
RECOVERED = 0.05


@dataclass(frozen=True, slots=True)
class Drop:
    """`rate` over five minutes, of `attributable` outcomes; `rate_before` over the rest of the hour."""

    gateway: str
    method: str
    rate: float
    rate_before: float
    attributable: int


def dropped(last_5: tuple[int, int], last_60: tuple[int, int]) -> tuple[float, float] | None:
    """Rate and rate before, where it is a drop. Arguments are (attributable, succeeded)."""
    samples, succeeded = last_5
    samples_before, succeeded_before = last_60[0] - samples, last_60[1] - succeeded
    if samples < SAMPLES_MIN or samples_before < SAMPLES_BEFORE_MIN:
        return None
    rate, before = succeeded / samples, succeeded_before / samples_before
    error = sqrt(max(before * (1 - before), 0.01) / samples)
    return (rate, before) if before - rate >= max(DROP_MIN, DEVIATIONS_MIN * error) else None


def recovered(last_5: tuple[int, int], last_60: tuple[int, int], rate_before: float) -> bool:
    """Whether a drop from `rate_before` is over. Too few samples say nothing, none in an hour say that nobody remembers."""
    samples, succeeded = last_5
    if last_60[0] == 0:
        return True
    if samples < SAMPLES_MIN:
        return False
    rate = succeeded / samples
    samples_before, succeeded_before = last_60[0] - samples, last_60[1] - succeeded
    usual = samples_before >= SAMPLES_BEFORE_MIN and rate >= succeeded_before / samples_before - RECOVERED
    return usual or rate >= rate_before - RECOVERED
