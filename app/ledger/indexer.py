"""Follows one chain into the store: catches up in chunks, goes back over a reorg to the common ancestor, goes on after a kill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.audit import verifier
from app.chain.rpc import RpcFailure
from app.core import faults
from app.core.errors import Conflict, Invalid
from app.ledger import writing
from app.ledger.decode import decode
from app.ledger.fetch import Moved, fetch
from app.ledger.rows import IndexState
from app.ledger.tables import blocks, networks
from app.ledger.undone import Undone, above, gone

if TYPE_CHECKING:
    from app.chain.economy import Economy
    from app.chain.networks import Chain
    from app.core.jobs import Job
    from app.database import Database

CHUNK = 64  # blocks in one request and one transaction
PATIENCE = 8  # how often the chain may move under one catch-up before we say so
_CAP = "0x" + verifier.keccak256(b"cap()")[:4].hex()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the index of a network stands; ``id`` is its number in the tables."""

    id: int
    token: bytes
    first: int
    last: int
    head: int
    cap: int


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """Whether the index changed, and what is gone for good because the chain went back; None where it did not."""

    changed: bool
    undone: Undone | None


class Indexer:
    """Writes what it checked. One at a time for a network: the cursor moves only from where it was read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def cursor(self, key: str) -> Cursor | None:
        """Where the index of a network stands, or None when it never began."""
        return await self._database.read(lambda connection: read_cursor(connection, key))

    async def state(self, key: str) -> IndexState:
        """The same for people."""

        def look(connection: Connection) -> IndexState:
            cursor = read_cursor(connection, key)
            if cursor is None:
                return IndexState(0, -1, -1, False, "")
            digest = connection.execute(
                sa.select(blocks.c.digest).where(blocks.c.network == cursor.id, blocks.c.number == cursor.last)
            ).scalar()
            whole = cursor.last >= cursor.first and cursor.last == cursor.head
            return IndexState(cursor.first, cursor.last, cursor.head, whole, bytes(digest).hex() if digest else "")

        return await self._database.read(look)

    async def catch_up(self, chain: Chain, economy: Economy, job: Job | None = None) -> CaughtUp:
        """Index to the head.

        Raises:
            Conflict: a block does not give its own roots, or the chain does not come to rest.
        """
        cursor = await self._begin(chain, economy)
        changed, moved = False, 0
        undone: list[Undone] = []
        while True:
            head = int(await chain.rpc.call("eth_blockNumber"), 16)
            ancestor = await self._ancestor(chain, cursor, head)
            if ancestor < cursor.last:
                undone.append(await self._rewind(cursor, ancestor))
                cursor, changed = await self._again(chain), True
            if cursor.last >= head:
                if cursor.head != head:
                    await self._see(cursor, head)
                return CaughtUp(changed, await self._gone(cursor, undone))
            try:
                await self._chunk(chain, economy, cursor, head)
            except Moved:
                moved += 1
                if moved > PATIENCE:
                    raise Conflict(
                        "The chain changed again and again while it was read. What was indexed before is kept.", retryable=True
                    ) from None
                continue
            cursor, changed = await self._again(chain), True
            if job is not None:
                whole = max(1, head - cursor.first + 1)
                job.progress((cursor.last - cursor.first + 1) / whole, f"block {cursor.last:,} of {head:,}")

    async def _chunk(self, chain: Chain, economy: Economy, cursor: Cursor, head: int) -> None:
        first, last = cursor.last + 1, min(head, cursor.last + CHUNK)
        found = await fetch(chain, first, last)
        parent = await self._hash(cursor, cursor.last) if cursor.last >= cursor.first else found[0].parent
        for block in found:
            if block.parent != parent:
                raise Moved
            parent = block.hash
        rows = [decode(block, economy) for block in found]

        def write(connection: Connection) -> None:
            writing.write(connection, cursor.id, rows, head)
            faults.point("ledger.chunk.written")

        # What can be read again from the chain need not survive a power cut; it must only never be half there.
        await self._database.write(write, durable=False)
        faults.point("ledger.chunk.committed")

    async def _ancestor(self, chain: Chain, cursor: Cursor, head: int) -> int:
        """The highest indexed block that the chain still has; ``first - 1`` when it has none of them."""
        top, span = min(cursor.last, head), 1
        while top >= cursor.first:
            low = max(cursor.first, top - span + 1)
            numbers = list(range(low, top + 1))
            theirs = await chain.rpc.batch([("eth_getBlockByNumber", [hex(n), False]) for n in numbers])
            ours = await self._hashes(cursor, low, top)
            for number, block in zip(reversed(numbers), reversed(theirs), strict=True):
                if isinstance(block, dict) and ours.get(number) == bytes.fromhex(str(block["hash"])[2:]):
                    return number
            top, span = low - 1, min(span * 4, 256)
        return cursor.first - 1

    async def _begin(self, chain: Chain, economy: Economy) -> Cursor:
        key, token = chain.network.key.text, bytes.fromhex(economy.token[2:])
        known = await self.cursor(key)
        if known is not None and known.token == token and known.first == economy.start_block:
            return known
        if await chain.rpc.call("eth_getCode", economy.token, "latest") in ("0x", None):
            raise Invalid(
                f"There is no contract at {economy.token} on {chain.network.name}. Nothing was indexed.", "Deploy the economy."
            )
        try:
            said = await chain.rpc.call("eth_call", {"to": economy.token, "data": _CAP}, "latest")
            cap = int.from_bytes(verifier.hex_bytes(said, 32), "big")
        except (RpcFailure, verifier.Refused):
            cap = 2**256 - 1  # a token without a cap is bounded by its type alone

        def write(connection: Connection) -> None:
            # Another token or another first block is another ledger: begin anew.
            number = connection.execute(sa.select(networks.c.id).where(networks.c.key == key)).scalar()
            if number is None:
                number = (connection.execute(sa.select(sa.func.max(networks.c.id))).scalar() or 0) + 1
            else:
                writing.rewind(connection, number, -1)
                connection.execute(networks.delete().where(networks.c.id == number))
            last = economy.start_block - 1
            connection.execute(
                networks.insert().values(id=number, key=key, token=token, first=economy.start_block, last=last, head=last, cap=cap)
            )

        await self._database.write(write)
        return await self._again(chain)

    async def _again(self, chain: Chain) -> Cursor:
        found = await self.cursor(chain.network.key.text)
        assert found is not None
        return found

    async def _rewind(self, cursor: Cursor, ancestor: int) -> Undone:
        def write(connection: Connection) -> Undone:
            undone = above(connection, cursor.id, ancestor, cursor.last)
            writing.rewind(connection, cursor.id, ancestor)
            faults.point("ledger.rewind.written")
            return undone

        return await self._database.write(write, durable=False)

    async def _gone(self, cursor: Cursor, undone: Sequence[Undone]) -> Undone | None:
        if not undone:
            return None
        return await self._database.read(lambda connection: gone(connection, cursor.id, undone))

    async def _see(self, cursor: Cursor, head: int) -> None:
        await self._database.write(
            lambda connection: connection.execute(networks.update().where(networks.c.id == cursor.id).values(head=head)),
            durable=False,
        )

    async def _hash(self, cursor: Cursor, number: int) -> bytes:
        return (await self._hashes(cursor, number, number))[number]

    async def _hashes(self, cursor: Cursor, low: int, high: int) -> dict[int, bytes]:
        query = sa.select(blocks.c.number, blocks.c.hash).where(
            blocks.c.network == cursor.id, blocks.c.number >= low, blocks.c.number <= high
        )
        return await self._database.read(lambda connection: {row.number: row.hash for row in connection.execute(query)})


def read_cursor(connection: Connection, key: str) -> Cursor | None:
    """The row of a network."""
    row = connection.execute(sa.select(networks).where(networks.c.key == key)).first()
    return None if row is None else Cursor(row.id, row.token, row.first, row.last, row.head, row.cap)
