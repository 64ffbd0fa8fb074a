"""First tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency",
        sa.Column("claim", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("claim", name=op.f("idempotency_pkey")),
    )
    op.create_table(
        "inbox",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("inbox_pkey")),
    )
    op.create_index("inbox_handled_at", "inbox", ["handled_at"], unique=False, postgresql_using="brin")
    op.create_table(
        "merchants",
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("answer_wait_s", sa.Integer(), server_default="0", nullable=False),
        sa.Column("derive_idempotency_key", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("active", sa.Boolean(), server_default="true", nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("merchants_pkey")),
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
        "timeline",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", "id", name=op.f("timeline_pkey")),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("api_keys_merchant_id_fkey")),
        sa.PrimaryKeyConstraint("key_id", name=op.f("api_keys_pkey")),
    )
    op.create_index("api_keys_merchant", "api_keys", ["merchant_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("capture", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("order_id", sa.Text(), nullable=True),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("instrument", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payment_url", sa.Text(), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("last_event_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("payments_amount_positive_check")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("payments_merchant_id_fkey")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("payments_pkey")),
    )
    op.create_index("payments_due", "payments", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("payments_merchant", "payments", ["merchant_id", "created_at", "payment_id"], unique=False)
    op.create_index(
        "payments_order", "payments", ["merchant_id", "order_id"], unique=False, postgresql_where=sa.text("order_id IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("payments_order", table_name="payments", postgresql_where=sa.text("order_id IS NOT NULL"))
    op.drop_index("payments_merchant", table_name="payments")
    op.drop_index("payments_due", table_name="payments", postgresql_where=sa.text("due_at IS NOT NULL"))
    op.drop_table("payments")
    op.drop_index("api_keys_merchant", table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("timeline")
    op.drop_index("outbox_due", table_name="outbox", postgresql_where=sa.text("parked_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("merchants")
    op.drop_index("inbox_handled_at", table_name="inbox", postgresql_using="brin")
    op.drop_table("inbox")
    op.drop_table("idempotency")
