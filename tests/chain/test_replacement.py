"""Speed up, cancel, repair: a node that does not mine takes each replacement, and the plan that waited learns of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.chain.fees import Fees
from app.chain.queue import QueuedTransaction, Signed, TransactionState
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound
from app.operations.plans import Plan, PlanState
from tests.chain.hostile import Hostile
from tests.chain.sending_room import Room, recipient
from tests.chain.test_queue import _signed, _states_are, slow, started, until
from tests.conftest import Node

__all__ = ["slow"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]


@pytest_asyncio.fixture
async def room(tmp_path: Path, slow: Node) -> AsyncIterator[Room]:
    opened = await Room(tmp_path / "home", slow.url).open()
    yield opened
    await opened.close()


async def waiting(room: Room, *numbers: int, data: str = "0x") -> tuple[object, QueuedTransaction]:
    """A plan that waits for its first transaction to be mined, and that transaction."""
    job = started(room, (await room.planned_send(*numbers, data=data)).id)
    await until(lambda: _states_are(room, "seen"))
    return job, (await room.transactions.list(room.key))[0]


async def in_pool(room: Room, slow: Node, tx_hash: str) -> bool:
    return slow("eth_getTransactionByHash", tx_hash) is not None


@pytest.mark.parametrize("data", ["0x", "0xabcdef"])
async def test_sped_up_it_is_mined_once_and_both_plans_are_done(room: Room, slow: Node, data: str) -> None:
    job, old = await waiting(room, 1, data=data)
    plan = await room.transactions.plan_speed_up(old.hash)
    assert plan.preview is not None and not plan.preview.blocked
    fee, tip = plan.preview.effects
    assert (fee.before, tip.before) == (str(old.max_fee_per_gas), str(old.max_priority_fee_per_gas)) and fee.unit == "gwei"
    assert int(fee.after) * 100 >= old.max_fee_per_gas * 110 and int(tip.after) * 100 >= old.max_priority_fee_per_gas * 110
    assert any("takes the place of “Pay 1”, nonce 0" in verdict.text for verdict in plan.preview.verdicts)
    faster = started(room, plan.id)
    await until(lambda: _states_are(room, "sent", "seen"))
    new = (await room.transactions.list(room.key))[0]
    assert new.replaces == old.hash and await in_pool(room, slow, new.hash) and not await in_pool(room, slow, old.hash)
    slow.mine()
    first, second = await job.wait(), await faster.wait()
    assert (first.state, second.state) == (PlanState.DONE, PlanState.DONE), (first.reason, second.reason)
    assert first.steps[0].result["hash"] == new.hash and first.steps[0].result["replaced"] == old.hash
    assert first.steps[0].evidence[0].ref == new.hash
    assert second.receipt.matches
    assert slow.balance(recipient(1)) == 1
    states = {row.hash: (row.state, row.replaced_by) for row in await room.transactions.list(room.key)}
    assert states == {old.hash: (TransactionState.REPLACED, new.hash), new.hash: (TransactionState.FINAL, "")}


async def test_sped_up_twice_the_newest_is_replaced(room: Room, slow: Node) -> None:
    job, old = await waiting(room, 1)
    jobs = [job]
    for count in (2, 3):
        jobs.append(started(room, (await room.transactions.plan_speed_up(old.hash)).id))

        async def seen(count: int = count) -> bool:
            return await room.states() == ["sent"] * (count - 1) + ["seen"]

        await until(seen)
    rows = list(reversed(await room.transactions.list(room.key)))
    assert [row.replaces for row in rows] == ["", rows[0].hash, rows[1].hash]
    slow.mine()
    ended = [await each.wait() for each in jobs]
    assert [plan.state for plan in ended] == [PlanState.DONE] * 3, [plan.reason for plan in ended]
    assert {plan.steps[0].result["hash"] for plan in ended} == {rows[2].hash}
    assert slow.balance(recipient(1)) == 1


async def test_cancelled_nothing_is_paid_and_the_plan_says_so(room: Room, slow: Node) -> None:
    job, old = await waiting(room, 1)
    plan = await room.transactions.plan_cancel(old.hash)
    assert [(e.before, e.after) for e in plan.preview.effects if e.kind == "state"] == [("waits", "cancelled")]
    cancelling = started(room, plan.id)
    await until(lambda: _states_are(room, "sent", "seen"))
    slow.mine()
    first, second = await job.wait(), await cancelling.wait()
    assert second.state is PlanState.DONE and second.receipt.matches, second.reason
    assert first.state is PlanState.FAILED
    assert "It was cancelled: an empty transaction took nonce 0. This step sent nothing." in first.reason
    assert slow.balance(recipient(1)) == 0


@pytest.mark.parametrize("kind", ["chain.speed_up", "chain.cancel"])
async def test_what_is_mined_first_wins_and_is_told(tmp_path: Path, slow: Node, kind: str) -> None:
    """The node says that it took the replacement, keeps the first and mines it."""
    async with Hostile(slow.url, lambda n: "ok" if n == 0 else "lie") as proxy:
        room = await Room(tmp_path / "home", proxy.url).open()
        job, old = await waiting(room, 1)
        verb = room.transactions.plan_speed_up if kind == "chain.speed_up" else room.transactions.plan_cancel
        replacing = started(room, (await verb(old.hash)).id)

        async def told() -> bool:
            return "sent" in await room.states() and proxy.moods["lie"] > 1

        await until(told)
        slow.mine()
        first, second = await job.wait(), await replacing.wait()
        assert first.state is PlanState.DONE and first.steps[0].result["hash"] == old.hash
        if kind == "chain.speed_up":
            # What was wanted has happened, if not by this transaction.
            assert second.state is PlanState.DONE and second.steps[0].result["hash"] == old.hash
            assert not second.receipt.matches
        else:
            assert second.state is PlanState.FAILED
            assert "was mined first, in block 1: it could not be cancelled any more." in second.reason
        assert slow.balance(recipient(1)) == 1
        await room.close()


async def test_what_is_mined_cannot_be_replaced(room: Room, slow: Node) -> None:
    job, old = await waiting(room, 1)
    plan = await room.transactions.plan_cancel(old.hash)
    slow.mine()
    await job.wait()
    for verb in (room.transactions.plan_speed_up, room.transactions.plan_cancel):
        with pytest.raises(Conflict, match="is in block 1 already: it cannot be replaced any more. Nothing was planned"):
            await verb(old.hash)
    # Previewed before, confirmed after: refused as well, with the same sentence.
    with pytest.raises(ConsoleError):
        await room.operations.execute(plan.id)
    again = await room.operations.preview(plan.id)
    assert "is in block 1 already" in again.preview.error
    with pytest.raises(NotFound, match="no transaction that this console signed"):
        await room.transactions.plan_cancel("0x" + "12" * 32)


async def test_prices_below_the_bump_or_above_the_ceiling_are_refused(room: Room, slow: Node) -> None:
    job, old = await waiting(room, 1)
    with pytest.raises(Invalid, match="ten percent more"):
        await room.transactions.plan_speed_up(old.hash, old.max_fee_per_gas * 109 // 100, old.max_priority_fee_per_gas * 2)
    with pytest.raises(Invalid, match="ten percent more"):
        await room.transactions.plan_speed_up(old.hash, old.max_fee_per_gas * 2, old.max_priority_fee_per_gas)
    with pytest.raises(Denied, match="above the network's fee ceiling"):
        await room.transactions.plan_speed_up(old.hash, 10**16, old.max_priority_fee_per_gas * 2)
    low, high = [await room.transactions.plan_speed_up(old.hash, level=level) for level in ("slow", "fast")]
    prices = [(int(plan.params["max_fee"]), int(plan.params["tip"])) for plan in (low, high)]
    assert all(fee * 100 >= old.max_fee_per_gas * 110 and tip * 100 >= old.max_priority_fee_per_gas * 110 for fee, tip in prices)
    levels = await Fees().levels(await room.networks.connect("anvil"))
    assert prices[0][0] <= prices[1][0] and prices[1][0] >= levels.fast.max_fee_per_gas
    with pytest.raises(Invalid, match="no fee level"):
        await room.transactions.plan_cancel(old.hash, level="soon")
    asked = await room.transactions.plan_speed_up(old.hash, old.max_fee_per_gas * 3, old.max_priority_fee_per_gas * 2)
    assert asked.params["max_fee"] == str(old.max_fee_per_gas * 3)
    slow.mine()
    await job.wait()


async def test_a_replacement_given_up_before_it_was_sent_leaves_the_first_alone(room: Room, slow: Node) -> None:
    job, old = await waiting(room, 1)
    plan = await room.transactions.plan_cancel(old.hash)
    raw = await _signed(room, 0)
    await room.transactions.queue.keep(room.key, room.deployer, [Signed(0, raw, plan.id, 0, "cancel", replaces=old.hash)])
    await room.operations.discard(plan.id)
    slow.mine()
    ended: Plan = await job.wait()  # type: ignore[attr-defined]
    assert ended.state is PlanState.DONE and slow.balance(recipient(1)) == 1


async def test_a_queue_with_gaps_and_lost_bytes_is_repaired(room: Room, slow: Node) -> None:
    first, second = await room.planned_send(1), await room.planned_send(3)
    for nonce, plan in ((1, first), (3, second)):
        raw = await _signed(room, nonce)
        await room.transactions.queue.keep(room.key, room.deployer, [Signed(nonce, raw, plan.id, 0, f"Pay {nonce}")])
        await room.transactions.broadcast(room.key, "0x" + raw.hex())
    lost = (await room.transactions.list(room.key))[0]
    slow("anvil_dropTransaction", lost.hash)
    with pytest.raises(Conflict, match="There is nothing to repair"):
        await room.transactions.plan_repair(room.key, room.other)
    plan = await room.transactions.plan_repair(room.key, room.deployer)
    assert [step.spec.title for step in plan.steps][-2:] == ["Fill nonce 0", "Fill nonce 2"]
    assert not plan.preview.blocked
    job = started(room, plan.id)
    for _ in range(2):

        async def ready() -> bool:
            return int(slow("txpool_status")["pending"], 16) > 0

        await until(ready)
        slow.mine()
    ended = await job.wait()
    assert ended.state is PlanState.DONE and ended.receipt.matches, ended.reason
    assert (slow.balance(recipient(1)), slow.balance(recipient(3))) == (1, 1)
    report = await room.transactions.nonces(room.key, room.deployer)
    assert (report.latest, report.gaps) == (4, ())
