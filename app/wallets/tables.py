"""Tables of this room: which accounts there are and which secret each hangs on. The secrets themselves are in the vault."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address

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
