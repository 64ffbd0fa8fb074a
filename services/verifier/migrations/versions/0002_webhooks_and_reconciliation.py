"""Gateways' webhooks, reconciliation, audit, and whose word settled a verification."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_pkey")),
    )
    op.create_index("audit_at", "audit", ["at"], unique=False)
    op.create_table(
        "discrepancies",
        sa.Column("discrepancy_id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("comparison", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("difference", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("discrepancy_id", name=op.f("discrepancies_pkey")),
    )
    op.create_index("discrepancies_found", "discrepancies", ["found_at"], unique=False)
    op.create_index("discrepancies_open", "discrepancies", ["gateway", "seen_at"], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_index(
        "discrepancies_payment", "discrepancies", ["payment_id"], unique=False, postgresql_where=sa.text("payment_id IS NOT NULL")
    )
    op.create_table(
        "gateway_events",
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("gateway_reference", sa.Text(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("evidence_id", name=op.f("gateway_events_pkey")),
    )
    op.create_index(
        "gateway_events_payment", "gateway_events", ["payment_id"], unique=False, postgresql_where=sa.text("payment_id IS NOT NULL")
    )
    op.create_index("gateway_events_received", "gateway_events", ["received_at"], unique=False)
    op.create_index(
        "gateway_events_unmatched", "gateway_events", ["received_at"], unique=False, postgresql_where=sa.text("state = 'unmatched'")
    )
    op.create_table(
        "reconciliation_runs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slice_s", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("again", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("missing", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unexpected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount_mismatch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("resolved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("reconciliation_runs_pkey")),
    )
    op.create_index(
        "reconciliation_runs_due", "reconciliation_runs", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_index(
        "reconciliation_runs_running", "reconciliation_runs", ["gateway"], unique=True, postgresql_where=sa.text("state = 'running'")
    )
    op.create_index("reconciliation_runs_started", "reconciliation_runs", ["started_at"], unique=False)
    op.create_table(
        "reconciliation_schedule",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("covered_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("gateway", name=op.f("reconciliation_schedule_pkey")),
    )
    op.add_column("verifications", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("verifications", sa.Column("confirmed", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("verifications", sa.Column("gateway_reference", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("verifications", "gateway_reference")
    op.drop_column("verifications", "confirmed")
    op.drop_column("verifications", "source")
    op.drop_table("reconciliation_schedule")
    op.drop_index("reconciliation_runs_started", table_name="reconciliation_runs")
    op.drop_index("reconciliation_runs_running", table_name="reconciliation_runs", postgresql_where=sa.text("state = 'running'"))
    op.drop_index("reconciliation_runs_due", table_name="reconciliation_runs", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_table("reconciliation_runs")
    op.drop_index("gateway_events_unmatched", table_name="gateway_events", postgresql_where=sa.text("state = 'unmatched'"))
    op.drop_index("gateway_events_received", table_name="gateway_events")
    op.drop_index("gateway_events_payment", table_name="gateway_events", postgresql_where=sa.text("payment_id IS NOT NULL"))
    op.drop_table("gateway_events")
    op.drop_index("discrepancies_payment", table_name="discrepancies", postgresql_where=sa.text("payment_id IS NOT NULL"))
    op.drop_index("discrepancies_open", table_name="discrepancies", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("discrepancies_found", table_name="discrepancies")
    op.drop_table("discrepancies")
    op.drop_index("audit_at", table_name="audit")
    op.drop_table("audit")
