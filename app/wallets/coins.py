"""What is kept of how accounts' native coin moved: read once, with a cursor for each account, as a job where it takes long.

The range that was read grows at both ends: upwards with the chain, downwards when somebody looks further back. Balances at its ends
are kept, so that a difference is seen even where the node has dropped the state between. After a reorganisation the newest part is
read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.core.errors import Unavailable
from app.core.events import TransactionsChanged
from app.wallets.keys import checksum
from app.wallets.logs import hash_at
from app.wallets.movements import NOTHING, Movement, Origin, Probe, Reader

if TYPE_CHECKING:
    import sqlalchemy as sa

    from app.chain import Chain
    from app.core.events import Bus
    from app.core.jobs import Job, Jobs
    from app.database import Database

SIZES = (1_024, 128, 16)  # blocks read before the cursor moves; fewer where the node keeps little state
WHOLE = 64  # the same where it has none, and every block must be read whole
REACH = 50_000  # blocks that are looked back at unasked, where balances tell which to read
WHOLE_REACH = 256  # the same where every block must be read whole
REORG = 64  # blocks below which nothing is expected to change
BESIDE = 2_000  # more blocks than this are a job
PATIENCE = 1.0  # seconds that a page waits for such a job
Progress = Callable[[float | None, str], None]


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read of one account: the blocks, and the account at both ends of them.

    Attributes:
        probed: the newest block of ``last`` or below whose state was seen, as ``high``.
        low: the account before ``first``, or None where the node has no state there.
        checked: the first block from which every balance is explained or shown as a difference.
    """

    first: int
    last: int
    last_hash: str
    probed: int
    high: Probe
    low: Probe | None
    checked: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of an account's coin is read: the scan so far, the job that reads on, or that somebody stopped it."""

    scan: Scan | None
    job: Job | None = None
    stopped: bool = False


