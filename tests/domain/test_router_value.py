"""What a gateway is worth: the amount less its fee, times its success rate; and the rate at which it would be worth as much as another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.domain.value import best_others, break_even_rate, expected_value, fee_minor

amounts, rates, fees = st.integers(1, 10**9), st.floats(0.01, 1), st.floats(0, 0.5)


@pytest.mark.parametrize(
    ("amount_minor", "rate", "fixed_minor", "fee"), [(10_000, 0.02, 300, 500), (10_000, 0, 0, 0), (50, 0.02, 300, 301), (0, 0.5, 10, 10)]
)
def test_fee(amount_minor: int, rate: float, fixed_minor: int, fee: float) -> None:
    assert fee_minor(amount_minor, rate, fixed_minor) == pytest.approx(fee)


def test_expected_value() -> None:
    assert expected_value(0.9, 10_000, 0.02, 300) == pytest.approx(0.9 * 9_500)
    assert expected_value(0.9, 100, 0.0, 300) == pytest.approx(-180), "the fee eats more than the amount"


@given(amounts, rates, fees, rates, fees)
def test_at_its_break_even_rate_it_is_worth_the_other(amount: int, other_rate: float, other_fee: float, rate: float, fee: float) -> None:
    other = expected_value(other_rate, amount, other_fee, 0)
    even = break_even_rate(other, amount, fee, 0)
    if even is not None:
        assert 0.0 <= even <= 1.0
        assert expected_value(even, amount, fee, 0) == pytest.approx(other)
        assert (rate > even) == (expected_value(rate, amount, fee, 0) > other) or rate == pytest.approx(even)
    else:
        assert other > expected_value(1.0, amount, fee, 0)


def test_no_other_no_break_even() -> None:
    assert break_even_rate(None, 100, 0.1, 0) is None
    assert break_even_rate(50.0, 100, 0.0, 100) is None
    assert break_even_rate(-5.0, 100, 0.0, 0) is None


def test_the_best_of_the_others() -> None:
    assert best_others({"a": 3.0, "b": 2.0, "c": 1.0}) == {"a": 2.0, "b": 3.0, "c": 3.0}
    assert best_others({"a": 3.0}) == {"a": None}
