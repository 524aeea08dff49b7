"""What a chain that went back took out of the ledger, and what of it did not come again in another block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.core.money import short_units
from app.ledger.rows import MONEY, RowKind
from app.ledger.tables import entries

_AT_ONCE = 500
_WORDS = {kind: kind.value.replace("_", " ") for kind in RowKind}


@dataclass(frozen=True, slots=True)
class Undone:
    """Rows of blocks that the chain no longer has.

    Attributes:
        ancestor: the newest block that it kept; ``last`` was the newest one that was indexed.
        rows: hash of the transaction, kind, and amount in the smallest unit.
    """

    ancestor: int
    last: int
    rows: tuple[tuple[bytes, RowKind, int], ...]

    def told(self, network: str) -> str:
        """What is gone, in a sentence or two; empty where nothing that concerned AZR is."""
        if not self.rows:
            return ""
        counts = Counter(kind for _, kind, _ in self.rows)
        amounts = {kind: sum(amount for _, each, amount in self.rows if each is kind) for kind in counts}
        parts = [
            f"{count:,} {_WORDS[kind]}{'s' if count > 1 else ''}"
            + (f" ({short_units(amounts[kind], 18)} AZR)" if kind in MONEY else "")
            for kind, count in counts.items()
        ]
        return (
            f"{network} went back from block {self.last:,} to {self.ancestor:,}. No longer in the ledger, because the chain does "
            f"not have them any more: {', '.join(parts)}."
        )


def above(connection: Connection, network: int, ancestor: int, last: int) -> Undone:
    """The rows above ``ancestor``, before they are taken out."""
    query = sa.select(entries.c.tx_hash, entries.c.kind, entries.c.amount)
    query = query.where(entries.c.network == network, entries.c.block > ancestor).order_by(entries.c.block, entries.c.log_index)
    return Undone(ancestor, last, tuple((bytes(row.tx_hash), RowKind(row.kind), row.amount) for row in connection.execute(query)))


def gone(connection: Connection, network: int, undone: Sequence[Undone]) -> Undone:
    """What of it all is in no block now; transactions that came into another one are not gone."""
    grouped: dict[bytes, list[tuple[bytes, RowKind, int]]] = {}
    for each in undone:  # one that was undone twice counts as it was the last time
        found: dict[bytes, list[tuple[bytes, RowKind, int]]] = {}
        for row in each.rows:
            found.setdefault(row[0], []).append(row)
        grouped |= found
    hashes, there = list(grouped), set()
    for start in range(0, len(hashes), _AT_ONCE):
        some = entries.c.tx_hash.in_(hashes[start : start + _AT_ONCE])
        query = sa.select(entries.c.tx_hash).where(entries.c.network == network, some)
        there |= {bytes(tx) for tx in connection.execute(query).scalars()}
    rows = tuple(row for tx, found in grouped.items() if tx not in there for row in found)
    return Undone(min(each.ancestor for each in undone), max(each.last for each in undone), rows)
