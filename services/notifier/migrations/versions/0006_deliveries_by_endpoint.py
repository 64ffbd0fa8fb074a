"""Deliveries are listed and replayed endpoint by endpoint, which serves a merchant as well as one of its endpoints, and operators list all."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OF_ENDPOINT = ["endpoint_id", "created_at", "delivery_id"]
OF_MERCHANT = ["merchant_id", "created_at", "delivery_id"]
UNHEARD = sa.text("state IN ('parked', 'skipped')")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("deliveries_newest", "deliveries", ["created_at", "delivery_id"], postgresql_concurrently=True)
        op.create_index("deliveries_of_endpoint", "deliveries", OF_ENDPOINT, postgresql_concurrently=True)
        op.create_index("deliveries_unheard_of_endpoint", "deliveries", OF_ENDPOINT, postgresql_where=UNHEARD, postgresql_concurrently=True)
        op.drop_index("deliveries_unheard", table_name="deliveries", postgresql_concurrently=True)
        op.drop_index("deliveries_merchant", table_name="deliveries", postgresql_concurrently=True)


def downgrade() -> None:
    op.create_index("deliveries_merchant", "deliveries", OF_MERCHANT, unique=False)
    op.create_index("deliveries_unheard", "deliveries", OF_MERCHANT, unique=False, postgresql_where=UNHEARD)
    op.drop_index("deliveries_unheard_of_endpoint", table_name="deliveries")
    op.drop_index("deliveries_of_endpoint", table_name="deliveries")
    op.drop_index("deliveries_newest", table_name="deliveries")