class Coins:
    """Reads and keeps movements of coin."""

    def __init__(self, database: Database, jobs: Jobs, bus: Bus) -> None:
        self._database = database
        self._jobs = jobs
        self._bus = bus
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}
        self._running: dict[tuple[str, str], Job] = {}
        self._stopped: set[tuple[str, str]] = set()  # a stopped job begins again only when it is asked for, or after a restart

    async def freshen(self, chain: Chain, account: str, further: int = 0) -> Reading:
        """Read what is new, and ``further`` blocks back; a long way is a job, which is waited for a moment only.

        Raises:
            Unavailable, RpcFailure: the node does not answer; what was read before stays.
        """
        place = (chain.network.key.text, account)
        running = self._running.get(place)
        if running is None or await running.ended_within(0):
            scan, head = await self._scan(*place), await chain.head()
            if scan is not None and scan.last == head.number and scan.last_hash == head.hash and not further:
                return Reading(scan)
            back = REACH if scan is None else further
            new, bottom = (0, head.number + 1) if scan is None else (abs(head.number - scan.last), scan.first)
            if new + min(back, bottom) <= BESIDE:
                return Reading(await self.catch_up(chain, account, further))
            if place in self._stopped and not further:
                return Reading(scan, stopped=True)
            running = self.start(chain, account, further)
        if not await running.ended_within(PATIENCE):
            return Reading(await self._scan(*place), running)
        if place not in self._stopped:
            await running.wait()  # raises what it failed with
        return Reading(await self._scan(*place), stopped=place in self._stopped)

    def start(self, chain: Chain, account: str, further: int = 0) -> Job:
        """Read as a job, with progress; cancelled or failed, what was read until then stays."""
        place = (chain.network.key.text, account)

        async def work(job: Job) -> None:
            self._stopped.discard(place)
            try:
                await self.catch_up(chain, account, further, job.progress)
            except asyncio.CancelledError:
                self._stopped.add(place)
                raise
            finally:
                self._running.pop(place, None)
                self._bus.publish(TransactionsChanged(*place))

        title = f"Look for {chain.network.symbol} of {account[:6]}…{account[-4:]} on {chain.network.name}"
        job = self._jobs.start(title, work, kind="wallets.coin", link=f"azora://wallets/{account}")
        self._running[place] = job
        return job

    async def catch_up(self, chain: Chain, account: str, further: int = 0, progress: Progress = lambda *_: None) -> Scan:
        """Read up to the newest block and ``further`` back, chunk by chunk; returns what is covered now.

        Raises:
            Unavailable, RpcFailure: the node does not answer; whole chunks that were read stay.
        """
        place = (chain.network.key.text, account)
        async with self._turns.setdefault(place, asyncio.Lock()):
            scan, head, reach, whole = await self._still(chain, account), await chain.head(), further, further
            counted = _Counted(progress)
            reader = Reader(chain, account, counted.more)
            if scan is None:
                (probe,) = await reader.probes([head.number])
                if probe is None:
                    raise Unavailable(f"{chain.network.name} does not tell the balance of its newest block.", "Try again.")
                # Nothing yet: begin at the newest block and go back.
                scan = Scan(head.number + 1, head.number, head.hash, head.number, probe, probe, head.number + 1)
                await self._keep(chain, account, scan, [])
                reach, whole = max(further, REACH), max(further, WHOLE_REACH)
            start, target = scan.first, max(0, scan.first - reach)
            counted.of(head.number - scan.last + scan.first - target)
            while scan.last < head.number:
                scan = await self._up(chain, account, reader, scan, head.number)
            while scan.first > (target if scan.low is not None else max(target, start - whole)):
                scan = await self._down(chain, account, reader, scan, target)
            return scan

    async def rows(self, network: str, account: str, before: tuple[int, int] | None, limit: int) -> list[Movement]:
        """What is kept, newest first; ``before``: block and place before which to begin."""
        from app.wallets.tables import coin_rows as table

        query = table.select().where(*_mine(table, network, account)).order_by(table.c.block.desc(), table.c.place.desc())
        if before is not None:
            block, place = before
            query = query.where((table.c.block < block) | ((table.c.block == block) & (table.c.place < place)))
        return await self._database.read(lambda connection: [_kept(row) for row in connection.execute(query.limit(limit))])

    async def fees(self, network: str, account: str, hashes: Sequence[str]) -> dict[str, Movement]:
        """The account's own transactions among some, as far as they were read, for what it paid for them; by hash."""
        from app.wallets.tables import coin_rows as table

        wanted = [bytes.fromhex(each[2:]) for each in hashes]
        query = table.select().where(*_mine(table, network, account), table.c.tx_hash.in_(wanted))
        rows = await self._database.read(lambda connection: [_kept(row) for row in connection.execute(query)])
        return {row.tx_hash: row for row in rows if row.fee}

    # Inside

    async def _scan(self, network: str, account: str) -> Scan | None:
        from app.wallets.tables import coin_scans as table

        query = table.select().where(*_mine(table, network, account))
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _scanned(row)

    async def _still(self, chain: Chain, account: str) -> Scan | None:
        """What is covered, after taking back what a reorganisation changed."""
        from app.wallets.tables import coin_rows, coin_scans

        network, reader = chain.network.key.text, Reader(chain, account)
        scan = await self._scan(network, account)
        if scan is None or await hash_at(chain, scan.last) == scan.last_hash:
            return scan
        row = await self._database.read(
            lambda connection: connection.execute(coin_scans.select().where(*_mine(coin_scans, network, account))).one()
        )
        anchor, anchor_hash = int(row.anchor), "0x" + bytes(row.anchor_hash).hex()
        sound = scan.first <= anchor <= scan.probed and await hash_at(chain, anchor) == anchor_hash
        (probe,) = await reader.probes([anchor]) if sound else [None]
        spanning = [each for each in await self.rows(network, account, None, REORG * 64) if each.since <= anchor < each.block]
        kept = None
        if probe is not None and not spanning:
            kept = replace(scan, last=anchor, last_hash=anchor_hash, probed=anchor, high=probe)
        last = kept.last if kept is not None else -1

        def take_back(connection: sa.Connection) -> None:
            connection.execute(coin_rows.delete().where(*_mine(coin_rows, network, account), coin_rows.c.block > last))
            if kept is None:
                connection.execute(coin_scans.delete().where(*_mine(coin_scans, network, account)))

        await self._database.write(take_back, durable=False)
        return kept

    async def _up(self, chain: Chain, account: str, reader: Reader, scan: Scan, newest: int) -> Scan:
        """One chunk above what is read."""
        end = min(newest, scan.last + SIZES[0])
        (probe,) = await reader.probes([end])
        if probe is None:
            end = min(newest, scan.last + WHOLE)
            (probe,) = await reader.probes([end])
        block = await reader.block(end)
        if probe is not None and scan.probed == scan.last:
            rows = await reader.between(scan.last, scan.high, end, probe)
        else:
            rows = await reader.listed(scan.last + 1, end)
            if probe is not None:
                # The balance at the last block whose state was seen, and all that was read since, against the balance now.
                kept = [row for row in await self._since(chain, account, scan.probed) if row.block > scan.probed]
                rest = probe.balance - scan.high.balance - sum(row.change(account) for row in [*kept, *rows])
                rows += [reader.rest(scan.probed + 1, block, rest)] if rest else []
        seen = (scan.probed, scan.high) if probe is None else (end, probe)
        return await self._keep(
            chain, account, replace(scan, last=end, last_hash=str(block["hash"]), probed=seen[0], high=seen[1]), rows
        )

    async def _since(self, chain: Chain, account: str, block: int) -> list[Movement]:
        from app.wallets.tables import coin_rows as table

        query = table.select().where(*_mine(table, chain.network.key.text, account), table.c.block > block)
        return await self._database.read(lambda connection: [_kept(row) for row in connection.execute(query)])

    async def _down(self, chain: Chain, account: str, reader: Reader, scan: Scan, target: int) -> Scan:
        """One chunk below what is read."""
        end = scan.first - 1
        for size in SIZES if scan.low is not None else ():
            start = max(target, end - size + 1)
            (probe,) = await reader.probes([start - 1]) if start else [NOTHING]
            if probe is not None and scan.low is not None:
                rows = await reader.between(start - 1, probe, end, scan.low)
                return await self._keep(chain, account, replace(scan, first=start, low=probe, checked=start), rows)
        start = max(target, end - WHOLE + 1)
        rows = await reader.listed(start, end)
        return await self._keep(chain, account, replace(scan, first=start, low=None), rows)

    async def _keep(self, chain: Chain, account: str, scan: Scan, rows: Sequence[Movement]) -> Scan:
        """Store a chunk and the range that is covered with it, unless the chain changed meanwhile."""
        from app.wallets.tables import coin_rows, coin_scans

        network, anchor = chain.network.key.text, min(scan.probed, max(scan.first, scan.last - REORG, 0))
        anchor_hash, last_hash = await hash_at(chain, anchor), await hash_at(chain, scan.last)
        if last_hash != scan.last_hash:
            raise Unavailable(
                f"{chain.network.name} was reorganised while blocks were read. The last ones were not kept.",
                "Try again.",
                retryable=True,
            )
        mine = {"network": network, "account": bytes.fromhex(account[2:])}
        values = [{**mine, **_values(row)} for row in rows]

        def write(connection: sa.Connection) -> None:
            connection.execute(coin_scans.delete().where(*_mine(coin_scans, network, account)))
            connection.execute(coin_scans.insert().values(**mine, **_scan_values(scan, anchor, anchor_hash)))
            if values:
                # Another console of the store may have read the same blocks.
                first, last = min(row.block for row in rows), max(row.block for row in rows)
                where = (*_mine(coin_rows, network, account), coin_rows.c.block.between(first, last))
                there = {(row.block, row.place) for row in connection.execute(coin_rows.select().where(*where))}
                new = [value for value in values if (value["block"], value["place"]) not in there]
                if new:
                    connection.execute(coin_rows.insert(), new)

        await self._database.write(write, durable=False)
        return scan


