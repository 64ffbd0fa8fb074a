"""The webhooks that merchants and operators are sent, as the OpenAPI document tells them: every event, from the contracts."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model

from services.api.http.layer import Hook
from shared.contracts import Event, Message, MoneyEvent, OperatorsEvent, PaymentEvent
from shared.public import OperationView, PaymentView
from shared.topology import NOTIFIER_EVENTS, NOTIFIER_OPERATORS

MERCHANTS, OPERATORS = "webhooks", "operators' webhooks"
SENDS = {
    "webhook-id": "the delivery's; the same with every try of it, and on every replay",
    "webhook-timestamp": "when this try was signed, in seconds since 1970",
    "webhook-signature": "`v1,<base64>`: HMAC-SHA256 of `id.timestamp.body`; several, with spaces between, while a secret is rotated",
    "X-Webhook-Signature": "hex HMAC-SHA256 of the body alone, by the newest secret",
}
RAW = "Judge the signature over the bytes as they come. Answer 2xx within the time limit; anything else is tried again."
NOT_TOLD = {*Event.model_fields, "merchant_id"}  # of an event that is not a payment's


class Envelope(BaseModel):
    """Around every event."""

    timestamp: datetime = Field(description="when it happened")
    event_id: UUID


def type_of(event: type[Message]) -> str:
    """`payment.succeeded.v1` → `payment.succeeded`"""
    return str(event.model_fields["kind"].default).rpartition(".")[0]


def body_of(event: type[Message]) -> type[BaseModel]:
    """The model of what is sent for an event. What has no value is left out."""
    fields: dict[str, Any] = {"type": (Literal[type_of(event)], ...)}
    if issubclass(event, PaymentEvent):
        before = Field(None, description="the payment's event before this one")
        fields["previous_event_id"] = (UUID | None, before)
        fields["data"] = (OperationView if issubclass(event, MoneyEvent) else PaymentView, ...)
    else:
        fields["data"] = (data_of(event), ...)
    return create_model(f"{event.__name__}Webhook", __base__=Envelope, __doc__=summary_of(event), **fields)


def data_of(event: type[Message]) -> type[BaseModel]:
    """An event of no payment, without what every message carries."""
    own = {name: field for name, field in event.model_fields.items() if name not in NOT_TOLD}
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in own.items()}
    return create_model(event.__name__, __config__=ConfigDict(extra="ignore"), __doc__=summary_of(event), **fields)


def summary_of(event: type[Message]) -> str:
    said = " ".join((event.__dict__.get("__doc__") or "").split())
    return said or f"{type_of(event).replace('.', ' ').replace('_', ' ').capitalize()}."


class Tried(BaseModel):
    endpoint_id: str


class TestWebhook(Envelope):
    """What an endpoint gets that is only tried out."""

    type: Literal["webhook.test"]
    data: Tried


def hooks() -> list[Hook]:
    """Every event that the notifier sends, and the one that only tries an endpoint out."""
    told = dict.fromkeys([*NOTIFIER_EVENTS.hears, *NOTIFIER_OPERATORS.hears])
    made = [
        Hook(type_of(event), summary_of(event), OPERATORS if issubclass(event, OperatorsEvent) else MERCHANTS, body_of(event), RAW, SENDS)
        for event in told
    ]
    return [*made, Hook("webhook.test", "An endpoint is tried out.", MERCHANTS, TestWebhook, RAW, SENDS)]
