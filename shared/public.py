"""What merchants see of a payment, over HTTP and in webhooks alike."""

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from shared import ids
from shared.contracts import Method, PaymentSnapshot, Status


class PaymentError(BaseModel):
    """Why a payment failed, or what is wrong with it."""

    code: str
    message: str


class Links(BaseModel):
    self: str
    tracking: str


class PaymentView(BaseModel):
    """`amount` is in minor units. `sequence` grows with every state: a smaller one is older news."""

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
                    "sequence": 1,
                    "created_at": "2026-01-05T09:30:00Z",
                    "updated_at": "2026-01-05T09:30:01Z",
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
