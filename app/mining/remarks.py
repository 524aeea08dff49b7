"""What was said of a proof in its review, when and by whom: kept beside the proof, never changed and never removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.core.clock import now_ms
from app.mining.tables import remarks as table

if TYPE_CHECKING:
    from app.database import Database


class Said(StrEnum):
    """What a remark did to its proof."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ASKED = "asked"  # sent back to its contributor with a question
    ANSWERED = "answered"  # the contributor's answer was written down
    REOPENED = "reopened"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Remark:
    """One answer. ``at`` in UTC milliseconds; ``author`` is the person at the console, not the contributor."""

    at: int
    author: str
    said: Said
    text: str


def keep(connection: sa.Connection, ids: Sequence[str], said: Said, author: str, text: str) -> None:
    """Write a remark to each of these proofs, in the transaction that moves them."""
    at = now_ms()
    rows = [{"proof_id": proof_id, "at": at, "said": said.value, "author": author[:120], "text": text} for proof_id in ids]
    if rows:
        connection.execute(table.insert(), rows)


async def remarks_of(database: Database, proof_id: str) -> tuple[Remark, ...]:
    """Everything that was said of a proof, the oldest first."""
    query = sa.select(table).where(table.c.proof_id == proof_id).order_by(table.c.id)
    return await database.read(
        lambda connection: tuple(Remark(row.at, row.author, Said(row.said), row.text) for row in connection.execute(query))
    )
