"""Evidence the edge hears: fold it, judge it, and tell of the state entered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.api import store
from services.api.domain.lifecycle import Standing, fold, judge
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
    Message,
    ResumePayment,
    RouteExhausted,
    Status,
)
from shared.messaging.failure import Permanent
from shared.messaging.handlers import Hears
from shared.settings import Waiting
from shared.storage.work import Load, Work

hears = Hears()
Evidence = AttemptSucceeded | AttemptFailed | AttemptUnknown | AttemptActionRequired | AttemptExpired | AttemptVerified | RouteExhausted
LOOKED_AFTER: frozenset[Status] = frozenset({"processing", "requires_action", "pending_verification"})


def payment_of(event: Message) -> Sequence[Load]:
    return store.load_of(event.correlation_id)


@hears(topology.API_EVIDENCE, loads=payment_of)
def evidence_heard(event: Evidence, work: Work, waiting: Waiting) -> None:
    """Nothing new changes nothing; a new state is told to the merchant, once, under the next sequence."""
    payment = store.read(work, event.correlation_id)
    if payment is None:
        raise Permanent(f"no payment {event.correlation_id}")
    evidence = fold(payment.evidence, event)
    if evidence == payment.evidence:
        return
    snapshot = payment.snapshot
    _tell(event, work)
    standing = judge(evidence, asked=snapshot.amount, was=snapshot.status)
    if standing.status == snapshot.status:
        store.learn(work, snapshot.payment_id, evidence)
        return
    entered = store.entered(snapshot, standing, now=work.now)
    said = EVENT_OF[standing.status].caused_by(event, payment=entered, previous_event_id=payment.last_event_id)
    work.publish(said)
    store.enter(work, entered, evidence, event_id=said.message_id, due_at=due_at(standing, work.now, waiting))
    store.tell(work, snapshot.payment_id, f"payment.{standing.status}", sequence=entered.sequence, reason=standing.reason)


def due_at(standing: Standing, now: datetime, waiting: Waiting) -> datetime | None:
    return now + timedelta(seconds=waiting.resume_after_s) if standing.status in LOOKED_AFTER else None


def _tell(event: Event, work: Work) -> None:
    """The timeline's line for a piece of evidence: never more than merchants may see."""
    name = event.kind.rsplit(".", 1)[0]
    if isinstance(event, RouteExhausted):
        store.tell(work, event.payment_id, name, code=event.code, reason=event.reason)
    elif isinstance(event, AttemptEvent):
        detail: dict[str, Any] = {"number": event.attempt.number, "gateway": event.attempt.gateway}
        for field in ("verdict", "reason", "gateway_reference", "latency_ms", "source"):
            if (value := getattr(event, field, None)) is not None:
                detail[field] = value
        if refusal := getattr(event, "refusal", None):
            detail["code"] = refusal.code
        store.tell(work, event.attempt.payment_id, name, **detail)


def resume_overdue(row: Any, work: Work) -> None:
    """A payment that should have ended by now: ask the router to move it on. The id is fresh: every asking counts."""
    work.send(ResumePayment(correlation_id=row.payment_id, payment_id=row.payment_id, merchant_id=row.merchant_id))
