"""What merchants see of a payment, over HTTP and in webhooks alike."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from shared import ids
from shared.contracts import Method, OperationKind, OperationSnapshot, OperationStatus, PaymentSnapshot, Status


class PaymentError(BaseModel):
    """Why a payment failed, or what is wrong with it."""

    code: str
    message: str


class Links(BaseModel):
    self: str
    tracking: str


class PaymentView(BaseModel):
    """`amount` is in minor units. `sequence` grows with every event: a smaller one is older news."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "payment_id": "pay_02UwR5cXq1ZbT4rJvYkN8s",
                    "status": "succeeded",
                    "amount": 50000,
                    "currency": "INR",
                    "method": "UPI",
                    "gateway": "alpha",
                    "amount_authorized": 50000,
                    "amount_captured": 50000,
                    "sequence": 1,
                    "order_id": "A-1001",
                    "instrument": "s•••@sandbox",
                    "created_at": "2026-01-05T09:30:00Z",
                    "updated_at": "2026-01-05T09:30:01Z",
                    "links": {
                        "self": "/api/v1/payments/pay_02UwR5cXq1ZbT4rJvYkN8s",
                        "tracking": "/api/v1/payments/pay_02UwR5cXq1ZbT4rJvYkN8s/tracking",
                    },
                }
            ]
        }
    )

    payment_id: str
    status: Status
    amount: int = Field(description="minor units")
    currency: str
    method: Method
    gateway: str | None = None
    payment_url: str | None = None
    amount_authorized: int = Field(0, description="minor units; what a gateway holds or has taken")
    amount_captured: int = Field(0, description="minor units")
    amount_refunded: int = Field(0, description="minor units")
    sequence: int
    order_id: str | None = None
    customer_id: str | None = None
    instrument: str | None = Field(None, description="masked")
    error: PaymentError | None = None
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime
    links: Links

    @classmethod
    def of(cls, snapshot: PaymentSnapshot) -> Self:
        public_id = ids.public(ids.PAYMENT, snapshot.payment_id)
        return cls(
            payment_id=public_id,
            status=snapshot.status,
            amount=snapshot.amount.amount_minor,
            currency=snapshot.amount.currency,
            method=snapshot.method,
            gateway=snapshot.gateway,
            payment_url=snapshot.payment_url,
            amount_authorized=snapshot.authorized_minor,
            amount_captured=snapshot.captured_minor,
            amount_refunded=snapshot.refunded_minor,
            sequence=snapshot.sequence,
            order_id=snapshot.order_id,
            customer_id=snapshot.customer_id,
            instrument=snapshot.instrument,
            error=PaymentError.model_validate(snapshot.error) if snapshot.error else None,
            metadata=snapshot.metadata,
            created_at=snapshot.created_at,
            updated_at=snapshot.updated_at,
            links=Links(self=f"/api/v1/payments/{public_id}", tracking=f"/api/v1/payments/{public_id}/tracking"),
        )


class OperationView(BaseModel):
    """A capture, refund, void or reversal, and its payment at that time. `sequence` is the payment's."""

    id: str = Field(examples=["rfnd_02UwR5cXq1ZbT4rJvYkN8s"])
    kind: OperationKind
    payment_id: str
    status: OperationStatus
    amount: int = Field(description="minor units")
    currency: str
    gateway: str
    reason: str | None = None
    error: PaymentError | None = None
    sequence: int
    created_at: datetime
    updated_at: datetime
    payment: PaymentView

    @classmethod
    def of(cls, operation: OperationSnapshot, payment: PaymentSnapshot) -> Self:
        view = PaymentView.of(payment)
        return cls(
            id=ids.public(ids.OPERATIONS[operation.kind], operation.operation_id),
            kind=operation.kind,
            payment_id=view.payment_id,
            status=operation.status,
            amount=operation.amount.amount_minor,
            currency=operation.amount.currency,
            gateway=operation.gateway,
            reason=operation.reason,
            error=PaymentError.model_validate(operation.error) if operation.error else None,
            sequence=view.sequence,
            created_at=operation.created_at,
            updated_at=operation.updated_at,
            payment=view,
        )
