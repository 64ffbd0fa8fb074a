"""A line a minute of every gateway and method: what is still known when windows are long forgotten."""

from collections import defaultdict
from datetime import datetime, timedelta

from services.metrics import store
from services.metrics.domain.histogram import Histogram
from shared.storage.transaction import Transaction

AGAIN_MIN = 3  # a minute is written again this often: outcomes and corrections come in late
CATCH_UP_MIN = 60  # minutes that a new leader fills in where nobody led

COUNTS = (
    "SELECT minute AS at, gateway, method,"
    " coalesce(sum(attempts) FILTER (WHERE outcome_class IN ('success', 'gateway_fault', 'unknown')), 0)::bigint AS attributable,"
    " coalesce(sum(attempts) FILTER (WHERE outcome_class = 'success'), 0)::bigint AS succeeded"
    " FROM minutes WHERE minute >= $1 AND minute < $2 GROUP BY 1, 2, 3"
)
BINS = (
    "SELECT minute AS at, gateway, method, bin, sum(attempts)::bigint AS attempts FROM latencies"
    " WHERE minute >= $1 AND minute < $2 GROUP BY 1, 2, 3, 4"
)


async def snapshot(transaction: Transaction, now: datetime, minutes: int) -> None:
    """Write the last `minutes` whole minutes; one that was written is written over."""
    until = now.replace(second=0, microsecond=0)
    since = until - timedelta(minutes=minutes)
    histograms: dict[tuple[datetime, str, str], Histogram] = defaultdict(Histogram)
    for row in await transaction.fetch(BINS, since, until):
        histograms[row.at, row.gateway, row.method].add_bin(row.bin, row.attempts)
    rows = []
    for row in await transaction.fetch(COUNTS, since, until):
        found = histograms.get((row.at, row.gateway, row.method))
        rows.append({**dict(row), "latency_ms_p95": found.percentile(0.95) if found else None})
    if rows:
        await store.SAVE_HISTORY.run(transaction, rows)
