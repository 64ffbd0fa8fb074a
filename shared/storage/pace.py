"""How long a commit waits for company: not at all under light load, a little when a batch would fill soon.

A transaction costs about a millisecond of CPU in service and server together, however many changes share it. A committer that starts
whenever something is there makes batches of one or two as long as the processors keep up, and so uses them up at half the load.
"""

from math import exp

WANTED = 40  # changes in a batch; beyond it a further one saves little
FROM_PER_S = 120.0  # below this rate latency counts for more than CPU: nobody waits
LINGER_S_MAX = 0.06
WINDOW_S = 1.0  # over which the rate is seen


class Pace:
    """Counts changes; `now` is a monotonic clock's seconds."""

    __slots__ = ("level", "seen_at")

    def __init__(self) -> None:
        self.level, self.seen_at = 0.0, 0.0

    def count(self, changes: int, now: float) -> None:
        self.level = self._level(now) + changes
        self.seen_at = now

    def rate_per_s(self, now: float) -> float:
        """An exponentially weighted mean, so that a burst of a few is no load yet."""
        return self._level(now) / WINDOW_S

    def linger_s(self, pending: int, now: float) -> float:
        """How long to wait before a batch of `pending` changes is committed."""
        rate = self.rate_per_s(now)
        if rate < FROM_PER_S or pending >= WANTED:
            return 0.0
        return min(LINGER_S_MAX, (WANTED - pending) / rate)

    def _level(self, now: float) -> float:
        return self.level * exp((self.seen_at - now) / WINDOW_S) if self.level else 0.0
