"""Evidence the verifier weighs, and the clock that makes it ask."""

from typing import Any

import structlog

from services.verifier import store
from services.verifier.domain.verdict import Open, Patience, Settled, next_lookup, weigh
from shared import topology
from shared.contracts import Attempt, AttemptDoubted, AttemptExpired, AttemptObserved, AttemptUnknown, AttemptVerified, LookupAttempt
from shared.messaging.handlers import Hears
from shared.storage.work import Work

hears = Hears()
log = structlog.get_logger()


@hears(topology.VERIFIER_EVIDENCE, loads=store.verification_of)
def attempt_in_doubt(event: AttemptUnknown | AttemptDoubted, work: Work, patience: Patience) -> None:
    """Open a verification, once. Who doubts what is settled has missed its verdict, which is asked for and said again."""
    row = store.read(work, event.attempt.attempt_id)
    if row is None:
        reason = event.reason if isinstance(event, AttemptUnknown) else "no outcome was heard of"
        store.open_one(work, event.attempt, reason=reason, due_at=next_lookup(lookups=0, now=work.now, patience=patience))
    elif isinstance(event, AttemptDoubted) and row.state in ("succeeded", "failed"):
        reason = f"{row.state}, which was not heard of"
        store.change(work, event.attempt.attempt_id, state="open", reason=reason, not_found=row.not_found, due_at=work.now)


@hears(topology.VERIFIER_EVIDENCE, loads=store.verification_of)
def attempt_expired(event: AttemptExpired, work: Work) -> None:
    """What a lookup of an attempt that was never started brings: there is nothing more to ask. Edge and router hear it themselves."""
    row = store.read(work, event.attempt.attempt_id)
    if row and row.state in ("open", "exhausted"):
        store.change(work, event.attempt.attempt_id, state="failed", reason=event.reason, not_found=row.not_found, due_at=None)


@hears(topology.VERIFIER_EVIDENCE, loads=store.verification_of)
def attempt_observed(event: AttemptObserved, work: Work, patience: Patience) -> None:
    """Settle, or keep asking. A success outweighs an earlier failure: the money moved, and the edge must know."""
    attempt, row = event.attempt, store.read(work, event.attempt.attempt_id)
    if row and row.state in ("succeeded", "failed") and not (row.state == "failed" and event.finding == "succeeded"):
        return
    weighed = weigh(
        event.finding,
        opened_at=row.opened_at if row else work.now,
        now=work.now,
        not_found=row.not_found if row else 0,
        patience=patience,
    )
    match weighed:
        case Settled(verdict=verdict, reason=reason):
            if row:
                store.change(work, attempt.attempt_id, state=verdict, reason=reason, not_found=row.not_found, due_at=None)
            else:
                store.open_one(work, attempt, reason=reason, due_at=None, state=verdict)
            work.publish(_verified(event, verdict))
        case Open(not_found=not_found, reason=reason):
            lookups = row.lookups if row else 0
            due_at = next_lookup(lookups=lookups, now=work.now, patience=patience)
            if row is None:
                store.open_one(work, attempt, reason=reason, due_at=due_at, not_found=not_found)
            elif due_at:
                store.change(work, attempt.attempt_id, state="open", reason=reason, not_found=not_found, due_at=due_at)
            else:
                log.error("verification_exhausted", attempt_id=str(attempt.attempt_id), payment_id=str(attempt.payment_id), lookups=lookups)
                store.change(
                    work, attempt.attempt_id, state="exhausted", reason=f"the ladder is spent; {reason}", not_found=not_found, due_at=None
                )


def _verified(event: AttemptObserved, verdict: str) -> AttemptVerified:
    return AttemptVerified.caused_by(
        event,
        attempt=event.attempt,
        verdict=verdict,
        source=event.source,
        confirmed=event.confirmed,
        refusal=event.refusal,
        gateway_reference=event.gateway_reference,
    )


def ask(row: Any, work: Work) -> None:
    """A verification is due: send its next lookup. Its answer, or the lease of a minute, decides when it is due again."""
    attempt = Attempt.model_validate(row.attempt)
    number = row.lookups + 1
    work.send(LookupAttempt(correlation_id=attempt.payment_id, attempt=attempt, number=number), to=attempt.gateway)
    store.asked(work, row.attempt_id, lookups=number)
