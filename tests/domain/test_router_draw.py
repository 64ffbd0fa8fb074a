"""Chance from a seed: the same again, and distributed as its name says."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.domain.draw import Draw
from tests.domain.boards import draws


@given(draws)
def test_a_seed_gives_the_same_numbers_again(seed: int) -> None:
    one, other = Draw(seed), Draw(seed)
    assert [one.uniform() for _ in range(300)] == [other.uniform() for _ in range(300)]
    assert Draw(seed).beta(3, 4) == Draw(seed).beta(3, 4)


@given(draws)
def test_numbers_are_in_range_and_do_not_repeat(seed: int) -> None:
    draw = Draw(seed)
    numbers = [draw.uniform() for _ in range(600)]
    assert all(0.0 <= number < 1.0 for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_neighbouring_seeds_are_independent() -> None:
    """Message ids of one millisecond differ in few bits."""
    first = [Draw(2**127 + number).uniform() for number in range(20_000)]
    assert statistics.mean(first) == pytest.approx(0.5, abs=0.01)
    assert statistics.correlation(first[:-1], first[1:]) == pytest.approx(0.0, abs=0.03)
    assert sum(number < 0.1 for number in first) / len(first) == pytest.approx(0.1, abs=0.01)


def test_normal() -> None:
    draw = Draw(1)
    found = [draw.normal() for _ in range(20_000)]
    assert statistics.mean(found) == pytest.approx(0.0, abs=0.03)
    assert statistics.stdev(found) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (2.0, 5.0), (0.5, 0.5), (45.0, 6.0), (900.0, 100.0), (0.05, 3.0)])
def test_beta_has_its_mean_and_variance(alpha: float, beta: float) -> None:
    draw = Draw(2)
    found = [draw.beta(alpha, beta) for _ in range(20_000)]
    mean, variance = alpha / (alpha + beta), alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1))
    deviation = variance**0.5
    assert statistics.mean(found) == pytest.approx(mean, abs=4 * deviation / 20_000**0.5)
    assert statistics.stdev(found) == pytest.approx(deviation, rel=0.06)
    assert all(0.0 <= one <= 1.0 for one in found)


@given(draws, st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_beta_is_a_share_whatever_its_parameters(seed: int, alpha: float, beta: float) -> None:
    assert 0.0 <= Draw(seed).beta(alpha, beta) <= 1.0
