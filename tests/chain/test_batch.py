"""Many transactions in one step: each is carried out once, whatever the node says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.chain import batch
from app.operations.plans import PlanState
from tests.chain.hostile import Hostile
from tests.chain.sending_room import Room, recipient
from tests.conftest import Node

pytestmark = [pytest.mark.node, pytest.mark.asyncio]
ROWS = 60


def paid(node: Node, count: int) -> list[int]:
    """Wei of each recipient."""
    return [node.balance(recipient(n)) for n in range(count)]


@pytest_asyncio.fixture
async def room(tmp_path: Path, node: Node) -> AsyncIterator[Room]:
    opened = await Room(tmp_path / "home", node.url).open()
    yield opened
    await opened.close()


async def test_each_row_is_paid_once_and_says_where(room: Room, node: Node) -> None:
    plan = await room.operations.execute((await room.planned_batch(range(ROWS))).id)
    assert plan.state is PlanState.DONE, plan.reason
    assert paid(node, ROWS) == [1] * ROWS
    rows = [batch.RowOutcome.from_json(row) for row in plan.steps[0].result["rows"]]
    assert [row.item for row in rows] == list(range(ROWS)) and {row.fate for row in rows} == {batch.RowFate.PAID}
    for row in rows[:3]:
        receipt = node("eth_getTransactionReceipt", row.hash)
        assert (row.block_hash, row.fee) == (
            receipt["blockHash"],
            int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16),
        )
    assert await room.states() == ["final"] * ROWS
    assert [row.item for row in await room.transactions.batch_rows(plan.id)] == list(range(ROWS))


async def test_it_never_runs_further_ahead_than_a_pool_keeps(room: Room, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "WINDOW", 7)
    plan = await room.operations.execute((await room.planned_batch(range(30))).id)
    assert plan.state is PlanState.DONE and paid(node, 30) == [1] * 30


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_node_that_lies_drops_and_breaks_off_pays_each_row_once(tmp_path: Path, node: Node, seed: int) -> None:
    moods = random.Random(seed)

    def mood(n: int) -> str:
        # One in forty breaks the whole request off, which costs all that were in it an answer.
        return "break" if n % 40 == 7 else moods.choice(["ok", "ok", "ok", "lie", "late", "swallow", "refuse"])

    async with Hostile(node.url, mood) as proxy:
        room = await Room(tmp_path / "home", proxy.url).open()
        try:
            plan = await room.operations.execute((await room.planned_batch(range(ROWS))).id)
            assert plan.state is PlanState.DONE, plan.reason
            assert paid(node, ROWS) == [1] * ROWS
            assert proxy.moods.keys() == {"ok", "lie", "late", "swallow", "refuse", "break"}
            assert int(node("eth_getTransactionCount", room.deployer, "latest"), 16) == ROWS
        finally:
            await room.close()


async def test_a_node_that_forgets_its_pool_gets_it_again(room: Room, node: Node) -> None:
    node("evm_setAutomine", False)
    try:
        plan = await room.planned_batch(range(12))
        job = room.jobs.start("run", lambda _: room.operations.execute(plan.id))
        while (await room.states()).count("seen") < 12:
            assert job.error == ""
            await _moment()
        for row in await room.transactions.list(room.key):
            if row.nonce >= 4:
                node("anvil_dropTransaction", row.hash)
        while int(node("txpool_status")["pending"], 16) < 12:
            await _moment()
        node.mine()
        ended = await job.wait()
        assert ended.state is PlanState.DONE and paid(node, 12) == [1] * 12
    finally:
        node("evm_setAutomine", True)


async def test_a_row_that_reverts_is_named_and_the_rest_is_paid(room: Room, node: Node) -> None:
    """The middle recipient is a contract that takes nothing."""
    node("anvil_setCode", recipient(2), "0x60006000fd")
    plan = await room.operations.execute((await room.planned_batch(range(5))).id)
    assert plan.state is PlanState.FAILED and "4 of 5 transactions were carried out. Not carried out: 3 (failed)." in plan.reason
    assert paid(node, 5) == [1, 1, 0, 1, 1]
    assert [row["fate"] for row in plan.steps[0].result["rows"]] == ["paid", "paid", "failed", "paid", "paid"]


async def test_what_was_not_sent_before_a_failure_stays_unsent_when_asked_so(
    room: Room, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "WINDOW", 2)
    node("anvil_setCode", recipient(1), "0x60006000fd")
    plan = await room.planned_batch(range(4), stop_on_failure=True)
    plan = await room.operations.execute(plan.id)
    fates = [row["fate"] for row in plan.steps[0].result["rows"]]
    assert plan.state is PlanState.FAILED and fates[:2] == ["paid", "failed"] and fates[-1] == "unsent"
    assert paid(node, 4) == [1 if fate == "paid" else 0 for fate in fates]
    # The nonces of what was never sent are free again, and nothing of it is sent later.
    again = await room.operations.execute((await room.planned_send(20)).id)
    assert again.state is PlanState.DONE and paid(node, 4) == [1 if fate == "paid" else 0 for fate in fates]


async def _moment() -> None:
    await asyncio.sleep(0.02)
