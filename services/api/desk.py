"""Money that follows a charge, as changes: an operation begins, is told of, is tried again, and ends. Decisions are the domain's."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.api import ledger, store, subscriptions
from services.api.domain.lifecycle import kept_of, moved_to, to_let_go
from services.api.domain.operations import UNDER_WAY, Movement, Origin, Verdict, attempt_of, happened_after_all, pause_s, weigh
from services.api.domain.plans import Plan
from services.api.domain.sums import Sums, give_back, reserve, settle
from services.api.store import Payment
from shared import ids
from shared.contracts import (
    EVENT_OF,
    AttemptEvent,
    CaptureFailed,
    CaptureSucceeded,
    ExecuteAttempt,
    Message,
    MoneyEvent,
    Operation,
    OperationKind,
    PaymentReversed,
    PaymentSnapshot,
    RefundFailed,
    RefundSucceeded,
    Status,
    VoidFailed,
)
from shared.settings import Waiting
from shared.storage.work import Work

DOES: dict[OperationKind, Operation] = {"capture": "capture", "refund": "refund", "void": "void"}
EXPIRY_AGAIN_S = 3_600.0  # a void of an expired authorization that the gateway refused is asked for again


def planned(payment: Payment, kind: OperationKind, plan: Plan, *, operation_id: UUID, origin: Origin, now: datetime) -> Movement:
    """The operation that a plan comes to, about the charge that stands."""
    kept = kept_of(payment.evidence, payment.snapshot.status) or ""
    return movement(payment, kept, kind, DOES[kind], plan, operation_id=operation_id, origin=origin, now=now)


def reversal(payment: Payment, charge_id: str, *, now: datetime) -> Movement:
    """However many witnesses there are of a late success, it has one reversal."""
    does: Operation = "void" if payment.evidence.attempts[charge_id].operation == "authorize" else "refund"
    operation_id = ids.derived(UUID(charge_id), "reverse")
    plan = Plan(payment.snapshot.amount.amount_minor)
    return movement(payment, charge_id, "reversal", does, plan, operation_id=operation_id, origin="late_success", now=now)


def movement(
    payment: Payment, charge_id: str, kind: OperationKind, does: Operation, plan: Plan, *, operation_id: UUID, origin: Origin, now: datetime
) -> Movement:
    seen, snapshot = payment.evidence.attempts.get(charge_id), payment.snapshot
    return Movement(
        operation_id=operation_id,
        payment_id=snapshot.payment_id,
        merchant_id=snapshot.merchant_id,
        kind=kind,
        origin=origin,
        does=does,
        gateway=seen.gateway if seen else snapshot.gateway or "",
        target_reference=seen.reference if seen else None,
        charge_id=charge_id,
        method=snapshot.method,
        amount=snapshot.amount.model_copy(update={"amount_minor": plan.amount_minor}),
        closes=plan.closes,
        releases=plan.releases,
        created_at=now,
        updated_at=now,
    )


def begin(work: Work, payment: Payment, begun: Movement, waiting: Waiting, *, cause: Message | None = None) -> Payment:
    """Write the operation and send its first try; returns the payment with the amount reserved, for the caller to write."""
    ledger.begin(work, replace(begun, due_at=due_at(begun, work.now, waiting)))
    detail: dict[str, Any] = {"id": public_id(begun), "amount": begun.amount.amount_minor, "origin": begun.origin}
    store.tell(work, begun.payment_id, f"{begun.kind}.created", gateway=begun.gateway, **detail)
    send(work, begun, waiting, cause=cause)
    return replace(payment, sums=reserve(payment.sums, begun.kind, begun.amount.amount_minor))


def public_id(of: Movement) -> str:
    return ids.public(ids.OPERATIONS[of.kind], of.operation_id)


def send(work: Work, under_way: Movement, waiting: Waiting, *, cause: Message | None = None) -> None:
    attempt, deadline_at = attempt_of(under_way), work.now + timedelta(seconds=waiting.operation_deadline_s)
    if cause is None:
        order = ExecuteAttempt(correlation_id=under_way.payment_id, attempt=attempt, deadline_at=deadline_at)
    else:
        order = ExecuteAttempt.caused_by(cause, discriminator=str(attempt.attempt_id), attempt=attempt, deadline_at=deadline_at)
    work.send(order, to=under_way.gateway)


def due_at(under_way: Movement, now: datetime, waiting: Waiting) -> datetime | None:
    """When an operation that has not ended is looked after."""
    return now + timedelta(seconds=waiting.operation_deadline_s + waiting.resume_after_s) if under_way.status in UNDER_WAY else None


def conclude(work: Work, event: AttemptEvent, payment: Payment, heard: Movement, waiting: Waiting) -> None:
    """New evidence about an operation: what it proves, and what that makes of the payment."""
    pauses_s = waiting.reversal_pauses_s if heard.kind == "reversal" else waiting.operation_pauses_s
    verdict = weigh(heard, tries_max=len(pauses_s) + 1)
    moved = None if verdict.status == heard.status else move(payment.sums, heard, verdict)
    if moved is not None and not moved.balance:  # given up, its amount used otherwise, and now it is found to have happened
        verdict, moved = happened_after_all(heard), payment.sums
    error = None if verdict.status in UNDER_WAY else verdict.error
    ended = replace(heard, status=verdict.status, error=error, updated_at=work.now)
    if verdict.again:
        ended = replace(ended, due_at=work.now + timedelta(seconds=pause_s(pauses_s, heard.number)))
    else:
        ended = replace(ended, due_at=due_at(ended, work.now, waiting))
    ledger.change(work, ended)
    if moved is None:
        return
    after(work, event, replace(payment, sums=moved), ended, waiting, reason=verdict.reason)


def move(sums: Sums, heard: Movement, verdict: Verdict) -> Sums:
    """The sums once the operation has this status."""
    amount = heard.amount.amount_minor
    match verdict.status:
        case "succeeded":
            held = sums if heard.status in UNDER_WAY else reserve(sums, heard.kind, amount)
            done = settle(held, heard.kind, amount)
            return replace(done, released_minor=done.released_minor + done.capturable_minor) if heard.releases else done
        case "failed" | "exhausted":
            return give_back(sums, heard.kind, amount)
        case _:
            return sums


def after(work: Work, event: AttemptEvent, payment: Payment, ended: Movement, waiting: Waiting, *, reason: str) -> None:
    """Tell the merchant of the operation and of the state that the payment enters; begin what follows; write the payment."""
    was = payment.snapshot.status
    status: Status = was
    if ended.status == "succeeded":
        status = moved_to(was, payment.sums, kind=ended.kind, closes=ended.closes, expires=ended.origin == "expiry")
    elif ended.status == "conflicted":
        status = "conflicted"
    elif ended.kind == "capture" and was == "partially_refunded":  # while it was in doubt, more might have had to be refunded
        status = moved_to(was, payment.sums, kind="refund", closes=False, expires=False)
    payment = refreshed(payment, now=work.now)
    told = "payment.late_success_reversed" if (ended.kind, ended.status) == ("reversal", "succeeded") else f"{ended.kind}.{ended.status}"
    detail: dict[str, Any] = {"id": public_id(ended), "amount": ended.amount.amount_minor, "reason": reason}
    if said := money_event(event, payment, ended):
        work.publish(said)
        detail["event_id"] = said.message_id
        payment = replace(payment, snapshot=said.payment, last_event_id=said.message_id)
    store.tell(work, ended.payment_id, told, **detail)
    if status != was:
        error = ended.error if status == "conflicted" else None
        payment = entering(work, payment, status, error=error, reason=ended.kind, cause=event)
    if ended.kind == "capture" and (left_minor := to_let_go(payment.snapshot.status, payment.sums)):
        operation_id = ids.derived(ended.operation_id, "remainder")
        rest = Plan(left_minor, closes=True)
        void = planned(payment, "void", rest, operation_id=operation_id, origin="remainder", now=work.now)
        payment = begin(work, payment, void, waiting, cause=event)
    if payment.snapshot.status == "requires_capture" and ended.origin == "expiry":
        payment = replace(payment, due_at=work.now + timedelta(seconds=EXPIRY_AGAIN_S))
    store.enter(work, payment)


def entering(
    work: Work, payment: Payment, status: Status, *, error: dict[str, str] | None, reason: str, cause: Message | None = None
) -> Payment:
    """The payment in its new state, told to the merchant and on the timeline."""
    subscriptions.settle(work, payment, status)
    snapshot = payment.snapshot.model_copy(
        update={"status": status, "error": error, "sequence": payment.snapshot.sequence + 1, "updated_at": work.now}
    )
    about: dict[str, Any] = {"payment": snapshot, "previous_event_id": payment.last_event_id}
    said = EVENT_OF[status].caused_by(cause, **about) if cause else EVENT_OF[status](correlation_id=snapshot.payment_id, **about)
    work.publish(said)
    store.tell(work, snapshot.payment_id, f"payment.{status}", event_id=said.message_id, sequence=snapshot.sequence, reason=reason)
    return replace(payment, snapshot=snapshot, last_event_id=said.message_id, due_at=None)


def refreshed(payment: Payment, *, now: datetime) -> Payment:
    """With its sums as merchants see them."""
    shown = ("authorized_minor", "captured_minor", "refunded_minor")
    more: dict[str, Any] = {name: getattr(payment.sums, name) for name in shown}
    return replace(payment, snapshot=payment.snapshot.model_copy(update={**more, "updated_at": now}))


def money_event(cause: Message, payment: Payment, ended: Movement) -> MoneyEvent | None:
    """What the merchant is told of an operation's end. What the mesh does for itself (a remainder let go) is told by states alone."""
    snapshot: PaymentSnapshot = payment.snapshot.model_copy(update={"sequence": payment.snapshot.sequence + 1})
    about: dict[str, Any] = {"payment": snapshot, "operation": ended.snapshot, "previous_event_id": payment.last_event_id}
    about["discriminator"] = str(ended.operation_id)
    match ended.kind, ended.status:
        case "capture", "succeeded":
            return CaptureSucceeded.caused_by(cause, **about)
        case "capture", "failed":
            return CaptureFailed.caused_by(cause, **about)
        case "refund", "succeeded":
            return RefundSucceeded.caused_by(cause, **about)
        case "refund", "failed":
            return RefundFailed.caused_by(cause, **about)
        case "void", "failed" if ended.origin == "merchant":
            return VoidFailed.caused_by(cause, **about)
        case "reversal", "succeeded":
            return PaymentReversed.caused_by(cause, **about)
    return None
