"""The verifier's tables."""

from sqlalchemy import BigInteger, Column, DateTime, Double, Index, Integer, SmallInteger, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.storage.tables import inbox_table, new_metadata, outbox_table

metadata = new_metadata()
inbox, outbox = inbox_table(metadata), outbox_table(metadata)

verifications = Table(
    "verifications",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("attempt", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lookups", Integer, nullable=False),
    Column("not_found", SmallInteger, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True)),  # the next lookup; null when settled or exhausted
    Column("source", Text),  # whose word settled it
    Column("confirmed", JSONB),  # what a success is said to have taken
    Column("gateway_reference", Text),
    Index("verifications_payment", "payment_id"),
    Index("verifications_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    Index("verifications_exhausted", "changed_at", postgresql_where=text("state = 'exhausted'")),
)
gateway_events = Table(
    "gateway_events",
    metadata,
    Column("evidence_id", Uuid, primary_key=True),  # of account, event id and body: a copy finds the row and changes nothing
    Column("gateway", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("body_sha256", Text, nullable=False),
    Column("operation", Text),
    Column("reference", Text),
    Column("gateway_reference", Text),
    Column("finding", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("code", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempt_id", Uuid),
    Column("payment_id", Uuid),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Index("gateway_events_received", "received_at"),
    Index("gateway_events_unmatched", "received_at", postgresql_where=text("state = 'unmatched'")),
    Index("gateway_events_payment", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
)
reconciliation_schedule = Table(
    "reconciliation_schedule",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("covered_until", DateTime(timezone=True)),  # what lies before has been compared
)
reconciliation_runs = Table(
    "reconciliation_runs",
    metadata,
    Column("run_id", Uuid, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    Column("covered_until", DateTime(timezone=True), nullable=False),  # the next slice begins here
    Column("slice_s", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("again", JSONB, nullable=False),  # references that open discrepancies are about, looked at with the first slice
    *(
        Column(count, Integer, nullable=False, server_default="0")
        for count in ("matched", "expected", "missing", "unexpected", "amount_mismatch", "resolved")
    ),
    Column("tries", SmallInteger, nullable=False, server_default="0"),  # of the present slice, beyond the first
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),  # when a slice that nobody answered is asked for again
    Index("reconciliation_runs_running", "gateway", unique=True, postgresql_where=text("state = 'running'")),
    Index("reconciliation_runs_started", "started_at"),
    Index("reconciliation_runs_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
)
discrepancies = Table(
    "discrepancies",
    metadata,
    Column("discrepancy_id", Uuid, primary_key=True),  # of account, comparison and reference: found again is one row
    Column("gateway", Text, nullable=False),
    Column("comparison", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("difference", JSONB, nullable=False),
    Column("attempt_id", Uuid),
    Column("payment_id", Uuid),
    Column("run_id", Uuid, nullable=False),
    Column("found_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("resolved_at", DateTime(timezone=True)),
    Column("resolved_by", Text),
    Column("resolution", Text),
    Index("discrepancies_found", "found_at"),
    Index("discrepancies_open", "gateway", "seen_at", postgresql_where=text("state = 'open'")),
    Index("discrepancies_payment", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
)
audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("reason", Text, nullable=False),
    Index("audit_at", "at"),
)
