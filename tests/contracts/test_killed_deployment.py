"""A console killed at any moment of a deployment, and taken up again, has deployed one economy: nothing twice, nothing lost.

Every fault point that a run passes is killed at its first passing and at a later one, spread over the eight steps.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from app.operations.plans import PlanState
from tests.contracts.deploy_program import Room

pytestmark = [pytest.mark.node, pytest.mark.compiler]
ROOT = Path(__file__).parents[2]
STEPS = 8
EACH = (
    "runner.step.preparing",
    "chain.transaction.reserved",
    "chain.transaction.signed",
    "runner.step.storing",
    "runner.step.prepared",
    "chain.transaction.sent",
    "runner.step.acted",
    "runner.step.done",
    "runner.step.committed",
)
ONCE = ("runner.plan.confirmed", "runner.plan.done")
# First step, then a later one that differs from point to point: creations with references, grants, the last step.
POINTS = [(name, 1) for name in (*ONCE, *EACH)] + [(name, 2 + at % (STEPS - 1)) for at, name in enumerate(EACH)]


def console(home: Path, url: str, verb: str, cache: Path, *more: str, **environ: str) -> int:
    """One run of the program, as another process."""
    command = [sys.executable, "-m", "tests.contracts.deploy_program", str(home), url, verb, str(cache), *more]
    return subprocess.run(command, env={**os.environ, **environ}, cwd=ROOT, timeout=120, check=False).returncode


def sent(node) -> list[dict]:
    """All transactions of the chain, in order."""
    blocks = range(int(node("eth_blockNumber"), 16) + 1)
    return [tx for number in blocks for tx in node("eth_getBlockByNumber", hex(number), True)["transactions"]]


def test_the_points_listed_are_those_a_deployment_passes(tmp_path, node, cache):
    record = tmp_path / "points.txt"
    assert console(tmp_path / "home", node.url, "deploy", cache, AZORA_FAULT_RECORD=str(record)) == 0
    passed = Counter(record.read_text(encoding="utf-8").split())
    assert passed == {**dict.fromkeys(ONCE, 1), **dict.fromkeys(EACH, STEPS)}


def deployed_once(home: Path, node, cache: Path) -> None:
    """One economy: eight transactions, four creations, an ended plan, an address book that fits the chain, an unbroken journal."""
    transactions = sent(node)
    assert [int(tx["nonce"], 16) for tx in transactions] == list(range(STEPS))
    assert sum(tx["to"] is None for tx in transactions) == 4

    async def look() -> None:
        room = await Room(home, node.url, cache).open()
        try:
            plan = await room.operations.get("PLN-0001")
            assert plan.state is PlanState.DONE and plan.receipt is not None and plan.receipt.matches, plan.reason
            book = await room.contracts.deployments(room.key)
            assert sorted(item.name for item in book) == ["AzoraToken", "Emission", "MintMine", "Redemption"]
            assert all(item.version == 1 and item.runtime_matches for item in book)
            assert await room.contracts.economy(room.key) is not None
            verdict = await room.journal.verify()
            assert verdict.ok, verdict.problem
        finally:
            await room.close()

    asyncio.run(look())


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_a_killed_deployment_deploys_one_economy(tmp_path, node, cache, point, count):
    home = tmp_path / "home"
    assert console(home, node.url, "deploy", cache, AZORA_FAULT=f"{point}:{count}") == -signal.SIGKILL
    assert console(home, node.url, "recover", cache) == 0
    deployed_once(home, node, cache)


def test_a_killed_node_is_given_again_what_it_forgot(tmp_path, cache):
    """SIGKILL of the node between two steps: it comes back without its blocks, and the deployment still ends as one economy."""
    from tests.conftest import Node

    home = tmp_path / "home"
    first = Node()
    try:
        assert console(home, first.url, "deploy", cache, AZORA_FAULT="runner.step.done:3") == -signal.SIGKILL
        port = first.url.rpartition(":")[2]
    finally:
        first.process.kill()
        first.stop()
    again = Node(port=int(port))
    try:

        async def go_on() -> None:
            room = await Room(home, again.url, cache).open()
            try:
                assert await room.transactions.rebroadcast(room.key) == 3
                await room.operations.recover()
                plan = await room.operations.get("PLN-0001")
                assert plan.state is PlanState.DONE and plan.receipt.matches, plan.reason
                assert all(item.runtime_matches for item in await room.contracts.deployments(room.key))
            finally:
                await room.close()

        asyncio.run(go_on())
        assert [int(tx["nonce"], 16) for tx in sent(again)] == list(range(STEPS))
    finally:
        again.stop()
