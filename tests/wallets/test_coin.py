"""Native coin: whatever moves it is told, and all that is told adds up to the balance."""

from __future__ import annotations

import json
import random

import pytest

from app.core.errors import Cancelled
from app.core.events import JobChanged
from app.core.evidence import EvidenceStatus
from app.wallets import TransferDraft, coins
from app.wallets.keys import checksum
from tests.chain.misbehaving import Altered, Pruned
from tests.wallets.purse import ETHER, NETWORK, Purse, purse

__all__ = ["purse"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]
FORWARDER, STRANGER = checksum(bytes.fromhex("f0" * 4).rjust(20, b"\0")), 5
TRACES = ("trace_block", "debug_traceBlockByNumber")


def forwarder(node, to):
    """A contract that passes on what it gets, in the same call."""
    node("anvil_setCode", FORWARDER, "0x6000600060006000" + "34" + "73" + to[2:].lower() + "5af100")
    return FORWARDER


def pay(node, to, wei, sender=STRANGER):
    """Past everything of ours."""
    return node("eth_sendTransaction", {"from": node.accounts[sender], "to": to, "value": hex(wei), "gas": hex(100_000)})


async def rows(wallets, account, **more):
    """All movements of coin that are told, newest first, after what is still being read."""
    page = await wallets.activity(NETWORK, account, limit=1_000, **more)
    return page, [row for row in page.rows if row.unit == "ETH" and not row.token]


def total(account, found):
    """What the rows say is held."""
    assert all(row.state in ("mined", "final", "failed") for row in found)
    moved = {"in": 1, "out": -1}
    return sum((moved.get(row.direction, 0) * row.amount if row.state != "failed" else 0) - row.fee for row in found)


async def test_what_strangers_send_is_told_with_block_and_sender(purse, node):
    me = purse.accounts[0]
    sent = pay(node, me, 3 * ETHER)
    page, (row, first) = await rows(purse.wallets, me)
    assert (row.kind, row.direction, row.amount, row.counterparty.lower()) == ("transfer", "in", 3 * ETHER, node.accounts[STRANGER])
    assert (row.tx_hash, row.fee, row.state) == (sent, 0, "final") and first.kind == "genesis"
    (evidence,) = row.evidence
    assert evidence.status is EvidenceStatus.CLAIMED
    assert evidence.block_hash == node("eth_getTransactionReceipt", sent)["blockHash"]
    assert page.coverage[-1].startswith("ETH: every change of the balance over blocks 0–") and not page.reading


@pytest.mark.parametrize("hidden", [(), TRACES[:1], TRACES])
async def test_what_a_contract_pays_is_told_by_traces_or_as_a_difference_of_its_own(tmp_path, node, hidden):
    async with Altered(node.url, hidden=hidden) as peer:
        purse = await Purse(tmp_path / "home", peer.url).open(1)
        try:
            me = purse.accounts[0]
            sent = pay(node, forwarder(node, me), 7)
            node.mine(9)
            _, (row, _) = await rows(purse.wallets, me)
            height = int(node("eth_getTransactionReceipt", sent)["blockNumber"], 16)
            assert (row.direction, row.amount, row.block) == ("in", 7, height)
            assert row.evidence[0].status is EvidenceStatus.CLAIMED
            if hidden == TRACES:
                assert (row.kind, row.tx_hash, row.counterparty) == ("unexplained", "", "")
                assert row.description == f"Received through a contract's call or a block reward in block {height}"
                assert "no transaction of the account explains" in row.evidence[0].check
            else:
                assert (row.kind, row.tx_hash, row.counterparty) == ("internal", sent, FORWARDER)
        finally:
            await purse.close()


async def test_rewards_burns_fees_and_failures_are_told(purse, node):
    me = purse.accounts[0]
    await purse.done(await purse.wallets.plan_transfer(TransferDraft(NETWORK, me, FORWARDER, 5)))
    pay(node, "0x" + "00" * 20, 11, sender=0)
    node("anvil_setCode", FORWARDER, "0x60006000fd")
    failed = pay(node, FORWARDER, 13, sender=0)
    node("anvil_setCoinbase", me)
    try:
        pay(node, node.accounts[6], 1)
    finally:
        node("anvil_setCoinbase", "0x" + "00" * 20)
    _, found = await rows(purse.wallets, me)
    assert [(row.kind, row.direction, row.state) for row in found] == [
        ("reward", "in", "final"),
        ("transfer", "out", "failed"),
        ("burn", "out", "final"),
        ("transfer", "out", "final"),
        ("genesis", "in", "final"),
    ]
    assert found[1].tx_hash == failed and all(row.fee for row in found[1:4])
    assert total(me, found) == node.balance(me)


async def test_a_contract_that_passes_coin_on_shows_both_ways(purse, node):
    """Its balance and nonce never change, so only the blocks themselves tell."""
    pay(node, forwarder(node, node.accounts[6]), 7)
    _, found = await rows(purse.wallets, FORWARDER)
    assert [(row.kind, row.direction, row.amount) for row in found] == [("internal", "out", 7), ("transfer", "in", 7)]


class Withdrawing(Altered):
    """The node at ``url`` with one withdrawal of a validator in block ``height``, of ``gwei``, to ``account``."""

    height, gwei, account = 0, 0, ""

    async def answer(self, request):
        """Each answer as it is, but for that block."""
        said = await super().answer(request)
        body = json.loads(said.body)
        for entry in body if isinstance(body, list) else [body]:
            block = entry.get("result")
            if isinstance(block, dict) and "withdrawals" in block and int(block["number"], 16) == self.height:
                block["withdrawals"] = [
                    {"index": "0x1", "validatorIndex": "0x2", "address": self.account, "amount": hex(self.gwei)}
                ]
        said.text = json.dumps(body)
        return said


