"""An index by which keys that are too old are found."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():  # payments go on meanwhile; begun anew where it was interrupted
        op.drop_index("idempotency_created_at", table_name="idempotency", if_exists=True)
        op.create_index(
            "idempotency_created_at", "idempotency", ["created_at"], unique=False, postgresql_using="brin", postgresql_concurrently=True
        )


def downgrade() -> None:
    op.drop_index("idempotency_created_at", table_name="idempotency")
