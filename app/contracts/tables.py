"""The address book: what was deployed where, by which transaction; interfaces of contracts of somebody else; and verdicts."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash, Json

deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("address", Address, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("tx_hash", Hash, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("block_hash", Hash, nullable=False),
    sa.Column("deployer", Address, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("artifact", sa.String(64), nullable=False),
    sa.Column("plan_id", sa.String(36), nullable=False),
)

interfaces = sa.Table(
    "interfaces",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("address", Address, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("abi", Json, nullable=False),
    sa.Column("origin", sa.String(80), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("network", sa.String(90), primary_key=True),
    sa.Column("address", Address, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("verdict", sa.String(12), nullable=False),
    sa.Column("code_hash", Hash, nullable=False),  # keccak-256 of the code that was verified
    sa.Column("at", sa.BigInteger, nullable=False),  # UTC milliseconds
)
