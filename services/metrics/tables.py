"""Metrics' tables. In keys, what is not known is "" (a bank, an amount bucket): NULL would not be a key."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Index, Integer, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.tables import audit_table, inbox_table, new_metadata, outbox_table

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)


def _keys(*names: str) -> list[Column[str]]:
    return [Column(name, Text, primary_key=True) for name in names]


outcomes = Table(
    "outcomes",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("phase", SmallInteger, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("outcome_class", Text, nullable=False),
    Column("latency_ms", Integer),
    Column("heard_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("folded_at", DateTime(timezone=True)),
    Column("bank", Text),
    Column("amount_bucket", Text),
    Column("segment", Text),
    Column("experiment_id", Text),
    Column("arm", Text),
    Column("control_pct", SmallInteger),
    Column("probe", Boolean),
    Column("epoch", Integer),
    Index("outcomes_unfolded", "heard_at", postgresql_where=text("folded_at IS NULL")),
    Index("outcomes_corrections", "attempt_id", postgresql_where=text("phase > 0")),
    Index("outcomes_heard_at", "heard_at", postgresql_using="brin"),
)
minutes = Table(
    "minutes",
    metadata,
    Column("minute", DateTime(timezone=True), primary_key=True),
    *_keys("gateway", "method", "bank", "amount_bucket", "outcome_class"),
    Column("attempts", BigInteger, nullable=False),
)
latencies = Table(
    "latencies",
    metadata,
    Column("minute", DateTime(timezone=True), primary_key=True),
    *_keys("gateway", "method", "bank"),
    Column("bin", SmallInteger, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
)
breakers = Table(
    "breakers",
    metadata,
    *_keys("gateway", "method"),
    Column("state", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("actor", Text),
    Column("consecutive_failures", Integer, nullable=False),
    Column("probes", Integer, nullable=False),
    Column("probe_successes", Integer, nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("dropped_from", Double),  # the rate before a drop that was said and is not over
    Column("unseen", Boolean, nullable=False, server_default="false"),  # changed by hand: the leader has not read it yet
)
estimates = Table(
    "estimates",
    metadata,
    *_keys("gateway", "method", "bank"),
    Column("successes", Double, nullable=False),
    Column("failures", Double, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
silences = Table(
    "silences",
    metadata,
    *_keys("gateway", "method", "bank"),
    Column("late", Double, nullable=False),
    Column("timeouts", Double, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
arms = Table(
    "arms",
    metadata,
    *_keys("segment", "gateway"),
    Column("successes", Double, nullable=False),
    Column("failures", Double, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
history = Table(
    "history",
    metadata,
    Column("at", DateTime(timezone=True), primary_key=True),
    *_keys("gateway", "method"),
    Column("attributable", BigInteger, nullable=False),
    Column("succeeded", BigInteger, nullable=False),
    Column("latency_ms_p95", Integer),
)
experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", Text, primary_key=True),
    Column("control_pct", SmallInteger, nullable=False),
    Column("guardrail", Text),  # the violation that was said; it is said once
    Column("violated_at", DateTime(timezone=True)),
)
experiment_counts = Table(
    "experiment_counts",
    metadata,
    *_keys("experiment_id", "arm", "outcome_class"),
    Column("attempts", BigInteger, nullable=False),
)
experiment_latencies = Table(
    "experiment_latencies",
    metadata,
    *_keys("experiment_id", "arm"),
    Column("bin", SmallInteger, primary_key=True),
    Column("attempts", BigInteger, nullable=False),
)
audit = audit_table(metadata)
leader = Table(
    "leader",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", Uuid, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
)
# Of the version before, which still folds into it while it is replaced; nothing reads it any more.
windows = Table(
    "windows",
    metadata,
    Column("minute", DateTime(timezone=True), primary_key=True),
    *_keys("gateway", "method", "outcome_class"),
    Column("attempts", BigInteger, nullable=False),
)
