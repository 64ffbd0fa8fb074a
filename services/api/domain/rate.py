"""The rate limit: the generic cell rate algorithm (ITU-T I.371, annex A), as virtual scheduling. One number per caller is its whole memory.

Requests are due one interval T = 60 s / rate apart. `due_s` is when the next one would be due if all so far had kept to that; a request
may come up to `burst` intervals before its turn. Time is any clock that never goes back.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_min` requests a minute on average, `burst` of them at once."""

    per_min: int
    burst: int

    @property
    def interval_s(self) -> float:
        return 60 / self.per_min


@dataclass(frozen=True, slots=True)
class Verdict:
    """`due_s` is to be remembered; `remaining` more would be let in now; after `full_s` seconds of silence it is `burst` again.

    `wait_s` is 0 for a request that is let in, and otherwise how long its caller must wait at least.
    """

    due_s: float
    remaining: int
    full_s: float
    wait_s: float
    reason: str

    @property
    def admitted(self) -> bool:
        return self.wait_s <= 0


def admit(due_s: float | None, *, now_s: float, rate: Rate) -> Verdict:
    """`due_s` is the last verdict's, None for a caller who is new or forgotten. A refused request costs its caller nothing."""
    interval_s = rate.interval_s
    before_s = max(due_s if due_s is not None else now_s, now_s)
    after_s = before_s + interval_s
    early_s = after_s - now_s - rate.burst * interval_s  # by how much it comes too early
    if early_s > interval_s * 1e-6:  # sums of seconds differ in their last digits
        return Verdict(before_s, 0, before_s - now_s, early_s, f"more than {rate.per_min} a minute")
    remaining = max(math.floor(-early_s / interval_s + 1e-6), 0)
    return Verdict(after_s, remaining, after_s - now_s, 0.0, f"{remaining} left")
