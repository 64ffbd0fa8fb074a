"""What experiments are said to have shown: the verdicts' error rates by simulation with fixed seeds, the formulas by their sources."""

from collections.abc import Iterator
from itertools import accumulate
from math import comb, exp, log, sqrt
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.experiment import (
    MISMATCH_P,
    RATIO_MIN,
    TAU,
    ArmCounts,
    likelihood_ratio,
    mismatch_p_value,
    pooled_z,
    results,
)
from services.metrics.domain.guardrail import Limits, violation

RUNS, LOOK_EVERY = 1_000, 100
# Upper bounds of a histogram with steps of a fifth, and latencies that spread as a gateway's do: p95 four times the median.
BOUNDS_MS = tuple(10 * 1.2**step for step in range(40))
SPREAD = 0.85


def hits(rate: float, random: Random, looks: int, *, samples: int = LOOK_EVERY) -> list[int]:
    """Successes of each of `looks` lots of `samples`."""
    weights = [comb(samples, k) * rate**k * (1 - rate) ** (samples - k) for k in range(samples + 1)]
    return random.choices(range(samples + 1), cum_weights=list(accumulate(weights)), k=looks)


def looked_at(
    control: float, treatment: float, *, seed: int, samples_max: int, every: tuple[int, int] = (LOOK_EVERY, LOOK_EVERY)
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """(hits, samples) of both arms at every look of one experiment; `every` so many new samples in each, `samples_max` in the larger."""
    random, looks = Random(seed), samples_max // max(every)
    arms = (accumulate(hits(rate, random, looks, samples=new)) for rate, new in zip((control, treatment), every, strict=True))
    for look, (hits_c, hits_t) in enumerate(zip(*arms, strict=True), 1):
        yield (hits_c, look * every[0]), (hits_t, look * every[1])


def declared(control: float, treatment: float, *, samples_max: int, every: tuple[int, int] = (LOOK_EVERY, LOOK_EVERY)) -> int:
    """Runs of RUNS in which any look shows a difference."""
    runs = (looked_at(control, treatment, seed=seed, samples_max=samples_max, every=every) for seed in range(RUNS))
    return sum(any((likelihood_ratio(*look) or 0) >= RATIO_MIN for look in run) for run in runs)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97])
def test_identical_arms_are_declared_different_in_one_run_of_twenty_at_most(rate: float) -> None:
    assert declared(rate, rate, samples_max=10_000) <= RUNS * 0.05


@pytest.mark.parametrize("every", [(40, 160), (160, 40)])
@pytest.mark.parametrize("rate", [0.9, 0.97, 0.99])
def test_arms_of_different_size_are_not_either(rate: float, every: tuple[int, int]) -> None:
    """A small arm beside a large one, both near 1: what a variance of each arm by itself gets wrong."""
    assert declared(rate, rate, samples_max=10_000, every=every) <= RUNS * 0.05


def test_a_drop_of_five_points_is_found() -> None:
    assert declared(0.90, 0.85, samples_max=3_000) >= RUNS * 0.95


def test_the_plain_test_is_fooled_by_looking() -> None:
    """Why the verdict is not the z-test's: with as many looks, 0.05 is passed in far more than one run of twenty."""
    fooled = 0
    for seed in range(200):
        plain = (pooled_z(*look) for look in looked_at(0.9, 0.9, seed=seed, samples_max=10_000))
        fooled += any(found and found[1] < 0.05 for found in plain)
    assert fooled > 200 * 0.2


def test_the_plain_test_is_the_textbooks() -> None:
    found = pooled_z((900, 1000), (850, 1000))
    assert found
    pooled = 1750 / 2000
    z = -0.05 / sqrt(pooled * (1 - pooled) * 2 / 1000)
    assert found[0] == pytest.approx(z)
    assert found[1] == pytest.approx(2 * NormalDist().cdf(z))


@pytest.mark.parametrize(("control", "treatment"), [((90, 99), (500, 600)), ((500, 600), (90, 99)), ((0, 0), (0, 0))])
def test_neither_test_speaks_of_small_arms(control: tuple[int, int], treatment: tuple[int, int]) -> None:
    assert pooled_z(control, treatment) is None
    assert likelihood_ratio(control, treatment) is None


