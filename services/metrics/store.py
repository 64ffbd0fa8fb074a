"""What is written: outcomes as they come, and what the leader's fold adds up. What is too old to matter goes."""

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.metrics import tables
from services.metrics.domain.outcome import Outcome
from services.metrics.tables import inbox, metadata, outbox
from shared.storage.bulk import Bulk, insert
from shared.storage.pruner import id_before
from shared.storage.work import Work

__all__ = ["inbox", "metadata", "outbox"]

COLUMNS = (
    "attempt_id",
    "phase",
    "gateway",
    "method",
    "outcome_class",
    "latency_ms",
    "bank",
    "amount_bucket",
    "segment",
    "experiment_id",
    "arm",
    "control_pct",
    "probe",
    "epoch",
)
# A repeat has the same natural key and changes nothing, whatever message it came in.
INSERT_OUTCOME = insert(tables.outcomes, *COLUMNS, tail="ON CONFLICT DO NOTHING")


def _key(table: Table) -> str:
    return ", ".join(column.name for column in table.primary_key)


def _added(table: Table) -> Bulk:
    """Rows that add to what is there."""
    keys = [column.name for column in table.primary_key]
    tail = f"ON CONFLICT ({_key(table)}) DO UPDATE SET attempts = {table.name}.attempts + excluded.attempts"
    return insert(table, *keys, "attempts", tail=tail)


def _saved(table: Table, *columns: str) -> Bulk:
    """Rows that replace what is there."""
    keys = [column.name for column in table.primary_key]
    sets = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return insert(table, *keys, *columns, tail=f"ON CONFLICT ({_key(table)}) DO UPDATE SET {sets}")


ADD_MINUTES = _added(tables.minutes)
ADD_LATENCIES = _added(tables.latencies)
ADD_EXPERIMENT_COUNTS = _added(tables.experiment_counts)
ADD_EXPERIMENT_LATENCIES = _added(tables.experiment_latencies)
SAVE_BREAKERS = _saved(
    tables.breakers,
    "state",
    "epoch",
    "since",
    "until",
    "reason",
    "actor",
    "consecutive_failures",
    "probes",
    "probe_successes",
    "counts",
    "dropped_from",
    "unseen",
)
SAVE_ESTIMATES = _saved(tables.estimates, "successes", "failures", "at")
SAVE_SILENCES = _saved(tables.silences, "late", "timeouts", "at")
SAVE_ARMS = _saved(tables.arms, "successes", "failures", "at")
SAVE_HISTORY = _saved(tables.history, "attributable", "succeeded", "latency_ms_p95")
SAVE_EXPERIMENTS = _saved(tables.experiments, "control_pct")
INSERT_AUDIT = insert(tables.audit, "actor", "action", "subject", "before", "after", "reason")

ROWS_MAX = 5_000  # in one statement, so that pruning never holds a fold up
PRUNE_EVERY_S = 60.0
OLD = (  # when a row is too old
    (tables.outcomes, f"attempt_id < {id_before(4)} AND folded_at IS NOT NULL AND heard_at < now() - interval '4 days'"),
    (tables.minutes, "minute < now() - interval '2 days'"),
    (tables.latencies, "minute < now() - interval '6 hours'"),
    (tables.history, "at < now() - interval '30 days'"),
    (tables.estimates, "at < now() - interval '2 days'"),
    (tables.silences, "at < now() - interval '2 days'"),
    (tables.arms, "at < now() - interval '30 days'"),
)
PRUNE = [
    text(f"DELETE FROM {one.name} WHERE ({_key(one)}) IN (SELECT {_key(one)} FROM {one.name} WHERE {old} LIMIT {ROWS_MAX})")
    for one, old in OLD
]


def record(work: Work, outcome: Outcome) -> None:
    work.write(INSERT_OUTCOME, **{name: getattr(outcome, name) for name in COLUMNS})


async def prune(engine: AsyncEngine) -> int:
    """Returns how many rows went. A correction of an outcome that is gone counts as a word of its own."""
    gone = 0
    for statement in PRUNE:
        count = ROWS_MAX
        while count >= ROWS_MAX:
            async with engine.begin() as connection:
                count = (await connection.execute(statement)).rowcount
            gone += count
    return gone
