"""One fold's reading and writing, in the leader's transaction."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from json import dumps
from typing import Any
from uuid import UUID

from services.metrics import store
from services.metrics.domain.breaker import Breaker
from services.metrics.domain.learner import Learner
from services.metrics.domain.learnt import Learnt, Pair
from services.metrics.domain.outcome import FIRST, Outcome
from services.metrics.domain.words import settled
from shared.storage.bulk import Bulk
from shared.storage.transaction import Record, Transaction, positional

ROWS_MAX = 5_000  # in one fold: half a second of CPU, a tenth of the lease
LEASE_S = 5

# The row is the leader's lease and its lock: until the end of the transaction nobody else folds, takes over or forces a breaker.
LEAD = positional(
    f"INSERT INTO leader (id, holder, epoch, until) VALUES (1, :holder, 1, now() + interval '{LEASE_S} seconds')"
    " ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, until = excluded.until,"
    " epoch = leader.epoch + CASE WHEN leader.holder = excluded.holder THEN 0 ELSE 1 END"
    " WHERE leader.holder = excluded.holder OR leader.until < now() RETURNING epoch",
    "holder",
)
RESIGN = positional("UPDATE leader SET until = now() WHERE holder = :holder", "holder")
# What a round looks at first: mostly there is nothing to do.
GLANCE = positional(
    "SELECT now() AS now, coalesce(leader.holder = :holder OR leader.until < now(), true) AS ours,"
    " EXISTS (SELECT FROM outcomes WHERE folded_at IS NULL) AS fresh, EXISTS (SELECT FROM breakers WHERE unseen) AS forced"
    " FROM (SELECT) AS one LEFT JOIN leader ON leader.id = 1",
    "holder",
)
# Rows of the version before know no bucket and no breaker.
READ = {"amount_bucket": "coalesce(amount_bucket, '')", "probe": "coalesce(probe, false)", "epoch": "coalesce(epoch, 0)"}
# Rows are taken by `folded_at IS NULL`, never by a cursor on the id: a lower id may commit later.
TAKE = (
    "UPDATE outcomes SET folded_at = now() WHERE (attempt_id, phase) IN (SELECT attempt_id, phase FROM outcomes"
    f" WHERE folded_at IS NULL ORDER BY heard_at LIMIT {ROWS_MAX} FOR UPDATE SKIP LOCKED)"
    f" RETURNING {', '.join(READ.get(name, name) for name in store.COLUMNS)}, extract(epoch FROM heard_at)::float8 AS at_s"
)
# A first word may be preceded by its corrections only; those are few, and have an index of their own.
EARLIER = (
    "WITH said AS (SELECT attempt_id, phase, outcome_class, heard_at FROM outcomes"
    " WHERE phase > 0 AND folded_at IS NOT NULL AND attempt_id = ANY($1::uuid[])"
    " UNION ALL SELECT attempt_id, phase, outcome_class, heard_at FROM outcomes"
    " WHERE folded_at IS NOT NULL AND attempt_id = ANY($2::uuid[]))"
    " SELECT attempt_id, phase, outcome_class, extract(epoch FROM heard_at)::float8 AS at_s FROM said"
)


async def lead(transaction: Transaction, holder: UUID) -> int | None:
    """Our epoch while we hold the lease; None while another replica does."""
    rows = await transaction.fetch(LEAD, holder)
    return rows[0].epoch if rows else None


async def take(transaction: Transaction) -> list[Outcome]:
    """The outcomes that nobody has folded, marked as folded: those that count, each with what it takes back."""
    rows = await transaction.fetch(TAKE)
    if not rows:
        return []
    taken = [Outcome(*row) for row in rows]  # by position: by name it costs five times as much
    first, later = ({one.attempt_id for one in taken if (one.phase == FIRST) is wanted} for wanted in (True, False))
    earlier = await transaction.fetch(EARLIER, list(first - later), list(later))
    return settled(taken, _standing(earlier, {(one.attempt_id, one.phase): one for one in taken}))


def _standing(rows: Iterable[Record], taken: Mapping[tuple[UUID, int], Outcome]) -> dict[UUID, Outcome]:
    """By attempt: the word of the highest phase that was folded before, with the time of the first."""
    standing: dict[UUID, tuple[int, Any, float]] = {}
    for row in rows:
        if (row.attempt_id, row.phase) not in taken:
            phase, outcome_class, at_s = standing.get(row.attempt_id, (-1, None, row.at_s))
            higher = (row.phase, row.outcome_class) if row.phase > phase else (phase, outcome_class)
            standing[row.attempt_id] = (*higher, min(at_s, row.at_s))
    return {one: Outcome(one, phase, "", "", outcome_class, None, at_s=at_s) for one, (phase, outcome_class, at_s) in standing.items()}


async def persist(transaction: Transaction, learner: Learner, learnt: Learnt, moved: Iterable[Pair], now: datetime) -> None:
    """Add what was learnt. `moved` are breakers whose row must be written besides those that heard something."""
    pairs = sorted(learnt.breakers | set(moved))
    await _run(transaction, store.ADD_MINUTES, ({**minute_row(key), "attempts": n} for key, n in learnt.counts.items() if n))
    await _run(transaction, store.ADD_LATENCIES, ({**latency_row(key), "attempts": n} for key, n in learnt.latencies.items()))
    dropped = learner.drops
    await _run(transaction, store.SAVE_BREAKERS, (breaker_row(learner.breakers[pair], dropped.get(pair)) for pair in pairs))
    await _run(transaction, store.SAVE_ESTIMATES, estimate_rows(learner, learnt, now))
    await _run(transaction, store.SAVE_SILENCES, silence_rows(learner, learnt, now))
    await _run(transaction, store.SAVE_ARMS, arm_rows(learner, learnt, now))
    if learnt.experiments:
        pcts = ({"experiment_id": name, "control_pct": pct} for name, pct in learnt.control_pcts.items())
        await _run(transaction, store.SAVE_EXPERIMENTS, pcts)
        counts = zip(learnt.experiments, learnt.experiments.values(), strict=True)
        rows = ({"experiment_id": name, "arm": arm, "outcome_class": what, "attempts": n} for (name, arm, what), n in counts)
        await _run(transaction, store.ADD_EXPERIMENT_COUNTS, rows)
        bins = learnt.experiment_latencies.items()
        rows = ({"experiment_id": name, "arm": arm, "bin": number, "attempts": n} for (name, arm, number), n in bins)
        await _run(transaction, store.ADD_EXPERIMENT_LATENCIES, rows)


def minute_row(key: tuple[int, str, str, str, str, str]) -> dict[str, Any]:
    minute_s, gateway, method, bank, amount_bucket, outcome_class = key
    minute = datetime.fromtimestamp(minute_s, UTC)
    return {
        "minute": minute,
        "gateway": gateway,
        "method": method,
        "bank": bank,
        "amount_bucket": amount_bucket,
        "outcome_class": outcome_class,
    }


def latency_row(key: tuple[int, str, str, str, int]) -> dict[str, Any]:
    minute_s, gateway, method, bank, number = key
    return {"minute": datetime.fromtimestamp(minute_s, UTC), "gateway": gateway, "method": method, "bank": bank, "bin": number}


def breaker_row(breaker: Breaker, dropped_from: float | None, *, unseen: bool = False) -> dict[str, Any]:
    return {
        "gateway": breaker.gateway,
        "method": breaker.method,
        "state": breaker.state,
        "epoch": breaker.epoch,
        "since": datetime.fromtimestamp(breaker.since_s, UTC),
        "until": None if breaker.until_s is None else datetime.fromtimestamp(breaker.until_s, UTC),
        "reason": breaker.reason,
        "actor": breaker.actor,
        "consecutive_failures": breaker.consecutive_failures,
        "probes": breaker.probes,
        "probe_successes": breaker.probe_successes,
        "counts": dumps(breaker.counts()),
        "dropped_from": dropped_from,
        "unseen": unseen,
    }


def estimate_rows(learner: Learner, learnt: Learnt, now: datetime) -> Iterable[dict[str, Any]]:
    for gateway, method, bank in learnt.estimates:
        successes, failures = learner.estimates.read((gateway, method, bank or None), now.timestamp())
        yield {"gateway": gateway, "method": method, "bank": bank, "successes": successes, "failures": failures, "at": now}


def silence_rows(learner: Learner, learnt: Learnt, now: datetime) -> Iterable[dict[str, Any]]:
    for gateway, method, bank in learnt.silences:
        late, timeouts = learner.silences.read((gateway, method, bank or None), now.timestamp())
        yield {"gateway": gateway, "method": method, "bank": bank, "late": late, "timeouts": timeouts, "at": now}


def arm_rows(learner: Learner, learnt: Learnt, now: datetime) -> Iterable[dict[str, Any]]:
    for segment, gateway in learnt.arms:
        successes, failures = learner.arms.read((segment, gateway), now.timestamp())
        yield {"segment": segment, "gateway": gateway, "successes": successes, "failures": failures, "at": now}


async def _run(transaction: Transaction, statement: Bulk, rows: Iterable[dict[str, Any]]) -> None:
    if found := list(rows):
        await statement.run(transaction, found)
