"""Signatures of attesters over proofs, as they are collected: one per proof and attester, public, checked before they come in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from app.core.clock import now_ms
from app.core.events import Bus, QueueChanged
from app.database import Database, on_commit
from app.mining.tables import signatures as table
from app.wallets.keys import checksum

AT_ONCE = 500  # rows in one statement


@dataclass(frozen=True, slots=True)
class Signature:
    """One attester's signature over a proof's digest.

    Attributes:
        signature: ``0x…``, 65 bytes r ‖ s ‖ v.
        source: the plan that signed, or the file that brought it.
        created_at: UTC milliseconds.
    """

    proof_id: str
    attester: str
    signature: str
    source: str
    created_at: int = 0


class Signatures:
    """The collected signatures in the store."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def of(self, proof_ids: Collection[str]) -> dict[str, list[Signature]]:
        """By proof, in ascending order of the attesters' addresses, as the contract wants them."""
        ids = list(dict.fromkeys(proof_ids))

        def look(connection: sa.Connection) -> dict[str, list[Signature]]:
            found: dict[str, list[Signature]] = defaultdict(list)
            for start in range(0, len(ids), AT_ONCE):
                query = table.select().where(table.c.proof_id.in_(ids[start : start + AT_ONCE])).order_by(table.c.attester)
                for row in connection.execute(query):
                    signature = "0x" + bytes(row.signature).hex()
                    one = Signature(row.proof_id, checksum(row.attester), signature, row.source, row.created_at)
                    found[row.proof_id].append(one)
            return found

        return await self._database.read(look)

    async def add(self, given: Iterable[Signature]) -> int:
        """Keep checked signatures; one that is there already stays as it is. Returns how many are new."""
        rows = {(each.proof_id, bytes.fromhex(each.attester[2:])): each for each in given}

        def work(connection: sa.Connection) -> int:
            known = _known(connection, [proof_id for proof_id, _ in rows])
            new = [
                {
                    "proof_id": proof_id,
                    "attester": attester,
                    "signature": bytes.fromhex(each.signature[2:]),
                    "source": each.source[:80],
                    "created_at": now_ms(),
                }
                for (proof_id, attester), each in rows.items()
                if (proof_id, attester) not in known
            ]
            if new:
                connection.execute(table.insert(), new)
                on_commit(connection, lambda: self._bus.publish(QueueChanged()))
            return len(new)

        return await self._database.write(work)


def _known(connection: sa.Connection, ids: Sequence[str]) -> set[tuple[str, bytes]]:
    found: set[tuple[str, bytes]] = set()
    for start in range(0, len(ids), AT_ONCE):
        query = sa.select(table.c.proof_id, table.c.attester).where(table.c.proof_id.in_(ids[start : start + AT_ONCE]))
        found |= {(row.proof_id, bytes(row.attester)) for row in connection.execute(query)}
    return found
