"""Routing rules, their audit, and whole records of decisions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
OBJECTS = ("method_affinity", "bank_affinity", "amount_fit", "time_factor")
LISTS = ("fees", "maintenance")


def upgrade() -> None:
    op.add_column("gateways", sa.Column("bank", sa.Text(), nullable=True))
    for name in OBJECTS:
        op.add_column("gateways", sa.Column(name, JSONB, server_default="{}", nullable=False))
    for name in LISTS:
        op.add_column("gateways", sa.Column(name, JSONB, server_default="[]", nullable=False))
    op.create_table(
        "retry_policies",
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("attempts_max", sa.SmallInteger(), nullable=False),
        sa.Column("latency_budget_ms", sa.Integer(), nullable=False),
        sa.Column("retry_on_timeout", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("retry_policies_pkey")),
    )
    op.create_table(
        "scoring",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("weights", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("scoring_pkey")),
    )
    op.create_table(
        "experiments",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("treatment_gateway", sa.Text(), nullable=False),
        sa.Column("control_pct", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("merchant_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("experiments_pkey")),
    )
    op.create_table(
        "bandits",
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("segment", name=op.f("bandits_pkey")),
    )
    op.create_table(
        "shadow",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("policy", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("shadow_pkey")),
    )
    op.create_table(
        "shadow_decisions",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("made", sa.Text(), nullable=True),
        sa.Column("shadow", sa.Text(), nullable=True),
        sa.Column("expected_made", sa.Double(), nullable=False),
        sa.Column("expected_shadow", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", "number", name=op.f("shadow_decisions_pkey")),
    )
    op.create_index("shadow_decisions_at", "shadow_decisions", ["at"], unique=False, postgresql_using="brin")
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", JSONB, nullable=True),
        sa.Column("after", JSONB, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("audit_pkey")),
    )
    op.add_column("routes", sa.Column("skipped", JSONB, server_default="[]", nullable=False))
    op.alter_column("decisions", "ranked", existing_type=JSONB, nullable=True)
    op.add_column("decisions", sa.Column("record", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("decisions", "record")
    op.execute("UPDATE decisions SET ranked = '[]' WHERE ranked IS NULL")
    op.alter_column("decisions", "ranked", existing_type=JSONB, nullable=False)
    op.drop_column("routes", "skipped")
    for table in ("audit", "shadow_decisions", "shadow", "bandits", "experiments", "scoring", "retry_policies"):
        op.drop_table(table)
    for name in (*LISTS, *OBJECTS, "bank"):
        op.drop_column("gateways", name)
