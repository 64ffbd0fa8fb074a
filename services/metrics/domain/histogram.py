"""Latencies counted in bins that grow by a constant factor, so that any number of histograms merge by addition and a percentile is known
to a relative error of 5 %.

The bins are DDSketch's (Masson, Rim, Lee: DDSketch, VLDB 2019): bin i holds (g^(i-1), g^i] ms with g = (1 + a) / (1 - a), and stands
for 2 g^i / (g + 1), which is within a of every value in it. From 1 ms to two minutes that makes 118 bins.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, log
from typing import Final

RELATIVE_ERROR: Final = 0.05
GROWTH: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
LATENCY_MS_MAX: Final = 120_000  # a call is given up long before; what is slower counts as this
_PER_LOG = 1 / log(GROWTH)
BINS: Final = ceil(log(LATENCY_MS_MAX) * _PER_LOG) + 1
MIDDLE_MS: Final = tuple(2 * GROWTH**number / (GROWTH + 1) for number in range(BINS))
_SMALL = tuple(0 if ms <= 1 else ceil(log(ms) * _PER_LOG - 1e-9) for ms in range(10_001))  # the logarithm of nearly every latency, ready


def bin_of(latency_ms: int) -> int:
    """0 holds all up to 1 ms."""
    if latency_ms <= 10_000:
        return _SMALL[latency_ms] if latency_ms > 0 else 0
    return min(BINS - 1, ceil(log(latency_ms) * _PER_LOG - 1e-9))


def percentile(bins: Sequence[int], share: float) -> int | None:
    """The latency in ms that `share` (0 to 1) of the counted ones do not exceed (nearest rank); None where nothing is counted.

    A count below zero, which a late correction may leave behind for a moment, is taken for none.
    """
    if min(bins, default=0) < 0:
        bins = [max(0, count) for count in bins]
    total = sum(bins)
    if total <= 0:
        return None
    rank = max(1, ceil(share * total - 1e-9))
    for number, so_far in enumerate(accumulate(bins)):
        if so_far >= rank:
            return max(1, round(MIDDLE_MS[number]))
    raise AssertionError("a rank is within its total")


class Histogram:
    """Counts by bin (see `bin_of`). Mergeable: the sum of two is the histogram of both their latencies."""

    __slots__ = ("bins",)

    def __init__(self) -> None:
        self.bins = [0] * BINS

    def add_bin(self, number: int, times: int) -> None:
        self.bins[number] += times

    def percentile(self, share: float) -> int | None:
        return percentile(self.bins, share)
