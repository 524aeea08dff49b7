"""Tables of the ledger room."""

import sqlalchemy as sa
from alembic import op

from app.database.types import Address, Hash, Uint256

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "ledger_networks",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("key", sa.String(90), nullable=False),
        sa.Column("token", Address, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("cap", Uint256, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_networks"),
        sa.UniqueConstraint("key", name="uq_ledger_networks_key"),
    )
    op.create_table(
        "ledger_blocks",
        sa.Column("network", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("hash", Hash, nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("digest", Hash, nullable=False),
        sa.PrimaryKeyConstraint("network", "number", name="pk_ledger_blocks"),
    )
    op.create_table(
        "ledger_transactions",
        sa.Column("network", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("block", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("hash", Hash, nullable=False),
        sa.Column("sender", Address, nullable=False),
        sa.Column("recipient", Address, nullable=True),
        sa.Column("value", Uint256, nullable=False),
        sa.Column("succeeded", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("network", "block", "position", name="pk_ledger_transactions"),
    )
    op.create_index("ix_ledger_transactions_hash", "ledger_transactions", ["network", "hash"])
    op.create_table(
        "ledger_entries",
        sa.Column("network", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("block", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("log_index", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tx_hash", Hash, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("sender", Address, nullable=False),
        sa.Column("recipient", Address, nullable=False),
        sa.Column("amount", Uint256, nullable=False),
        sa.Column("proof", Hash, nullable=True),
        sa.Column("reference", Hash, nullable=True),
        sa.PrimaryKeyConstraint("network", "block", "log_index", name="pk_ledger_entries"),
    )
    op.create_index("ix_ledger_entries_amount", "ledger_entries", ["network", "amount", "block", "log_index"])
    op.create_index("ix_ledger_entries_kind", "ledger_entries", ["network", "kind", "block", "log_index"])
    op.create_index("ix_ledger_entries_recipient", "ledger_entries", ["network", "recipient", "block"])
    op.create_index("ix_ledger_entries_sender", "ledger_entries", ["network", "sender", "block"])
    op.create_index("ix_ledger_entries_tx", "ledger_entries", ["network", "tx_hash"])
    op.create_table(
        "ledger_proofs",
        sa.Column("network", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("block", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("log_index", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("tx_hash", Hash, nullable=False),
        sa.Column("digest", Hash, nullable=False),
        sa.Column("contributor", Address, nullable=False),
        sa.Column("reward", Uint256, nullable=False),
        sa.Column("burned", Uint256, nullable=False),
        sa.Column("evidence", Hash, nullable=False),
        sa.PrimaryKeyConstraint("network", "block", "log_index", name="pk_ledger_proofs"),
    )
    op.create_index("ix_ledger_proofs_digest", "ledger_proofs", ["network", "digest"])
    op.create_table(
        "ledger_balances",
        sa.Column("network", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("account", Address, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("received", Uint256, nullable=False),
        sa.Column("sent", Uint256, nullable=False),
        sa.Column("balance", Uint256, nullable=False),
        sa.PrimaryKeyConstraint("network", "account", "block", name="pk_ledger_balances"),
    )
    op.create_index("ix_ledger_balances_block", "ledger_balances", ["network", "block"])
    op.create_table(
        "ledger_supply",
        sa.Column("network", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("block", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("minted", Uint256, nullable=False),
        sa.Column("burned", Uint256, nullable=False),
        sa.PrimaryKeyConstraint("network", "block", name="pk_ledger_supply"),
    )


def downgrade() -> None:
    """The history only goes forward; a backup is taken before each upgrade."""
    raise NotImplementedError("Restore the backup that was made before the upgrade.")
