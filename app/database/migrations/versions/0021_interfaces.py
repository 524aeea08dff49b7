"""Interfaces of contracts that somebody else deployed."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Json

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "interfaces",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("address", Address, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("abi", Json, nullable=False),
        sa.Column("origin", sa.String(80), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "address", name="pk_interfaces"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
