"""Tables of this room. Everything in them can be computed again from the chain.

``network`` is the small number of a row of ``ledger_networks``, not the long key, because it stands in every row.
"""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash, Uint256

networks = sa.Table(
    "ledger_networks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(90), nullable=False, unique=True),
    sa.Column("token", Address, nullable=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),  # first - 1 before anything is indexed
    sa.Column("head", sa.BigInteger, nullable=False),  # the chain's head when last seen
    sa.Column("cap", Uint256, nullable=False),
)

# Only blocks whose header hash, transactions root and receipts root were recomputed come here.
blocks = sa.Table(
    "ledger_blocks",
    metadata,
    sa.Column("network", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hash", Hash, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),  # seconds, as the chain has it
    sa.Column("digest", Hash, nullable=False),  # over this block's rows and the digest of the block before
)

transactions = sa.Table(
    "ledger_transactions",
    metadata,
    sa.Column("network", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", Hash, nullable=False),
    sa.Column("sender", Address, nullable=False),
    sa.Column("recipient", Address, nullable=True),  # NULL: a contract was created
    sa.Column("value", Uint256, nullable=False),
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Index("ix_ledger_transactions_hash", "network", "hash"),
)

entries = sa.Table(
    "ledger_entries",
    metadata,
    sa.Column("network", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("log_index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tx_hash", Hash, nullable=False),
    sa.Column("kind", sa.String(24), nullable=False),
    sa.Column("sender", Address, nullable=False),
    sa.Column("recipient", Address, nullable=False),
    sa.Column("amount", Uint256, nullable=False),
    sa.Column("proof", Hash, nullable=True),  # digest of the value proof a mint names
    sa.Column("reference", Hash, nullable=True),  # redemption id, bank reference or role
    sa.Index("ix_ledger_entries_kind", "network", "kind", "block", "log_index"),
    sa.Index("ix_ledger_entries_sender", "network", "sender", "block"),
    sa.Index("ix_ledger_entries_recipient", "network", "recipient", "block"),
    sa.Index("ix_ledger_entries_tx", "network", "tx_hash"),
    sa.Index("ix_ledger_entries_amount", "network", "amount", "block", "log_index"),
)

proofs = sa.Table(
    "ledger_proofs",
    metadata,
    sa.Column("network", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("log_index", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("tx_hash", Hash, nullable=False),
    sa.Column("digest", Hash, nullable=False),
    sa.Column("contributor", Address, nullable=False),
    sa.Column("reward", Uint256, nullable=False),
    sa.Column("burned", Uint256, nullable=False),
    sa.Column("evidence", Hash, nullable=False),
    sa.Index("ix_ledger_proofs_digest", "network", "digest"),
)

# One row for each block in which an account's balance moved; the balance after it, so that no SQL ever sums a uint256.
balances = sa.Table(
    "ledger_balances",
    metadata,
    sa.Column("network", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", Address, primary_key=True),
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("received", Uint256, nullable=False),
    sa.Column("sent", Uint256, nullable=False),
    sa.Column("balance", Uint256, nullable=False),
    sa.Index("ix_ledger_balances_block", "network", "block"),
)

# The same for what was ever minted and burned.
supply = sa.Table(
    "ledger_supply",
    metadata,
    sa.Column("network", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("minted", Uint256, nullable=False),
    sa.Column("burned", Uint256, nullable=False),
)

BY_BLOCK = (
    (blocks, "number"),
    (transactions, "block"),
    (entries, "block"),
    (proofs, "block"),
    (balances, "block"),
    (supply, "block"),
)
