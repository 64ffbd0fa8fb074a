"""First tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("inbox_pkey")),
    )
    op.create_index("inbox_handled_at", "inbox", ["handled_at"], unique=False, postgresql_using="brin")
    op.create_table(
        "leader",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("leader_pkey")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("rung", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("refusals", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("outbox_pkey")),
    )
    op.create_index("outbox_due", "outbox", ["due_at"], unique=False, postgresql_where=sa.text("parked_at IS NULL"))
    op.create_table(
        "outcomes",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("phase", sa.SmallInteger(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("outcome_class", sa.Text(), nullable=False),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("folded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("attempt_id", "phase", name=op.f("outcomes_pkey")),
    )
    op.create_index("outcomes_corrections", "outcomes", ["attempt_id"], unique=False, postgresql_where=sa.text("phase > 0"))
    op.create_index("outcomes_unfolded", "outcomes", ["heard_at"], unique=False, postgresql_where=sa.text("folded_at IS NULL"))
    op.create_table(
        "windows",
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("outcome_class", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "gateway", "method", "outcome_class", name=op.f("windows_pkey")),
    )


def downgrade() -> None:
    op.drop_table("windows")
    op.drop_index("outcomes_corrections", table_name="outcomes", postgresql_where=sa.text("phase > 0"))
    op.drop_index("outcomes_unfolded", table_name="outcomes", postgresql_where=sa.text("folded_at IS NULL"))
    op.drop_table("outcomes")
    op.drop_index("outbox_due", table_name="outbox", postgresql_where=sa.text("parked_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("leader")
    op.drop_index("inbox_handled_at", table_name="inbox", postgresql_using="brin")
    op.drop_table("inbox")
