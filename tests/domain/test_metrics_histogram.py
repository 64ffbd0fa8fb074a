"""Percentiles are percentiles: within 5 % of the exact ones, and the same however histograms are merged."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.histogram import BINS, LATENCY_MS_MAX, RELATIVE_ERROR, Histogram, bin_of, percentile

latencies = st.lists(st.integers(1, LATENCY_MS_MAX), min_size=1, max_size=300)
SHARES = (0.5, 0.95, 0.99)


def of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add_bin(bin_of(value), 1)
    return histogram


def exact(values: list[int], share: float) -> int:
    """Nearest rank."""
    return sorted(values)[max(1, ceil(share * len(values) - 1e-9)) - 1]


@given(latencies, st.sampled_from(SHARES))
def test_a_percentile_is_within_its_error(values: list[int], share: float) -> None:
    found, true = of(values).percentile(share), exact(values, share)
    assert found is not None
    assert abs(found - true) <= RELATIVE_ERROR * true + 0.5, "half a millisecond is the rounding"


@given(latencies, latencies, st.sampled_from(SHARES))
def test_merged_is_as_if_counted_together(ones: list[int], others: list[int], share: float) -> None:
    merged = of(ones)
    for number, times in enumerate(of(others).bins):
        merged.add_bin(number, times)
    assert merged.percentile(share) == of(ones + others).percentile(share)
    assert sum(merged.bins) == len(ones) + len(others)


def test_a_p95_is_no_mean_and_no_maximum() -> None:
    values = [100] * 95 + [3_000] * 5
    assert of(values).percentile(0.95) == pytest.approx(100, rel=RELATIVE_ERROR)
    assert of([*values, 3_000]).percentile(0.95) == pytest.approx(3_000, rel=RELATIVE_ERROR)


@pytest.mark.parametrize(("latency_ms", "number"), [(-5, 0), (0, 0), (1, 0), (LATENCY_MS_MAX, BINS - 1), (10**9, BINS - 1)])
def test_the_ends(latency_ms: int, number: int) -> None:
    assert bin_of(latency_ms) == number


def test_bins_never_go_back() -> None:
    numbers = [bin_of(ms) for ms in range(1, 20_000)]
    assert numbers == sorted(numbers)


def test_nothing_counted_has_no_percentile() -> None:
    assert Histogram().percentile(0.95) is None
    assert percentile([0, -1, 0], 0.95) is None


def test_a_late_correction_leaves_no_percentile_below_zero() -> None:
    assert percentile([-2, 0, 4], 0.5) == percentile([0, 0, 4], 0.5)
