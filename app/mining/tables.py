"""Tables of this room: the mint queue, and the references that the chain knows only as hashes."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash, Uint256

DEAD_SQL = sa.text("status NOT IN ('rejected', 'expired', 'revoked')")

value_proofs = sa.Table(
    "value_proofs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("network", sa.String(100), nullable=False),  # NetworkKey.text
    sa.Column("contract", Address, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("contributor", Address, nullable=False),
    sa.Column("activity", sa.String(31), nullable=False),
    sa.Column("score", sa.Integer, nullable=False),
    sa.Column("reward", Uint256, nullable=False),
    sa.Column("evidence", Hash, nullable=False),
    sa.Column("evidence_kind", sa.String(8), nullable=False),
    sa.Column("evidence_name", sa.Text, nullable=False),
    sa.Column("evidence_size", sa.BigInteger, nullable=False),
    sa.Column("digest", Hash, nullable=False),
    sa.Column("deadline", sa.BigInteger, nullable=False),
    sa.Column("salt", Hash, nullable=False),
    sa.Column("policy", sa.String(40), nullable=False),
    sa.Column("policy_digest", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("plan_id", sa.String(36), nullable=False),
    sa.Column("tx_hash", Hash),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    # A digest is one proof for good; evidence is free again once its proof can never be minted.
    sa.UniqueConstraint("digest", name="uq_value_proofs_digest"),
    sa.Index(
        "uq_value_proofs_evidence", "network", "contract", "evidence", unique=True, sqlite_where=DEAD_SQL, postgresql_where=DEAD_SQL
    ),
    sa.Index("ix_value_proofs_status", "network", "status", "number"),
    sa.Index("ix_value_proofs_contributor", "network", "contributor", "created_at"),
    sa.Index("ix_value_proofs_plan_id", "plan_id"),
)

references = sa.Table(
    "redemption_references",
    metadata,
    sa.Column("hash", Hash, primary_key=True),  # SHA-256 of the text: what the chain carries
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
