"""What a gateway may do with an order, as data: what it books, what it answers, and how long it takes over it."""

from dataclasses import dataclass
from typing import Literal

Booking = Literal["charge", "refusal", "action", "pending", "later", "nothing"]
Reply = Literal["result", "error_500", "rate_limited", "garbage", "silence", "cut"]
Wait = Literal["latency", "slow", "late"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`books` happens at once (`later`: after `late_s`), then `waits` passes, then `answers` is said."""

    name: str
    books: Booking
    answers: Reply = "result"
    waits: Wait = "latency"
    code: str | None = None  # of a refusal
    wrong_amount: bool = False


_ROWS = (
    Behaviour("succeed", "charge"),
    Behaviour("slow", "charge", waits="slow"),
    Behaviour("late", "charge", waits="late"),
    Behaviour("wrong-amount", "charge", wrong_amount=True),
    Behaviour("requires-action", "action"),
    Behaviour("pending", "pending"),
    Behaviour("decline", "refusal", code="card_declined"),
    Behaviour("insufficient-funds", "refusal", code="insufficient_funds"),
    Behaviour("incorrect-pin", "refusal", code="incorrect_pin"),
    Behaviour("expired-card", "refusal", code="expired_card"),
    Behaviour("suspected-fraud", "refusal", code="suspected_fraud"),
    Behaviour("issuer-unavailable", "refusal", code="issuer_unavailable"),
    Behaviour("account-suspended", "refusal", code="account_suspended"),
    Behaviour("fail", "refusal", code="gateway_error_not_charged"),
    Behaviour("rate-limit", "nothing", "rate_limited"),
    Behaviour("error-500", "nothing", "error_500"),
    Behaviour("charge-then-500", "charge", "error_500"),
    Behaviour("garbage", "charge", "garbage"),
    Behaviour("cut", "nothing", "cut"),
    Behaviour("cut-charged", "charge", "cut"),
    Behaviour("hang", "nothing", "silence"),
    Behaviour("hang-charged", "charge", "silence"),
    Behaviour("accept-late", "later", "silence"),
)
BEHAVIOURS = {one.name: one for one in _ROWS}
SUCCEED, DECLINE = BEHAVIOURS["succeed"], BEHAVIOURS["decline"]

MESSAGES = {  # of refusals of charges
    "card_declined": "The payer's bank declined.",
    "insufficient_funds": "Not enough money in the payer's account.",
    "incorrect_pin": "The payer entered a wrong PIN.",
    "expired_card": "The card has expired.",
    "suspected_fraud": "Blocked: suspected fraud.",
    "issuer_unavailable": "The payer's bank does not answer; nothing was charged.",
    "account_suspended": "This gateway account is suspended; nothing was charged.",
    "gateway_error_not_charged": "The gateway failed before charging; nothing was charged.",
}
