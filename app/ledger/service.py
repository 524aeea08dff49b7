"""The ledger as its users ask it: index, read, prove, reconcile, export."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from app.audit import bundle
from app.audit.verifier import checksum_address
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound
from app.core.events import LedgerChanged, Notice
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Figure, Trust
from app.ledger import export, queries, reconciliation, writing
from app.ledger.indexer import Cursor, Indexer
from app.ledger.rows import (
    BurnRow,
    Holder,
    IndexState,
    LedgerFilter,
    LedgerRow,
    MintRow,
    Movements,
    Order,
    Page,
    Reconciliation,
    Supply,
    SupplyPoint,
)

if TYPE_CHECKING:
    from app.audit.journal import Journal
    from app.chain.economy import Economy
    from app.chain.networks import Network, Networks
    from app.chain.proofs import Proofs
    from app.core.events import Bus
    from app.core.jobs import Job, Jobs
    from app.database import Database

FOLLOW_SECONDS = 1.0
_EMPTY = IndexState(0, -1, -1, False, "")

EconomyOf = Callable[[str], "Awaitable[Economy | None] | Economy | None"]


class Ledger:
    """The AZR ledger of every network of this console.

    Args:
        economy_of: where AZR lives on a network, by the text of its key; None where it was not deployed.
        journal: goes into bundles; without it they carry an empty one.
    """

    def __init__(
        self,
        *,
        database: Database,
        networks: Networks,
        proofs: Proofs,
        economy_of: EconomyOf,
        bus: Bus,
        jobs: Jobs,
        journal: Journal | None = None,
    ) -> None:
        self._database = database
        self._networks = networks
        self._proofs = proofs
        self._economy_of = economy_of
        self._bus = bus
        self._jobs = jobs
        self._journal = journal
        self._indexer = Indexer(database)
        self._turns: dict[str, asyncio.Lock] = {}

    # indexing

    async def index(self, network_id: str, *, job: Job | None = None) -> IndexState:
        """Read every block up to the head, recompute its roots and keep what concerns AZR. Safe to kill at any time.

        Where the chain went back, what it does not have any more is taken out, and said in a notice.

        Raises:
            NotFound: AZR is not deployed on this network.
            Conflict: a block does not give its own hash or roots; what was indexed before is kept.
            Unavailable: the node does not answer; what was indexed before is kept.
        """
        chain = await self._networks.connect(network_id)
        economy = await self._economy(chain.network)
        async with self._turns.setdefault(network_id, asyncio.Lock()):
            caught_up = await self._indexer.catch_up(chain, economy, job)
            state = await self._indexer.state(chain.network.key.text)
        if caught_up.changed:
            self._bus.publish(LedgerChanged(chain.network.key.text, state.last))
        if caught_up.undone is not None and (told := caught_up.undone.told(chain.network.name)):
            self._bus.publish(Notice(told, "warn", "azora://ledger"))
        return state

    async def follow(self, network_id: str) -> Job:
        """Index now and after each new block, as a job, until it is cancelled. A node that is away is waited for."""
        link = f"network:{network_id}"
        for known in self._jobs.list():
            if known.kind == "ledger.follow" and known.link == link and known.state == "running":
                raise Conflict(f"The ledger of {network_id} is being followed already. Nothing was started.")

        async def work(job: Job) -> None:
            wait = FOLLOW_SECONDS
            while True:
                try:
                    state = await self.index(network_id, job=job)
                    job.progress(None, f"at block {state.last:,}")
                    wait = FOLLOW_SECONDS
                except ConsoleError as error:
                    if isinstance(error, Conflict) and not error.retryable:
                        raise
                    job.progress(None, error.message)
                    wait = min(wait * 2, 30.0)
                await asyncio.sleep(wait)

        return self._jobs.start(f"Following the ledger of {network_id}", work, kind="ledger.follow", link=link)

    async def state(self, network_id: str) -> IndexState:
        """How far a network is indexed; nothing is asked of the chain."""
        network = self._networks.get(network_id)
        return await self._indexer.state(network.key.text) if network.genesis else _EMPTY

    async def digest(self, network_id: str) -> str:
        """SHA-256 over every row of the network, read back from the store; empty when nothing is indexed."""
        cursor = await self._indexer.cursor(self._networks.get(network_id).key.text)
        if cursor is None:
            return ""
        return await self._database.read(lambda connection: writing.digest_of_rows(connection, cursor.id))

    # reading

    async def transactions(
        self, network_id: str, filter: LedgerFilter | None = None, before: str | None = None, limit: int = 100
    ) -> Page:
        """A page of rows; ``before`` is the ``next`` of the page before it.

        Raises:
            Invalid: the filter cannot be read.
        """
        network = self._networks.get(network_id)
        cursor = await self._indexer.cursor(network.key.text)
        if cursor is None:
            return Page(())
        wanted, trust, key = filter or LedgerFilter(), _trust(network), network.key.text
        return await self._database.read(lambda c: queries.page(c, cursor, wanted, before, limit, key, trust))

    async def count(self, network_id: str, filter: LedgerFilter | None = None) -> int:
        """How many rows a filter lets through. Raises as :meth:`transactions`."""
        cursor = await self._indexer.cursor(self._networks.get(network_id).key.text)
        if cursor is None:
            return 0
        return await self._database.read(lambda connection: queries.count(connection, cursor, filter or LedgerFilter()))

    async def balance(self, network_id: str, account: str, block: int | None = None) -> Figure:
        """What an account held after a block (default: the indexed head), from the index alone.

        Raises:
            Conflict: the block is not indexed.
        """
        network, cursor = await self._indexed(network_id)
        at = cursor.last if block is None else block
        if not cursor.first <= at <= cursor.last:
            raise Conflict(
                f"Block {at:,} is not indexed (blocks {cursor.first:,}–{cursor.last:,} are). Nothing was read.", "Index first."
            )
        raw = _address(account)

        def look(connection: Connection) -> tuple[int, str]:
            return queries.balance_at(connection, cursor, raw, at), queries.block_hash(connection, cursor, at)

        value, block_hash = await self._database.read(look)
        return Figure(value, "AZR", (_complete(network, cursor, at, block_hash),), 18)

    async def holders(self, network_id: str, limit: int = 100) -> list[Holder]:
        """The largest holders at the indexed head."""
        network, cursor = await self._indexed(network_id)

        def look(connection: Connection) -> tuple[list[tuple[bytes, int]], str]:
            return queries.holders(connection, cursor, limit), queries.block_hash(connection, cursor, cursor.last)

        found, block_hash = await self._database.read(look)
        evidence = (_complete(network, cursor, cursor.last, block_hash),)
        return [Holder(checksum_address(account), value, Figure(value, "AZR", evidence, 18)) for account, value in found]

    async def supply(self, network_id: str) -> Supply:
        """Minted, burned and existing AZR at the indexed head; what exists is proven by the chain when it answers."""
        network, cursor = await self._indexed(network_id)

        def look(connection: Connection) -> tuple[int, int, str]:
            minted, burned = writing.totals(connection, cursor.id)
            return minted, burned, queries.block_hash(connection, cursor, cursor.last)

        minted, burned, block_hash = await self._database.read(look)
        evidence = (_complete(network, cursor, cursor.last, block_hash),)
        try:
            existing = await self.prove_supply(network_id)
        except ConsoleError:
            existing = Figure(minted - burned, "AZR", evidence, 18)
        stated = replace(evidence[0], status=EvidenceStatus.CLAIMED, check="cap() of the token", trust=Trust.NONE, blocks=None)
        return Supply(
            Figure(minted, "AZR", evidence, 18),
            Figure(burned, "AZR", evidence, 18),
            existing,
            Figure(cursor.cap, "AZR", (stated,), 18),
            cursor.last,
        )

    async def supply_history(self, network_id: str, points: int = 200) -> list[SupplyPoint]:
        """Supply after each block that changed it, thinned to ``points``."""
        _, cursor = await self._indexed(network_id)
        return await self._database.read(lambda connection: queries.supply_points(connection, cursor, points))

    async def movements(self, network_id: str) -> Movements:
        """Every mint and every burn up to the indexed head; nothing is asked of the chain.

        Raises:
            NotFound: the network is not indexed yet.
        """
        network, cursor = await self._indexed(network_id)

        def look(connection: Connection) -> tuple[list[MintRow], list[BurnRow], str]:
            at = queries.block_hash(connection, cursor, cursor.last)
            return queries.mints(connection, cursor), queries.burns(connection, cursor), at

        mints, burns, block_hash = await self._database.read(look)
        return Movements(cursor.last, tuple(mints), tuple(burns), _complete(network, cursor, cursor.last, block_hash))

    # proving

    async def prove_balance(self, network_id: str, account: str) -> Figure:
        """A balance at the indexed head, proven by ``eth_getProof`` and compared with the index.

        A difference makes it ``mismatch``; a node without the state of that block, ``unavailable``.
        """
        network, cursor = await self._indexed(network_id)
        chain, economy = await self._networks.connect(network_id), await self._economy(network)
        holder = checksum_address(_address(account))
        figure = await self._proofs.balance(chain, economy.token, holder, economy.balances_slot, cursor.last)
        indexed = await self.balance(network_id, holder, cursor.last)
        return _compared(figure, indexed)

    async def prove_supply(self, network_id: str) -> Figure:
        """The total supply at the indexed head, proven by ``eth_getProof`` and compared with minted − burned of the index."""
        network, cursor = await self._indexed(network_id)
        chain, economy = await self._networks.connect(network_id), await self._economy(network)
        figure = await self._proofs.total_supply(chain, economy.token, cursor.last, slot=economy.supply_slot)

        def look(connection: Connection) -> tuple[int, int, str]:
            return *writing.totals(connection, cursor.id), queries.block_hash(connection, cursor, cursor.last)

        minted, burned, block_hash = await self._database.read(look)
        indexed = Figure(minted - burned, "AZR", (_complete(network, cursor, cursor.last, block_hash),), 18)
        return _compared(figure, indexed)

    async def reconcile(self, network_id: str) -> Reconciliation:
        """Index to the head, then hold: balances = proven supply = minted − burned ≤ cap, and one accepted proof for each mint."""
        await self.index(network_id)
        network, cursor = await self._indexed(network_id)
        chain, economy = await self._networks.connect(network_id), await self._economy(network)
        supply = await self._proofs.total_supply(chain, economy.token, cursor.last, slot=economy.supply_slot)
        found, block_hash = await self._database.read(
            lambda c: (reconciliation.books(c, cursor), queries.block_hash(c, cursor, cursor.last))
        )
        if supply.evidence[0].block_hash != block_hash:
            raise Conflict("The chain moved while it was read. Nothing was reconciled.", "Try again.", retryable=True)
        return reconciliation.reconcile(cursor, found, supply)

    # leaving

    async def export_bundle(self, network_id: str, path: Path, accounts: Sequence[str] = ()) -> Path:
        """Write an evidence bundle at the head: proofs of the supply and of ``accounts``, every event of the token, the journal.

        The file is checked by the verifier, in a process of its own, before it gets its name.
        """
        await self.index(network_id)
        network, cursor = await self._indexed(network_id)
        chain, economy = await self._networks.connect(network_id), await self._economy(network)
        holders = [checksum_address(_address(account)) for account in accounts]
        anchor = await self._database.read(lambda c: queries.block_hash(c, cursor, cursor.last))
        journal = [entry.to_json() for entry in await self._journal.all()] if self._journal is not None else []
        material = await export.gather(chain, economy, cursor, anchor, self._proofs, holders, journal)
        return await bundle.write(material, Path(path))

    async def export_csv(self, network_id: str, filter: LedgerFilter | None, path: Path) -> Path:
        """Write all rows of a filter as CSV, oldest first, exact to 18 decimals."""
        wanted = replace(filter or LedgerFilter(), order=Order.OLDEST)
        network = self._networks.get(network_id)

        async def pages() -> AsyncIterator[Sequence[LedgerRow]]:
            place: str | None = None
            while True:
                page = await self.transactions(network_id, wanted, place, queries.LIMIT)
                yield page.rows
                if page.next is None:
                    return
                place = page.next

        return await export.write_csv(pages(), Path(path), f"DEMO {network.name}" if network.demo else network.name)

    async def _economy(self, network: Network) -> Economy:
        found = self._economy_of(network.key.text)
        economy = await found if inspect.isawaitable(found) else found
        if economy is None:
            raise NotFound(
                f"AZR is not deployed on {network.name}. Nothing was read.", "Deploy the economy, or choose another network."
            )
        return economy

    async def _indexed(self, network_id: str) -> tuple[Network, Cursor]:
        network = self._networks.get(network_id)
        cursor = await self._indexer.cursor(network.key.text) if network.genesis else None
        if cursor is None or cursor.last < cursor.first:
            raise NotFound(f"{network.name} is not indexed yet. Nothing was read.", "Index it first.")
        return network, cursor


def _address(text: str) -> bytes:
    digits = text.strip().removeprefix("0x")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise Invalid(f"“{text[:80]}” is not an address. Nothing was read.", "Write 0x and 40 digits.", field="account")
    return raw


def _trust(network: Network) -> Trust:
    return Trust.OWN_NODE if network.own else Trust.OPERATOR


def _complete(network: Network, cursor: Cursor, block: int, block_hash: str) -> Evidence:
    return Evidence(
        kind=EvidenceKind.ROW,
        ref=str(block),
        network=network.key.text,
        block_hash=block_hash,
        read_at=now_ms(),
        status=EvidenceStatus.COMPLETE,
        check="every block indexed; header hashes, transactions roots and receipts roots recomputed",
        trust=_trust(network),
        blocks=(cursor.first, block),
    )


def _compared(proven: Figure, indexed: Figure) -> Figure:
    """The proven figure with the indexed one beside it; a difference is a mismatch of the first."""
    evidence, ours = proven.evidence[0], indexed.evidence[0]
    if evidence.status is EvidenceStatus.INCLUDED and (proven.value != indexed.value or evidence.block_hash != ours.block_hash):
        what = f"the index holds {indexed.value}, the state root proves {proven.value}"
        if evidence.block_hash != ours.block_hash:
            what = f"the index ends in block hash {ours.block_hash}, the node has {evidence.block_hash} there; index again"
        evidence = replace(evidence, status=EvidenceStatus.MISMATCH, check=f"{evidence.check}: {what}", trust=Trust.NONE)
    return replace(proven, evidence=(evidence, ours))
