"""An index by which keys that are too old are found; the inbox is pruned by its primary key."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():  # payments go on meanwhile; begun anew where it was interrupted
        op.drop_index("idempotency_created_at", table_name="idempotency", if_exists=True)
        op.create_index("idempotency_created_at", "idempotency", ["created_at"], unique=False, postgresql_concurrently=True)
        op.drop_index("inbox_handled_at", table_name="inbox", if_exists=True)


def downgrade() -> None:
    op.create_index("inbox_handled_at", "inbox", ["handled_at"], unique=False, postgresql_using="brin")
    op.drop_index("idempotency_created_at", table_name="idempotency")
