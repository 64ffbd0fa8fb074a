"""Subscriptions and their tokens; an index for lists by method."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():  # payments go on meanwhile; begun anew where it was interrupted
        op.drop_index("payments_method", table_name="payments", if_exists=True)
        op.create_index(
            "payments_method",
            "payments",
            ["merchant_id", "method", "created_at", "payment_id"],
            unique=False,
            postgresql_concurrently=True,
        )
    op.create_table(
        "subscriptions",
        sa.Column("own_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("tokens_first", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tokens >= 0", name=op.f("subscriptions_tokens_positive_check")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("subscriptions_merchant_id_fkey")),
        sa.PrimaryKeyConstraint("own_id", name=op.f("subscriptions_pkey")),
    )
    op.create_index("subscriptions_merchant", "subscriptions", ["merchant_id", "created_at", "own_id"], unique=False)
    op.create_table(
        "token_grants",
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("own_id", sa.Uuid(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["own_id"], ["subscriptions.own_id"], name=op.f("token_grants_own_id_fkey")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("token_grants_pkey")),
    )
    op.add_column("payments", sa.Column("subscription_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_index("payments_method", table_name="payments")
    op.drop_column("payments", "subscription_id")
    op.drop_table("token_grants")
    op.drop_index("subscriptions_merchant", table_name="subscriptions")
    op.drop_table("subscriptions")
