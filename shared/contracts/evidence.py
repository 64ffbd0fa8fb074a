"""What gateways say of their own accord: webhooks, handed from the edge to the verifier, and by it to the executor who has the attempts."""

from typing import Literal
from uuid import UUID

from shared.contracts.attempt import Operation, Refusal
from shared.contracts.base import Command, Event
from shared.contracts.money import Money

GatewayFinding = Literal["succeeded", "failed", "pending"]
Match = Literal["news", "known", "unmatched"]


class ReceiveGatewayEvent(Command):
    """A webhook whose signature was good, without its body. `reference` is ours if the gateway gave it back.

    `correlation_id` is the message's own: whose payment it is about, only the executor knows.
    """

    kind: Literal["gateway.event.v1"] = "gateway.event.v1"
    gateway: str
    event_id: str
    event_type: str
    body_sha256: str
    finding: GatewayFinding
    operation: Operation | None = None
    reference: str | None = None
    gateway_reference: str | None = None
    confirmed: Money | None = None
    refusal: Refusal | None = None


class IdentifyAttempt(Command):
    """Whose attempt is this, and is it news? Only attempts of `gateway` count: an account speaks for none but its own."""

    kind: Literal["attempt.identify.v1"] = "attempt.identify.v1"
    evidence_id: UUID
    gateway: str
    finding: GatewayFinding
    operation: Operation | None = None
    reference: str | None = None
    gateway_reference: str | None = None
    confirmed: Money | None = None
    refusal: Refusal | None = None


class AttemptIdentified(Event):
    """`news` was said as attempt.observed too; `known` changes nothing; `unmatched` names no attempt of that account."""

    kind: Literal["attempt.identified.v1"] = "attempt.identified.v1"
    evidence_id: UUID
    match: Match
    reason: str
    attempt_id: UUID | None = None
    payment_id: UUID | None = None
