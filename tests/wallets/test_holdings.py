"""What accounts hold, told apart by how sure it is; and tokens that none can pass for."""

from __future__ import annotations

import asyncio

import pytest

from app.core.errors import Conflict, Invalid, NotFound
from app.wallets import TransferDraft
from app.wallets.tokens import skeleton
from tests.wallets.purse import ETHER, NETWORK, Purse, bytecodes, deploy, purse

__all__ = ["bytecodes", "purse"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]

STRANGER = "0xe07C1b6e1E8C4eF5D2a5f2F1b0dBc2c4b07A3fE1".lower()


def coin(node, bytecodes, symbol="COIN", decimals=6):
    token = deploy(node, bytecodes["MockERC20"], ("string", "Coin"), ("string", symbol), ("uint8", decimals))
    for account in node.accounts[:2]:
        mint = "0x40c10f19" + account[2:].lower().rjust(64, "0") + f"{1_000 * 10**decimals:064x}"
        node("eth_sendTransaction", {"from": account, "to": token, "data": mint})
    return token


async def test_confirmed_newest_and_pending_are_apart_and_live(tmp_path, node, bytecodes):
    purse = await Purse(tmp_path / "home", node.url).open(confirmations=3)
    try:
        token = coin(node, bytecodes)
        await purse.wallets.add_token(NETWORK, token)
        node.mine(2)
        sender, other = purse.accounts[:2]
        node("evm_setAutomine", False)
        plan = await purse.wallets.plan_transfer(TransferDraft(NETWORK, sender, STRANGER, 7, token))

        async def held():
            rows = await purse.wallets.assets(NETWORK, [sender, other])
            assert [row.token.symbol for row in rows] == ["ETH", "COIN"] * 2
            assert len({(row.block, row.block_hash, row.head, row.head_hash) for row in rows}) == 1
            return rows[1]

        running = asyncio.ensure_future(purse.done(plan))
        # Waiting from the moment it is signed; the node must have it before a block can hold it.
        while not (waiting := (await held()).waiting) or node("eth_getTransactionByHash", waiting[0].tx_hash) is None:
            await asyncio.sleep(0.02)
        row = await held()
        start = 1_000_000_000
        assert (row.confirmed, row.newest, row.pending) == (start, start, start - 7)
        assert [change.change for change in row.waiting] == [-7] and row.head - row.block == 2
        node.mine()
        row = await held()
        assert (row.confirmed, row.newest, row.pending, row.waiting) == (start, start - 7, start - 7, ())
        assert {int(evidence.ref) for evidence in row.evidence} == {row.block, row.head}
        node.mine(2)
        assert (await held()).confirmed == start - 7
        await running
    finally:
        node("evm_setAutomine", True)
        await purse.close()


async def test_a_read_is_one_batch_and_a_contract_that_does_not_answer_is_not_zero(purse, node, bytecodes):
    token = coin(node, bytecodes)
    await purse.wallets.add_token(NETWORK, token)
    node("anvil_setCode", token, "0xfe")
    rows = await purse.wallets.assets(NETWORK, [purse.accounts[0]])
    assert (rows[1].newest, rows[1].confirmed, rows[1].pending) == (None, None, None) and rows[0].newest > ETHER


async def test_no_token_passes_for_another(purse, node, bytecodes):
    first = await purse.wallets.add_token(NETWORK, coin(node, bytecodes).lower())
    assert (first.symbol, first.decimals) == ("COIN", 6)
    with pytest.raises(Conflict, match="COIN"):
        await purse.wallets.add_token(NETWORK, first.address)
    assert await purse.wallets.token_named(NETWORK, "coin") == first.address
    with pytest.raises(NotFound, match="No token “USDC” is known") as told:
        await purse.wallets.token_named(NETWORK, "USDC")
    assert "azora wallet tokens add ADDRESS" in told.value.remedy
    second = await purse.wallets.add_token(NETWORK, coin(node, bytecodes, "СOlN"))
    third = await purse.wallets.add_token(NETWORK, coin(node, bytecodes, "coin"))
    taxed = await purse.wallets.add_token(NETWORK, deploy(node, bytecodes["Taxed"]))
    old = await purse.wallets.add_token(NETWORK, deploy(node, bytecodes["Refuser"]))
    symbols = [second.symbol, taxed.symbol, old.symbol]
    assert symbols == ["СOlN token", "ETH token", "NOPE"] and third.address[:6] in third.symbol
    assert len({skeleton(token.symbol) for token in await purse.wallets.tokens(NETWORK)}) == 6
    await purse.wallets.remove_token(NETWORK, second.address)
    with pytest.raises(NotFound):
        await purse.wallets.remove_token(NETWORK, second.address)
    for address in (purse.accounts[1], first.address[:-1] + ("0" if first.address[-1] != "0" else "1")):
        with pytest.raises(Invalid):
            await purse.wallets.add_token(NETWORK, address)
    plan = await purse.wallets.plan_transfer(TransferDraft(NETWORK, purse.accounts[0], STRANGER, 100, taxed.address))
    assert {effect.unit for effect in plan.preview.effects} <= {"ETH token", "ETH"}
