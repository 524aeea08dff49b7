"""Plans, their steps, and who runs them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from app.database.schema import metadata
from app.database.types import Json

plans = Table(
    "plans",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("target", Json, nullable=False),
    Column("target_ref", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("params", Json, nullable=False),
    Column("limits", Json, nullable=False),
    Column("plan_hash", String(64), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("preview", Json),
    Column("receipt", Json),
    Column("confirmed_digest", String(64), nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    Column("journal_before", BigInteger, nullable=False),
    Column("stop_requested", Boolean, nullable=False),
    Column("retries", String(36), nullable=False, server_default=""),
    Column("statement", Text, nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Index(None, "state", "number"),
)

steps = Table(
    "steps",
    metadata,
    Column("plan_id", String(36), ForeignKey(plans.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("params", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("prepared", Json),
    Column("result", Json, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("error", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Index(None, "kind", "state"),
)

leases = Table(
    "leases",
    metadata,
    Column("plan_id", String(36), ForeignKey(plans.c.id, ondelete="CASCADE"), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("process_started", BigInteger, nullable=False),
    Column("token", String(32), nullable=False),
    Column("taken_at", BigInteger, nullable=False),
    Column("heartbeat", BigInteger, nullable=False),
)
