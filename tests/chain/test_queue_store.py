"""The queue's rows are the same on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import coincurve
import pytest

from app.chain.queue import IN_BLOCK, Mark, Queue, Signed, TransactionState, transaction_hash
from app.chain.signer import UnsignedTransaction
from app.core.errors import Conflict
from app.core.events import Bus, TransactionsChanged
from app.database import Database

NETWORK = "1337:0x" + "ab" * 32
SENDER = "0x" + "11" * 20


def signed(nonce: int, price: int = 10, **more: object) -> Signed:
    """A real signature of a transaction of that nonce."""
    from app.chain.hashing import keccak256

    unsigned = UnsignedTransaction(1337, nonce, "0x" + "22" * 20, 2**100, b"\x01", 21_000, price, 1)
    signature = coincurve.PrivateKey(b"\x01" * 32).sign_recoverable(keccak256(unsigned.payload()), hasher=None)
    raw = unsigned.signed(int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64])
    return Signed(nonce, raw, "plan", 0, f"Number {nonce}", nonce, **more)  # type: ignore[arg-type]


@pytest.mark.asyncio
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
async def test_rows_are_kept_marked_paged_and_given_up(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres") if dialect == "postgresql" else f"sqlite:///{tmp_path / 'store.db'}"
    database, bus, told = Database(url), Bus(), []
    bus.subscribe(TransactionsChanged, told.append)
    await database.open()
    queue = Queue(database, bus)
    many = [signed(nonce) for nonce in range(600)]
    await queue.keep(NETWORK, SENDER, many)
    rows = await queue.rows(NETWORK, SENDER)
    assert [row.nonce for row in rows] == list(range(600)) and {row.value for row in rows} == {2**100}
    assert [row.raw for row in rows] == [each.raw for each in many]
    assert TransactionsChanged(NETWORK, SENDER) in told

    sent = [Mark(row.hash, {"state": "sent", "sent_at": 5}, (TransactionState.SIGNED,)) for row in rows[:300]]
    assert await queue.mark(NETWORK, sent) == {row.hash for row in rows[:300]}
    assert await queue.mark(NETWORK, sent) == set()
    block = bytes.fromhex("cd" * 32)
    mined = {"state": "final", "block": 9, "block_hash": block, "succeeded": True}
    await queue.mark(NETWORK, [Mark(row.hash, mined, (TransactionState.SENT,)) for row in rows[:2]])
    first = await queue.get(NETWORK, rows[0].hash)
    assert first is not None and (first.state, first.block, first.block_hash, first.succeeded) == (
        "final",
        9,
        "0x" + "cd" * 32,
        True,
    )
    back = {"state": "sent", "block": 0, "block_hash": None, "succeeded": None}
    assert await queue.mark(NETWORK, [Mark(row.hash, back, IN_BLOCK) for row in rows[1:3]]) == {rows[1].hash}
    assert await queue.highest(NETWORK) == {"0x" + "11" * 20: 0}
    assert await queue.networks() == [NETWORK]
    assert list(await queue.many(NETWORK, [row.hash for row in rows])) != []

    shown, total = await queue.overview(NETWORK, SENDER, 3)
    # Those that wait are all there, however many came after them; of what is decided only the newest are.
    assert [row.nonce for row in shown] == list(range(599, 0, -1)) and total == 600
    await queue.mark(NETWORK, [Mark(row.hash, mined, (TransactionState.SIGNED,)) for row in rows[300:]])
    shown, total = await queue.overview(NETWORK, SENDER, 3)
    assert [row.nonce for row in shown] == [599, 598, 597, *range(299, 0, -1)] and total == 600

    seen, before = [], ""
    while page := await queue.page(NETWORK, SENDER, (), before, 250):
        seen += [row.nonce for row in page]
        before = page[-1].hash
    assert seen == list(range(599, -1, -1))

    with pytest.raises(Conflict, match="Nonce 7 was just taken"):
        await queue.keep(NETWORK, SENDER, [signed(7, price=11)])
    faster = signed(7, price=11, replaces=rows[7].hash)
    await queue.keep(NETWORK, SENDER, [faster])
    again = signed(7, price=12, replaces=transaction_hash(faster.raw))
    await queue.keep(NETWORK, SENDER, [again])
    old = await queue.get(NETWORK, rows[7].hash)
    assert old is not None and old.replaced_by == transaction_hash(faster.raw)
    middle = await queue.get(NETWORK, transaction_hash(faster.raw))
    assert middle is not None and middle.replaced_by == transaction_hash(again.raw)
    with pytest.raises(Conflict, match="These bytes were signed before, and are final"):
        await queue.keep(NETWORK, SENDER, many[:1])
    newest = await queue.get(NETWORK, transaction_hash(again.raw))
    assert newest is not None
    await queue.drop(newest, "not wanted")
    middle = await queue.get(NETWORK, transaction_hash(faster.raw))
    assert middle is not None and middle.replaced_by == ""
    # Another chain with the same id, made anew, takes the very same bytes.
    await queue.keep("1337:0x" + "ef" * 32, SENDER, many[:1])
    assert len(await queue.find(rows[0].hash)) == 2
    await database.close()
