"""Currencies and their minor units, by ISO 4217."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from iso4217 import Currency

from shared.contracts import AMOUNT_MAX


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
    """A decimal price in major units as minor units; excess decimals are an error, never rounded."""
    try:
        scaled = price.scaleb(exponent(currency))
        amount_minor = int(scaled)
    except (InvalidOperation, OverflowError, ValueError) as error:
        if isinstance(error, BadMoney):
            raise
        raise BadMoney("price: not a number") from error
    if scaled != amount_minor:
        raise BadMoney(f"price: {currency} has {exponent(currency)} decimals")
    if not 0 < amount_minor <= AMOUNT_MAX:
        raise BadMoney("price: must be positive and at most 2^53 - 1 minor units")
    return amount_minor
