"""Payment instruments as the edge sees them for a moment: checked, described without naming anybody, then sealed."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.contracts import Hints

# The issuer's range decides the network (ISO/IEC 7812); the first that matches wins.
NETWORKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("AMEX", re.compile(r"3[47]\d{13}")),
    ("RUPAY", re.compile(r"(?:60|65|81|82|508)\d+")),
    ("MASTERCARD", re.compile(r"(?:5[1-5]|2(?:22[1-9]|2[3-9]\d|[3-6]\d{2}|7[01]\d|720))\d+")),
    ("VISA", re.compile(r"4\d{12}(?:\d{3})?(?:\d{3})?")),
)
BANK_OF_HANDLE = {
    "okhdfcbank": "HDFC", "hdfcbank": "HDFC", "okicici": "ICICI", "icici": "ICICI", "oksbi": "SBI", "sbi": "SBI",
    "okaxis": "AXIS", "axisbank": "AXIS", "ybl": "YES", "ibl": "ICICI", "axl": "AXIS", "kotak": "KOTAK", "paytm": "PAYTM",
}  # fmt: skip
BANK_OF_IIN = {"410028": "HDFC", "550067": "ICICI", "652765": "SBI"}
VPA = re.compile(r"[A-Za-z0-9.\-_]{2,256}@[A-Za-z0-9.\-]{2,64}")


class BadInstrument(ValueError):
    """Says what is wrong, never what was sent."""


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1 check digit."""
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10


def network_of(number: str) -> str | None:
    return next((name for name, pattern in NETWORKS if pattern.fullmatch(number)), None)


def check_card(card: Mapping[str, Any], *, today: date) -> None:
    """Raises BadInstrument for a number that cannot be a card's or a month that is over."""
    number = str(card["number"])
    if not re.fullmatch(r"[0-9]{12,19}", number) or not luhn(number):
        raise BadInstrument("number: not a card number")
    if network_of(number) is None:
        raise BadInstrument("number: no card network that is taken here")
    if (int(card["expiry_year"]), int(card["expiry_month"])) < (today.year, today.month):
        raise BadInstrument("expiry: the card has expired")


def check_vpa(vpa: str) -> None:
    if not VPA.fullmatch(vpa):
        raise BadInstrument("vpa: not of the form name@handle")


def number_of(instrument: Mapping[str, Any]) -> str | None:
    """What makes two instruments the same one."""
    return instrument.get("number") or instrument.get("vpa")


def hints_of(instrument: Mapping[str, Any], fingerprint: str | None) -> Hints:
    match instrument:
        case {"type": "CARD", "number": number}:
            masked = f"•••• {number[-4:]}"
            return Hints(bank=BANK_OF_IIN.get(number[:6]), network=network_of(number), masked=masked, fingerprint=fingerprint)
        case {"type": "UPI", "vpa": vpa}:
            name, _, handle = vpa.partition("@")
            return Hints(bank=BANK_OF_HANDLE.get(handle.lower()), masked=f"{name[0]}•••@{handle}", fingerprint=fingerprint)
        case {"type": "NETBANKING", "bank": bank}:
            return Hints(bank=str(bank).upper(), masked=str(bank).upper())
        case {"type": "WALLET", "wallet": wallet}:
            return Hints(masked=str(wallet).upper())
    return Hints()
