"""What a new leader begins with: everything the one before had learnt, read from the database."""

from collections.abc import Sequence
from datetime import datetime

from services.metrics.domain.breaker import Breaker
from services.metrics.domain.estimates import Fading
from services.metrics.domain.learner import Learner
from services.metrics.domain.windows import Latencies, Windows
from shared.storage.transaction import Record, Transaction

# The hour, and the minute that it begins in.
COUNTS = (
    "SELECT extract(epoch FROM minute)::bigint AS minute_s, gateway, method, bank, amount_bucket, outcome_class, attempts"
    " FROM minutes WHERE minute > $1::timestamptz - interval '61 minutes' AND attempts <> 0 AND gateway = coalesce($2::text, gateway)"
)
BINS = (
    "SELECT extract(epoch FROM minute)::bigint AS minute_s, gateway, method, bank, bin, attempts FROM latencies"
    " WHERE minute > $1::timestamptz - interval '61 minutes' AND attempts <> 0 AND gateway = coalesce($2::text, gateway)"
)
BREAKERS = "SELECT * FROM breakers ORDER BY gateway, method"
UNSEEN = "SELECT * FROM breakers WHERE unseen ORDER BY gateway, method"
ESTIMATES = "SELECT gateway, method, bank, successes, failures, extract(epoch FROM at)::float8 AS at_s FROM estimates"
SILENCES = "SELECT gateway, method, bank, late, timeouts, extract(epoch FROM at)::float8 AS at_s FROM silences"
ARMS = "SELECT segment, gateway, successes, failures, extract(epoch FROM at)::float8 AS at_s FROM arms ORDER BY segment, gateway"


async def load(transaction: Transaction, now: datetime) -> Learner:
    """As the leader before left it, but for one thing: outcomes of a minute are forgotten together, with the youngest of them."""
    learner = Learner()
    learner.windows.advance(now.timestamp())
    learner.rates.advance(now.timestamp())
    learner.latencies.advance(now.timestamp())
    for row in await transaction.fetch(COUNTS, now, None):
        learner.windows.restore((row.gateway, row.method, row.bank, row.amount_bucket), row.outcome_class, row.minute_s, row.attempts)
        if row.bank:
            learner.banks.add(row.bank)
        for bank in (None, row.bank) if row.bank else (None,):
            learner.rates.restore((row.gateway, row.method, bank), row.outcome_class, row.minute_s, row.attempts)
    restore_bins(learner.latencies, await transaction.fetch(BINS, now, None))
    for row in await transaction.fetch(BREAKERS):
        take_over(learner, row)
    for row in await transaction.fetch(ESTIMATES):
        learner.estimates.restore((row.gateway, row.method, row.bank or None), row.successes, row.failures, row.at_s)
    for row in await transaction.fetch(SILENCES):
        learner.silences.restore((row.gateway, row.method, row.bank or None), row.late, row.timeouts, row.at_s)
    await load_arms(transaction, learner.arms)
    return learner


async def load_windows(transaction: Transaction, gateway: str, now: datetime) -> tuple[Windows, Latencies]:
    """The last hour of one gateway."""
    windows, latencies = Windows(), Latencies()
    windows.advance(now.timestamp())
    latencies.advance(now.timestamp())
    for row in await transaction.fetch(COUNTS, now, gateway):
        windows.restore((row.gateway, row.method, row.bank, row.amount_bucket), row.outcome_class, row.minute_s, row.attempts)
    restore_bins(latencies, await transaction.fetch(BINS, now, gateway))
    return windows, latencies


async def load_arms(transaction: Transaction, arms: Fading[tuple[str, str]]) -> None:
    for row in await transaction.fetch(ARMS):
        arms.restore((row.segment, row.gateway), row.successes, row.failures, row.at_s)


async def load_unseen(transaction: Transaction, learner: Learner) -> list[tuple[str, str]]:
    """Breakers that somebody has changed by hand: the row is right, whatever the learner thought."""
    rows = await transaction.fetch(UNSEEN)
    for row in rows:
        take_over(learner, row)
    return [(row.gateway, row.method) for row in rows]


def take_over(learner: Learner, row: Record) -> None:
    pair = row.gateway, row.method
    learner.breakers[pair] = breaker_of(row)
    if row.dropped_from is not None:
        learner.drops[pair] = row.dropped_from


def breaker_of(row: Record) -> Breaker:
    breaker = Breaker(
        row.gateway,
        row.method,
        state=row.state,
        epoch=row.epoch,
        since_s=row.since.timestamp(),
        until_s=row.until.timestamp() if row.until else None,
        reason=row.reason,
        actor=row.actor,
        consecutive_failures=row.consecutive_failures,
        probes=row.probes,
        probe_successes=row.probe_successes,
    )
    breaker.restore(row.counts)
    return breaker


def restore_bins(latencies: Latencies, rows: Sequence[Record]) -> None:
    for row in rows:
        for bank in (None, row.bank) if row.bank else (None,):
            latencies.restore((row.gateway, row.method, bank), row.bin, row.minute_s, row.attempts)
