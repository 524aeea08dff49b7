"""The address book: what was deployed where, by which transaction."""

from __future__ import annotations

import sqlalchemy as sa

from app.database import metadata
from app.database.types import Address, Hash

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
