"""How an order stands, by the payment that was made of it."""

from datetime import datetime
from typing import Literal

from shared.contracts import Status

OrderStatus = Literal["created", "processing", "paid", "refunded", "conflicted", "expired"]

BY_PAYMENT: dict[Status, OrderStatus] = {
    "processing": "processing",
    "requires_action": "processing",
    "pending_verification": "processing",
    "requires_capture": "processing",
    "succeeded": "paid",
    "partially_refunded": "paid",
    "refunded": "refunded",
    "conflicted": "conflicted",
}


def order_status(payment: Status | None, *, now: datetime, expires_at: datetime) -> OrderStatus:
    """`payment` is the live one, or the last; one that came to nothing leaves the order open for another."""
    if payment in BY_PAYMENT:
        return BY_PAYMENT[payment]
    return "expired" if now >= expires_at else "created"
