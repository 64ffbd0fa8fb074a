"""The router's tables."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Index, Integer, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.tables import audit_table, inbox_table, new_metadata, outbox_table

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)

gateways = Table(
    "gateways",
    metadata,
    Column("name", Text, primary_key=True),
    Column("methods", JSONB, nullable=False),
    Column("currencies", JSONB, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("amount_minor_min", BigInteger, nullable=False),
    Column("amount_minor_max", BigInteger, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("bank", Text),
    Column("method_affinity", JSONB, nullable=False, server_default="{}"),
    Column("bank_affinity", JSONB, nullable=False, server_default="{}"),
    Column("amount_fit", JSONB, nullable=False, server_default="{}"),
    Column("time_factor", JSONB, nullable=False, server_default="{}"),
    Column("fees", JSONB, nullable=False, server_default="[]"),
    Column("maintenance", JSONB, nullable=False, server_default="[]"),
)
retry_policies = Table(
    "retry_policies",
    metadata,
    Column("merchant_id", Text, primary_key=True),
    Column("attempts_max", SmallInteger, nullable=False),
    Column("latency_budget_ms", Integer, nullable=False),
    Column("retry_on_timeout", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
)
scoring = Table(
    "scoring",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),  # 1: there is one
    Column("policy", Text, nullable=False),
    Column("weights", JSONB, nullable=False),
)
experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("treatment_gateway", Text, nullable=False),
    Column("control_pct", SmallInteger, nullable=False),
    Column("method", Text),
    Column("merchant_id", Text),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
)
bandits = Table(
    "bandits",
    metadata,
    Column("segment", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
shadow = Table(
    "shadow",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),  # 1: there is one
    Column("policy", Text),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
audit = audit_table(metadata)
routes = Table(
    "routes",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("merchant_id", Text, nullable=False),
    Column("request", JSONB, nullable=False),  # the command, without the instrument
    Column("instrument", JSONB),  # sealed; forgotten when no attempt can use it any more
    Column("attempts", JSONB, nullable=False),
    Column("skipped", JSONB, nullable=False, server_default="[]"),  # gateways passed over because of their breakers
    Column("exhausted", JSONB),
    Column("forget_at", DateTime(timezone=True)),
    Index("routes_forget", "forget_at", postgresql_where=text("forget_at IS NOT NULL")),
)
decisions = Table(
    "decisions",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("gateway", Text),
    Column("reason", Text, nullable=False),
    Column("ranked", JSONB),  # of decisions from before there were records
    Column("record", Text),  # everything, to be replayed from; text, because nothing ever looks into it here
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
shadow_decisions = Table(
    "shadow_decisions",
    metadata,
    Column("payment_id", Uuid, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("made", Text),
    Column("shadow", Text),
    Column("expected_made", Double, nullable=False),
    Column("expected_shadow", Double, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("shadow_decisions_at", "at", postgresql_using="brin"),
)
