"""Everything that is known of one payment, asked of every owner and put in order: what happened, when, and because of what."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel

from services.api.http.availability import available
from services.api.http.layer import Caller, Problem, Role, Routes
from services.api.http.owners import ASKING, Owners
from services.api.http.paying.payments import PaymentPath
from services.api.http.routing.decisions import known_to
from services.api.queries import Line, Queries
from shared import ids
from shared.contracts import attempt_id
from shared.contracts.questions import (
    DecisionView,
    DeliveryTrace,
    DiscrepancyView,
    ExecutionView,
    GatewayEventView,
    ListDiscrepancies,
    ListGatewayEvents,
    ShowDecisions,
    ShowDeliveries,
    ShowExecutions,
    ShowVerifications,
    VerificationView,
)

router = Routes(tag="audit trail", description="Everything that is known of one payment.")

T = TypeVar("T")
Owner = Literal["api", "router", "executor", "verifier", "notifier"]
LINES_MAX = 5_000  # a thousand partial refunds and more
RANK: dict[str, int] = {"api": 0, "router": 1, "executor": 2, "verifier": 3, "notifier": 4}  # of what has one and the same time


class Entry(BaseModel):
    """`id` and `cause` are `<what>:<id>`: whatever names an entry's id as its cause followed from it."""

    at: datetime
    owner: Owner
    event: str
    id: str
    cause: str | None = None
    detail: dict[str, Any] = {}


class AuditTrail(BaseModel):
    """Oldest first. `missing` are services that did not answer: what they know is not in it."""

    payment_id: str
    items: list[Entry]
    missing: list[str]


@router.get("/payments/{payment_id}/audit", needs=Role.OPERATOR, errors=ASKING)
async def show_audit_trail(path: PaymentPath, caller: Caller, queries: Queries, owners: Owners) -> AuditTrail:
    """Decisions, attempts, evidence, verdicts, states entered and webhooks of a payment, from their owners, with cause and effect."""
    payment_id = path.uuid
    await known_to(caller, path, queries)
    with available():
        lines = await queries.timeline(payment_id, LINES_MAX)
    asked: dict[str, Awaitable[list[Entry]]] = {
        "router": _told(owners.ask(ShowDecisions(payment_id=payment_id, merchant_id=None), list[DecisionView]), of_decision, payment_id),
        "executor": _told(owners.ask(ShowExecutions(payment_id=payment_id), list[ExecutionView]), of_execution, begun(lines)),
        "verifier": _verifier(owners, payment_id),
        "notifier": _told(owners.ask(ShowDeliveries(payment_id=payment_id), list[DeliveryTrace]), of_delivery),
    }
    found = await asyncio.gather(*asked.values(), return_exceptions=True)
    items, missing = of_timeline(payment_id, lines), []
    for owner, entries in zip(asked, found, strict=True):
        if isinstance(entries, Problem):
            missing.append(owner)
        elif isinstance(entries, BaseException):
            raise entries
        else:
            items += entries
    return AuditTrail(payment_id=path.payment_id, items=in_order(items), missing=missing)


def in_order(items: Iterable[Entry]) -> list[Entry]:
    """By time; an effect that has its cause's time comes after it."""
    return sorted(items, key=lambda one: (one.at, RANK[one.owner]))


async def _told(answer: Awaitable[list[T]], entries_of: Any, *more: Any) -> list[Entry]:
    return [entry for one in await answer for entry in entries_of(one, *more)]


async def _verifier(owners: Owners, payment_id: UUID) -> list[Entry]:
    """One owner, three lists: all of them or none."""
    found = await asyncio.gather(
        _told(owners.ask(ShowVerifications(payment_id=payment_id), list[VerificationView]), of_verification),
        _told(owners.ask(ListGatewayEvents(payment_id=payment_id, limit=500), list[GatewayEventView]), of_gateway_event),
        _told(owners.ask(ListDiscrepancies(payment_id=payment_id, limit=500), list[DiscrepancyView]), of_discrepancy),
    )
    return [entry for entries in found for entry in entries]


def of_timeline(payment_id: UUID, lines: Iterable[Line]) -> list[Entry]:
    """What the edge heard and which states the payment entered, each because of the line before it or the attempt it is about. What
    merchants were told goes by its event's id, from which webhooks follow."""
    entries: list[Entry] = []
    heard: str | None = None
    for number, line in enumerate(lines):
        about = attempt_of(payment_id, line)
        cause = f"attempt:{about}" if about else heard
        heard = f"event:{said}" if (said := line.detail.get("event_id")) else f"line:{number}"
        entries.append(Entry(at=line.at, owner="api", event=line.event, id=heard, cause=cause, detail=line.detail))
    return entries


