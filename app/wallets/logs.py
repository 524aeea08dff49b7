"""Reading an account's Transfer and Approval events from a node, block range by block range, each once.

What was read is kept with the range it covers, so an answer says over which blocks it is complete. Before it is continued the last
block is compared with the chain's: after a reorganisation the newest part is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.core.errors import Unavailable
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.wallets.actual import word
from app.wallets.keys import checksum

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.chain import Chain
    from app.database import Database

STEP = 5_000  # blocks asked for at once; halved where a node refuses
REORG = 64  # blocks below which nothing is expected to change
REACH = 50_000  # blocks that one call reads backwards at most
ALL = bytes(20)


class Kind(StrEnum):
    """Which events."""

    APPROVAL = "approval"
    TRANSFER = "transfer"


TOPICS = {
    Kind.APPROVAL: "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",  # Approval(address,address,uint256)
    Kind.TRANSFER: "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",  # Transfer(address,address,uint256)
}


@dataclass(frozen=True, slots=True)
class LogRow:
    """One event. For an approval, ``sender`` is the owner and ``recipient`` the spender. Amounts in the smallest unit."""

    block: int
    index: int
    token: str
    sender: str
    recipient: str
    amount: int
    tx_hash: str
    block_hash: str
    time: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """The blocks that were read without a gap."""

    first: int
    last: int
    last_hash: str = ""

    def evidence(self, chain: Chain, kind: Kind) -> Evidence:
        """That the list is complete over these blocks, as far as the node tells all of its logs."""
        return Evidence(
            EvidenceKind.LOG,
            f"{kind.value} events, blocks {self.first:,}–{self.last:,}",
            chain.network.key.text,
            self.last_hash,
            status=EvidenceStatus.CLAIMED,
            check="eth_getLogs over every block of the range",
            trust=Trust.OWN_NODE if chain.network.own else Trust.OPERATOR,
            blocks=(self.first, self.last),
        )


class Logs:
    """Keeps what was read of accounts' events, with a cursor for each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catch_up(self, chain: Chain, kind: Kind, account: str, token: str = "", *, further: int = 0) -> Range:
        """Read up to the newest block, and ``further`` blocks before what is read already; returns what is covered now.

        Raises:
            Unavailable, RpcFailure: the node does not answer; what was read before stays.
        """
        place = _Place(chain.network.key.text, kind, bytes.fromhex(account[2:]), bytes.fromhex(token[2:]) if token else ALL)
        newest = await chain.head()
        known = await self._still(chain, place)
        if known is None:
            known = Range(newest.number + 1, newest.number)  # nothing yet: begin at the newest block and go back
            further = max(further, REACH)
        upwards = await self._read(chain, place, known.last + 1, newest.number)
        low = max(0, known.first - further)
        downwards = await self._read(chain, place, low, known.first - 1)
        if await hash_at(chain, newest.number) != newest.hash:
            raise Unavailable(
                f"{chain.network.name} was reorganised while events were read. Nothing was kept.", "Try again.", retryable=True
            )
        covered = Range(min(low, known.first), newest.number, newest.hash)
        await self._keep(chain, place, covered, [*upwards, *downwards])
        return covered

    async def rows(
        self,
        network_key: str,
        kind: Kind,
        account: str,
        tokens: Sequence[str] | None = None,
        *,
        before: tuple[int, int] | None = None,
        limit: int | None = None,
    ) -> list[LogRow]:
        """What is kept, newest first.

        Args:
            tokens: only these; None: all.
            before: block and index of the event before which to begin.
        """
        from app.wallets.tables import log_rows as table

        query = table.select().where(
            table.c.network == network_key, table.c.kind == kind.value, table.c.account == bytes.fromhex(account[2:])
        )
        if tokens is not None:
            query = query.where(table.c.token.in_([bytes.fromhex(token[2:]) for token in tokens]))
        if before is not None:
            block, index = before
            earlier = (table.c.block == block) & (table.c.log_index < index)
            query = query.where((table.c.block < block) | earlier)
        query = query.order_by(table.c.block.desc(), table.c.log_index.desc())

        def read(connection: sa.Connection) -> list[LogRow]:
            return [_kept(row) for row in connection.execute(query.limit(limit) if limit is not None else query)]

        return await self._database.read(read)

    async def dated(self, chain: Chain, rows: Sequence[LogRow]) -> list[LogRow]:
        """The rows with the times of their blocks, which are asked for once."""
        from app.wallets.tables import log_rows as table

        times = await self.times(chain, sorted({row.block for row in rows if not row.time}))

        def write(connection: sa.Connection) -> None:
            for block, time in times.items():
                where = (table.c.network == chain.network.key.text, table.c.block == block)
                connection.execute(table.update().where(*where).values(time=time))

        if times:
            await self._database.write(write, durable=False)
        return [row if row.time else replace(row, time=times.get(row.block, 0)) for row in rows]

    async def times(self, chain: Chain, heights: Sequence[int]) -> dict[int, int]:
        """When blocks were made, seconds, by height."""
        asked = [("eth_getBlockByNumber", [hex(height), False]) for height in heights]
        answers = await chain.rpc.batch(asked) if asked else []
        return {height: int(block["timestamp"], 16) for height, block in zip(heights, answers, strict=True) if block}

    # Inside

    async def _still(self, chain: Chain, place: _Place) -> Range | None:
        """What is covered, after taking back what a reorganisation changed."""
        from app.wallets.tables import log_rows, log_scans

        kept = await self._database.read(
            lambda connection: connection.execute(log_scans.select().where(*place.of(log_scans), place.token_of(log_scans))).first()
        )
        if kept is None:
            return None
        if await hash_at(chain, kept.last) == "0x" + bytes(kept.last_hash).hex():
            return Range(int(kept.first), int(kept.last))
        sound = await hash_at(chain, kept.anchor) == "0x" + bytes(kept.anchor_hash).hex() and kept.anchor >= kept.first
        last = int(kept.anchor) if sound else -1

        def take_back(connection: sa.Connection) -> None:
            newer = (*place.of(log_rows), log_rows.c.block > last)
            connection.execute(log_rows.delete().where(*newer, *place.token_rows(log_rows)))
            if not sound:
                connection.execute(log_scans.delete().where(*place.of(log_scans), place.token_of(log_scans)))

        await self._database.write(take_back, durable=False)
        return Range(int(kept.first), last) if sound else None

    async def _read(self, chain: Chain, place: _Place, first: int, last: int) -> list[dict[str, Any]]:
        from app.chain.rpc import RpcFailure

        found: list[dict[str, Any]] = []
        step, start = STEP, first
        while start <= last:
            end = min(last, start + step - 1)
            try:
                for wanted in place.filters():
                    found += await chain.rpc.call("eth_getLogs", {**wanted, "fromBlock": hex(start), "toBlock": hex(end)})
            except RpcFailure:  # nodes limit the range or the number of events, each with words of its own
                if step == 1:
                    raise
                step = max(1, (end - start + 1) // 4)
                continue
            start = end + 1
        return found

    async def _keep(self, chain: Chain, place: _Place, covered: Range, logs: Sequence[Mapping[str, Any]]) -> None:
        from app.wallets.tables import log_rows, log_scans

        anchor = max(covered.first, covered.last - REORG)
        anchor_hash = await hash_at(chain, anchor)
        # The event of an account that sends to itself comes twice; an NFT's events have their number as a fourth topic.
        rows = {
            (int(log["blockNumber"], 16), int(log["logIndex"], 16)): log
            for log in logs
            if len(log["topics"]) == 3 and len(log["data"]) == 66 and not log.get("removed")
        }

        def write(connection: sa.Connection) -> None:
            connection.execute(log_scans.delete().where(*place.of(log_scans), place.token_of(log_scans)))
            connection.execute(
                log_scans.insert().values(
                    **place.values(),
                    token=place.token,
                    first=covered.first,
                    last=covered.last,
                    last_hash=bytes.fromhex(covered.last_hash[2:]),
                    anchor=anchor,
                    anchor_hash=bytes.fromhex(anchor_hash[2:]),
                )
            )
            there = {
                (row.block, row.log_index)
                for row in connection.execute(
                    log_rows.select().with_only_columns(log_rows.c.block, log_rows.c.log_index).where(*place.of(log_rows))
                )
            }
            new = [{**place.values(), **_values(key, log)} for key, log in rows.items() if key not in there]
            if new:
                connection.execute(log_rows.insert(), new)

        await self._database.write(write, durable=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """Whose events of which kind; ``token`` is twenty zero bytes for those of all tokens."""

    network: str
    kind: Kind
    account: bytes
    token: bytes

    def values(self) -> dict[str, object]:
        return {"network": self.network, "kind": self.kind.value, "account": self.account}

    def of(self, table: sa.Table) -> tuple[Any, ...]:
        return table.c.network == self.network, table.c.kind == self.kind.value, table.c.account == self.account

    def token_of(self, table: sa.Table) -> Any:
        return table.c.token == self.token

    def token_rows(self, table: sa.Table) -> tuple[Any, ...]:
        return () if self.token == ALL else (table.c.token == self.token,)

    def filters(self) -> list[dict[str, Any]]:
        topic, party = TOPICS[self.kind], "0x" + word("0x" + self.account.hex())
        where: dict[str, Any] = {} if self.token == ALL else {"address": "0x" + self.token.hex()}
        if self.kind is Kind.APPROVAL:
            return [{**where, "topics": [topic, party]}]
        return [{**where, "topics": [topic, party]}, {**where, "topics": [topic, None, party]}]


async def hash_at(chain: Chain, height: int) -> str:
    """The hash of a block, or empty when the chain is not that long."""
    block = await chain.rpc.call("eth_getBlockByNumber", hex(height), False) if height >= 0 else None
    return str(block["hash"]) if block else ""


def _values(key: tuple[int, int], log: Mapping[str, Any]) -> dict[str, object]:
    return {
        "block": key[0],
        "log_index": key[1],
        "token": bytes.fromhex(log["address"][2:]),
        "sender": bytes.fromhex(log["topics"][1][-40:]),
        "recipient": bytes.fromhex(log["topics"][2][-40:]),
        "amount": int(log["data"], 16),
        "tx_hash": bytes.fromhex(log["transactionHash"][2:]),
        "block_hash": bytes.fromhex(log["blockHash"][2:]),
        "time": int(log.get("blockTimestamp") or "0x0", 16),
    }


def _kept(row: Any) -> LogRow:
    return LogRow(
        int(row.block),
        int(row.log_index),
        checksum(row.token),
        checksum(row.sender),
        checksum(row.recipient),
        row.amount,
        "0x" + bytes(row.tx_hash).hex(),
        "0x" + bytes(row.block_hash).hex(),
        int(row.time),
    )
