"""Captures, refunds, voids and reversals; orders; the sums of a payment."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SUMS = (
    "authorized_minor",
    "captured_minor",
    "capturing_minor",
    "released_minor",
    "releasing_minor",
    "refunded_minor",
    "refunding_minor",
    "reversed_minor",
)
CHECKS = {
    "authorized": "authorized_minor <= amount_minor",
    "captured": "captured_minor + capturing_minor + released_minor + releasing_minor <= authorized_minor",
    "refunded": "refunded_minor + refunding_minor <= captured_minor",
    "sums_positive": f"least({', '.join(SUMS)}) >= 0",
}
LIVE = "'processing', 'requires_action', 'pending_verification', 'requires_capture', 'succeeded', 'partially_refunded'"


def upgrade() -> None:
    op.add_column("idempotency", sa.Column("operation_id", sa.Uuid(), nullable=True))
    create_orders()
    op.add_column("payments", sa.Column("for_order", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("payments_for_order_fkey"), "payments", "orders", ["for_order"], ["order_id"])
    for name in SUMS:
        op.add_column("payments", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    # What was charged before there were sums.
    op.execute("UPDATE payments SET authorized_minor = amount_minor WHERE status IN ('succeeded', 'requires_capture')")
    op.execute("UPDATE payments SET captured_minor = amount_minor WHERE status = 'succeeded'")
    op.execute("UPDATE payments SET due_at = now() + interval '1 day' WHERE status = 'requires_capture'")
    for name, rule in CHECKS.items():
        op.create_check_constraint(op.f(f"payments_{name}_check"), "payments", rule)
    op.create_index(
        "payments_live_order",
        "payments",
        ["for_order"],
        unique=True,
        postgresql_where=sa.text(f"for_order IS NOT NULL AND status IN ({LIVE})"),
    )
    create_operations()


def create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("orders_amount_positive_check")),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("orders_merchant_id_fkey")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("orders_pkey")),
    )
    op.create_index(
        "orders_reference", "orders", ["merchant_id", "reference"], unique=True, postgresql_where=sa.text("reference IS NOT NULL")
    )


def create_operations() -> None:
    op.create_table(
        "operations",
        sa.Column("operation_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("does", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("target_reference", sa.Text(), nullable=True),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("closes", sa.Boolean(), nullable=False),
        sa.Column("releases", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("operations_amount_positive_check")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.payment_id"], name=op.f("operations_payment_id_fkey")),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("operations_pkey")),
    )
    op.create_index("operations_payment", "operations", ["payment_id", "created_at"], unique=False)
    op.create_index("operations_due", "operations", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index("operations_exhausted", "operations", ["updated_at"], unique=False, postgresql_where=sa.text("status = 'exhausted'"))


def downgrade() -> None:
    op.drop_table("operations")
    op.drop_index("payments_live_order", table_name="payments", postgresql_where=sa.text("for_order IS NOT NULL"))
    for name in CHECKS:
        op.drop_constraint(op.f(f"payments_{name}_check"), "payments")
    for name in reversed(SUMS):
        op.drop_column("payments", name)
    op.drop_constraint(op.f("payments_for_order_fkey"), "payments")
    op.drop_column("payments", "for_order")
    op.drop_table("orders")
    op.drop_column("idempotency", "operation_id")
