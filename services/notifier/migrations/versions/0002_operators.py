"""Deliveries that belong to no payment: what operators are told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("deliveries", "payment_id", existing_type=sa.Uuid(), nullable=True)


def downgrade() -> None:
    op.execute(
        "DELETE FROM delivery_attempts USING deliveries d WHERE d.delivery_id = delivery_attempts.delivery_id AND d.payment_id IS NULL"
    )
    op.execute("DELETE FROM deliveries WHERE payment_id IS NULL")
    op.alter_column("deliveries", "payment_id", existing_type=sa.Uuid(), nullable=False)
