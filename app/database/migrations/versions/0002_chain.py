"""Tables of the chain room."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash, Json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "network_pins",
        sa.Column("network_id", sa.String(64), nullable=False),
        sa.Column("chain_id", sa.BigInteger, nullable=False),
        sa.Column("genesis", Hash, nullable=False),
        sa.Column("pinned_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network_id", name="pk_network_pins"),
    )
    op.create_table(
        "own_networks",
        sa.Column("network_id", sa.String(64), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("network_id", name="pk_own_networks"),
    )
    op.create_table(
        "transactions",
        sa.Column("hash", Hash, nullable=False),
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("sender", Address, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("plan_id", sa.String(36), nullable=False),
        sa.Column("step_index", sa.Integer, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("block_hash", Hash, nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_transactions"),
    )
    op.create_index("ix_transactions_sender", "transactions", ["network", "sender", "nonce"])
    op.create_index("ix_transactions_plan", "transactions", ["plan_id", "step_index"])


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
