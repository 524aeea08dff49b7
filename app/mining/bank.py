"""Bank statements in the store, and what they say of the redemptions of a network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from app.core.clock import now_ms
from app.core.errors import Conflict, NotFound
from app.core.events import QueueChanged
from app.mining.comparing import compare
from app.mining.matching import Finding, Matching, match_payments
from app.mining.redemption import RedemptionRow, Redemptions
from app.mining.statements import BankEntry, Statement, read_statement
from app.operations.plans import Verdict, VerdictLevel

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

    async def verdicts(self, network_id: str, redemption_id: int, bank_reference: str) -> Sequence[Verdict]:
        """What the imported statements say of a completion, as checks of its plan: warnings, for a statement proves nothing.

        Raises:
            Unavailable: the network does not answer.
        """
        if not await self.statements():
            return ()
        rows = await self._redemptions.list(network_id)
        stated = [replace(row, bank_reference=bank_reference) if row.id == redemption_id else row for row in rows]
        found = (await self._match(network_id, stated)).matches
        (row,), (match,) = (
            [one for one in stated if one.id == redemption_id],
            [one for one in found if one.redemption == redemption_id],
        )
        if not match.payments:
            text = "No imported bank statement shows this payment"
            return (Verdict("redemption.statement", VerdictLevel.WARNING, text, "Import the statement, or state it without one."),)
        judged = [line for line in compare(row, match) if line.agrees is not None]
        wrong = [line.field.lower() for line in judged if not line.agrees]
        text = f"The bank entry agrees in {len(judged) - len(wrong)} of {len(judged)} fields"
        detail = f"{match.text} External document, never proven." + (f" It differs in: {', '.join(wrong)}." if wrong else "")
        fine = match.finding is Finding.TO_COMPLETE
        return (Verdict("redemption.statement", VerdictLevel.PASS if fine else VerdictLevel.WARNING, text, detail),)

    async def match(self, network_id: str) -> Matching:
        """What the statements say of every redemption of a network.

        Raises:
            Unavailable: the network does not answer.
        """
        return await self._match(network_id, await self._redemptions.list(network_id))

    async def _match(self, network_id: str, rows: Sequence[RedemptionRow]) -> Matching:
        rate = self._rate()
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
