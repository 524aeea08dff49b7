"""Allowances: a list that says what it covers, and plans whose receipt is measured."""

from __future__ import annotations

import pytest

from app.core.errors import Invalid
from app.core.money import UINT256_MAX
from tests.wallets.purse import NETWORK, bytecodes, deploy, purse, verdicts
from tests.wallets.test_holdings import coin

__all__ = ["bytecodes", "purse"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]


async def test_an_allowance_is_set_listed_and_taken_back(purse, node, bytecodes):
    owner, spender, token = purse.accounts[0], deploy(node, bytecodes["Refuser"]), coin(node, bytecodes)
    plan = await purse.wallets.plan_approve(NETWORK, owner, token, spender, 2_500_000)
    assert plan.kind == "wallets.approve" and not plan.preview.blocked
    (effect,) = plan.preview.effects
    assert (effect.kind, effect.subject, effect.before, effect.after) == ("allowance", f"{owner}→{spender}", "0", "2500000")
    done = await purse.done(plan)
    assert done.receipt.matches and done.receipt.actual == plan.preview.effects
    found = await purse.wallets.allowances(NETWORK, owner)
    (row,) = found.rows
    assert (row.token.symbol, row.spender, row.amount, row.unlimited) == ("COIN", spender, 2_500_000, False)
    assert row.tx_hash == done.steps[0].result["hash"] and found.first == 0 and found.text.startswith("Complete over blocks 0–")
    revoke = await purse.wallets.plan_revoke(NETWORK, owner, token, spender)
    assert revoke.kind == "wallets.revoke" and (await purse.done(revoke)).receipt.matches
    assert (await purse.wallets.allowances(NETWORK, owner)).rows == ()
    again = await purse.wallets.plan_revoke(NETWORK, owner, token, spender)
    assert verdicts(again)["wallets.revoke"][0] == "block"


async def test_what_is_dangerous_is_said(purse, node, bytecodes):
    owner, token, mute = purse.accounts[0], coin(node, bytecodes), deploy(node, bytecodes["Mute"])
    plan = await purse.wallets.plan_approve(NETWORK, owner, token, purse.accounts[1], UINT256_MAX)
    assert verdicts(plan)["wallets.unlimited"][0] == "warning" and verdicts(plan)["wallets.contract"][0] == "warning"
    await purse.done(plan)
    assert [row.unlimited for row in (await purse.wallets.allowances(NETWORK, owner)).rows] == [True]
    assert verdicts(await purse.wallets.plan_approve(NETWORK, owner, token, "0x" + "00" * 20, 1))["wallets.spender"][0] == "block"
    await purse.done(await purse.wallets.plan_approve(NETWORK, owner, mute, token, 5))
    plan = await purse.wallets.plan_approve(NETWORK, owner, mute, token, 6)
    assert "set it to zero first" in plan.preview.error and plan.preview.blocked
    with pytest.raises(Invalid):
        await purse.wallets.plan_approve(NETWORK, owner, token, token, UINT256_MAX + 1)


async def test_a_reorganisation_takes_back_what_was_read(purse, node, bytecodes):
    owner, spender, token = purse.accounts[0], deploy(node, bytecodes["Refuser"]), coin(node, bytecodes)
    node.mine(70)
    before = node("evm_snapshot")
    await purse.done(await purse.wallets.plan_approve(NETWORK, owner, token, spender, 1))
    assert len((await purse.wallets.allowances(NETWORK, owner)).rows) == 1
    node("evm_revert", before)
    node.mine(5)
    found = await purse.wallets.allowances(NETWORK, owner)
    assert found.rows == () and found.first == 0


async def test_older_blocks_are_read_when_asked_for(purse, node, bytecodes, monkeypatch):
    monkeypatch.setattr("app.wallets.logs.REACH", 3)
    owner, spender, token = purse.accounts[0], deploy(node, bytecodes["Refuser"]), coin(node, bytecodes)
    await purse.done(await purse.wallets.plan_approve(NETWORK, owner, token, spender, 1))
    node.mine(10)
    found = await purse.wallets.allowances(NETWORK, owner)
    assert found.rows == () and "look further back" in found.text
    assert len((await purse.wallets.allowances(NETWORK, owner, further=1_000)).rows) == 1
