"""A run of reconciliation, slice by slice: what the executor compared becomes counts and discrepancies, and the next slice is asked for."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from services.verifier import ledger
from services.verifier.domain.slices import Window, due_window, halved, slice_of
from services.verifier.ledger import Run
from shared.clock import new_id
from shared.contracts import ChargesCompared, CompareCharges, Difference, DiscrepancyFound
from shared.storage.work import Work

TRIES_MAX = 30  # half an hour without an answer from the executor

log = structlog.get_logger()


def start(work: Work, run_id: UUID, *, gateway: str, window: Window, asked_by: str, again: tuple[str, ...] = ()) -> None:
    _ask(work, ledger.begin(work, run_id, gateway=gateway, window=window, asked_by=asked_by, again=again))


def start_due(row: Any, work: Work) -> None:
    """An account's turn has come by the schedule."""
    window = due_window(now=work.now, covered_until=row.covered_until)
    start(work, new_id(), gateway=row.gateway, window=window, asked_by="schedule", again=tuple(row.again))


def ask_again(row: Any, work: Work) -> None:
    """A slice that nobody answered: its executor is away, or its answer got lost."""
    run = ledger.run_of(row)
    if run.tries > TRIES_MAX:
        _end(work, run, "failed", f"no answer from the executor, asked {run.tries} times")
    else:
        _ask(work, run)


def compared(event: ChargesCompared, work: Work) -> None:
    """Only the answer to the slice that the run is at counts: one that was asked for twice counts once."""
    run = ledger.read(work, event.run_id)
    if run is None or run.state != "running" or event.since != run.covered_until:
        return
    smaller = halved((event.until - event.since).total_seconds()) if event.too_many else run.slice_s
    if event.problem or smaller is None:
        _end(work, run, "failed", event.problem or f"the gateway lists too much for one answer at {event.since.isoformat()}")
        return
    run = replace(run, slice_s=smaller, tries=0) if event.too_many else _learn(work, run, event)
    if run.covered_until >= run.window.until:
        _end(work, run, "finished", "compared")
    else:
        ledger.advance(work, run, reason="under way")
        _ask(work, run)


def _learn(work: Work, run: Run, event: ChargesCompared) -> Run:
    """Discrepancies that are new are told; those that no longer hold are resolved."""
    anew: dict[str, Difference] = {one.reference: one for one in event.again}
    resolved = sum(ledger.resolve(work, run, one) for one in anew.values())
    listed = {one.reference: one for one in event.differences if one.reference not in anew}
    counts = {"matched": event.matched, "expected": event.expected, "resolved": resolved}
    for one in listed.values():
        counts[one.comparison] = counts.get(one.comparison, 0) + 1
    for one in (*listed.values(), *anew.values()):
        if one.comparison in ledger.DISAGREEING and (found := ledger.find(work, run, one)):
            said = {"discrepancy_id": found, "run_id": run.run_id, "gateway": run.gateway, "difference": one}
            work.publish(DiscrepancyFound.caused_by(event, discriminator=str(found), **said))
            log.warning("discrepancy_found", gateway=run.gateway, comparison=one.comparison, reference=one.reference, reason=one.reason)
    return replace(ledger.counted(run, **counts), covered_until=event.until, tries=0)


def _ask(work: Work, run: Run) -> None:
    """The id is fresh: every asking counts, and only the first answer does."""
    part = slice_of(run.window, covered_until=run.covered_until, slice_s=run.slice_s)
    again = tuple(run.again) if run.covered_until == run.window.since else ()
    command = CompareCharges(
        correlation_id=run.run_id, run_id=run.run_id, gateway=run.gateway, since=part.since, until=part.until, again=again
    )
    work.send(command, to=run.gateway)


def _end(work: Work, run: Run, state: Any, reason: str) -> None:
    ended = replace(run, state=state)
    say = log.error if state == "failed" else log.info
    say("reconciliation_ended", run_id=str(run.run_id), gateway=run.gateway, state=state, reason=reason, **run.counts)
    ledger.advance(work, ended, reason=reason)
