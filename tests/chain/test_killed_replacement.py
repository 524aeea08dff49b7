"""A console killed while it replaces a transaction, and taken up again: one of the two is mined, and both plans know which."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.operations.plans import PlanState
from tests.chain.sending_room import Room, recipient
from tests.conftest import Node

pytestmark = pytest.mark.node
ROOT = Path(__file__).parents[2]
# The second passing of each is the replacement's; the first is the payment's, which then waits for its block.
POINTS = ("chain.transaction.reserved", "chain.transaction.signed", "runner.step.prepared", "chain.transaction.sent")


def console(home: Path, url: str, verb: str, **environ: str) -> subprocess.Popen[bytes]:
    """One run of the program, as another process."""
    command = [sys.executable, "-m", "tests.chain.sending_room", str(home), url, verb]
    return subprocess.Popen(command, env={**os.environ, **environ}, cwd=ROOT)


@pytest.mark.parametrize(("verb", "point"), [*(("speed_up", point) for point in POINTS), ("cancel", POINTS[3])])
def test_one_of_the_two_is_mined(tmp_path: Path, node_with: Callable[..., Node], verb: str, point: str) -> None:
    slow = node_with("--no-mining")
    assert console(tmp_path, slow.url, verb, AZORA_FAULT=f"{point}:2").wait(60) == -signal.SIGKILL
    again = console(tmp_path, slow.url, "recover")

    async def settled() -> list[str]:
        room = await Room(tmp_path, slow.url).open()
        try:
            # Both must have been taken up before there is a block, or the first would be mined alone.
            for _ in range(1500):
                rows = await room.transactions.queue.rows(room.key)
                if len(rows) == 2 and slow("eth_getTransactionByHash", rows[1].hash) is not None:
                    break
                await asyncio.sleep(0.02)
            slow.mine()
            await asyncio.to_thread(again.wait, 60)
            plans = sorted(await room.operations.page(), key=lambda plan: plan.number)
            rows = await room.transactions.queue.rows(room.key)
            if verb == "speed_up":
                assert [plan.state for plan in plans] == [PlanState.DONE] * 2, [plan.reason for plan in plans]
                assert {plan.steps[0].result["hash"] for plan in plans} == {rows[1].hash}
            else:
                assert [plan.state for plan in plans] == [PlanState.FAILED, PlanState.DONE], [plan.reason for plan in plans]
                assert "It was cancelled" in plans[0].reason
            return [row.state.value for row in rows]
        finally:
            await room.close()

    assert asyncio.run(settled()) == ["replaced", "final"]
    assert again.returncode == 0
    assert slow.balance(recipient(1)) == (1 if verb == "speed_up" else 0)
    assert int(slow("eth_getTransactionCount", slow.accounts[0], "latest"), 16) == 1
