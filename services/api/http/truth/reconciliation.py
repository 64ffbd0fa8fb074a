"""Routes of reconciliation: runs, what they found, and how it ended."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.api.http.change import Gateway
from services.api.http.fields import Time
from services.api.http.layer import Caller, Code, Role, Routes
from services.api.http.owners import ASKING, Owners
from shared import ids
from shared.contracts import Comparison, Money, Operation
from shared.contracts.questions import DiscrepancyView, ListDiscrepancies, ListRuns, ResolveDiscrepancy, RunView, StartRun
from shared.contracts.questions.verifier import DiscrepancyState

router = Routes(tag="reconciliation", description="Our attempts against the gateways' own lists.")
LIMIT = Annotated[int, Field(ge=1, le=500)]


class Run(RunView):
    """One comparison. Counts: `matched` both sides agree; `expected` not over on one side; the rest are discrepancies, `resolved` those
    of earlier runs that no longer hold."""

    since: Annotated[datetime, Field(serialization_alias="from")]
    until: Annotated[datetime, Field(serialization_alias="to")]


class Runs(BaseModel):
    items: list[Run]


class RunsQuery(BaseModel):
    gateway: Gateway | None = None
    limit: LIMIT = 100


class NewRun(BaseModel):
    """`from` ≤ created < `to`, with a zone; at most 31 days."""

    model_config = ConfigDict(extra="forbid")

    gateway: Gateway
    since: Annotated[Time, Field(alias="from")]
    until: Annotated[Time, Field(alias="to")]


class Discrepancy(BaseModel):
    """`missing`: we know of a charge or refund that the gateway has not. `unexpected`: the gateway has one that we have not.
    `amount_mismatch`: both have it, of different amounts."""

    model_config = ConfigDict(extra="ignore")

    discrepancy_id: UUID
    gateway: str
    comparison: Comparison
    reference: str
    state: DiscrepancyState
    reason: str
    payment_id: str | None
    operation: Operation | None
    our_state: str | None
    our_amount: Money | None
    gateway_reference: str | None
    gateway_state: str | None
    gateway_amount: Money | None
    run_id: UUID
    found_at: datetime
    seen_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class Discrepancies(BaseModel):
    items: list[Discrepancy]


class DiscrepanciesQuery(BaseModel):
    state: DiscrepancyState | None = None
    gateway: Gateway | None = None
    run_id: UUID | None = None
    limit: LIMIT = 100


class DiscrepancyPath(BaseModel):
    discrepancy_id: UUID


class Resolution(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]


def run_shown(one: RunView) -> Run:
    return Run.model_validate(one.model_dump())


def discrepancy_shown(one: DiscrepancyView) -> Discrepancy:
    payment: dict[str, Any] = {"payment_id": ids.public(ids.PAYMENT, one.payment_id) if one.payment_id else None}
    return Discrepancy.model_validate(one.model_dump() | payment)


@router.get("/reconciliation/runs", needs=Role.OPERATOR, errors=ASKING)
async def list_runs(query: RunsQuery, owners: Owners) -> Runs:
    """Runs by schedule and by hand, newest first."""
    found = await owners.ask(ListRuns(gateway=query.gateway, limit=query.limit), list[RunView])
    return Runs(items=[run_shown(one) for one in found])


@router.post(
    "/reconciliation/runs", needs=Role.OPERATOR, status=202, errors=[*ASKING, Code.NOT_FOUND, Code.CONFLICT, Code.VALIDATION_ERROR]
)
async def start_run(body: NewRun, caller: Caller, owners: Owners) -> Run:
    """Compare an account's list with our attempts now. One run of an account at a time: 409 while another is under way."""
    question = StartRun(gateway=body.gateway, since=body.since, until=body.until, actor=caller.name)
    return run_shown(await owners.ask(question, RunView))


@router.get("/reconciliation/discrepancies", needs=Role.OPERATOR, errors=ASKING)
async def list_discrepancies(query: DiscrepanciesQuery, owners: Owners) -> Discrepancies:
    """What does not agree, newest first."""
    asked = ListDiscrepancies(state=query.state, gateway=query.gateway, run_id=query.run_id, limit=query.limit)
    return Discrepancies(items=[discrepancy_shown(one) for one in await owners.ask(asked, list[DiscrepancyView])])


@router.post("/reconciliation/discrepancies/{discrepancy_id}/resolve", needs=Role.OPERATOR, errors=[*ASKING, Code.NOT_FOUND, Code.CONFLICT])
async def resolve_discrepancy(path: DiscrepancyPath, body: Resolution, caller: Caller, owners: Owners) -> Discrepancy:
    """Close it with a reason, which the audit keeps. A later run that finds it again opens it again. No money is moved."""
    question = ResolveDiscrepancy(discrepancy_id=path.discrepancy_id, actor=caller.name, reason=body.reason)
    return discrepancy_shown(await owners.ask(question, DiscrepancyView))
