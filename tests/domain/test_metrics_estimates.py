"""Weights fade by half in a half-life, and a correction takes back what was added."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.estimates import Fading

HALF_S = 100.0
times = st.lists(st.tuples(st.floats(0, 10_000), st.booleans()), max_size=30)


@pytest.mark.parametrize(("after_s", "left"), [(0, 1.0), (100, 0.5), (200, 0.25), (1_000, 2**-10)])
@pytest.mark.parametrize("begin_s", [0.0, 1.8e9])
def test_half_is_left_after_a_half_life(begin_s: float, after_s: float, left: float) -> None:
    fading: Fading[str] = Fading(HALF_S)
    fading.add("a", True, begin_s)
    assert fading.read("a", begin_s + after_s) == pytest.approx((left, 0.0))


@given(times)
def test_a_weight_is_the_sum_of_what_is_left_of_each(added: list[tuple[float, bool]]) -> None:
    fading: Fading[str] = Fading(HALF_S)
    for at_s, success in added:
        fading.add("a", success, at_s)
    now_s = 10_000.0
    expected = [sum(2 ** ((at_s - now_s) / HALF_S) for at_s, success in added if success is wanted) for wanted in (True, False)]
    assert fading.read("a", now_s) == pytest.approx(expected, abs=1e-9)


@given(times, st.floats(0, 10_000))
def test_taken_back_is_as_if_never_added(added: list[tuple[float, bool]], at_s: float) -> None:
    fading: Fading[str] = Fading(HALF_S)
    fading.add("a", False, at_s)
    for when_s, success in added:
        fading.add("a", success, when_s)
    fading.add("a", False, at_s, -1)
    alone: Fading[str] = Fading(HALF_S)
    for when_s, success in added:
        alone.add("a", success, when_s)
    assert fading.read("a", 10_000) == pytest.approx(alone.read("a", 10_000), abs=1e-6)


@given(times)
def test_restored_is_as_if_it_had_gone_on(added: list[tuple[float, bool]]) -> None:
    fading: Fading[str] = Fading(HALF_S)
    for at_s, success in added:
        fading.add("a", success, at_s)
    other: Fading[str] = Fading(HALF_S)
    other.restore("a", *fading.read("a", 10_000), 10_000)
    assert other.read("a", 12_345) == pytest.approx(fading.read("a", 12_345), abs=1e-9)


def test_what_has_faded_is_forgotten() -> None:
    fading: Fading[str] = Fading(HALF_S)
    fading.add("old", True, 0)
    fading.add("new", True, 5_000)
    fading.forget(5_000, 0.001)
    assert list(fading.weights) == ["new"]
    assert fading.read("old", 5_000) == (0.0, 0.0)
