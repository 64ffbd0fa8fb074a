"""What merchants are told: one event per state a payment enters, each with the payment as it was then."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Event, Frozen
from shared.contracts.instrument import Method
from shared.contracts.money import Money

Status = Literal[
    "processing",
    "requires_action",
    "requires_capture",
    "pending_verification",
    "succeeded",
    "partially_refunded",
    "refunded",
    "failed",
    "cancelled",
    "expired",
    "conflicted",
]


class PaymentSnapshot(Frozen):
    """`authorized_minor`, `captured_minor` and `refunded_minor` are what has really happened, in the currency of `amount`."""

    payment_id: UUID
    merchant_id: str
    status: Status
    sequence: int
    amount: Money
    method: Method
    gateway: str | None = None
    order_id: str | None = None
    customer_id: str | None = None
    payment_url: str | None = None
    instrument: str | None = None  # masked
    error: dict[str, str] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    created_at: datetime
    updated_at: datetime


class PaymentEvent(Event):
    payment: PaymentSnapshot
    previous_event_id: UUID | None = None


class PaymentSucceeded(PaymentEvent):
    kind: Literal["payment.succeeded.v1"] = "payment.succeeded.v1"


class PaymentFailed(PaymentEvent):
    kind: Literal["payment.failed.v1"] = "payment.failed.v1"


class PaymentPendingVerification(PaymentEvent):
    kind: Literal["payment.pending_verification.v1"] = "payment.pending_verification.v1"


class PaymentRequiresAction(PaymentEvent):
    kind: Literal["payment.requires_action.v1"] = "payment.requires_action.v1"


class PaymentRequiresCapture(PaymentEvent):
    kind: Literal["payment.requires_capture.v1"] = "payment.requires_capture.v1"


class PaymentConflicted(PaymentEvent):
    kind: Literal["payment.conflicted.v1"] = "payment.conflicted.v1"


class PaymentPartiallyRefunded(PaymentEvent):
    kind: Literal["payment.partially_refunded.v1"] = "payment.partially_refunded.v1"


class PaymentRefunded(PaymentEvent):
    kind: Literal["payment.refunded.v1"] = "payment.refunded.v1"


class PaymentCancelled(PaymentEvent):
    kind: Literal["payment.cancelled.v1"] = "payment.cancelled.v1"


class PaymentExpired(PaymentEvent):
    kind: Literal["payment.expired.v1"] = "payment.expired.v1"


AnyPaymentEvent = (
    PaymentSucceeded
    | PaymentFailed
    | PaymentPendingVerification
    | PaymentRequiresAction
    | PaymentRequiresCapture
    | PaymentConflicted
    | PaymentPartiallyRefunded
    | PaymentRefunded
    | PaymentCancelled
    | PaymentExpired
)
EVENT_OF: dict[Status, type[PaymentEvent]] = {
    "succeeded": PaymentSucceeded,
    "failed": PaymentFailed,
    "pending_verification": PaymentPendingVerification,
    "requires_action": PaymentRequiresAction,
    "requires_capture": PaymentRequiresCapture,
    "conflicted": PaymentConflicted,
    "partially_refunded": PaymentPartiallyRefunded,
    "refunded": PaymentRefunded,
    "cancelled": PaymentCancelled,
    "expired": PaymentExpired,
}
