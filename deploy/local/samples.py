"""What `./paymesh seed` makes, as data: some two dozen payments of every kind and end, and what they belong to."""

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]


def upi(vpa: str) -> Body:
    return {"method": "UPI", "instrument": {"type": "UPI", "vpa": vpa}}


def card(number: str, cvv: str = "123") -> Body:
    about = {"expiry_month": 12, "expiry_year": 2040, "cvv": cvv, "name": "Demo Customer"}
    return {"method": "CARD", "instrument": {"type": "CARD", "number": number, **about}}


def manual(number: str) -> Body:
    return {**card(number), "capture": "manual"}


VISA, MASTERCARD, AMEX = "4100280000001007", "5555555555554444", "378282246310005"


@dataclass(frozen=True)
class Move:
    """What follows once the payment is there: a capture, void or refund. Without an amount all that is left."""

    route: str
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """A payment of the demo merchant. `name` is its idempotency key's; `ends` the status that it is meant to show, or the code of a
    refusal."""

    name: str
    what: str
    amount: int
    body: Body
    ends: str = "succeeded"
    moves: tuple[Move, ...] = ()


MERCHANT: Body = {"merchant_id": "m_corner", "name": "Corner shop", "currency": "INR"}
SUBSCRIPTIONS: tuple[Body, ...] = (
    {"id": "sub_gold", "plan": "gold", "customer_id": "asha", "tokens": 100},
    {"id": "sub_trial", "plan": "trial", "customer_id": "ravi", "tokens": 2},
    {"id": "sub_paused", "plan": "gold", "tokens": 10},
)
PAUSED = "sub_paused"
ORDER: Body = {"amount": 45_000, "currency": "INR", "reference": "demo-order", "customer_id": "asha"}
ORDER_BODY: Body = upi("success@sandbox")

SAMPLES = (
    Sample("upi", "UPI, paid at once", 49_900, upi("success@sandbox") | {"customer_id": "asha"}),
    Sample("upi-bank", "UPI of a bank's own handle", 120_000, upi("asha@okhdfcbank") | {"customer_id": "asha"}),
    Sample("card-visa", "a card", 250_000, card(VISA) | {"customer_id": "ravi"}),
    Sample("card-mastercard", "a card of another network", 1_999_00, card(MASTERCARD)),
    Sample("card-amex", "a card with four digits on its front", 75_050, card(AMEX, "1234")),
    Sample("netbanking", "net banking", 310_000, {"method": "NETBANKING", "instrument": {"type": "NETBANKING", "bank": "HDFC"}}),
    Sample("wallet", "a wallet", 15_000, {"method": "WALLET", "instrument": {"type": "WALLET", "wallet": "paytm"}}),
    Sample("dollars", "another currency", 4_200, card(VISA) | {"currency": "USD"}),
    Sample("dinars", "a currency of three decimals", 12_345, card(VISA) | {"currency": "KWD"}),
    Sample("declined", "declined", 60_000, upi("decline@sandbox"), "failed"),
    Sample("no-funds", "not enough money", 900_000, upi("insufficient-funds@sandbox") | {"customer_id": "ravi"}, "failed"),
    Sample("wrong-pin", "a wrong PIN", 22_000, upi("incorrect-pin@sandbox") | {"customer_id": "ravi"}, "failed"),
    Sample("expired-card", "a card that has expired", 35_000, card("4000000000090045"), "failed"),
    Sample("fraud", "suspected fraud", 990_000, card("4000000000090052"), "failed"),
    Sample("rescued", "alpha fails, another gateway takes it", 55_000, upi("fail.alpha@sandbox")),
    Sample("lost-answer", "charged, and the answer lost: verified", 88_000, upi("charge-then-500@sandbox")),
    Sample("mismatch", "the gateway confirms another amount", 66_000, upi("wrong-amount@sandbox"), "conflicted"),
    Sample("payer-acts", "the payer has to act", 41_000, upi("requires-action@sandbox"), "requires_action"),
    Sample("link", "a payment link", 99_900, {"method": "PAYMENT_LINK", "customer_id": "meera"}, "requires_action"),
    Sample("held", "authorized, not captured yet", 180_000, manual(VISA), "requires_capture"),
    Sample("captured", "authorized, then captured", 180_000, manual(VISA), "succeeded", (Move("capture"),)),
    Sample("captured-part", "captured in part, the rest let go", 200_000, manual(MASTERCARD), "succeeded",
           (Move("capture", {"amount": 120_000, "final": True}),)),
    Sample("voided", "authorized, then voided", 75_000, manual(VISA), "cancelled", (Move("void", {"reason": "out of stock"}),)),
    Sample("refunded", "paid, then given back", 30_000, upi("success@sandbox"), "refunded", (Move("refunds"),)),
    Sample("refunded-parts", "given back in two parts, some kept", 90_000, card(VISA), "partially_refunded",
           (Move("refunds", {"amount": 20_000, "reason": "one item"}), Move("refunds", {"amount": 15_000}))),
    Sample("gold", "a token of a subscription", 10_000, upi("success@sandbox") | {"subscription_id": "sub_gold"}),
    Sample("gold-declined", "declined: the token comes back", 10_000, upi("decline@sandbox") | {"subscription_id": "sub_gold"}, "failed"),
    Sample("trial-1", "the first of two tokens", 10_000, upi("success@sandbox") | {"subscription_id": "sub_trial"}),
    Sample("trial-2", "the second", 10_000, upi("success@sandbox") | {"subscription_id": "sub_trial"}),
    Sample("trial-3", "no third", 10_000, upi("success@sandbox") | {"subscription_id": "sub_trial"}, "QUOTA_EXHAUSTED"),
    Sample("paused", "a subscription that is off", 10_000, upi("success@sandbox") | {"subscription_id": "sub_paused"}, "QUOTA_EXHAUSTED"),
)  # fmt: skip
