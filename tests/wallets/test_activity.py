"""Activity: what waits and what happened, from every source once, each row with where it was read."""

from __future__ import annotations

import asyncio

import pytest

from app.chain import Economy
from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from app.wallets import AzrEntry, AzrHistory, TransferDraft
from tests.wallets.purse import ETHER, NETWORK, bytecodes, purse
from tests.wallets.test_holdings import coin
from tests.wallets.test_payouts import payee, table
from tests.wallets.test_sending import alike

__all__ = ["bytecodes", "purse"]
GENESIS = ("genesis", "in", 10_000 * ETHER, "ETH", "final")
# The first account deploys the coin and mints to itself, past this console: it is its key all the same.
PROLOGUE = [("call", "", 0, "ETH", "final"), ("create", "", 0, "ETH", "final"), GENESIS]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]


def transfer(node, token, sender, recipient, amount):
    """Past everything of ours."""
    data = "0xa9059cbb" + recipient[2:].lower().rjust(64, "0") + f"{amount:064x}"
    return node("eth_sendTransaction", {"from": sender, "to": token, "data": data})


async def told(purse, account, **more):
    page = await purse.wallets.activity(NETWORK, account, **more)
    return page, [(row.kind, row.direction, row.amount, row.unit, row.state) for row in page.rows]


async def test_each_thing_is_told_once_newest_first_with_its_evidence(purse, node, bytecodes):
    me, other = purse.accounts[:2]
    token = coin(node, bytecodes)
    await purse.wallets.add_token(NETWORK, token)
    await purse.done(await purse.wallets.plan_transfer(TransferDraft(NETWORK, me, other, 5, token)))
    transfer(node, token, node.accounts[1], me, 3)
    await purse.done(await purse.wallets.plan_transfer(TransferDraft(NETWORK, me, other, ETHER, note="rent")))
    await purse.done(await purse.wallets.plan_approve(NETWORK, me, token, other, 9))
    page, rows = await told(purse, me)
    assert rows == [
        ("approval", "", 0, "ETH", "final"),
        ("transfer", "out", ETHER, "ETH", "final"),
        ("transfer", "in", 3, "COIN", "final"),
        ("transfer", "out", 5, "COIN", "final"),
        ("mint", "in", 1_000_000_000, "COIN", "final"),
        *PROLOGUE,
    ]
    for row in page.rows[:-1]:
        (evidence,) = row.evidence
        assert evidence.ref == row.tx_hash and evidence.block_hash == node("eth_getTransactionReceipt", row.tx_hash)["blockHash"]
        assert row.time == 1000 * int(node("eth_getBlockByNumber", hex(row.block), False)["timestamp"], 16)
    assert [bool(row.plan) for row in page.rows] == [True, True, False, True, False, False, False, False]
    assert [bool(row.fee) for row in page.rows] == [True, True, False, True, False, True, True, False]
    assert page.rows[2].label == "Purse 2" and "complete over blocks 0–" in page.coverage[0]
    assert page.coverage[-1] == f"ETH: every change of the balance over blocks 0–{page.rows[0].block:,}."
    _, theirs = await told(purse, other)
    assert ("transfer", "in", ETHER, "ETH", "final") in theirs and ("transfer", "in", 5, "COIN", "final") in theirs


async def test_what_waits_comes_first_and_what_failed_says_so(purse, node, bytecodes):
    me = purse.accounts[0]
    plan = await purse.wallets.plan_transfer(TransferDraft(NETWORK, me, payee(1), 7))
    node("evm_setAutomine", False)
    try:
        running = asyncio.ensure_future(purse.operations.execute(plan.id))
        while "seen" not in [row.state for row in (await told(purse, me))[0].rows]:
            await asyncio.sleep(0.02)
        page, rows = await told(purse, me)
        assert rows == [("transfer", "out", 7, "ETH", "seen"), GENESIS] and page.rows[0].pending and page.rows[0].plan == plan.id
        node("anvil_setCode", payee(1), "0x60006000fd")
        node.mine()
        await running
    finally:
        node("evm_setAutomine", True)
    assert (await told(purse, me))[1] == [("transfer", "out", 7, "ETH", "failed"), GENESIS]


async def test_pages_go_through_everything_once(purse, node, bytecodes):
    me, token = purse.accounts[0], coin(node, bytecodes)
    await purse.wallets.add_token(NETWORK, token)
    for number in range(6):
        transfer(node, token, me, payee(number), number + 1)
        await purse.done(await purse.wallets.plan_transfer(TransferDraft(NETWORK, me, payee(number), number + 1)))
    rows = table([(payee(n), 1, "") for n in range(5)])
    await purse.done(await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, me, rows)))
    everything = (await purse.wallets.activity(NETWORK, me)).rows
    assert len(everything) == 1 + 6 + 6 + 5 + len(PROLOGUE)
    read, place = [], None
    while True:
        page = await purse.wallets.activity(NETWORK, me, before=place, limit=4)
        read += page.rows
        place = page.next
        if place is None:
            break
    assert read == list(everything)
    with pytest.raises(Invalid):
        await purse.wallets.activity(NETWORK, me, before="1:x:2")


async def test_poisoned_rows_are_marked(purse, node, bytecodes):
    me, token = purse.accounts[0], coin(node, bytecodes)
    await purse.wallets.add_token(NETWORK, token)
    await purse.done(await purse.wallets.plan_transfer(TransferDraft(NETWORK, me, payee(1), 5, token)))
    poisoner = alike(payee(1), 4, 4)
    node("anvil_impersonateAccount", poisoner)
    node("anvil_setBalance", poisoner, hex(ETHER))
    transfer(node, token, poisoner, me, 0)
    page, _ = await told(purse, me)
    assert "looks like the recipient of PLN-" in page.rows[0].warning
    assert [row.warning for row in page.rows[1:]] == [""] * (2 + len(PROLOGUE))


async def test_azr_comes_from_the_ledger_where_it_is_indexed_and_newer_rows_from_events(purse, node, bytecodes):
    me, token = purse.accounts[0], coin(node, bytecodes, "AZR")
    key = purse.networks.get(NETWORK).key.text
    purse.economy = Economy(key, token, token, token, token, 0, 0, 2)
    sent = transfer(node, token, me, payee(1), 5)
    receipt = node("eth_getTransactionReceipt", sent)
    proven = Evidence(EvidenceKind.LOG, sent, key, receipt["blockHash"], status=EvidenceStatus.INCLUDED, check="recomputed")
    asked = []

    async def ledger(network_id, account, before, limit):
        asked.append((network_id, account, before, limit))
        height, log = int(receipt["blockNumber"], 16), int(receipt["logs"][0]["logIndex"], 16)
        return AzrHistory((AzrEntry(height, log, 1_700_000_000, "transfer", me, payee(1), 5, sent, proven),), 0, height)

    purse.wallets.use_azr_history(ledger)
    transfer(node, token, me, payee(2), 6)
    page, rows = await told(purse, me)
    assert [row[2] for row in rows] == [6, 5, 10**9, 0, 0, 10_000 * ETHER] and {row[3] for row in rows[:3]} == {"AZR"}
    assert [row.evidence[0].status.value for row in page.rows] == ["claimed", "included", *["claimed"] * 4]
    assert asked == [(NETWORK, me, None, 101)] and page.coverage[0].startswith("AZR: indexed")
