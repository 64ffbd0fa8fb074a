"""Money: minor units by ISO 4217, and nothing is ever rounded."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.domain.money import BadMoney, exponent, minor_units
from shared.contracts import AMOUNT_MAX

EXPONENTS = {"INR": 2, "USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "IQD": 3, "CLF": 4}


@pytest.mark.parametrize(("currency", "decimals"), EXPONENTS.items())
def test_decimals_of_a_currency(currency: str, decimals: int) -> None:
    assert exponent(currency) == decimals


@pytest.mark.parametrize("currency", ["ABC", "inr", "", "XAU", "XTS"])
def test_what_cannot_be_paid_in(currency: str) -> None:
    with pytest.raises(BadMoney, match=r"^currency: "):
        exponent(currency)


@given(st.integers(1, AMOUNT_MAX), st.sampled_from(sorted(EXPONENTS)))
def test_a_price_is_its_amount(amount_minor: int, currency: str) -> None:
    digits = str(amount_minor).rjust(exponent(currency) + 1, "0")
    whole = len(digits) - exponent(currency)
    assert minor_units(Decimal(f"{digits[:whole]}.{digits[whole:]}"), currency) == amount_minor


@given(st.integers(1, 10**9), st.integers(1, 9), st.integers(1, 40), st.sampled_from(sorted(EXPONENTS)))
def test_excess_decimals_are_an_error_however_many(whole: int, digit: int, excess: int, currency: str) -> None:
    price = Decimal(f"{whole}.{'0' * (exponent(currency) + excess - 1)}{digit}")
    with pytest.raises(BadMoney, match=rf"^price: {currency} has {exponent(currency)} decimals"):
        minor_units(price, currency)


@pytest.mark.parametrize(
    ("price", "currency", "amount_minor"),
    [
        ("500", "INR", 50_000),
        ("499.50", "INR", 49_950),
        ("1.500", "KWD", 1_500),
        ("7.00", "JPY", 7),
        ("5E+2", "INR", 50_000),
        ("1.10000", "USD", 110),
    ],
)
def test_prices(price: str, currency: str, amount_minor: int) -> None:
    assert minor_units(Decimal(price), currency) == amount_minor


@pytest.mark.parametrize("price", ["0", "-1", "0.00", "90071992547409.92", "1E+30", "9E+999999", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_price(price: str) -> None:
    with pytest.raises(BadMoney, match=r"^price: "):
        minor_units(Decimal(price), "INR")


def test_the_largest_price() -> None:
    assert minor_units(Decimal("90071992547409.91"), "INR") == AMOUNT_MAX


def test_an_unknown_currency_is_said_as_such() -> None:
    with pytest.raises(BadMoney, match=r"^currency: "):
        minor_units(Decimal(1), "ABC")
