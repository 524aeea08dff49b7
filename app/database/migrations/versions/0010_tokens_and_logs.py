"""Tokens that are looked at, and what was read of accounts' events."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash, Uint256

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "wallet_tokens",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("address", Address, nullable=False),
        sa.Column("symbol", sa.String(40), nullable=False),
        sa.Column("decimals", sa.Integer, nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "address", name="pk_wallet_tokens"),
    )
    op.create_table(
        "wallet_log_scans",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("account", Address, nullable=False),
        sa.Column("token", Address, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("last_hash", Hash, nullable=False),
        sa.Column("anchor", sa.BigInteger, nullable=False),
        sa.Column("anchor_hash", Hash, nullable=False),
        sa.PrimaryKeyConstraint("network", "kind", "account", "token", name="pk_wallet_log_scans"),
    )
    op.create_table(
        "wallet_log_rows",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("account", Address, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("log_index", sa.Integer, nullable=False),
        sa.Column("token", Address, nullable=False),
        sa.Column("sender", Address, nullable=False),
        sa.Column("recipient", Address, nullable=False),
        sa.Column("amount", Uint256, nullable=False),
        sa.Column("tx_hash", Hash, nullable=False),
        sa.Column("block_hash", Hash, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "kind", "account", "block", "log_index", name="pk_wallet_log_rows"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
