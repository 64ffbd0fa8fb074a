"""Currencies and their minor units, by ISO 4217."""

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from iso4217 import Currency

from shared.contracts import AMOUNT_MAX

OUT_OF_RANGE = "price: must be positive and at most 2^53 - 1 minor units"


class BadMoney(ValueError):
    """Says what is wrong with an amount or a currency."""


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has: 2 for INR, 0 for JPY, 3 for KWD."""
    try:
        found = Currency(currency).exponent
    except ValueError as error:
        raise BadMoney("currency: not an ISO 4217 code") from error
    if found is None:
        raise BadMoney("currency: has no minor unit")
    return int(found)


def minor_units(price: Decimal, currency: str) -> int:
    """A decimal price in major units as minor units; excess decimals are an error, never rounded. Raises BadMoney."""
    decimals = exponent(currency)
    if not price.is_finite():
        raise BadMoney("price: not a number")
    if not 0 < price <= AMOUNT_MAX:  # before it is scaled, so that 9E+999999 costs nothing
        raise BadMoney(OUT_OF_RANGE)
    scaled = Fraction(price) * 10**decimals  # exact, where a Decimal would be rounded to its context's 28 digits
    if scaled.denominator != 1:
        raise BadMoney(f"price: {currency} has {decimals} decimals")
    if scaled > AMOUNT_MAX:
        raise BadMoney(OUT_OF_RANGE)
    return int(scaled)
