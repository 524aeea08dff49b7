"""A console killed between the signature of a mint and the row that says so: its proof is neither lost nor minted twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest
import pytest_asyncio

from app.mining.minting import PROOF_MINTED
from app.mining.reading import topic
from tests.mining.room import Room

PATIENCE = 120  # seconds after which a test that waits has failed
pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.asyncio]
BETWEEN = [
    "mining.attest.claimed:1",
    "chain.transaction.signed:1",
    "chain.transaction.sent:1",
    "mining.settled:1",
    "runner.step.done:2",
]


@pytest_asyncio.fixture
async def room(node, tmp_path, cache):
    found = await Room(tmp_path / "home", node.url, cache).open()
    await found.deployed()
    yield found
    await found.close()


async def killed(room, node, tmp_path, cache, fault, row):
    """Mint in another process, which is killed at a point."""
    command = [
        sys.executable,
        "-m",
        "tests.mining.room_program",
        str(tmp_path / "home"),
        node.url,
        str(cache),
        "mint",
        str(row.number),
    ]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "AZORA_FAULT": fault})
    assert await process.wait() == -signal.SIGKILL


def mints(node, row):
    """How often the chain has minted a proof."""
    return len(node("eth_getLogs", {"fromBlock": "0x0", "topics": [topic(PROOF_MINTED), row.digest]}))


async def becomes(room, row, state):
    """Reconcile until the row is in a state."""
    async with asyncio.timeout(PATIENCE):
        while (await room.states([row])) != [state]:
            await room.mining.reconcile("anvil")
            await asyncio.sleep(0.05)


async def ends(room, row):
    """Wait until queue, chain and ledger agree that it is minted."""
    await becomes(room, row, "minted")
    await room.ledger.index("anvil")
    told = await room.mining.reconcile("anvil")
    assert told.ok and told.ledger == 1


@pytest.mark.parametrize("fault", BETWEEN)
async def test_a_restart_reconciles_first_and_gives_the_proof_to_nobody_else(room, node, tmp_path, cache, fault):
    (row,) = await room.submit(1)
    node("evm_setAutomine", fault.startswith(("mining.settled", "runner")))
    await killed(room, node, tmp_path, cache, fault, row)
    told = await room.mining.reconcile("anvil")  # a start reconciles before the plan is taken up
    assert told.released == 0
    assert (await room.mining.next_batch("anvil", room.deployer, room.other)).rows == ()
    node("evm_setAutomine", True)
    node.mine()
    async with asyncio.timeout(PATIENCE):
        (plan,) = await room.operations.recover()
    assert plan.state == "done"
    await ends(room, row)
    assert mints(node, row) == 1


@pytest.mark.parametrize("fault", ["mining.attest.claimed:1", "chain.transaction.signed:1", "chain.transaction.sent:1"])
async def test_a_killed_mint_that_is_stopped_is_minted_once_by_whichever_transaction_comes_first(
    room, node, tmp_path, cache, fault
):
    """The stopped plan's bytes may be with the node already; whoever mints the proof then, it is minted once."""
    (row,) = await room.submit(1)
    node("evm_setAutomine", False)
    await killed(room, node, tmp_path, cache, fault, row)
    if fault.startswith("chain.transaction.sent"):
        node("anvil_dropAllTransactions")  # and the node forgets it
    (old,) = [plan for plan in await room.operations.page() if plan.kind == "mining.mint"]
    stopped = await room.operations.stop(old.id)
    assert stopped.state.ended and stopped.state != "done"
    assert await room.transactions.rebroadcast(room.key) == 0  # what was disowned is not sent
    node("evm_setAutomine", True)
    await becomes(room, row, "ready")
    new = await room.mint([await room.mining.get(row.id)])
    assert new.state == "done"
    await room.transactions.rebroadcast(room.key)
    node.mine()
    await ends(room, row)
    assert mints(node, row) == 1
