"""The queue as rows: one for every transaction that was signed here, from signed to final, and who replaced whom.

One queue per (network, sender). The bytes are stored before anything is sent; all other columns can be found out again from the
chain, so they are written without waiting for the disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from app.chain.envelopes import Envelope, EnvelopeKind, read_envelope
from app.chain.hashing import checksum_address, keccak256
from app.core.clock import now_ms
from app.core.errors import Conflict, NotFound
from app.core.events import Bus, TransactionsChanged

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.database import Database

CHUNK = 250  # rows that one database transaction stores or marks


class TransactionState(StrEnum):
    """Where a signed transaction is."""

    SIGNED = "signed"  # stored, not sent as far as this console knows
    SENT = "sent"  # handed to a node
    SEEN = "seen"  # the node was asked back and has it in its pool
    MINED = "mined"  # in a block, with fewer confirmations than the network asks for
    FINAL = "final"
    REPLACED = "replaced"  # another transaction of its nonce is final
    DROPPED = "dropped"  # given up: this console does not send it again


ALIVE = (TransactionState.SIGNED, TransactionState.SENT, TransactionState.SEEN, TransactionState.MINED)
# A killed node forgets blocks and a reorganisation takes them back, so even a final transaction still owns its nonce.
HOLDING = (*ALIVE, TransactionState.FINAL)
SENT_ONCE = (TransactionState.SENT, TransactionState.SEEN, TransactionState.MINED, TransactionState.FINAL)
IN_BLOCK = (TransactionState.MINED, TransactionState.FINAL)


@dataclass(frozen=True, slots=True)
class QueuedTransaction:
    """A row of the queue. Prices in wei per gas, times in UTC milliseconds (0: not yet), ``block`` 0 until it was seen in one.

    ``item`` is its place in a step that sends many; ``succeeded`` is None until it is in a block; ``replaces`` and ``replaced_by``
    are hashes or empty.
    """

    hash: str
    network: str
    sender: str
    nonce: int
    state: TransactionState
    description: str
    plan_id: str
    block: int
    created_at: int
    step_index: int
    item: int
    block_hash: str
    to: str | None
    value: int
    data: str
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    legacy: bool
    sent_at: int
    seen_at: int
    updated_at: int
    replaces: str
    replaced_by: str
    succeeded: bool | None
    note: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction to store: who signed it for which step."""

    nonce: int
    raw: bytes
    plan_id: str
    step_index: int
    description: str
    item: int = 0
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of one row. ``only_from`` guards it: a row in another state by now stays as it is."""

    hash: str
    values: Mapping[str, object]
    only_from: Collection[TransactionState] = ()


class Queue:
    """Reads and writes the rows of all queues."""

    def __init__(self, database: Database, bus: Bus | None = None) -> None:
        self._database = database
        self.bus = bus or Bus()

    # reading

    async def rows(
        self,
        network: str,
        sender: str = "",
        states: Collection[TransactionState] = (),
        *,
        plan_id: str = "",
        step_index: int | None = None,
        nonce: int | None = None,
        from_nonce: int | None = None,
        from_block: int | None = None,
        sent: bool = False,
    ) -> list[QueuedTransaction]:
        """The rows that fit, by sender, nonce and age."""
        from app.chain.tables import transactions as table

        query = table.select().where(table.c.network == network)
        if sender:
            query = query.where(table.c.sender == _raw(sender))
        if states:
            query = query.where(table.c.state.in_(list(states)))
        if plan_id:
            query = query.where(table.c.plan_id == plan_id)
        if step_index is not None:
            query = query.where(table.c.step_index == step_index)
        if nonce is not None:
            query = query.where(table.c.nonce == nonce)
        if from_nonce is not None:
            query = query.where(table.c.nonce >= from_nonce)
        if from_block is not None:
            query = query.where(table.c.block >= from_block)
        if sent:
            query = query.where(table.c.sent_at > 0)
        query = query.order_by(table.c.sender, table.c.nonce, table.c.created_at)

        def read(connection: Connection) -> list[QueuedTransaction]:
            return [queued(row) for row in connection.execute(query)]

        return await self._database.read(read)

    async def get(self, network: str, tx_hash: str) -> QueuedTransaction | None:
        """One row, or None when this console did not sign it."""
        found = await self.find(tx_hash)
        return next((row for row in found if row.network == network), None)

    async def find(self, tx_hash: str) -> list[QueuedTransaction]:
        """The rows of a hash, on whatever network: chains that were reset know the same bytes again."""
        from app.chain.tables import transactions as table

        def read(connection: Connection) -> list[QueuedTransaction]:
            return [queued(row) for row in connection.execute(table.select().where(table.c.hash == _raw(tx_hash)))]

        return await self._database.read(read)

    async def many(self, network: str, hashes: Sequence[str]) -> dict[str, QueuedTransaction]:
        """Rows by hash."""
        from app.chain.tables import transactions as table

        def read(connection: Connection) -> dict[str, QueuedTransaction]:
            found = {}
            for start in range(0, len(hashes), CHUNK):
                part = [_raw(tx_hash) for tx_hash in hashes[start : start + CHUNK]]
                for row in connection.execute(table.select().where(table.c.network == network, table.c.hash.in_(part))):
                    found["0x" + bytes(row.hash).hex()] = queued(row)
            return found

        return await self._database.read(read)

    async def page(
        self, network: str, sender: str, states: Collection[TransactionState], before: str, limit: int
    ) -> list[QueuedTransaction]:
        """Rows, newest first, older than the one with the hash ``before``."""
        import sqlalchemy as sa

        from app.chain.tables import transactions as table

        order = (table.c.created_at, table.c.nonce, table.c.hash)
        query = table.select().where(table.c.network == network).order_by(*(column.desc() for column in order)).limit(limit)
        if sender:
            query = query.where(table.c.sender == _raw(sender))
        if states:
            query = query.where(table.c.state.in_(list(states)))

        def read(connection: Connection) -> list[QueuedTransaction]:
            asked = query
            if before:
                key = sa.select(*order).where(table.c.network == network, table.c.hash == _raw(before))
                last = connection.execute(key).first()
                if last is None:
                    return []
                asked = query.where(
                    sa.tuple_(*order) < sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(last, order, strict=True)))
                )
            return [queued(row) for row in connection.execute(asked)]

        return await self._database.read(read)

    async def overview(self, network: str, sender: str, newest: int) -> tuple[list[QueuedTransaction], int]:
        """The newest rows of a sender and every one that waits, however old it is, newest first; and how many rows there are."""
        waiting = (TransactionState.SIGNED, TransactionState.SENT, TransactionState.SEEN)
        found = await self.page(network, sender, (), "", newest)
        listed = {row.hash for row in found}
        older = [row for row in await self.rows(network, sender, waiting) if row.hash not in listed]
        older.sort(key=lambda row: (row.created_at, row.nonce, row.hash), reverse=True)
        return found + older, await self.count(network, sender)

    async def count(self, network: str, sender: str = "") -> int:
        """How many transactions were signed for a network; of one sender when it is named."""
        import sqlalchemy as sa

        from app.chain.tables import transactions as table

        query = sa.select(sa.func.count()).select_from(table).where(table.c.network == network)
        if sender:
            query = query.where(table.c.sender == _raw(sender))
        return await self._database.read(lambda connection: int(connection.execute(query).scalar_one()))

    async def highest(self, network: str) -> dict[str, int]:
        """The highest nonce that is final or replaced, of every account that this console signed for on a network."""
        import sqlalchemy as sa

        from app.chain.tables import transactions as table

        closed = table.c.state.in_([TransactionState.FINAL, TransactionState.REPLACED])
        query = sa.select(table.c.sender, sa.func.max(table.c.nonce).label("nonce")).where(table.c.network == network, closed)
        query = query.group_by(table.c.sender).order_by(table.c.sender)

        def read(connection: Connection) -> dict[str, int]:
            return {checksum_address(bytes(row.sender)): int(row.nonce) for row in connection.execute(query)}

        return await self._database.read(read)

    async def networks(self) -> list[str]:
        """Networks that this console ever sent on."""
        import sqlalchemy as sa

        from app.chain.tables import transactions as table

        def read(connection: Connection) -> list[str]:
            return list(connection.execute(sa.select(table.c.network).distinct()).scalars())

        return await self._database.read(read)

    # writing

    async def keep(self, network: str, sender: str, signed: Sequence[Signed]) -> list[QueuedTransaction]:
        """Store signed transactions; on return they survive a power cut. The rows as they are stored, in the order given.

        A row that was given up and is now signed again in the very same bytes becomes the new step's: a chain takes them once.

        Raises:
            Conflict: a nonce is held by another living row; what came before in ``signed`` is stored.
        """
        kept: list[QueuedTransaction] = []
        for start in range(0, len(signed), CHUNK):
            part = signed[start : start + CHUNK]
            kept += await self._database.write(lambda connection, part=part: _keep(connection, network, sender, part))  # type: ignore[misc]
        self.bus.publish(TransactionsChanged(network, sender))
        return kept

    async def mark(self, network: str, marks: Sequence[Mark]) -> set[str]:
        """Write what became of some rows; the hashes of those that changed."""
        changed: set[str] = set()
        for start in range(0, len(marks), CHUNK):
            part = marks[start : start + CHUNK]
            changed |= await self._database.write(
                lambda connection, part=part: _mark(connection, network, part),  # type: ignore[misc]
                durable=False,
            )
        if changed:
            self.bus.publish(TransactionsChanged(network))
        return changed

    async def drop(self, row: QueuedTransaction, note: str = "") -> None:
        """Give a row up; what it was to replace stands alone again."""
        alive = (TransactionState.SIGNED, TransactionState.SENT, TransactionState.SEEN)
        marks = [Mark(row.hash, {"state": TransactionState.DROPPED.value, "note": note}, alive)]
        if row.replaces:
            marks.append(Mark(row.replaces, {"replaced_by": None}))
        await self.mark(row.network, marks)


def transaction_hash(raw: bytes) -> str:
    """The hash by which a node knows a raw transaction."""
    return "0x" + keccak256(raw).hex()


def queued(row: Any) -> QueuedTransaction:
    """A row of the table as a value."""
    raw = bytes(row.raw)
    says = _says(raw)
    return QueuedTransaction(
        hash="0x" + bytes(row.hash).hex(),
        network=row.network,
        sender=_spelled(bytes(row.sender)),
        nonce=int(row.nonce),
        state=TransactionState(row.state),
        description=row.description,
        plan_id=row.plan_id,
        block=int(row.block),
        created_at=int(row.created_at),
        step_index=int(row.step_index),
        item=int(row.item),
        block_hash=_hex(row.block_hash),
        to=says.to,
        value=says.value,
        data="0x" + says.data.hex(),
        gas_limit=says.gas_limit,
        max_fee_per_gas=says.max_fee_per_gas,
        max_priority_fee_per_gas=says.max_priority_fee_per_gas,
        legacy=says.kind is not EnvelopeKind.PRICED,
        sent_at=int(row.sent_at),
        seen_at=int(row.seen_at),
        updated_at=int(row.updated_at),
        replaces=_hex(row.replaces),
        replaced_by=_hex(row.replaced_by),
        succeeded=None if row.succeeded is None else bool(row.succeeded),
        note=row.note,
        raw=raw,
    )


@lru_cache(maxsize=16_384)
def _says(raw: bytes) -> Envelope:
    """Stored bytes never change, and a batch is read many times."""
    return read_envelope(raw)


@lru_cache(maxsize=256)
def _spelled(address: bytes) -> str:
    return checksum_address(address)


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _hex(value: Any) -> str:
    return "0x" + bytes(value).hex() if value is not None else ""


def _keep(connection: Connection, network: str, sender: str, signed: Sequence[Signed]) -> list[QueuedTransaction]:
    from app.chain.tables import transactions as table

    mine = (table.c.network == network, table.c.sender == _raw(sender))
    nonces = [each.nonce for each in signed]
    rows = connection.execute(table.select().where(*mine, table.c.nonce.in_(nonces))).all()
    alive = [row for row in rows if row.state in ALIVE]
    now = now_ms()
    fresh, kept = [], []
    for each in signed:
        tx_hash = _raw(transaction_hash(each.raw))
        # What was replaced before stays alive beside its replacement until one of them is final.
        free = [] if not each.replaces else [row.hash for row in alive if row.replaced_by or row.hash == _raw(each.replaces)]
        others = [row for row in alive if row.nonce == each.nonce and row.hash not in free]
        if others:
            raise Conflict(
                f"Nonce {each.nonce:,} was just taken by another console. Nothing was sent.", "Try again.", retryable=True
            )
        values: dict[str, object] = {
            "hash": tx_hash,
            "network": network,
            "sender": _raw(sender),
            "nonce": each.nonce,
            "raw": each.raw,
            "state": TransactionState.SIGNED.value,
            "description": each.description[:200],
            "plan_id": each.plan_id,
            "step_index": each.step_index,
            "item": each.item,
            "block": 0,
            "block_hash": None,
            "sent_at": 0,
            "seen_at": 0,
            "replaces": _raw(each.replaces) if each.replaces else None,
            "replaced_by": None,
            "succeeded": None,
            "note": "",
            "created_at": now,
            "updated_at": now,
        }
        kept.append(queued(SimpleNamespace(**values)))
        same = next((row for row in rows if row.hash == tx_hash), None)
        if same is None:
            fresh.append(values)
        elif same.state != TransactionState.DROPPED:
            raise Conflict(f"These bytes were signed before, and are {same.state}. Nothing was sent.", "Look at the queue.")
        else:
            connection.execute(table.update().where(table.c.network == network, table.c.hash == tx_hash).values(**values))
        if each.replaces:
            old = (table.c.network == network, table.c.hash == _raw(each.replaces))
            connection.execute(table.update().where(*old).values(replaced_by=tx_hash, updated_at=now))
    if fresh:
        connection.execute(table.insert(), fresh)
    return kept


def _mark(connection: Connection, network: str, marks: Sequence[Mark]) -> set[str]:
    """One statement for all marks of one shape; one each for those whose taking effect is news."""
    import sqlalchemy as sa

    from app.chain.tables import transactions as table

    changed, now = set(), now_ms()
    shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Mark]] = defaultdict(list)
    for mark in marks:
        if set(mark.only_from) & set(IN_BLOCK) or not mark.only_from:
            query = table.update().where(table.c.network == network, table.c.hash == _raw(mark.hash))
            if mark.only_from:
                query = query.where(table.c.state.in_(list(mark.only_from)))
            if connection.execute(query.values(**mark.values, updated_at=now)).rowcount:
                changed.add(mark.hash)
        else:
            shapes[tuple(sorted(mark.values)), tuple(sorted(mark.only_from))].append(mark)
    for (names, states), alike in shapes.items():
        still = sa.or_(*(table.c.state == state for state in states))
        query = table.update().where(table.c.network == network, table.c.hash == sa.bindparam("which"), still)
        query = query.values({name: sa.bindparam(f"new_{name}") for name in names} | {"updated_at": now})
        rows = [{"which": _raw(m.hash)} | {f"new_{name}": m.values[name] for name in names} for m in alike]
        if connection.execute(query, rows).rowcount:
            changed |= {mark.hash for mark in alike}
    return changed


def missing(tx_hash: str) -> NotFound:
    """What is said of a hash that is in no queue."""
    return NotFound(
        f"{tx_hash} is no transaction that this console signed. Nothing was planned.", "List them: azora wallet queue", field="hash"
    )
