"""One try at one operation on one gateway, and everything that can be said of it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.base import Command, Event, Frozen
from shared.contracts.instrument import Method, SealedInstrument
from shared.contracts.money import Money
from shared.ids import derived

Operation = Literal["charge", "authorize", "capture", "refund", "void", "link"]
OutcomeClass = Literal["success", "gateway_fault", "issuer_fault", "user_decline", "fraud_block", "our_fault", "unknown"]
Source = Literal["answer", "late_answer", "lookup", "webhook", "reconciliation", "operator"]


class Assignment(Frozen):
    """Which arm of which experiment a payment is in. `control_pct` rides along so that metrics can check the split."""

    experiment_id: str
    arm: Literal["control", "treatment"]
    control_pct: int


class Attempt(Frozen):
    """Rides unchanged from the router's command through every outcome, so no hearer needs another's database."""

    attempt_id: UUID
    payment_id: UUID
    merchant_id: str
    operation: Operation
    gateway: str
    number: int
    amount: Money
    method: Method
    bank: str | None = None
    probe: bool = False  # of a breaker that is half open
    epoch: int = 0  # of the breaker when it was decided
    segment: str | None = None  # `METHOD:bucket`, which bandits learn by
    experiment: Assignment | None = None
    operation_id: UUID | None = None  # of the capture, refund, void or reversal that it is a try at
    target_reference: str | None = None  # the gateway's own id of the charge that a capture, refund or void is about


def attempt_id(payment_id: UUID, number: int) -> UUID:
    """There is one attempt of a number, whoever asks for it and however often."""
    return derived(payment_id, f"attempt:{number}")


class Refusal(Frozen):
    """Why a gateway did not do it: its own code, and what our table makes of it."""

    code: str
    message: str = ""
    outcome_class: OutcomeClass
    retryable: bool


class ExecuteAttempt(Command):
    kind: Literal["attempt.execute.v1"] = "attempt.execute.v1"
    attempt: Attempt
    instrument: SealedInstrument | None = None
    deadline_at: datetime


class LookupAttempt(Command):
    kind: Literal["attempt.lookup.v1"] = "attempt.lookup.v1"
    attempt: Attempt
    number: int


class AttemptEvent(Event):
    attempt: Attempt


class AttemptSucceeded(AttemptEvent):
    """The gateway says it is done. `confirmed` is its amount, which may differ from ours."""

    kind: Literal["attempt.succeeded.v1"] = "attempt.succeeded.v1"
    confirmed: Money
    gateway_reference: str
    latency_ms: int


class AttemptFailed(AttemptEvent):
    """Proof that nothing was charged: an explicit code of the gateway, or a connection that never came about."""

    kind: Literal["attempt.failed.v1"] = "attempt.failed.v1"
    refusal: Refusal
    gateway_reference: str | None = None
    latency_ms: int


class AttemptUnknown(AttemptEvent):
    """Money may have moved. Only the verifier may end this."""

    kind: Literal["attempt.unknown.v1"] = "attempt.unknown.v1"
    reason: str
    gateway_reference: str | None = None
    latency_ms: int | None = None


class AttemptActionRequired(AttemptEvent):
    kind: Literal["attempt.action_required.v1"] = "attempt.action_required.v1"
    gateway_reference: str
    action_url: str | None = None
    latency_ms: int


class AttemptExpired(AttemptEvent):
    """The gateway was never called, and never will be for this attempt."""

    kind: Literal["attempt.expired.v1"] = "attempt.expired.v1"
    reason: str


class AttemptDoubted(AttemptEvent):
    """The router waits for an outcome that should long be here: let the verifier ask."""

    kind: Literal["attempt.doubted.v1"] = "attempt.doubted.v1"


class AttemptObserved(AttemptEvent):
    """A piece of evidence for the verifier: what somebody saw, not yet what it means."""

    kind: Literal["attempt.observed.v1"] = "attempt.observed.v1"
    source: Source
    finding: Literal["succeeded", "failed", "pending", "not_found", "unanswered"]
    confirmed: Money | None = None
    refusal: Refusal | None = None
    gateway_reference: str | None = None


class AttemptVerified(AttemptEvent):
    """The end of an unknown outcome."""

    kind: Literal["attempt.verified.v1"] = "attempt.verified.v1"
    verdict: Literal["succeeded", "failed"]
    source: Source
    confirmed: Money | None = None
    refusal: Refusal | None = None
    gateway_reference: str | None = None
