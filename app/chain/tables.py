"""Tables of this room: what networks were seen to be, and every transaction that was signed here."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash, Json

network_pins = sa.Table(
    "network_pins",
    metadata,
    sa.Column("network_id", sa.String(64), primary_key=True),
    sa.Column("chain_id", sa.BigInteger, nullable=False),
    sa.Column("genesis", Hash, nullable=False),
    sa.Column("pinned_at", sa.BigInteger, nullable=False),
)

own_networks = sa.Table(
    "own_networks",
    metadata,
    sa.Column("network_id", sa.String(64), primary_key=True),
    sa.Column("body", Json, nullable=False),
)

transactions = sa.Table(
    "transactions",
    metadata,
    sa.Column("hash", Hash, primary_key=True),
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("sender", Address, nullable=False),
    sa.Column("nonce", sa.BigInteger, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("description", sa.String(200), nullable=False),
    sa.Column("plan_id", sa.String(36), nullable=False),
    sa.Column("step_index", sa.Integer, nullable=False),
    sa.Column("item", sa.Integer, nullable=False, server_default="0"),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("block_hash", Hash, nullable=True),
    sa.Column("succeeded", sa.Boolean, nullable=True),
    sa.Column("sent_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seen_at", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("replaces", Hash, nullable=True),
    sa.Column("replaced_by", Hash, nullable=True),
    sa.Column("note", sa.String(500), nullable=False, server_default=""),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Index("ix_transactions_sender", "network", "sender", "nonce"),
    sa.Index("ix_transactions_plan", "plan_id", "step_index"),
)

signing_requests = sa.Table(
    "signing_requests",
    metadata,
    sa.Column("plan_id", sa.String(36), primary_key=True),
    sa.Column("step_index", sa.Integer, primary_key=True),
    sa.Column("item", sa.Integer, primary_key=True),  # which of a step that signs many; else 0
    sa.Column("network", sa.String(90), nullable=False),
    sa.Column("sender", Address, nullable=False),
    sa.Column("nonce", sa.BigInteger, nullable=False),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("unsigned", Json, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),  # empty until the signature was brought
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Index("ix_signing_requests_sender", "network", "sender"),
)