def attempt_of(payment_id: UUID, line: Line) -> UUID | None:
    """The attempt that a line tells of. An operation's is named; a charge's follows from its number."""
    number = line.detail.get("number")
    if not line.event.startswith("attempt.") or not isinstance(number, int):
        return None
    named = line.detail.get("attempt_id")
    return UUID(named) if named else attempt_id(payment_id, number)


def begun(lines: Iterable[Line]) -> dict[UUID, str]:
    """Operation → the line that tells of its beginning."""
    return {
        ids.private(str(line.detail["id"]).partition("_")[0], line.detail["id"]): f"line:{number}"
        for number, line in enumerate(lines)
        if line.event.endswith(".created") and "id" in line.detail
    }


def of_decision(one: DecisionView, payment_id: UUID) -> list[Entry]:
    if one.made_at is None:
        return []
    cause = f"attempt:{attempt_id(payment_id, one.number - 1)}" if one.number > 1 else "line:0"
    ranked = [candidate.gateway for candidate in sorted(one.candidates, key=lambda one: one.rank or 0) if candidate.rank is not None]
    detail = {"number": one.number, "gateway": one.gateway, "policy": one.policy, "reason": one.reason, "ranked": ranked}
    return [Entry(at=one.made_at, owner="router", event="decision.made", id=f"decision:{one.number}", cause=cause, detail=detail)]


def of_execution(one: ExecutionView, operations: dict[UUID, str]) -> list[Entry]:
    name = f"attempt:{one.attempt_id}"
    cause = f"decision:{one.number}" if one.operation in ("charge", "authorize", "link") else None
    if cause is None:
        cause = next((line for operation, line in operations.items() if attempt_id(operation, one.number) == one.attempt_id), None)
    about = {"number": one.number, "gateway": one.gateway, "operation": one.operation, "amount": one.amount.model_dump()}
    entries = [Entry(at=one.started_at, owner="executor", event="attempt.started", id=name, cause=cause, detail=about)]
    if one.concluded_at is not None:
        said = one.model_dump(include={"code", "reason", "gateway_reference", "confirmed", "latency_ms"}, exclude_none=True)
        event = f"attempt.{one.state}"
        entries.append(Entry(at=one.concluded_at, owner="executor", event=event, id=f"outcome:{one.attempt_id}", cause=name, detail=said))
    return entries


def of_verification(one: VerificationView) -> list[Entry]:
    name, cause = f"verification:{one.attempt_id}", f"attempt:{one.attempt_id}"
    opened = Entry(at=one.opened_at, owner="verifier", event="verification.opened", id=name, cause=cause, detail={"gateway": one.gateway})
    said = one.model_dump(include={"reason", "lookups", "source", "confirmed", "gateway_reference"}, exclude_none=True)
    event = "verification.asking" if one.state == "open" else f"verification.{one.state}"
    return [opened, Entry(at=one.changed_at, owner="verifier", event=event, id=f"verdict:{one.attempt_id}", cause=name, detail=said)]


def of_gateway_event(one: GatewayEventView) -> list[Entry]:
    said = one.model_dump(
        include={"gateway", "event_id", "event_type", "finding", "confirmed", "code", "state", "reason"}, exclude_none=True
    )
    cause = f"attempt:{one.attempt_id}" if one.attempt_id else None
    name = f"gateway_event:{one.evidence_id}"
    return [Entry(at=one.received_at, owner="verifier", event="gateway_event.received", id=name, cause=cause, detail=said)]


def of_discrepancy(one: DiscrepancyView) -> list[Entry]:
    name, cause = f"discrepancy:{one.discrepancy_id}", f"attempt:{one.attempt_id}" if one.attempt_id else None
    said = one.model_dump(mode="json", include={"comparison", "reason", "our_amount", "gateway_amount", "run_id"}, exclude_none=True)
    entries = [Entry(at=one.found_at, owner="verifier", event="discrepancy.found", id=name, cause=cause, detail=said)]
    if one.resolved_at is not None:
        by = {"by": one.resolved_by, "resolution": one.resolution}
        entries.append(Entry(at=one.resolved_at, owner="verifier", event="discrepancy.resolved", id=f"{name}:end", cause=name, detail=by))
    return entries


def of_delivery(one: DeliveryTrace) -> list[Entry]:
    name = f"delivery:{one.delivery_id}"
    owed = {"type": one.type, "endpoint_id": one.endpoint_id, "state": one.state, "event_id": str(one.event_id)}
    entries = [Entry(at=one.created_at, owner="notifier", event="webhook.owed", id=name, cause=f"event:{one.event_id}", detail=owed)]
    for each in one.tries:
        said = each.model_dump(exclude={"at"}, exclude_none=True)
        entries.append(Entry(at=each.at, owner="notifier", event="webhook.tried", id=f"{name}:{each.number}", cause=name, detail=said))
    return entries
