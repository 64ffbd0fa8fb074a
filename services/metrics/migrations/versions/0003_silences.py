"""Timeouts and what was found to have succeeded after one, faded like estimates."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "silences",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("late", sa.Double(), nullable=False),
        sa.Column("timeouts", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "method", "bank", name=op.f("silences_pkey")),
    )


def downgrade() -> None:
    op.drop_table("silences")