@given(n=st.integers(100, 100_000), p=st.floats(0.05, 0.95), q=st.floats(0.05, 0.95))
def test_with_arms_of_one_size_the_ratio_is_the_published_formula(n: int, p: float, q: float) -> None:
    hits_c, hits_t = round(n * p), round(n * q)
    p, q = hits_c / n, hits_t / n
    v, t2 = p * (1 - p) + q * (1 - q), TAU**2
    exponent = n * n * t2 * (p - q) ** 2 / (2 * v * (v + n * t2))
    if exponent < 600:
        assert likelihood_ratio((hits_c, n), (hits_t, n)) == pytest.approx(sqrt(v / (v + n * t2)) * exp(exponent))


@given(hits_c=st.integers(80, 99), hits_t=st.integers(80, 99), of_c=st.integers(1, 50), of_t=st.integers(1, 50))
def test_arms_of_different_size_count_as_their_harmonic_mean(hits_c: int, hits_t: int, of_c: int, of_t: int) -> None:
    """The smaller arm says how much is known: less than two of the larger, more than two of itself, whichever of the arms it is."""
    n = 2 * of_c * of_t / (of_c + of_t)
    v, t2 = (hits_c * (100 - hits_c) + hits_t * (100 - hits_t)) / 1e4, TAU**2 * 100 * n
    exponent = (100 * n * TAU * (hits_c - hits_t) / 100) ** 2 / (2 * v * (v + t2))
    if exponent < 600:
        seen = (hits_c * of_c, 100 * of_c), (hits_t * of_t, 100 * of_t)
        assert likelihood_ratio(*seen) == pytest.approx(sqrt(v / (v + t2)) * exp(exponent))
        assert likelihood_ratio(*seen) == pytest.approx(likelihood_ratio(*reversed(seen)) or 0)


@pytest.mark.parametrize(("control", "treatment", "different"), [(1.0, 1.0, False), (0.0, 0.0, False), (1.0, 0.0, True), (0.0, 1.0, True)])
def test_arms_without_variance(control: float, treatment: float, different: bool) -> None:
    """All or nothing: alike proves nothing however many they are, opposite is proof."""
    for n in (100, 10_000, 1_000_000):
        ratio = likelihood_ratio((round(control * n), n), (round(treatment * n), n))
        assert ratio is not None
        assert (ratio >= RATIO_MIN) is different


def test_a_split_as_configured_is_called_a_mismatch_in_one_run_of_a_thousand_at_most() -> None:
    """Looked at every 100 payments up to 10,000; 3 of 1,000 runs would still be chance."""
    called = 0
    for seed in range(RUNS):
        controls = accumulate(hits(0.2, Random(seed), 100))
        called += any((mismatch_p_value(c, look * 100 - c, 20) or 1) < MISMATCH_P for look, c in enumerate(controls, 1))
    assert called <= 3


