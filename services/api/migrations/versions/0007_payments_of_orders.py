"""An index by which an order's payments are found, whatever has become of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():  # payments go on meanwhile; begun anew where it was interrupted
        op.drop_index("payments_for_order", table_name="payments", if_exists=True)
        op.create_index(
            "payments_for_order",
            "payments",
            ["for_order"],
            unique=False,
            postgresql_where=sa.text("for_order IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    op.drop_index("payments_for_order", table_name="payments", postgresql_where=sa.text("for_order IS NOT NULL"))
