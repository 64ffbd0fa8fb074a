"""Gateways' webhooks as rows. The row is the claim: what has been heard once is heard no more."""

from typing import Any
from uuid import UUID

from services.verifier.domain.names import evidence_id
from services.verifier.tables import gateway_events
from shared.contracts import AttemptIdentified, ReceiveGatewayEvent
from shared.storage.bulk import insert_claim, update
from shared.storage.work import Claim, Work

HEAR = insert_claim(
    gateway_events, "evidence_id", "gateway", "event_id", "event_type", "body_sha256", "operation", "reference", "gateway_reference",
    "finding", "amount_minor", "currency", "code", "state", "reason", "received_at",
    key="evidence_id",
)  # fmt: skip
SETTLE = update(gateway_events, "state", "reason", "attempt_id", "payment_id", "settled_at", key="evidence_id")


def id_of(event: ReceiveGatewayEvent) -> UUID:
    return evidence_id(event.gateway, event.event_id, event.body_sha256)


def claim(event: ReceiveGatewayEvent) -> Claim:
    """Never the gateway's words on why it refused: only its code is kept."""
    row: dict[str, Any] = event.model_dump(
        include={"gateway", "event_id", "event_type", "body_sha256", "operation", "reference", "gateway_reference", "finding"}
    )
    row |= {
        "evidence_id": id_of(event),
        "state": "received",
        "reason": "the executor is asked whose it is",
        "received_at": event.occurred_at,
    }
    row |= {"amount_minor": event.confirmed and event.confirmed.amount_minor, "currency": event.confirmed and event.confirmed.currency}
    return Claim(HEAR, row["evidence_id"], row | {"code": event.refusal and event.refusal.code})


def settle(work: Work, event: AttemptIdentified) -> None:
    row = {"state": event.match, "reason": event.reason, "attempt_id": event.attempt_id, "payment_id": event.payment_id}
    work.write(SETTLE, evidence_id=event.evidence_id, settled_at=work.now, **row)
