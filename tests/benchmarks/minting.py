"""Value proofs a second through the whole pipeline, and gas for each, beside what the node alone takes of the same transactions.

Ours sizes a batch, simulates it, plans, previews, journals, attests each digest, stores the signed bytes, sends, reads the receipt
and closes each row. The peer sends transactions of the same shape whose proofs were signed before, and waits for the receipts.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

BATCHES = 3
PER_BATCH = 110


def minting() -> dict[str, Any]:
    """Our pipeline against the node's raw capacity, on one node, in one run."""
    from tests.conftest import Node

    node = Node()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_measure(node, Path(folder)))
    finally:
        node.stop()


async def _measure(node: Any, folder: Path) -> dict[str, Any]:
    from tests.mining.room import Room

    room = await Room(folder / "home", node.url, folder / "cache").open()
    try:
        plan = await room.planned(epoch_budget=10**27)
        assert (await room.operations.execute(plan.id)).state == "done"
        await room.mint(await room.submit(2))  # what a console loads once is no part of it
        peer = await _peer(room, node, await room.submit(BATCHES * PER_BATCH))
        rows = await room.submit(BATCHES * PER_BATCH)
        wanted = [row.id for row in rows]
        began, gas, sizes = time.perf_counter(), 0, list[int]()
        while (batch := await room.mining.next_batch("anvil", room.deployer, room.other, wanted, PER_BATCH)).rows:
            ended = await room.mint(list(batch.rows))
            assert ended.state == "done", ended.reason
            sizes.append(len(batch.rows))
            gas += int(node("eth_getTransactionReceipt", str(ended.steps[1].result["hash"]))["gasUsed"], 16)
        spent = time.perf_counter() - began
        assert await room.states(rows) == ["minted"] * len(rows)
        return {
            "gas_per_proof": gas / len(rows),
            "batches": sizes,
            "per_second": len(rows) / spent,
            "peer": "the node alone: the same calls, signed before, with their receipts",
            "peer_per_second": len(rows) / peer,
            "share_of_node": peer / spent,
        }
    finally:
        await room.close()


async def _peer(room: Any, node: Any, rows: list[Any]) -> float:
    """Seconds that the node takes for as many proofs in batches as large, by transactions that were made before."""
    from eth_account import Account

    from app.mining.minting import mint_data
    from tests.contracts.deploy_program import KEYS

    economy = await room.contracts.economy(room.key)
    nonce = int(node("eth_getTransactionCount", room.deployer, "latest"), 16)
    raws = []
    for place, start in enumerate(range(0, len(rows), PER_BATCH)):
        proofs = [row.proof() for row in rows[start : start + PER_BATCH]]
        signatures = [[await room.keys.sign_digest(room.other, proof.digest(1337, economy.mint_mine))] for proof in proofs]
        body = {"chainId": 1337, "nonce": nonce + place, "to": economy.mint_mine, "value": 0, "gas": 16_000_000}
        fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9, "data": mint_data(proofs, signatures)}
        raws.append("0x" + bytes(Account.sign_transaction({**body, **fees}, KEYS[0]).raw_transaction).hex())
    began = time.perf_counter()
    for raw in raws:
        assert node("eth_getTransactionReceipt", node("eth_sendRawTransaction", raw))["status"] == "0x1"
    spent = time.perf_counter() - began
    await room.mining.reconcile("anvil")  # their rows follow the chain
    return spent
