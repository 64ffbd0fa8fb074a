"""What is due is found endpoint by endpoint, so that one that hangs keeps no other's from being found."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        columns = ["endpoint_id", "due_at"]
        op.create_index("deliveries_due_of_endpoint", "deliveries", columns, postgresql_where=DUE, postgresql_concurrently=True)
        op.drop_index("deliveries_due", table_name="deliveries", postgresql_concurrently=True)


def downgrade() -> None:
    op.create_index("deliveries_due", "deliveries", ["due_at"], postgresql_where=DUE)
    op.drop_index("deliveries_due_of_endpoint", table_name="deliveries")
