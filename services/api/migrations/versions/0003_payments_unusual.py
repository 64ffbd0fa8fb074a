"""An index for lists of what did not simply succeed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "payments_unusual",
        "payments",
        ["merchant_id", "status", "created_at", "payment_id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('processing', 'succeeded')"),
    )


def downgrade() -> None:
    op.drop_index("payments_unusual", table_name="payments", postgresql_where=sa.text("status NOT IN ('processing', 'succeeded')"))
