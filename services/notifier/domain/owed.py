"""Whose endpoints an event is owed to, which of them, and the bytes they get."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.contracts import Event, MoneyEvent, OperatorsEvent, PaymentEvent
from shared.ids import derived
from shared.public import OperationView, PaymentView

OPERATORS = "@operators"  # owns the operators' endpoints, in the place of a merchant


@dataclass(frozen=True, slots=True)
class Endpoint:
    endpoint_id: str
    url: str
    secret_sealed: str
    events: frozenset[str]  # empty: all
    enabled: bool


def owner_of(event: PaymentEvent | OperatorsEvent) -> str:
    """The merchant whose payment it is, or OPERATORS."""
    return event.payment.merchant_id if isinstance(event, PaymentEvent) else OPERATORS


def payment_of(event: PaymentEvent | OperatorsEvent) -> UUID | None:
    """What happens to a gateway belongs to no payment."""
    return event.payment.payment_id if isinstance(event, PaymentEvent) else None


def event_type(event: Event) -> str:
    """`payment.succeeded.v1` → `payment.succeeded`"""
    return event.kind.rsplit(".", 1)[0]


def owed_to(event_name: str, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    return [one for one in endpoints if not one.events or event_name in one.events]


def delivery_id(event_id: UUID, endpoint_id: str) -> UUID:
    """One delivery per event and endpoint, however often the event is heard. It is the `webhook-id` of every try."""
    return derived(event_id, endpoint_id)


def body_of(event: PaymentEvent | OperatorsEvent) -> bytes:
    """`{type, timestamp, event_id, data}` from the event's own snapshot: what was true when it happened. A payment's has
    `previous_event_id` too; operators' events come in no order that would need one."""
    body: dict[str, Any] = {"type": event_type(event), "timestamp": event.occurred_at, "event_id": event.message_id}
    if isinstance(event, PaymentEvent):
        body["previous_event_id"] = event.previous_event_id
        body["data"] = view_of(event).model_dump(mode="json", exclude_none=True)
    else:
        body["data"] = event.model_dump(mode="json", exclude=set(OperatorsEvent.model_fields), exclude_none=True)
    return orjson.dumps(body)


def view_of(event: PaymentEvent) -> PaymentView | OperationView:
    """What the event is about: the payment, or the operation that has ended with the payment in it."""
    return OperationView.of(event.operation, event.payment) if isinstance(event, MoneyEvent) else PaymentView.of(event.payment)
