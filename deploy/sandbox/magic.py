"""How a test says what it wants through the order itself: magic VPAs, card numbers and amounts.

One number names a behaviour everywhere: n in `CODES` is the amount 9000+n (last four digits of the minor units) and the card
4000 0000 0009 0nn plus its Luhn digit.
"""

from deploy.sandbox.behaviour import BEHAVIOURS, DECLINE, SUCCEED, Behaviour

CODES = {
    1: "decline",
    2: "insufficient-funds",
    3: "incorrect-pin",
    4: "expired-card",
    5: "suspected-fraud",
    6: "issuer-unavailable",
    7: "account-suspended",
    8: "fail",
    9: "rate-limit",
    10: "error-500",
    11: "charge-then-500",
    12: "hang",
    13: "hang-charged",
    14: "late",
    15: "accept-late",
    16: "cut",
    17: "cut-charged",
    18: "garbage",
    19: "wrong-amount",
    20: "slow",
    21: "requires-action",
    22: "pending",
}
AMOUNT_BASE = 9_000  # n is two digits, so 9,001 to 9,022: no price ends like that by chance as 9,900 or 9,500 would
WORDS = {"success": SUCCEED, "failure": DECLINE}  # Razorpay's, which people try first


class UnknownMagic(ValueError):
    """The VPA ends in @sandbox but names no behaviour. It is not quoted: a VPA belongs in no message."""


def luhn_digit(digits: str) -> str:
    """The check digit that completes a card number."""
    doubled = (int(digit) * 2 if position % 2 == 0 else int(digit) for position, digit in enumerate(reversed(digits)))
    return str(-sum(number - 9 if number > 9 else number for number in doubled) % 10)


def card_of(code: int) -> str:
    """The 16-digit magic card number of a code."""
    digits = f"4000000000090{code:02}"
    return digits + luhn_digit(digits)


AMOUNTS = {AMOUNT_BASE + code: BEHAVIOURS[name] for code, name in CODES.items()}
CARDS = {card_of(code): BEHAVIOURS[name] for code, name in CODES.items()} | {
    "4000000000000002": DECLINE,  # these three mean the same at Stripe
    "4000000000009995": BEHAVIOURS["insufficient-funds"],
    "4000000000000069": BEHAVIOURS["expired-card"],
}


def by_vpa(vpa: str | None, account: str) -> Behaviour | None:
    """`fail.alpha_decline.beta@sandbox`: parts joined by `_`, each `behaviour` or `behaviour.account`; whom none names succeeds.

    None when the VPA is not magic. Raises UnknownMagic.
    """
    if vpa is None:
        return None
    local, _, domain = vpa.lower().rpartition("@")
    if domain == "razorpay":
        return WORDS.get(local)
    if domain != "sandbox":
        return None
    general, own = SUCCEED, None
    for part in local.split("_"):
        name, _, target = part.partition(".")
        name = "succeed" if name == "success" else name  # Razorpay's word for it
        behaviour = BEHAVIOURS.get(name) or WORDS.get(name)
        if behaviour is None:
            raise UnknownMagic("a VPA at sandbox names behaviours, and this one names one that does not exist")
        if not target:
            general = behaviour
        elif target == account:
            own = behaviour
    return own or general


def by_card(number: str | None) -> Behaviour | None:
    """None when the number is not magic."""
    return None if number is None else CARDS.get(number)


def by_amount(amount_minor: int) -> Behaviour | None:
    """None when the amount is not magic."""
    return AMOUNTS.get(amount_minor % 10_000)
