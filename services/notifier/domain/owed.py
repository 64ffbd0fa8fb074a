"""Which endpoints an event is owed to, and the bytes they get."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import orjson

from shared.contracts import PaymentEvent
from shared.ids import derived
from shared.public import PaymentView


@dataclass(frozen=True, slots=True)
class Endpoint:
    endpoint_id: str
    url: str
    secret_sealed: str
    events: frozenset[str]  # empty: all
    enabled: bool


def event_type(event: PaymentEvent) -> str:
    """`payment.succeeded.v1` → `payment.succeeded`"""
    return event.kind.rsplit(".", 1)[0]


def owed_to(event_name: str, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    return [one for one in endpoints if not one.events or event_name in one.events]


def delivery_id(event_id: UUID, endpoint_id: str) -> UUID:
    """One delivery per event and endpoint, however often the event is heard. It is the `webhook-id` of every try."""
    return derived(event_id, endpoint_id)


def body_of(event: PaymentEvent) -> bytes:
    """`{type, timestamp, data, previous_event_id}` from the event's own snapshot: what was true when it happened."""
    return orjson.dumps(
        {
            "type": event_type(event),
            "timestamp": event.occurred_at,
            "event_id": event.message_id,
            "previous_event_id": event.previous_event_id,
            "data": PaymentView.of(event.payment).model_dump(mode="json", exclude_none=True),
        }
    )
