"""Breakers, windows by bank and amount, latencies, estimates, experiments. `windows` stays until the version before is gone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arms",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("successes", sa.Double(), nullable=False),
        sa.Column("failures", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("segment", "gateway", name=op.f("arms_pkey")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_pkey")),
    )
    op.create_table(
        "breakers",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("consecutive_failures", sa.Integer(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("probe_successes", sa.Integer(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("dropped_from", sa.Double(), nullable=True),
        sa.Column("unseen", sa.Boolean(), server_default="false", nullable=False),
        sa.PrimaryKeyConstraint("gateway", "method", name=op.f("breakers_pkey")),
    )
    op.create_table(
        "estimates",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("successes", sa.Double(), nullable=False),
        sa.Column("failures", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "method", "bank", name=op.f("estimates_pkey")),
    )
    op.create_table(
        "experiment_counts",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("outcome_class", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "arm", "outcome_class", name=op.f("experiment_counts_pkey")),
    )
    op.create_table(
        "experiment_latencies",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("bin", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "arm", "bin", name=op.f("experiment_latencies_pkey")),
    )
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("control_pct", sa.SmallInteger(), nullable=False),
        sa.Column("guardrail", sa.Text(), nullable=True),
        sa.Column("violated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("experiments_pkey")),
    )
    op.create_table(
        "history",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("attributable", sa.BigInteger(), nullable=False),
        sa.Column("succeeded", sa.BigInteger(), nullable=False),
        sa.Column("latency_ms_p95", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("at", "gateway", "method", name=op.f("history_pkey")),
    )
    op.create_table(
        "latencies",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("bin", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "gateway", "method", "bank", "bin", name=op.f("latencies_pkey")),
    )
    op.create_table(
        "minutes",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("amount_bucket", sa.Text(), nullable=False),
        sa.Column("outcome_class", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "gateway", "method", "bank", "amount_bucket", "outcome_class", name=op.f("minutes_pkey")),
    )
    op.add_column("outcomes", sa.Column("bank", sa.Text(), nullable=True))
    op.add_column("outcomes", sa.Column("amount_bucket", sa.Text(), nullable=True))
    op.add_column("outcomes", sa.Column("segment", sa.Text(), nullable=True))
    op.add_column("outcomes", sa.Column("experiment_id", sa.Text(), nullable=True))
    op.add_column("outcomes", sa.Column("arm", sa.Text(), nullable=True))
    op.add_column("outcomes", sa.Column("control_pct", sa.SmallInteger(), nullable=True))
    op.add_column("outcomes", sa.Column("probe", sa.Boolean(), nullable=True))
    op.add_column("outcomes", sa.Column("epoch", sa.Integer(), nullable=True))
    op.execute(  # so that the first leader of this version knows the last hours
        "INSERT INTO minutes (minute, gateway, method, bank, amount_bucket, outcome_class, attempts)"
        " SELECT minute, gateway, method, '', '', outcome_class, attempts FROM windows WHERE minute > now() - interval '2 hours'"
    )
    # Not CONCURRENTLY: that waits for replicas that wait for this migration. It is one pass over the table, and small.
    op.create_index("outcomes_heard_at", "outcomes", ["heard_at"], unique=False, postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("outcomes_heard_at", table_name="outcomes", postgresql_using="brin")
    op.drop_column("outcomes", "epoch")
    op.drop_column("outcomes", "probe")
    op.drop_column("outcomes", "control_pct")
    op.drop_column("outcomes", "arm")
    op.drop_column("outcomes", "experiment_id")
    op.drop_column("outcomes", "segment")
    op.drop_column("outcomes", "amount_bucket")
    op.drop_column("outcomes", "bank")
    op.drop_table("minutes")
    op.drop_table("latencies")
    op.drop_table("history")
    op.drop_table("experiments")
    op.drop_table("experiment_latencies")
    op.drop_table("experiment_counts")
    op.drop_table("estimates")
    op.drop_table("breakers")
    op.drop_table("audit")
    op.drop_table("arms")
