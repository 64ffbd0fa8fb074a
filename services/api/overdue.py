"""What is looked after when its time has come, so that nothing waits for ever."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.api import desk, ledger, store
from services.api.consumers import ACTION_ASKED_S, action_ttl_s
from services.api.domain.lifecycle import moved_to, nobody_acted
from services.api.domain.operations import attempt_of, next_try
from services.api.domain.plans import Plan
from services.api.store import Payment
from shared.clock import new_id
from shared.contracts import AttemptDoubted, ResumePayment
from shared.settings import Waiting
from shared.storage.work import Work

ACTION_ASKED_MAX_S = 300.0


def payment_overdue(row: Any, work: Work, waiting: Waiting, lapsing: frozenset[str] = frozenset()) -> None:
    """A row of `store.COLUMNS` whose payment should have moved by now. `lapsing`: the accounts whose gateways void nothing."""
    payment = store.payment_of(row)
    match payment.snapshot.status:
        case "requires_capture":
            authorization_overdue(payment, work, waiting, lapsing)
        case "requires_action":
            action_overdue(payment, work, waiting)
        case "pending_verification" if payment.snapshot.method == "PAYMENT_LINK":  # what is in doubt is a link: nobody was sent to it
            action_overdue(payment, work, waiting)
        case _:
            resume(payment, work)


def resume(payment: Payment, work: Work) -> None:
    """Ask the router to move it on. The id is fresh: every asking counts."""
    snapshot = payment.snapshot
    work.send(ResumePayment(correlation_id=snapshot.payment_id, payment_id=snapshot.payment_id, merchant_id=snapshot.merchant_id))


def action_overdue(payment: Payment, work: Work, waiting: Waiting) -> None:
    """Has the payer acted? Asked at growing intervals, up to the time at which nobody waits any more: a charge that comes later still
    is given back."""
    since, ttl_s = payment.snapshot.updated_at, action_ttl_s(payment.snapshot, waiting)
    age_s = (work.now - since).total_seconds()
    if age_s >= ttl_s:
        standing = nobody_acted(ttl_s)
        store.enter(work, desk.entering(work, payment, standing.status, error=standing.error, reason=standing.reason))
        return
    resume(payment, work)
    pause_s = min(max(age_s, ACTION_ASKED_S), ACTION_ASKED_MAX_S)
    store.look_again(work, payment.snapshot.payment_id, min(work.now + timedelta(seconds=pause_s), since + timedelta(seconds=ttl_s)))


def authorization_overdue(payment: Payment, work: Work, waiting: Waiting, lapsing: frozenset[str]) -> None:
    """What was not captured in time is let go. While a capture or a void is under way, that comes first."""
    sums = payment.sums
    if sums.capturing_minor or sums.releasing_minor or not sums.capturable_minor:
        return
    if payment.snapshot.gateway in lapsing:  # it lets go by itself, and could not be told to
        lapsed = replace(payment, sums=replace(sums, released_minor=sums.released_minor + sums.capturable_minor))
        status = moved_to(payment.snapshot.status, lapsed.sums, kind="void", closes=True, expires=True)
        store.enter(work, desk.entering(work, lapsed, status, error=None, reason="what is not captured lapses at its gateway"))
        return
    plan = Plan(sums.capturable_minor, closes=True)
    void = desk.planned(payment, "void", plan, operation_id=new_id(), origin="expiry", now=work.now)
    store.enter(work, replace(desk.begin(work, payment, void, waiting), due_at=None))


def operation_overdue(row: Any, work: Work, waiting: Waiting) -> None:
    """A row of `ledger.COLUMNS`: its next try is due, or its outcome should long be known and the verifier is told so."""
    movement = ledger.movement_of(row)
    if following := next_try(movement):
        ledger.change(work, replace(following, due_at=desk.due_at(following, work.now, waiting)))
        desk.send(work, following, waiting)
    else:
        work.publish(AttemptDoubted(correlation_id=movement.payment_id, attempt=attempt_of(movement)))
