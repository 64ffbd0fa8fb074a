"""Money that follows a charge: captures, refunds, voids, and reversals of charges that came too late."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.base import Frozen
from shared.contracts.money import Money
from shared.contracts.payment import PaymentEvent

OperationKind = Literal["capture", "refund", "void", "reversal"]
OperationStatus = Literal["processing", "pending_verification", "succeeded", "failed", "exhausted", "conflicted"]


class OperationSnapshot(Frozen):
    """`exhausted` is a reversal that the gateway would not do however often it was asked: an operator's matter."""

    operation_id: UUID
    payment_id: UUID
    kind: OperationKind
    status: OperationStatus
    amount: Money
    gateway: str
    reason: str | None = None
    error: dict[str, str] | None = None
    created_at: datetime
    updated_at: datetime


class MoneyEvent(PaymentEvent):
    """An operation that has ended, and the payment with its new sums."""

    operation: OperationSnapshot


class CaptureSucceeded(MoneyEvent):
    kind: Literal["capture.succeeded.v1"] = "capture.succeeded.v1"


class CaptureFailed(MoneyEvent):
    kind: Literal["capture.failed.v1"] = "capture.failed.v1"


class RefundSucceeded(MoneyEvent):
    kind: Literal["refund.succeeded.v1"] = "refund.succeeded.v1"


class RefundFailed(MoneyEvent):
    kind: Literal["refund.failed.v1"] = "refund.failed.v1"


class VoidFailed(MoneyEvent):
    """A void that succeeds is told as the state that the payment enters."""

    kind: Literal["void.failed.v1"] = "void.failed.v1"


class PaymentReversed(MoneyEvent):
    """A charge that nobody waited for any more has been given back."""

    kind: Literal["payment.reversed.v1"] = "payment.reversed.v1"


MONEY_EVENTS: tuple[type[MoneyEvent], ...] = (
    CaptureSucceeded,
    CaptureFailed,
    RefundSucceeded,
    RefundFailed,
    VoidFailed,
    PaymentReversed,
)
AnyMoneyEvent = CaptureSucceeded | CaptureFailed | RefundSucceeded | RefundFailed | VoidFailed | PaymentReversed
