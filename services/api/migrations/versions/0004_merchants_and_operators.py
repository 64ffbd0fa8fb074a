"""Publishable keys and secrets that overlap, origins that may check out, operators by name, and the audit of the edge."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("merchants", sa.Column("allowed_origins", JSONB, server_default="[]", nullable=False))
    op.add_column("merchants", sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False))
    op.create_index("merchants_origins", "merchants", ["allowed_origins"], unique=False, postgresql_using="gin")
    op.alter_column("api_keys", "secret_sha256", existing_type=sa.LargeBinary(), nullable=True)
    op.add_column("api_keys", sa.Column("publishable", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("api_keys", sa.Column("previous_sha256", sa.LargeBinary(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("api_keys", sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False))
    op.create_check_constraint(op.f("api_keys_of_use_check"), "api_keys", "secret_sha256 IS NOT NULL OR publishable")
    op.create_table(
        "operator_keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("operator_keys_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("operator_keys_sha256_key")),
    )
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


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("operator_keys")
    op.drop_constraint(op.f("api_keys_of_use_check"), "api_keys")
    op.execute("DELETE FROM api_keys WHERE secret_sha256 IS NULL")
    for name in ("created_at", "previous_until", "previous_sha256", "publishable"):
        op.drop_column("api_keys", name)
    op.alter_column("api_keys", "secret_sha256", existing_type=sa.LargeBinary(), nullable=False)
    op.drop_index("merchants_origins", table_name="merchants")
    op.drop_column("merchants", "created_at")
    op.drop_column("merchants", "allowed_origins")
