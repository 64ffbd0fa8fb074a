"""Evidence the edge hears: fold it, judge it, and tell of the state entered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.api import desk, ledger, store, subscriptions
from services.api.domain.evidence import Evidence, fold
from services.api.domain.lifecycle import FORWARD, Standing, judge
from services.api.domain.operations import hear
from services.api.store import Payment
from shared import topology
from shared.contracts import (
    EVENT_OF,
    AttemptActionRequired,
    AttemptEvent,
    AttemptExpired,
    AttemptFailed,
    AttemptSucceeded,
    AttemptUnknown,
    AttemptVerified,
    Event,
    PaymentSnapshot,
    RouteExhausted,
    Status,
)
from shared.messaging.failure import Permanent
from shared.messaging.handlers import Hears
from shared.settings import Waiting
from shared.storage.work import Load, Work

hears = Hears()
Heard = AttemptSucceeded | AttemptFailed | AttemptUnknown | AttemptActionRequired | AttemptExpired | AttemptVerified | RouteExhausted
LOOKED_AFTER: frozenset[Status] = frozenset(FORWARD)


def rows_of(event: Event) -> Sequence[Load]:
    """The payment, and the operation that the attempt is a try at, in the order in which they are locked."""
    operation_id = event.attempt.operation_id if isinstance(event, AttemptEvent) else None
    return [*store.load_of(event.correlation_id), *(ledger.load_of(operation_id) if operation_id else ())]


@hears(topology.API_EVIDENCE, loads=rows_of)
def evidence_heard(event: Heard, work: Work, waiting: Waiting, lapsing: frozenset[str] = frozenset()) -> None:
    """Nothing new changes nothing; a new state, or another page for the payer, is told to the merchant, once, under the next sequence.
    `lapsing`: the accounts whose gateways void nothing."""
    payment = store.read(work, event.correlation_id)
    if payment is None:
        raise Permanent(f"no payment {event.correlation_id}")
    if isinstance(event, AttemptEvent) and event.attempt.operation_id:
        _operation_heard(event, payment, work, waiting)
    else:
        _charge_heard(event, payment, work, waiting, lapsing)


def _operation_heard(event: AttemptEvent, payment: Payment, work: Work, waiting: Waiting) -> None:
    operation_id = event.attempt.operation_id
    known = ledger.read(work, operation_id) if operation_id else None
    if known is None:
        raise Permanent(f"no operation {operation_id}")
    heard = hear(known, event)
    if heard.evidence != known.evidence:
        _tell(event, work)
        desk.conclude(work, event, payment, heard, waiting)


def _charge_heard(event: Event, payment: Payment, work: Work, waiting: Waiting, lapsing: frozenset[str]) -> None:
    evidence = fold(payment.evidence, event)
    if evidence == payment.evidence:
        return
    snapshot = payment.snapshot
    _tell(event, work)
    standing = judge(evidence, asked=snapshot.amount, was=snapshot.status)
    evidence = decided(evidence, standing)
    elsewhere = standing.status == "requires_action" and standing.gateway not in (None, snapshot.gateway)  # its payer has another page now
    enters = standing.status != snapshot.status or elsewhere
    if not enters and not standing.reverse:
        store.learn(work, snapshot.payment_id, evidence)
        return
    payment = replace(payment, evidence=evidence)
    if enters:
        payment = _enter(event, payment, standing, work, waiting)
    for charge_id in standing.reverse:
        late = evidence.attempts[charge_id]
        lapses = late.operation == "authorize" and late.gateway in lapsing
        store.tell(work, snapshot.payment_id, "payment.late_success", gateway=late.gateway, lapses=lapses)
        if lapses:  # what it holds goes back to the payer by itself, and nobody could hasten that
            continue
        payment = desk.begin(work, payment, desk.reversal(payment, charge_id, now=work.now), waiting, cause=event)
    store.enter(work, payment)


def decided(evidence: Evidence, standing: Standing) -> Evidence:
    """With what follows from it: whose charge stands, and whose are given back."""
    return replace(evidence, kept=standing.kept or evidence.kept, reversing=(*evidence.reversing, *standing.reverse))


def _enter(event: Event, payment: Payment, standing: Standing, work: Work, waiting: Waiting) -> Payment:
    """The payment in its new state, with the sums that come with it."""
    subscriptions.settle(work, payment, standing.status)
    payment, snapshot = charged(payment, standing.status), payment.snapshot
    entered = store.entered(desk.refreshed(payment, now=work.now).snapshot, standing, now=work.now)
    said = EVENT_OF[standing.status].caused_by(event, payment=entered, previous_event_id=payment.last_event_id)
    work.publish(said)
    store.tell(
        work, snapshot.payment_id, f"payment.{standing.status}", event_id=said.message_id, sequence=entered.sequence, reason=standing.reason
    )
    return replace(payment, snapshot=entered, last_event_id=said.message_id, due_at=due_at(entered, work.now, waiting))


def charged(payment: Payment, status: Status) -> Payment:
    """The charge that stands is the sum that everything after it stays within."""
    amount = payment.snapshot.amount.amount_minor
    if status == "requires_capture":
        return replace(payment, sums=replace(payment.sums, authorized_minor=amount))
    if status == "succeeded":
        return replace(payment, sums=replace(payment.sums, authorized_minor=amount, captured_minor=amount))
    return payment


def due_at(entered: PaymentSnapshot, now: datetime, waiting: Waiting) -> datetime | None:
    """When a payment that has just entered this state is looked after."""
    match entered.status:
        case "requires_action":
            after_s = min(ACTION_ASKED_S, action_ttl_s(entered, waiting))
        case "requires_capture":
            after_s = waiting.authorization_ttl_s
        case status if status in LOOKED_AFTER:
            after_s = waiting.resume_after_s
        case _:
            return None
    return now + timedelta(seconds=after_s)


ACTION_ASKED_S = 15.0  # after so long the gateway is asked whether the payer has acted, and then at growing intervals


def action_ttl_s(payment: PaymentSnapshot, waiting: Waiting) -> float:
    return waiting.link_ttl_s if payment.method == "PAYMENT_LINK" else waiting.action_ttl_s


def _tell(event: Event, work: Work) -> None:
    """The timeline's line for a piece of evidence: never more than merchants may see."""
    name = event.kind.rsplit(".", 1)[0]
    if isinstance(event, RouteExhausted):
        store.tell(work, event.payment_id, name, code=event.code, reason=event.reason)
    elif isinstance(event, AttemptEvent):
        detail: dict[str, Any] = {"number": event.attempt.number, "gateway": event.attempt.gateway}
        if event.attempt.operation_id:
            detail |= {"operation": event.attempt.operation, "attempt_id": str(event.attempt.attempt_id)}
        for field in ("verdict", "reason", "gateway_reference", "latency_ms", "source"):
            if (value := getattr(event, field, None)) is not None:
                detail[field] = value
        if refusal := getattr(event, "refusal", None):
            detail["code"] = refusal.code
        store.tell(work, event.attempt.payment_id, name, **detail)
