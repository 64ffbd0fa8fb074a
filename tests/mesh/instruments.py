"""Payment instruments that nobody else has: all of a run carry one mark, so one search shows whether any was ever written down."""

import itertools
import secrets

from deploy.sandbox.magic import CODES, card_of, luhn_digit

MARK = f"m{secrets.token_hex(6)}"
"""In every VPA of this run."""
PAN_START = f"4{secrets.randbelow(10**9):09}"
"""How every card number of this run begins: longer than the six digits that name a bank."""
MAGIC_PAN_START = card_of(0)[:12]
"""How the sandbox's magic card numbers begin."""
SECRETS = (MARK, PAN_START, MAGIC_PAN_START)

_numbers = itertools.count(1)


def vpa(behaviour: str = "succeed") -> str:
    """A fresh VPA for the sandbox: `fail.alpha` meets a failure at alpha, and a part that names an unknown account means nothing."""
    return f"{behaviour}_succeed.{MARK}{next(_numbers)}@sandbox"


def pan() -> str:
    """A fresh card number that passes Luhn."""
    digits = f"{PAN_START}{next(_numbers):05}"
    return digits + luhn_digit(digits)


def magic_pan(behaviour: str) -> str:
    """The sandbox's card number for a behaviour."""
    return card_of(next(code for code, name in CODES.items() if name == behaviour))


def upi(behaviour: str = "succeed") -> dict[str, object]:
    """Method and instrument of an order."""
    return {"method": "UPI", "instrument": {"type": "UPI", "vpa": vpa(behaviour)}}


def card(number: str | None = None) -> dict[str, object]:
    """Method and instrument of an order."""
    return {
        "method": "CARD",
        "instrument": {"type": "CARD", "number": number or pan(), "expiry_month": 12, "expiry_year": 2099, "cvv": "123", "name": "A Payer"},
    }
