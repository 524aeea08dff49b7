"""Between console and node somebody drops, replaces, reorganises, and uses nonces: the deployment still ends as one economy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from app.operations.plans import PlanState
from tests.chain.hostile import SEND, Hostile
from tests.contracts.conftest import cache
from tests.contracts.deploy_program import Room

__all__ = ["cache"]
pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.asyncio]
FIRST, LATER, LAST = 0, 3, 7  # of eight transactions: a creation, one that others refer to, a grant


class Disturber(Hostile):
    """Passes everything on; around the n-th raw transaction it does something to the node."""

    def __init__(self, node, at: int, disturb: Callable) -> None:
        super().__init__(node.url, lambda n: "ok")
        self._node, self._at, self._disturb = node, at, disturb
        self.disturbed = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        mine = SEND in str(body) and self.sent == self._at and not self.disturbed
        if not mine:
            return await super().answer(request)
        self.disturbed = True
        return await self._disturb(self, request)

    async def call(self, method: str, *params: object):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with aiohttp.ClientSession() as session, session.post(self._behind, json=body) as response:
            answer = await response.json(content_type=None)
        assert "error" not in answer, answer
        return answer["result"]

    async def taken(self, sender: str) -> None:
        """A transaction that this console did not sign, with the nonce that it is about to use."""
        await self.call("eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1", "gas": "0x5208"})


async def foreign_nonce(peer: Disturber, request: web.Request) -> web.StreamResponse:
    await peer.taken(peer._node.accounts[0])
    return await Hostile.answer(peer, request)


async def dropped(peer: Disturber, request: web.Request) -> web.StreamResponse:
    """The node takes it, says so, and forgets it."""
    await peer.call("evm_setAutomine", False)
    response = await Hostile.answer(peer, request)
    await peer.call("anvil_dropAllTransactions")
    await peer.call("evm_setAutomine", True)
    return response


async def replaced(peer: Disturber, request: web.Request) -> web.StreamResponse:
    """While it waits, another one with its nonce and a better fee takes its place."""
    sender = peer._node.accounts[0]
    await peer.call("evm_setAutomine", False)
    nonce = await peer.call("eth_getTransactionCount", sender, "latest")
    response = await Hostile.answer(peer, request)
    better = {"gas": "0x5208", "maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**11)}
    await peer.call("eth_sendTransaction", {"from": sender, "to": sender, "value": "0x1", "nonce": nonce, **better})
    await peer.call("evm_mine")
    await peer.call("evm_setAutomine", True)
    return response


async def reorganised(peer: Disturber, request: web.Request) -> web.StreamResponse:
    """It is in a block, and then that block is not of the chain any more."""
    response = await Hostile.answer(peer, request)
    while await peer.call("eth_blockNumber") == peer.before:
        await peer.call("eth_chainId")
    await peer.call("anvil_reorg", 1, [])
    return response


@pytest.mark.parametrize("disturb", [foreign_nonce, dropped, replaced, reorganised])
@pytest.mark.parametrize("at", [FIRST, LATER, LAST])
async def test_whatever_happens_to_a_transaction_there_is_one_economy(tmp_path: Path, node, cache, disturb, at):
    async with Disturber(node, at, disturb) as peer:
        peer.before = hex(int(node("eth_blockNumber"), 16) + at)
        room = await Room(tmp_path / "home", peer.url, cache).open()
        try:
            first = plan = await room.operations.execute((await room.planned()).id)
            if plan.state is not PlanState.DONE:  # a nonce that somebody else used ends the plan, and the rest is a new one
                assert disturb in (foreign_nonce, replaced) and f"Nonce {at} was used elsewhere" in plan.reason
                again = await room.operations.retry(plan.id)
                assert again.preview.blocked == bool(at)  # from the beginning would make contracts twice
                await room.operations.discard(again.id)
                rest = await room.contracts.plan_rest(plan.name)
                assert len(rest.steps) == 8 - at
                plan = await room.operations.execute(rest.id)
            assert peer.disturbed
            assert plan.state is PlanState.DONE and plan.receipt.matches, (plan.state, plan.reason)
            assert (plan is first) == (disturb in (dropped, reorganised))
            book = await room.contracts.deployments(room.key)
            assert sorted(item.name for item in book) == ["AzoraToken", "Emission", "MintMine", "Redemption"]
            assert all(item.runtime_matches for item in book)
            assert await room.contracts.economy(room.key) is not None
        finally:
            await room.close()
    blocks = [node("eth_getBlockByNumber", hex(n), True) for n in range(int(node("eth_blockNumber"), 16) + 1)]
    sent = [tx for block in blocks for tx in block["transactions"]]
    assert sum(tx["to"] is None for tx in sent) == 4
