"""How the native coin of accounts moved, as blocks and balances say."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash, Uint256

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "wallet_coin_scans",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("account", Address, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("last_hash", Hash, nullable=False),
        sa.Column("anchor", sa.BigInteger, nullable=False),
        sa.Column("anchor_hash", Hash, nullable=False),
        sa.Column("probed", sa.BigInteger, nullable=False),
        sa.Column("high_balance", Uint256, nullable=False),
        sa.Column("high_nonce", sa.BigInteger, nullable=False),
        sa.Column("high_code", sa.Boolean, nullable=False),
        sa.Column("low_balance", Uint256, nullable=True),
        sa.Column("low_nonce", sa.BigInteger, nullable=False),
        sa.Column("low_code", sa.Boolean, nullable=False),
        sa.Column("checked", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "account", name="pk_wallet_coin_scans"),
    )
    op.create_table(
        "wallet_coin_rows",
        sa.Column("network", sa.String(90), nullable=False),
        sa.Column("account", Address, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.String(12), nullable=False),
        sa.Column("sender", Address, nullable=False),
        sa.Column("recipient", Address, nullable=False),
        sa.Column("amount", Uint256, nullable=False),
        sa.Column("fee", Uint256, nullable=False),
        sa.Column("succeeded", sa.Boolean, nullable=False),
        sa.Column("tx_hash", Hash, nullable=False),
        sa.Column("block_hash", Hash, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network", "account", "block", "place", name="pk_wallet_coin_rows"),
    )
    op.create_index("ix_wallet_coin_rows_tx_hash", "wallet_coin_rows", ["tx_hash"])


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
