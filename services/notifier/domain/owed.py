"""Whose endpoints an event is owed to, which of them, and the bytes they get."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.contracts import OPERATORS, EndpointEvent, Event, MoneyEvent, OperatorsEvent, PaymentEvent
from shared.ids import derived
from shared.public import OperationView, PaymentView

TEST = "webhook.test"

Told = PaymentEvent | OperatorsEvent | EndpointEvent


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`secrets_sealed`: the newest first, and during a rotation the one before it. `ordered`: a payment's events come one after another."""

    endpoint_id: str
    url: str
    secrets_sealed: tuple[str, ...]
    events: frozenset[str]  # names, or `payment.*`; empty: all
    enabled: bool
    ordered: bool = False
    failing: bool = False


def owner_of(event: Told) -> str:
    """The merchant whose payment or endpoint it is, or OPERATORS."""
    if isinstance(event, PaymentEvent):
        return event.payment.merchant_id
    return event.merchant_id if isinstance(event, EndpointEvent) else OPERATORS


def payment_of(event: Told) -> UUID | None:
    """What happens to a gateway or an endpoint belongs to no payment."""
    return event.payment.payment_id if isinstance(event, PaymentEvent) else None


def event_type(event: Event) -> str:
    """`payment.succeeded.v1` → `payment.succeeded`"""
    return event.kind.rsplit(".", 1)[0]


def owed_to(event: Told, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Of its owner's endpoints those that want to hear it; of an endpoint's own trouble only the others are told."""
    about = event.endpoint_id if isinstance(event, EndpointEvent) else None
    return [one for one in endpoints if wants(one.events, event_type(event)) and one.endpoint_id != about]


def wants(events: frozenset[str], name: str) -> bool:
    return not events or name in events or f"{name.split('.', 1)[0]}.*" in events


def delivery_id(event_id: UUID, endpoint_id: str) -> UUID:
    """One delivery per event and endpoint, however often the event is heard. It is the `webhook-id` of every try."""
    return derived(event_id, endpoint_id)


def body_of(event: Told) -> bytes:
    """`{type, timestamp, event_id, data}` from the event's own snapshot: what was true when it happened. A payment's has
    `previous_event_id` too; other events come in no order that would need one."""
    body: dict[str, Any] = {"type": event_type(event), "timestamp": event.occurred_at, "event_id": event.message_id}
    if isinstance(event, PaymentEvent):
        body["previous_event_id"] = event.previous_event_id
        body["data"] = view_of(event).model_dump(mode="json", exclude_none=True)
    else:
        envelope = {*Event.model_fields, "merchant_id"}
        body["data"] = event.model_dump(mode="json", exclude=envelope, exclude_none=True)
    return orjson.dumps(body)


def trial_body(event_id: UUID, endpoint_id: str, now: datetime) -> bytes:
    """What an endpoint gets that is only tried out."""
    return orjson.dumps({"type": TEST, "timestamp": now, "event_id": event_id, "data": {"endpoint_id": endpoint_id}})


def view_of(event: PaymentEvent) -> PaymentView | OperationView:
    """What the event is about: the payment, or the operation that has ended with the payment in it."""
    return OperationView.of(event.operation, event.payment) if isinstance(event, MoneyEvent) else PaymentView.of(event.payment)
