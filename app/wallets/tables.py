"""Tables of this room: which accounts there are and which secret each hangs on. The secrets themselves are in the vault."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash, Uint256

wallets = sa.Table(
    "wallets",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),  # hd: a phrase; imported: one private key
    sa.Column("label", sa.String(60), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # pending until its plan is done, then ready
    sa.Column("plan_id", sa.String(36), nullable=False),  # the plan that made it; empty while that plan is being drafted
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("path", sa.String(120), nullable=False),  # of its accounts, with {index}; empty for a single key
    sa.Column("drilled_at", sa.BigInteger, nullable=False),  # when a backup last gave the same addresses; 0: never
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("address", Address, nullable=False, unique=True),
    sa.Column("label", sa.String(60), nullable=False),
    sa.Column("label_key", sa.String(120), nullable=False, unique=True),  # casefolded: two labels never differ by case alone
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("path", sa.String(120), nullable=False),
    sa.Column("wallet_id", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("group_name", sa.String(60), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),  # place in the list
    sa.Column("note", sa.String(500), nullable=False),
    sa.Column("signer", sa.String(300), nullable=False),  # URL of an external account's signer, else empty
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("label", sa.String(60), nullable=False),
    sa.Column("label_key", sa.String(120), nullable=False, unique=True),
    sa.Column("address", Address, nullable=False, index=True),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("network", sa.String(40), nullable=False),  # id of the only network it is meant on, or empty
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

tokens = sa.Table(
    "wallet_tokens",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("address", Address, primary_key=True),
    sa.Column("symbol", sa.String(40), nullable=False),  # as it is shown here: unique per network
    sa.Column("decimals", sa.Integer, nullable=False),
    sa.Column("added_at", sa.BigInteger, nullable=False),
)

# What was read of the logs of one account: every block from first to last. The anchor is a block so far back that no reorganisation
# is expected to reach it: from there on it is read again when the last block has changed.
log_scans = sa.Table(
    "wallet_log_scans",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True),  # approval or transfer
    sa.Column("account", Address, primary_key=True),
    sa.Column("token", Address, primary_key=True),  # twenty zero bytes: all tokens
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("last_hash", Hash, nullable=False),
    sa.Column("anchor", sa.BigInteger, nullable=False),
    sa.Column("anchor_hash", Hash, nullable=False),
)

log_rows = sa.Table(
    "wallet_log_rows",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("account", Address, primary_key=True),
    sa.Column("block", sa.BigInteger, primary_key=True),
    sa.Column("log_index", sa.Integer, primary_key=True),
    sa.Column("token", Address, nullable=False),
    sa.Column("sender", Address, nullable=False),  # or owner of an allowance
    sa.Column("recipient", Address, nullable=False),  # or its spender
    sa.Column("amount", Uint256, nullable=False),
    sa.Column("tx_hash", Hash, nullable=False),
    sa.Column("block_hash", Hash, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),  # of the block, seconds; 0 until it was asked for
)

# What was read of the native coin of one account: every block from first to last. ``probed`` is the newest of them whose state was
# seen (high_…), low_… is the account before the first; a balance that is NULL is one the node no longer has.
coin_scans = sa.Table(
    "wallet_coin_scans",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("account", Address, primary_key=True),
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
    sa.Column("checked", sa.BigInteger, nullable=False),  # from here on every balance is explained, or stands as a difference
)

coin_rows = sa.Table(
    "wallet_coin_rows",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("account", Address, primary_key=True),
    sa.Column("block", sa.BigInteger, primary_key=True),
    sa.Column("place", sa.BigInteger, primary_key=True),  # in the block: transactions, then traces, withdrawals, the rest
    sa.Column("origin", sa.String(12), nullable=False),
    sa.Column("sender", Address, nullable=False),
    sa.Column("recipient", Address, nullable=False),
    sa.Column("amount", Uint256, nullable=False),  # wei
    sa.Column("fee", Uint256, nullable=False),  # wei, that the account paid
    sa.Column("succeeded", sa.Boolean, nullable=False),
    sa.Column("tx_hash", Hash, nullable=False, index=True),  # zeros where no transaction is known
    sa.Column("block_hash", Hash, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),  # of the block, seconds
    sa.Column("since", sa.BigInteger, nullable=False),  # the first block in which it may have happened
)