@pytest.mark.parametrize(("control", "treatment"), [(5_300, 4_700), (4_700, 5_300), (200, 0)])
def test_a_split_that_is_off_is_a_mismatch_whatever_the_rates(control: int, treatment: int) -> None:
    arms = (ArmCounts(attempts=n, attributable=n, succeeded=n * 9 // 10) for n in (control, treatment))
    view = results("e", *arms, control_pct=50)
    assert view.verdict == "sample_ratio_mismatch"
    assert view.mismatch_p_value is not None
    assert view.mismatch_p_value < MISMATCH_P


def arm(attributable: int, rate: float, p95: int | None = None) -> ArmCounts:
    return ArmCounts(attributable, attributable, round(attributable * rate), p95)


@pytest.mark.parametrize(
    ("control", "treatment", "verdict"),
    [
        (ArmCounts(), ArmCounts(), "too_early"),
        (arm(99, 0.9), arm(99, 0.2), "too_early"),
        (arm(1000, 0.9), arm(1000, 0.9), "no_difference_yet"),
        (arm(3000, 0.9), arm(3000, 0.85), "control_better"),
        (arm(3000, 0.85), arm(3000, 0.9), "treatment_better"),
    ],
)
def test_verdicts(control: ArmCounts, treatment: ArmCounts, verdict: str) -> None:
    view = results("e", control, treatment, control_pct=50, guardrail="paused")
    assert (view.experiment_id, view.verdict, view.guardrail) == ("e", verdict, "paused")
    assert view.reason


def test_the_view_shows_both_arms_and_none_of_an_empty_experiment() -> None:
    view = results("e", arm(200, 0.9, 120), arm(200, 0.95, 130), control_pct=50)
    assert [(one.arm, one.attempts, one.success_rate, one.latency_ms_p95) for one in view.arms] == [
        ("control", 200, 0.9, 120),
        ("treatment", 200, 0.95, 130),
    ]
    assert view.difference == pytest.approx(0.05)
    empty = results("e", ArmCounts(), ArmCounts(), control_pct=50)
    assert (empty.arms, empty.difference, empty.z, empty.likelihood_ratio, empty.mismatch_p_value) == ((), None, None, None, None)


def latencies(random: Random, samples: int, median_ms: float) -> list[int]:
    """How many fall into each bucket of BOUNDS_MS."""
    normal, weights, below = NormalDist(), [], 0.0
    for bound_ms in BOUNDS_MS:
        share = normal.cdf(_z(bound_ms, median_ms))
        weights.append(share - below)
        below = share
    counts = [0] * len(BOUNDS_MS)
    for bucket in random.choices(range(len(BOUNDS_MS)), weights, k=samples):
        counts[bucket] += 1
    return counts


def _z(bound_ms: float, median_ms: float) -> float:
    return log(bound_ms / median_ms) / SPREAD


def p95(counts: list[int]) -> int:
    left = sum(counts) * 0.95
    for bound_ms, count in zip(BOUNDS_MS, counts, strict=True):
        left -= count
        if left <= 0:
            return round(bound_ms)
    raise AssertionError("no samples")


def paused(rates: tuple[float, float], medians_ms: tuple[float, float], *, seed: int, samples_max: int) -> str | None:
    """What the guardrail says first, looked at every 100 samples of each arm."""
    random = Random(seed)
    slow = [[0] * len(BOUNDS_MS), [0] * len(BOUNDS_MS)]
    for control, treatment in looked_at(*rates, seed=seed, samples_max=samples_max):
        for which in (0, 1):
            new = latencies(random, LOOK_EVERY, medians_ms[which])
            slow[which] = [a + b for a, b in zip(slow[which], new, strict=True)]
        before, after = [
            ArmCounts(n, n, succeeded, p95(counts), tuple(zip(BOUNDS_MS, counts, strict=True)))
            for (succeeded, n), counts in zip((control, treatment), slow, strict=True)
        ]
        if found := violation(before, after, Limits()):
            return found.limit
    return None


def test_the_guardrail_pauses_no_experiment_without_a_difference_by_chance() -> None:
    fired = sum(paused((0.9, 0.9), (100, 100), seed=seed, samples_max=2_000) is not None for seed in range(300))
    assert fired <= 300 * 0.05


@pytest.mark.parametrize(
    ("rates", "medians_ms", "limit"),
    [((0.9, 0.75), (100, 100), "success"), ((0.9, 0.9), (100, 250), "latency")],
)
def test_the_guardrail_finds_harm(rates: tuple[float, float], medians_ms: tuple[float, float], limit: str) -> None:
    assert [paused(rates, medians_ms, seed=seed, samples_max=1_000) for seed in range(50)] == [limit] * 50


def test_a_drop_within_the_limit_and_a_better_treatment_pause_nothing() -> None:
    """However much evidence there is."""
    assert violation(arm(100_000, 0.90), arm(100_000, 0.86), Limits()) is None
    assert violation(arm(100_000, 0.80), arm(100_000, 0.90), Limits()) is None


def test_a_p95_beyond_the_limit_pauses_nothing_without_a_histogram() -> None:
    assert violation(arm(1000, 0.9, 100), arm(1000, 0.9, 900), Limits()) is None
