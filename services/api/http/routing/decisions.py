"""Routes of how a payment was routed: why which gateway, and what became of every try."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel

from services.api.domain.evidence import Seen
from services.api.http.availability import available
from services.api.http.layer import Caller, Code, Problem, Role, Routes
from services.api.http.owners import ASKING, Owners
from services.api.http.paying.payments import PaymentPath
from services.api.queries import Known, Queries
from shared.contracts.questions import CandidateView, DecisionView, ShowAttempts, ShowDecisions, TriedView

router = Routes(tag="routing", description="Why a payment went where it went.")
NONE_YET = "No gateway has been chosen for this payment yet."


class Decision(BaseModel):
    """One attempt's decision. `candidates` are all gateways, those that were none too, with the reason."""

    number: int
    policy: str
    gateway: str | None
    reason: str
    probe: bool
    experiment_id: str | None
    arm: Literal["control", "treatment"] | None
    segment: str | None
    candidates: tuple[CandidateView, ...]
    inputs: dict[str, Any]
    made_at: datetime | None

    @classmethod
    def of(cls, view: DecisionView) -> Self:
        return cls.model_validate(view.model_dump(exclude={"payment_id"}))


class RoutingDecision(BaseModel):
    """`gateway` is the last choice; None where no gateway could take the payment."""

    payment_id: str
    gateway: str | None
    reason: str
    decisions: list[Decision]


class Attempt(BaseModel):
    """`state`: `open` is under way or being verified; `skipped` was passed over, for `reason`, without number and id."""

    number: int | None
    gateway: str
    state: Literal["open", "unknown", "requires_action", "succeeded", "failed", "skipped"]
    reason: str | None
    code: str | None
    message: str | None
    gateway_reference: str | None
    attempt_id: UUID | None


class Attempts(BaseModel):
    payment_id: str
    items: list[Attempt]


@router.get("/payments/{payment_id}/routing-decision", needs=(Role.MERCHANT, Role.OPERATOR), errors=ASKING)
async def show_routing_decision(path: PaymentPath, caller: Caller, queries: Queries, owners: Owners) -> RoutingDecision:
    """Every decision made for a payment: candidates with factors, score, rank and reason."""
    known = await known_to(caller, path, queries)
    found = await owners.ask(ShowDecisions(payment_id=path.uuid, merchant_id=known.merchant_id), list[DecisionView])
    if not found:
        raise Problem(Code.NOT_FOUND, NONE_YET)
    decisions = [Decision.of(view) for view in sorted(found, key=lambda view: view.number)]
    last = decisions[-1]
    return RoutingDecision(payment_id=path.payment_id, gateway=last.gateway, reason=last.reason, decisions=decisions)


@router.get("/payments/{payment_id}/attempts", needs=(Role.MERCHANT, Role.OPERATOR), errors=ASKING)
async def list_attempts(path: PaymentPath, caller: Caller, queries: Queries, owners: Owners) -> Attempts:
    """Every try at a payment, with what is known of it, and the gateways that were passed over."""
    known = await known_to(caller, path, queries)
    question = ShowAttempts(payment_id=path.uuid, merchant_id=known.merchant_id)
    try:
        tried = await owners.ask(question, list[TriedView])
    except Problem as problem:
        if problem.code is not Code.NOT_FOUND:
            raise
        tried = []  # the payment is ours, so the router has not heard of it yet
    return Attempts(payment_id=path.payment_id, items=[attempt(one, known.evidence.attempts) for one in tried])


async def known_to(caller: Caller, path: PaymentPath, queries: Queries) -> Known:
    """Another merchant's payment is as unknown as one that never was; an operator sees all."""
    with available():
        known = await queries.known(path.uuid)
    if known is None or (caller.role is not Role.OPERATOR and known.merchant_id != caller.merchant_id):
        raise Problem(Code.NOT_FOUND, "There is no such payment.")
    return known


def attempt(tried: TriedView, attempts: dict[str, Seen]) -> Attempt:
    """The router knows which tries there were; what became of them is the edge's evidence, which hears the verifier too."""
    seen = attempts.get(str(tried.attempt_id))
    code, message = seen.refused[0] if seen and seen.refused else (None, None)
    return Attempt(
        number=tried.number,
        gateway=tried.gateway,
        state=state_of(tried, seen),
        reason=tried.reason,
        code=code,
        message=message,
        gateway_reference=seen.charged[0][2] if seen and seen.charged else None,
        attempt_id=tried.attempt_id,
    )


def state_of(tried: TriedView, seen: Seen | None) -> Literal["open", "unknown", "requires_action", "succeeded", "failed", "skipped"]:
    if seen is None or tried.state == "skipped":
        return tried.state
    if seen.charged:
        return "succeeded"
    if seen.refused:
        return "failed"
    if seen.unknown:
        return "unknown"
    return "requires_action" if seen.action else tried.state