async def test_a_withdrawal_of_a_validator_is_told(tmp_path, node):
    async with Withdrawing(node.url) as peer:
        purse = await Purse(tmp_path / "home", peer.url).open(1)
        try:
            me = purse.accounts[0]
            node.mine(3)
            await rows(purse.wallets, me)
            node("anvil_setBalance", me, hex(node.balance(me) + 4 * 10**9))
            node.mine(1)
            peer.height, peer.gwei, peer.account = int(node("eth_blockNumber"), 16), 4, me.lower()
            page, (row, _) = await rows(purse.wallets, me)
            assert (row.kind, row.amount, row.block, row.description) == (
                "withdrawal",
                4 * 10**9,
                peer.height,
                "Withdrawal of a validator",
            )
        finally:
            await purse.close()


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_told_adds_up_to_the_balance_after_any_history(tmp_path, node, seed):
    """Followed through reorganisations or read from nothing, it is the same, and every wei is in it."""
    chance = random.Random(seed)
    followed = await Purse(tmp_path / "followed", node.url).open(1)
    fresh = await Purse(tmp_path / "fresh", node.url).open(1)
    try:
        me = followed.accounts[0]
        forwarder(node, me)
        events = (
            lambda: pay(node, me, chance.randrange(1, 10**20)),
            lambda: pay(node, me, chance.randrange(1, 10**20), sender=0),
            lambda: pay(node, FORWARDER, chance.randrange(1, 10**20), sender=chance.choice([0, STRANGER])),
            lambda: pay(node, node.accounts[6], chance.randrange(1, 10**20), sender=0),
            lambda: node.mine(chance.randrange(1, 40)),
        )
        for _ in range(5):
            for _ in range(4):
                chance.choice(events)()
            await rows(followed.wallets, me)
            before = node("evm_snapshot")
            for _ in range(chance.randrange(1, 4)):
                chance.choice(events)()
            await rows(followed.wallets, me)
            if chance.random() < 0.6:
                node("evm_revert", before)
                node("evm_mine", hex(int(node("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 77))
        _, kept = await rows(followed.wallets, me)
        _, new = await rows(fresh.wallets, me)
        assert [row.id for row in kept] == [row.id for row in new] and kept == new
        assert total(me, kept) == node.balance(me) and len(kept) > 3
    finally:
        await followed.close()
        await fresh.close()


@pytest.mark.parametrize("size", [3, 1_024])
async def test_where_the_node_has_dropped_state_blocks_are_read_and_the_page_says_what_may_be_missing(
    tmp_path, node, monkeypatch, size
):
    """A short chain is read in one piece, from before its first block, where nobody holds anything."""
    monkeypatch.setattr(coins, "SIZES", (size,))
    async with Pruned(node.url) as peer:
        purse = await Purse(tmp_path / "home", peer.url).open(1)
        try:
            me = purse.accounts[0]
            pay(node, me, 3)
            pay(node, forwarder(node, me), 5)
            node.mine(4)
            peer.oldest = int(node("eth_blockNumber"), 16) - 1
            page, found = await rows(purse.wallets, me)
            older = [("unexplained", 10_000 * ETHER + 5), ("transfer", 3)] if size > 100 else [("transfer", 3)]
            assert [(row.kind, row.amount) for row in found] == older
            assert ("no longer tells balances before block" in page.coverage[-1]) == (size < 100)
            known = int(node("eth_blockNumber"), 16)
            pay(node, FORWARDER, 7)
            node.mine(4)
            peer.oldest = int(node("eth_blockNumber"), 16)
            page, found = await rows(purse.wallets, me)
            span = f"blocks {known + 1}–{peer.oldest}"
            assert [(row.kind, row.amount) for row in found] == [("unexplained", 7), *older]
            assert found[0].description == f"Received through a contract's call or a block reward in {span}"
        finally:
            await purse.close()


async def test_a_long_way_back_is_a_job_that_reads_only_eventful_blocks_and_goes_on_after_a_stop(tmp_path, node, monkeypatch):
    monkeypatch.setattr(coins, "SIZES", (64,))
    monkeypatch.setattr(coins, "BESIDE", 100)
    async with Altered(node.url) as peer:
        purse = await Purse(tmp_path / "home", peer.url).open(1)
        try:
            me = purse.accounts[0]
            pay(node, me, 3)
            node("anvil_mine", hex(600))
            stopped = []

            def stop(event):
                if not stopped and ((job := purse.jobs.get(event.job_id)).fraction or 0) > 0.3:
                    stopped.append(job)
                    job.cancel()

            purse.bus.subscribe(JobChanged, stop)
            page = await purse.wallets.activity(NETWORK, me)
            while page.reading:
                await purse.jobs.get(page.reading).ended_within(60)
                page = await purse.wallets.activity(NETWORK, me)
            (job,) = stopped
            with pytest.raises(Cancelled):
                await job.wait()
            first = int(page.coverage[-1].split("blocks ")[1].split("–")[0].replace(",", ""))
            assert 0 < first <= 601 - 63, "what was read before the stop stays"
            peer.asked.clear()
            page = await purse.wallets.activity(NETWORK, me, further=50_000)
            if page.reading:
                await purse.jobs.get(page.reading).wait()
            _, found = await rows(purse.wallets, me)
            assert [(row.kind, row.amount) for row in found] == [("transfer", 3), ("genesis", 10_000 * ETHER)]
            assert peer.asked["eth_getBlockByNumber"] < 100, "quiet stretches are not read block by block"
        finally:
            await purse.close()
