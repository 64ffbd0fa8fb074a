"""Endpoints that merchants keep themselves: rotation, order, health, a log with answers, and an audit."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ENDPOINTS: tuple[sa.Column[Any], ...] = (
    sa.Column("description", sa.Text(), server_default="", nullable=False),
    sa.Column("previous_secret_sealed", sa.Text(), nullable=True),
    sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
    sa.Column("ordered", sa.Boolean(), server_default="false", nullable=False),
    sa.Column("disabled_reason", sa.Text(), nullable=True),
    sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
    sa.Column("failing_told_at", sa.DateTime(timezone=True), nullable=True),
    sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
)
DELIVERIES: tuple[sa.Column[Any], ...] = (
    sa.Column("tries_before", sa.SmallInteger(), server_default="0", nullable=False),
    sa.Column("sequence", sa.Integer(), nullable=True),
    sa.Column("follows_event_id", sa.Uuid(), nullable=True),
)

PLACE = ["merchant_id", "created_at", "delivery_id"]
UNHEARD = sa.text("state IN ('parked', 'skipped')")


def upgrade() -> None:
    for column in ENDPOINTS:
        op.add_column("endpoints", column)
    for column in DELIVERIES:
        op.add_column("deliveries", column)
    op.add_column("delivery_attempts", sa.Column("response", sa.Text(), nullable=True))
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
    op.create_index("deliveries_merchant", "deliveries", PLACE, unique=False)
    op.create_index("deliveries_unheard", "deliveries", PLACE, unique=False, postgresql_where=UNHEARD)


def downgrade() -> None:
    op.drop_index("deliveries_unheard", table_name="deliveries", postgresql_where=UNHEARD)
    op.drop_index("deliveries_merchant", table_name="deliveries")
    op.drop_table("audit")
    op.drop_column("delivery_attempts", "response")
    for column in DELIVERIES:
        op.drop_column("deliveries", column.name)
    for column in ENDPOINTS:
        op.drop_column("endpoints", column.name)
