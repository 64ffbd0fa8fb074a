"""What the notifier is asked: what merchants were told of a payment."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.base import Frozen
from shared.contracts.questions.base import NotifierQuestion


class DeliveryTry(Frozen):
    """One try at an endpoint. `status` None: no answer came, for `error`."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    latency_ms: int


class DeliveryTrace(Frozen):
    """One webhook that is owed to one endpoint, for one event."""

    delivery_id: UUID
    event_id: UUID
    endpoint_id: str
    type: str
    state: str
    reason: str | None
    created_at: datetime
    tries: tuple[DeliveryTry, ...]


class ShowDeliveries(NotifierQuestion):
    """Answer: list[DeliveryTrace] of one payment, the oldest first."""

    kind: Literal["notifier.deliveries.v1"] = "notifier.deliveries.v1"
    payment_id: UUID
