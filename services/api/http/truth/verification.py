"""Routes of what is in doubt: a merchant's own payments, and the operators' lists and commands."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.api.http.access.keys import Merchant
from services.api.http.change import Reason
from services.api.http.layer import Caller, Code, Role, Routes
from services.api.http.owners import ASKING, Owners
from services.api.http.paying.edge import Edge
from services.api.http.paying.payments import PaymentPath
from shared import ids
from shared.contracts import AMOUNT_MAX, Money
from shared.contracts.questions import (
    GatewayEventView,
    ListGatewayEvents,
    ListVerifications,
    LookAgain,
    SettleVerification,
    ShowVerifications,
    VerificationView,
)
from shared.contracts.questions.verifier import EventState, VerificationState

router = Routes(
    tag="verification", description="Outcomes that were in doubt: what is asked, what was found, and what only a person can settle."
)
LIMIT = Annotated[int, Field(ge=1, le=500)]


class VerificationItem(BaseModel):
    """One attempt of the payment that was in doubt. `verdict` null: it is still being asked about, its payer is `awaited`, or it is
    `exhausted` and an operator's."""

    attempt: int
    gateway: str
    operation: str
    state: VerificationState
    lookups: int
    next_lookup_at: datetime | None
    verdict: Literal["succeeded", "failed"] | None
    source: str | None
    opened_at: datetime
    changed_at: datetime


class StatusVerification(BaseModel):
    payment_id: str
    status: str
    items: list[VerificationItem]


@router.get("/payments/{payment_id}/status-verification", needs=Role.MERCHANT, errors=[Code.TEMPORARILY_UNAVAILABLE, Code.TIMED_OUT])
async def show_status_verification(path: PaymentPath, caller: Merchant, edge: Edge, owners: Owners) -> StatusVerification:
    """What is being done to find out how a payment ended, where a gateway's answer was lost. Empty: nothing was ever in doubt."""
    payment = await edge.show(caller, path.uuid)
    found = await owners.ask(ShowVerifications(payment_id=path.uuid), list[VerificationView])
    items = [
        VerificationItem(attempt=one.number, **one.model_dump(include=set(VerificationItem.model_fields) - {"attempt"})) for one in found
    ]
    return StatusVerification(payment_id=path.payment_id, status=payment.status, items=items)


class Verification(BaseModel):
    """For operators: with its reason, and who said it."""

    model_config = ConfigDict(extra="ignore")

    attempt_id: UUID
    payment_id: str
    attempt: int
    gateway: str
    operation: str
    amount: Money
    state: VerificationState
    reason: str
    lookups: int
    next_lookup_at: datetime | None
    verdict: Literal["succeeded", "failed"] | None
    source: str | None
    confirmed: Money | None
    gateway_reference: str | None
    opened_at: datetime
    changed_at: datetime


class Verifications(BaseModel):
    items: list[Verification]


class VerificationQuery(BaseModel):
    state: VerificationState = "exhausted"
    gateway: Annotated[str, Field(max_length=31)] | None = None
    limit: LIMIT = 100


class VerificationPath(BaseModel):
    attempt_id: UUID


class Confirmed(BaseModel):
    """What the gateway shows to have been taken, in minor units."""

    model_config = ConfigDict(extra="forbid")

    amount: Annotated[int, Field(gt=0, le=AMOUNT_MAX, strict=True)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Settlement(BaseModel):
    """`confirmed` left out of a success: exactly the attempt's amount. `reason` is kept in the audit under the operator's name."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["succeeded", "failed"]
    confirmed: Confirmed | None = None
    gateway_reference: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _whole(self) -> "Settlement":
        if self.verdict == "failed" and self.confirmed is not None:
            raise ValueError("confirmed: only a success has taken anything")
        return self


class Look(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Reason, Field(min_length=1)] = "no reason given"


def shown(one: VerificationView) -> Verification:
    about = one.model_dump() | {"payment_id": ids.public(ids.PAYMENT, one.payment_id), "attempt": one.number}
    return Verification.model_validate(about)


@router.get("/verifications", needs=Role.OPERATOR, errors=ASKING)
async def list_verifications(query: VerificationQuery, owners: Owners) -> Verifications:
    """Attempts in one state, those longest in it first. `exhausted` ones wait for a person, `awaited` ones for their payer."""
    asked = ListVerifications(state=query.state, gateway=query.gateway, limit=query.limit)
    return Verifications(items=[shown(one) for one in await owners.ask(asked, list[VerificationView])])


@router.post("/verifications/{attempt_id}/settle", needs=Role.OPERATOR, errors=[*ASKING, Code.NOT_FOUND, Code.CONFLICT])
async def settle_verification(path: VerificationPath, body: Settlement, caller: Caller, owners: Owners) -> Verification:
    """Say how an attempt ended, having looked at the gateway's own dashboard. It counts as the verifier's verdict, at once and for good:
    only a failure can be corrected later."""
    confirmed = Money(amount_minor=body.confirmed.amount, currency=body.confirmed.currency) if body.confirmed else None
    settle: dict[str, Any] = body.model_dump(exclude={"confirmed"})
    question = SettleVerification(attempt_id=path.attempt_id, confirmed=confirmed, actor=caller.name, **settle)
    return shown(await owners.ask(question, VerificationView))


@router.post("/verifications/{attempt_id}/look-again", needs=Role.OPERATOR, errors=[*ASKING, Code.NOT_FOUND, Code.CONFLICT])
async def look_again(path: VerificationPath, body: Look, caller: Caller, owners: Owners) -> Verification:
    """Have the gateway asked again at once, and then by the whole ladder: after a long outage there may be nothing to settle by hand."""
    question = LookAgain(attempt_id=path.attempt_id, actor=caller.name, reason=body.reason)
    return shown(await owners.ask(question, VerificationView))


class GatewayEvents(BaseModel):
    items: list[GatewayEventView]


class GatewayEventsQuery(BaseModel):
    state: EventState | None = None
    unmatched: bool = False
    gateway: Annotated[str, Field(max_length=31)] | None = None
    limit: LIMIT = 100


@router.get("/gateway-events", needs=Role.OPERATOR, errors=ASKING)
async def list_gateway_events(query: GatewayEventsQuery, owners: Owners) -> GatewayEvents:
    """Gateways' webhooks, newest first. `unmatched=true`: those that name no attempt of that account."""
    state: EventState | None = "unmatched" if query.unmatched else query.state
    asked = ListGatewayEvents(state=state, gateway=query.gateway, limit=query.limit)
    return GatewayEvents(items=await owners.ask(asked, list[GatewayEventView]))
