"""The journal's one table. Triggers of the migration refuse any UPDATE, DELETE or TRUNCATE."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from app.database.schema import metadata
from app.database.types import Hash, Json

journal = Table(
    "journal",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("plan_id", String(36), nullable=False, index=True),
    Column("body", Json, nullable=False),
    Column("previous", Hash, nullable=False),
    Column("entry_hash", Hash, nullable=False, unique=True),
)
