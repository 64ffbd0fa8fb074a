"""What the verifier is asked: what is in doubt, what gateways said of their own accord, what reconciliation found."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.attempt import Operation, Source
from shared.contracts.base import Frozen
from shared.contracts.evidence import GatewayFinding, Match
from shared.contracts.money import Money
from shared.contracts.questions.base import VerifierQuestion
from shared.contracts.reconciliation import Difference

Limit = Annotated[int, Field(ge=1, le=500)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
VerificationState = Literal["open", "awaited", "succeeded", "failed", "exhausted"]  # awaited: open, and its payer has not acted
EventState = Literal["received"] | Match
RunState = Literal["running", "finished", "failed"]
DiscrepancyState = Literal["open", "resolved"]


class VerificationView(Frozen):
    """One attempt that was in doubt. `verdict` None: not settled. Times are UTC."""

    attempt_id: UUID
    payment_id: UUID
    gateway: str
    operation: Operation
    number: int
    amount: Money
    state: VerificationState
    reason: str
    lookups: int
    next_lookup_at: datetime | None = None
    opened_at: datetime
    changed_at: datetime
    verdict: Literal["succeeded", "failed"] | None = None
    source: Source | None = None
    confirmed: Money | None = None
    gateway_reference: str | None = None


class ShowVerifications(VerifierQuestion):
    """Answer: list[VerificationView] of one payment's attempts, the first first."""

    kind: Literal["verifier.payment.v1"] = "verifier.payment.v1"
    payment_id: UUID


class ListVerifications(VerifierQuestion):
    """Answer: list[VerificationView] in one state, those longest in it first."""

    kind: Literal["verifier.verifications.v1"] = "verifier.verifications.v1"
    state: VerificationState = "exhausted"
    gateway: str | None = None
    limit: Limit = 100


class SettleVerification(VerifierQuestion):
    """Answer: VerificationView. `confirmed` None means exactly the attempt's amount. A settled one can only go from failed to succeeded."""

    kind: Literal["verifier.settle.v1"] = "verifier.settle.v1"
    attempt_id: UUID
    verdict: Literal["succeeded", "failed"]
    confirmed: Money | None = None
    gateway_reference: Annotated[str, Field(max_length=200)] | None = None
    actor: str
    reason: Reason


class LookAgain(VerifierQuestion):
    """Answer: VerificationView. An exhausted or open verification is asked about at once, and goes up its ladder anew."""

    kind: Literal["verifier.look_again.v1"] = "verifier.look_again.v1"
    attempt_id: UUID
    actor: str
    reason: Reason


class GatewayEventView(Frozen):
    """One webhook of a gateway. Its body is not kept; `body_sha256` identifies it."""

    evidence_id: UUID
    gateway: str
    event_id: str
    event_type: str
    body_sha256: str
    finding: GatewayFinding
    operation: Operation | None = None
    reference: str | None = None
    gateway_reference: str | None = None
    confirmed: Money | None = None
    code: str | None = None
    state: EventState
    reason: str
    attempt_id: UUID | None = None
    payment_id: UUID | None = None
    received_at: datetime
    settled_at: datetime | None = None


class ListGatewayEvents(VerifierQuestion):
    """Answer: list[GatewayEventView], newest first; of one payment: oldest first."""

    kind: Literal["verifier.gateway_events.v1"] = "verifier.gateway_events.v1"
    state: EventState | None = None
    gateway: str | None = None
    payment_id: UUID | None = None
    limit: Limit = 100


class RunView(Frozen):
    """One comparison of an account's list with our attempts. Counts are of attempts and charges; `covered_until` grows to `until`."""

    run_id: UUID
    gateway: str
    since: datetime
    until: datetime
    covered_until: datetime
    state: RunState
    reason: str
    asked_by: str
    matched: int
    expected: int
    missing: int
    unexpected: int
    amount_mismatch: int
    resolved: int
    started_at: datetime
    finished_at: datetime | None = None


class ListRuns(VerifierQuestion):
    """Answer: list[RunView], newest first."""

    kind: Literal["verifier.runs.v1"] = "verifier.runs.v1"
    gateway: str | None = None
    limit: Limit = 100


class StartRun(VerifierQuestion):
    """Answer: RunView. At most 31 days; one run of an account at a time."""

    kind: Literal["verifier.start_run.v1"] = "verifier.start_run.v1"
    gateway: str
    since: datetime
    until: datetime
    actor: str


class DiscrepancyView(Difference):
    """Something that does not agree: what each side says of it, since when it is known, and how it ended."""

    discrepancy_id: UUID
    gateway: str
    state: DiscrepancyState
    run_id: UUID
    found_at: datetime
    seen_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    resolution: str | None = None


class ListDiscrepancies(VerifierQuestion):
    """Answer: list[DiscrepancyView], newest first."""

    kind: Literal["verifier.discrepancies.v1"] = "verifier.discrepancies.v1"
    state: DiscrepancyState | None = None
    gateway: str | None = None
    run_id: UUID | None = None
    payment_id: UUID | None = None
    limit: Limit = 100


class ResolveDiscrepancy(VerifierQuestion):
    """Answer: DiscrepancyView. It is opened again should a later run find it again."""

    kind: Literal["verifier.resolve.v1"] = "verifier.resolve.v1"
    discrepancy_id: UUID
    actor: str
    reason: Reason


class ListVerifierAudit(VerifierQuestion):
    """Answer: list[AuditEntry] of what operators did here, newest first."""

    kind: Literal["verifier.audit.v1"] = "verifier.audit.v1"
    limit: Limit = 100
