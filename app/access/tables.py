"""Who operates this store, in which role, and what proves a passphrase. Nothing here opens a key by itself."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from app.database.schema import metadata
from app.database.types import Json

operators = Table(
    "operators",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("hashing", Json),  # Argon2id parameters; null without a passphrase
    Column("salt", LargeBinary),
    Column("verifier", LargeBinary),
    Column("wrapped_key", LargeBinary),  # the vault's key under the passphrase: AES-256-GCM, nonce first
    Column("passphrase_set_at", BigInteger, nullable=False),
    Column("failed_attempts", Integer, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
)
