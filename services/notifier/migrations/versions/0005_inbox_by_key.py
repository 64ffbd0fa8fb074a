"""The inbox is pruned by its primary key."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("inbox_handled_at", table_name="inbox")


def downgrade() -> None:
    op.create_index("inbox_handled_at", "inbox", ["handled_at"], unique=False, postgresql_using="brin")
