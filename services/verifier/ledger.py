"""Runs of reconciliation and what they found, as rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, get_args
from uuid import UUID

import orjson

from services.verifier.domain.names import discrepancy_id
from services.verifier.domain.slices import SLICE_S, Window
from services.verifier.tables import discrepancies, reconciliation_runs, reconciliation_schedule
from shared.contracts import ChargesCompared, Comparison, Difference
from shared.storage.bulk import insert, update
from shared.storage.work import Load, Rows, Work

UNANSWERED_S = 60.0  # a slice that nobody answered in this time is asked for again
COUNTS = ("matched", "expected", "missing", "unexpected", "amount_mismatch", "resolved")
DISAGREEING: tuple[Comparison, ...] = tuple(one for one in get_args(Comparison) if one not in ("matched", "expected"))

RUN = Rows(
    f"SELECT run_id AS key, gateway, since, until, covered_until, slice_s, state, asked_by, again, tries, {', '.join(COUNTS)}"
    " FROM reconciliation_runs WHERE run_id = ANY(cast(:keys AS uuid[])) ORDER BY run_id FOR UPDATE",
    rank=2,
)
DISCREPANCY = Rows(
    "SELECT discrepancy_id AS key, state, reason FROM discrepancies WHERE discrepancy_id = ANY(cast(:keys AS uuid[]))"
    " ORDER BY discrepancy_id FOR UPDATE",
    rank=3,
)
BEGIN = insert(
    reconciliation_runs, "run_id", "gateway", "since", "until", "covered_until", "slice_s", "state", "reason", "asked_by", "again",
    "started_at", "due_at",
)  # fmt: skip
ADVANCE = update(
    reconciliation_runs, "covered_until", "slice_s", "state", "reason", "tries", "due_at", "finished_at", *COUNTS, key="run_id"
)
COVERED = update(reconciliation_schedule, "covered_until", key="gateway")
FIND = insert(
    discrepancies, "discrepancy_id", "gateway", "comparison", "reference", "state", "reason", "difference", "attempt_id", "payment_id",
    "run_id", "found_at", "seen_at",
)  # fmt: skip
SEE = update(
    discrepancies, "state", "reason", "difference", "run_id", "seen_at", "resolved_at", "resolved_by", "resolution", key="discrepancy_id"
)
RESOLVE = update(discrepancies, "state", "resolved_at", "resolved_by", "resolution", key="discrepancy_id")
TOUCH = update(discrepancies, "seen_at", key="discrepancy_id")
# What goes by an attempt's name can be asked about again, fifty a run, those not seen for longest first.
# One run of an account at a time: an account whose run is not over stays due. Any replica may take it; the row is the lease.
TAKE_DUE = (
    "UPDATE reconciliation_schedule s SET due_at = now() + make_interval(secs => :due_every_s) WHERE gateway IN"
    " (SELECT d.gateway FROM reconciliation_schedule d WHERE d.due_at <= now() AND d.gateway = ANY(cast(:gateways AS text[]))"
    " AND NOT EXISTS (SELECT 1 FROM reconciliation_runs r WHERE r.gateway = d.gateway AND r.state = 'running')"
    " LIMIT 20 FOR UPDATE SKIP LOCKED)"
    " RETURNING gateway, covered_until, (SELECT coalesce(jsonb_agg(DISTINCT o.reference), '[]') FROM (SELECT reference FROM discrepancies"
    " WHERE discrepancies.gateway = s.gateway AND state = 'open' AND reference = attempt_id::text ORDER BY seen_at LIMIT 50) AS o) AS again"
)
TAKE_UNANSWERED = (
    f"UPDATE reconciliation_runs SET due_at = now() + interval '{UNANSWERED_S:.0f} seconds', tries = tries + 1 WHERE run_id IN"
    " (SELECT run_id FROM reconciliation_runs WHERE due_at <= now() ORDER BY due_at LIMIT 20 FOR UPDATE SKIP LOCKED)"
    f" RETURNING run_id AS key, gateway, since, until, covered_until, slice_s, state, asked_by, again, tries, {', '.join(COUNTS)}"
)


@dataclass(frozen=True, slots=True)
class Run:
    run_id: UUID
    gateway: str
    window: Window
    covered_until: datetime
    slice_s: float
    state: Literal["running", "finished", "failed"]
    asked_by: str
    again: Sequence[str]
    tries: int
    counts: dict[str, int]


def run_of(row: Any) -> Run:
    """A row of `RUN`, or one taken because nobody answered."""
    counts = {name: getattr(row, name) for name in COUNTS}
    window = Window(row.since, row.until)
    return Run(row.key, row.gateway, window, row.covered_until, row.slice_s, row.state, row.asked_by, tuple(row.again), row.tries, counts)


def rows_of(event: ChargesCompared) -> Sequence[Load]:
    """The run, and every discrepancy that these comparisons may open, see again or resolve."""
    wanted = {one: Load(DISCREPANCY, one) for one in _ids(event.gateway, (*event.differences, *event.again))}
    return [Load(RUN, event.run_id), *wanted.values()]


def _ids(gateway: str, differences: Iterable[Difference]) -> Iterable[UUID]:
    return (discrepancy_id(gateway, comparison, one.reference) for one in differences for comparison in DISAGREEING)


def read(work: Work, run_id: UUID) -> Run | None:
    row = work.row(RUN, run_id)
    return run_of(row) if row else None


def begin(work: Work, run_id: UUID, *, gateway: str, window: Window, asked_by: str, again: Sequence[str]) -> Run:
    run = Run(run_id, gateway, window, window.since, SLICE_S, "running", asked_by, tuple(again), 0, dict.fromkeys(COUNTS, 0))
    row = {"run_id": run_id, "gateway": gateway, "since": window.since, "until": window.until, "covered_until": window.since}
    row |= {"slice_s": SLICE_S, "state": "running", "reason": "under way", "asked_by": asked_by, "again": orjson.dumps(run.again).decode()}
    work.write(BEGIN, **row, started_at=work.now, due_at=work.now + timedelta(seconds=UNANSWERED_S))
    return run


def advance(work: Work, run: Run, *, reason: str) -> None:
    """Write what the run is now; one that is over is asked about no more."""
    running = run.state == "running"
    row = {"run_id": run.run_id, "covered_until": run.covered_until, "slice_s": run.slice_s, "state": run.state, "reason": reason}
    row |= {"tries": run.tries, "due_at": work.now + timedelta(seconds=UNANSWERED_S) if running else None}
    work.write(ADVANCE, **row, finished_at=None if running else work.now, **run.counts)
    if run.state == "finished" and run.asked_by == "schedule":
        work.write(COVERED, gateway=run.gateway, covered_until=run.window.until)


def counted(run: Run, **more: int) -> Run:
    return replace(run, counts={name: count + more.get(name, 0) for name, count in run.counts.items()})


def find(work: Work, run: Run, difference: Difference) -> UUID | None:
    """Keep what does not agree. Its id if that is news: it was not known, or had been resolved."""
    one = discrepancy_id(run.gateway, difference.comparison, difference.reference)
    known = work.row(DISCREPANCY, one)
    row = {"discrepancy_id": one, "state": "open", "reason": difference.reason, "run_id": run.run_id, "seen_at": work.now}
    row["difference"] = difference.model_dump_json(exclude_none=True)
    if known is None:
        about: dict[str, Any] = {"comparison": difference.comparison, "reference": difference.reference, "gateway": run.gateway}
        about |= {"attempt_id": difference.attempt_id, "payment_id": difference.payment_id}
        work.write(FIND, **row, **about, found_at=work.now)
        return one
    work.write(SEE, **row, resolved_at=None, resolved_by=None, resolution=None)
    return one if known.state == "resolved" else None


def resolve(work: Work, run: Run, difference: Difference) -> int:
    """Close what was found of this reference and no longer holds. How many those were. What cannot be said at present stays open."""
    resolved = 0
    for comparison in DISAGREEING:
        one = discrepancy_id(run.gateway, comparison, difference.reference)
        known = work.row(DISCREPANCY, one)
        if known is None or known.state != "open" or comparison == difference.comparison:
            continue
        if difference.comparison == "expected":
            work.write(TOUCH, discrepancy_id=one, seen_at=work.now)
        else:
            close(work, one, by=f"run {run.run_id}", resolution=difference.reason)
            resolved += 1
    return resolved


def close(work: Work, one: UUID, *, by: str, resolution: str) -> None:
    work.write(RESOLVE, discrepancy_id=one, state="resolved", resolved_at=work.now, resolved_by=by, resolution=resolution)
