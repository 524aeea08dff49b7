"""Tables of the contracts room."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "deployments",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("address", Address, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("tx_hash", Hash, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("block_hash", Hash, nullable=False),
        sa.Column("deployer", Address, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("artifact", sa.String(64), nullable=False),
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("network", "address", name="pk_deployments"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
