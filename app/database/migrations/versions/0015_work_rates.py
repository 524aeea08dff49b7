"""Hash rates of workers over the last day."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "work_rates",
        sa.Column("worker", sa.String(36), primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("rate", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
