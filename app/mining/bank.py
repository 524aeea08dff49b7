"""Bank statements in the store, and what they say of the redemptions of a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.core.clock import now_ms
from app.core.errors import Conflict, NotFound
from app.core.events import QueueChanged
from app.mining.matching import Matching, match_payments
from app.mining.redemption import Redemptions
from app.mining.statements import BankEntry, Statement, read_statement

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.chain import Networks
    from app.core.events import Bus
    from app.database import Database


@dataclass(frozen=True, slots=True)
class Rate:
    """What one AZR is paid when it is redeemed; ``value`` None where nobody entered it."""

    value: Decimal | None
    currency: str


class Bank:
    """Imports statements and holds them against redemptions."""

    def __init__(
        self, database: Database, networks: Networks, redemptions: Redemptions, rate: Callable[[], Rate], bus: Bus
    ) -> None:
        self._database = database
        self._networks = networks
        self._redemptions = redemptions
        self._rate = rate
        self._bus = bus

    async def add(self, data: bytes, name: str) -> Statement:
        """Import a statement: CSV or camt.053.

        Raises:
            Invalid: it cannot be read for sure; the line is named. Nothing was imported.
            Conflict: the same file is here already.
        """
        from app.mining.tables import bank_statements as table

        statement = await asyncio.to_thread(read_statement, data, name[-200:])
        row = {
            "digest": statement.digest,
            "name": statement.name,
            "kind": statement.kind,
            "account": statement.account[:40],
            "pending": statement.pending,
            "entries": [
                [e.line, e.booked.isoformat(), str(e.amount), e.currency, e.reference, e.name, e.id] for e in statement.entries
            ],
            "imported_at": now_ms(),
        }

        def write(connection: Connection) -> None:
            known = connection.execute(table.select().where(table.c.digest == statement.digest)).first()
            if known is not None:
                raise Conflict(
                    f"This file is here already, as “{known.name}”. Nothing was imported.", "Look at the matches.", field="file"
                )
            connection.execute(table.insert().values(row))

        await self._database.write(write)
        self._bus.publish(QueueChanged())
        return statement

    async def statements(self) -> list[Statement]:
        """Every statement that was imported, the oldest import first."""
        from app.mining.tables import bank_statements as table

        def read(connection: Connection) -> list[Statement]:
            return [_statement(row) for row in connection.execute(table.select().order_by(table.c.imported_at, table.c.digest))]

        return await self._database.read(read)

    async def remove(self, digest: str) -> None:
        """Take a statement out again; no redemption changes by it. Raises NotFound."""
        from app.mining.tables import bank_statements as table

        found = await self._database.write(
            lambda connection: connection.execute(table.delete().where(table.c.digest == digest)).rowcount
        )
        if not found:
            raise NotFound("There is no such statement. Nothing was removed.", "List them.")
        self._bus.publish(QueueChanged())

    async def match(self, network_id: str) -> Matching:
        """What the statements say of every redemption of a network.

        Raises:
            Unavailable: the network does not answer.
        """
        rows, rate = await self._redemptions.list(network_id), self._rate()
        chain = await self._networks.connect(network_id)
        heights = sorted({height for row in rows for height in (row.requested_block, row.closed_block) if height})
        blocks = await chain.rpc.batch([("eth_getBlockByNumber", [hex(height), False]) for height in heights]) if heights else []
        times = {height: int(block["timestamp"], 16) for height, block in zip(heights, blocks, strict=True) if block}
        return match_payments(rows, await self.statements(), times, rate.value, rate.currency)


def _statement(row: Any) -> Statement:
    entries = tuple(
        BankEntry(int(line), date.fromisoformat(day), Decimal(amount), currency, reference, name, number)
        for line, day, amount, currency, reference, name, number in row.entries
    )
    return Statement(row.name, row.digest, row.kind, row.account, entries, int(row.pending))
