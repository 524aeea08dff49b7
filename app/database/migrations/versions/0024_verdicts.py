"""Verdicts on the code of contracts."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "verdicts",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("address", Address, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("verdict", sa.String(12), nullable=False),
        sa.Column("code_hash", Hash, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "address", name="pk_verdicts"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