class _Counted:
    """Blocks behind us, as a job tells them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._done, self._all = 0, 1

    def of(self, blocks: int) -> None:
        self._all = max(1, blocks)

    def more(self, blocks: int) -> None:
        self._done += blocks
        self._progress(self._done / self._all, f"{min(self._done, self._all):,} of {self._all:,} blocks")


def _mine(table: sa.Table, network: str, account: str) -> tuple[Any, ...]:
    return table.c.network == network, table.c.account == bytes.fromhex(account[2:])


def _scan_values(scan: Scan, anchor: int, anchor_hash: str) -> dict[str, object]:
    low = scan.low
    return {
        "first": scan.first,
        "last": scan.last,
        "last_hash": bytes.fromhex(scan.last_hash[2:]),
        "anchor": anchor,
        "anchor_hash": bytes.fromhex(anchor_hash[2:]),
        "probed": scan.probed,
        "high_balance": scan.high.balance,
        "high_nonce": scan.high.nonce,
        "high_code": scan.high.code,
        "low_balance": None if low is None else low.balance,
        "low_nonce": 0 if low is None else low.nonce,
        "low_code": low is not None and low.code,
        "checked": scan.checked,
    }


def _scanned(row: Any) -> Scan:
    low = None if row.low_balance is None else Probe(row.low_balance, int(row.low_nonce), bool(row.low_code))
    return Scan(
        int(row.first),
        int(row.last),
        "0x" + bytes(row.last_hash).hex(),
        int(row.probed),
        Probe(row.high_balance, int(row.high_nonce), bool(row.high_code)),
        low,
        int(row.checked),
    )


def _values(row: Movement) -> dict[str, object]:
    return {
        "block": row.block,
        "place": row.place,
        "origin": row.origin.value,
        "sender": bytes.fromhex(row.sender[2:]),
        "recipient": bytes.fromhex(row.recipient[2:]),
        "amount": row.amount,
        "fee": row.fee,
        "succeeded": row.succeeded,
        "tx_hash": bytes.fromhex(row.tx_hash[2:]),
        "block_hash": bytes.fromhex(row.block_hash[2:]),
        "time": row.time,
        "since": row.since,
    }


def _kept(row: Any) -> Movement:
    return Movement(
        int(row.block),
        int(row.place),
        Origin(row.origin),
        checksum(bytes(row.sender)),
        checksum(bytes(row.recipient)),
        row.amount,
        row.fee,
        bool(row.succeeded),
        "0x" + bytes(row.tx_hash).hex(),
        "0x" + bytes(row.block_hash).hex(),
        int(row.time),
        int(row.since),
    )
