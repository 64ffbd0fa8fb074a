"""Evidence the verifier weighs, and the clock that makes it ask."""

from typing import Any

import structlog

from services.verifier import ledger, reconciliation, store, witnesses
from services.verifier.domain.verdict import (
    AGAIN,
    AWAITED,
    UNHEARD,
    Charge,
    Open,
    Patiences,
    Settled,
    is_awaited,
    is_news,
    next_lookup,
    seen_as,
    spared,
    weigh,
)
from services.verifier.store import Word
from shared import topology
from shared.contracts import (
    Attempt,
    AttemptDoubted,
    AttemptExpired,
    AttemptIdentified,
    AttemptObserved,
    AttemptUnknown,
    AttemptVerified,
    ChargesCompared,
    IdentifyAttempt,
    LookupAttempt,
    ReceiveGatewayEvent,
)
from shared.messaging.handlers import Hears
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Work

hears = Hears()
log = structlog.get_logger()


@hears(topology.VERIFIER_EVIDENCE, loads=store.verification_of)
def attempt_in_doubt(event: AttemptUnknown | AttemptDoubted, work: Work, patiences: Patiences) -> None:
    """Open a verification, once. Who doubts what is settled has missed its verdict, which is asked for and said again. What is unknown
    after all goes up the ladder anew: nobody waits for its payer any more."""
    attempt, row, patience = event.attempt, store.read(work, event.attempt.attempt_id), patiences.of(event.attempt.gateway)
    if row is None:
        reason = event.reason if isinstance(event, AttemptUnknown) else UNHEARD
        due_at = next_lookup(lookups=0, now=work.now, patience=patience)
        store.open_one(work, attempt, reason=reason, due_at=due_at)
    elif isinstance(event, AttemptDoubted) and (row.state in ("succeeded", "failed") or row.waits):
        awaited = row.waits and is_awaited(attempt.operation, row.reason)
        reason = f"{AGAIN}{AWAITED if awaited else 'pending'}" if row.waits else f"{row.state}, which was not heard of"
        if awaited and not row.reason.startswith(AGAIN):
            store.asked(work, attempt.attempt_id, lookups=spared(row.lookups, patience=patience))
        store.change(work, attempt.attempt_id, state="open", reason=reason, not_found=row.not_found, due_at=work.now)
    elif isinstance(event, AttemptUnknown) and row.state == "open" and row.reason.endswith((UNHEARD, AWAITED)):
        store.asked(work, attempt.attempt_id, lookups=0)
        store.change(work, attempt.attempt_id, state="open", reason=event.reason, not_found=row.not_found, due_at=work.now)


@hears(topology.VERIFIER_EVIDENCE, loads=store.verification_of)
def attempt_expired(event: AttemptExpired, work: Work) -> None:
    """What a lookup of an attempt that was never started brings: there is nothing more to ask. Edge and router hear it themselves."""
    row = store.read(work, event.attempt.attempt_id)
    if row and row.state in ("open", "exhausted"):
        store.change(work, event.attempt.attempt_id, state="failed", reason=event.reason, not_found=row.not_found, due_at=None)


@hears(topology.VERIFIER_EVIDENCE, loads=store.verification_of)
def attempt_observed(event: AttemptObserved, work: Work, patiences: Patiences) -> None:
    """Settle, or keep asking. A success outweighs an earlier failure: the money moved, and the edge must know."""
    attempt, row, patience = event.attempt, store.read(work, event.attempt.attempt_id), patiences.of(event.attempt.gateway)
    seen = Charge(event.confirmed, event.gateway_reference) if event.confirmed else None
    if row and not is_news(row.state, event.finding, known=row.charge, seen=seen):
        return
    opened_at, not_found = (row.opened_at, row.not_found) if row else (work.now, 0)
    match weigh(event.finding, opened_at=opened_at, now=work.now, not_found=not_found, patience=patience):
        case Settled(verdict=verdict, reason=reason):
            word = Word(event.source, event.confirmed, event.gateway_reference)
            if row:
                store.change(work, attempt.attempt_id, state=verdict, reason=reason, not_found=row.not_found, due_at=None, word=word)
            else:
                store.open_one(work, attempt, reason=reason, due_at=None, state=verdict, word=word)
            work.publish(_verified(event, verdict))
        case Open(not_found=not_found, reason=reason):
            lookups = row.lookups if row else 0
            due_at = next_lookup(lookups=lookups, now=work.now, patience=patience)
            reason = seen_as(event.finding, reason, operation=attempt.operation, known=row.reason) if row else reason
            if row is None:
                store.open_one(work, attempt, reason=reason, due_at=due_at, not_found=not_found)
            elif due_at or reason == AWAITED:  # a payer who never acts is no operator's matter: the payment expires by itself
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


@hears(topology.VERIFIER_GATEWAY_EVENTS)
async def gateway_spoke(event: ReceiveGatewayEvent, unit_of_work: UnitOfWork) -> None:
    """A webhook: keep it, once, and ask the executor in the same transaction whose it is. Raises AlreadyHandled for a copy."""
    named = event.model_dump(include={"gateway", "finding", "operation", "reference", "gateway_reference"})
    identify = IdentifyAttempt.caused_by(
        event, evidence_id=witnesses.id_of(event), confirmed=event.confirmed, refusal=event.refusal, **named
    )
    await unit_of_work.win(witnesses.claim(event), lambda work: work.send(identify, to=event.gateway))


@hears(topology.VERIFIER_EVIDENCE)
def attempt_identified(event: AttemptIdentified, work: Work) -> None:
    """Whose webhook it was. What it proves comes as attempt.observed, if it is news."""
    if event.match == "unmatched":
        log.warning("gateway_event_unmatched", evidence_id=str(event.evidence_id), reason=event.reason)
    witnesses.settle(work, event)


@hears(topology.VERIFIER_RECONCILIATION, loads=ledger.rows_of)
def charges_compared(event: ChargesCompared, work: Work) -> None:
    """A slice of a reconciliation has been compared."""
    reconciliation.compared(event, work)
