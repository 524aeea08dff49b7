"""When another transaction took the nonce it is found, read and compared, and a second payment must be stated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.chain.hashing import checksum_address
from app.chain.queue import Mark, Signed, transaction_hash
from app.core.errors import Conflict, Denied
from app.operations.plans import Plan, PlanState, VerdictLevel
from tests.chain.hostile import Pruned
from tests.chain.sending_room import Room, recipient
from tests.chain.test_queue import _signed, _states_are, slow, started, until
from tests.conftest import Node

__all__ = ["slow"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]
TOKEN = "0x" + "C0" * 20


def token_code(symbol: str, decimals: int) -> str:
    """A contract that tells symbol and decimals, and answers true to everything else."""
    word = symbol.encode().ljust(32, b"\0").hex()
    head = "60003560e01c" + "8063313ce56714" + "60%02x57" + "6395d89b4114" + "60%02x57" + "600160005260206000f3"
    first = len(bytes.fromhex(head % (0, 0)))
    tell_decimals = f"5b60{decimals:02x}60005260206000f3"
    tell_symbol = f"5b602060005260{len(symbol):02x}6020527f{word}60405260606000f3"
    return "0x" + head % (first, first + len(bytes.fromhex(tell_decimals))) + tell_decimals + tell_symbol


def transfer(to: str, amount: int) -> str:
    return "0xa9059cbb" + to[2:].lower().rjust(64, "0") + f"{amount:064x}"


@pytest_asyncio.fixture
async def room(tmp_path: Path, slow: Node) -> AsyncIterator[Room]:
    slow("anvil_setCode", TOKEN, token_code("AZR", 18))
    opened = await Room(tmp_path / "home", slow.url).open()
    yield opened
    await opened.close()


async def overtaken(room: Room, slow: Node, plan: Plan, *, reverts: bool = False, **rival: Any) -> Plan:
    """The plan's first transaction waits; whoever else holds the key sends another one of its nonce for more."""
    job = started(room, plan.id)
    count = len(await room.states())

    async def seen() -> bool:
        states = await room.states()
        return len(states) > count and states[-1] == "seen"

    await until(seen)
    row = (await room.transactions.list(room.key))[0]
    prices = {"maxFeePerGas": hex(row.max_fee_per_gas * 2), "maxPriorityFeePerGas": hex(row.max_priority_fee_per_gas * 2)}
    if reverts:
        slow("anvil_setCode", rival["to"], "0x60006000fd")
    slow("eth_sendTransaction", {"from": room.deployer, "nonce": hex(row.nonce), "gas": hex(200_000), **prices, **rival})
    slow.mine()
    ended: Plan = await job.wait()
    return ended


async def test_the_other_transaction_is_told_in_words(room: Room, slow: Node) -> None:
    async def names(_network: object) -> dict[str, str]:
        return {recipient(7): "Rewards pool"}

    room.transactions.names_of = names
    slow("anvil_setNonce", room.deployer, hex(1204))
    data = transfer(recipient(7), 12_500 * 10**18)
    plan = await overtaken(room, slow, await room.planned_send(1), to=TOKEN, data=data)
    assert plan.state is PlanState.FAILED
    said = "Nonce 1,204 was used elsewhere. This plan sent nothing. The other transaction sent 12,500 AZR to Rewards pool."
    assert said in plan.reason
    rival = await room.transactions.rival(plan.id)
    assert rival is not None and rival.text == said and not rival.same_payment
    assert (rival.nonce, rival.to, rival.value, rival.data, rival.block) == (1204, checksum_address(TOKEN), 0, data, 1)
    assert rival.decoded.contract == "AZR" and rival.decoded.arguments == (
        ("to", recipient(7)),
        ("value", "12500.000000000000000000"),
    )
    assert slow.balance(recipient(1)) == 0
    assert await room.transactions.rival((await room.planned_send(1)).id) is None


async def test_an_equal_payment_blocks_a_retry_until_a_second_one_is_stated(room: Room, slow: Node) -> None:
    plan = await overtaken(room, slow, await room.planned_send(1), to=recipient(1), value="0x1")
    assert plan.state is PlanState.FAILED and "Recipient and amount are the same" in plan.reason
    rival = await room.transactions.rival(plan.id)
    assert rival is not None and rival.same_payment and f"sent 0.000000000000000001 ETH to {recipient(1)}" in rival.text
    again = await room.operations.retry(plan.id)
    assert again.retries == plan.id and again.params == plan.params and again.preview.blocked
    with pytest.raises(Denied, match="Doing it again would do it a second time"):
        await room.operations.confirm(again.id, preview_digest=again.preview_digest)
    same = await room.operations.retry(plan.id)
    assert same.id == again.id
    stated = await room.operations.retry(plan.id, "  The supplier is owed\n twice. ")
    assert stated.id == again.id and not stated.preview.blocked
    (verdict,) = [v for v in stated.preview.verdicts if v.rule == "plan.second"]
    assert verdict.level is VerdictLevel.WARNING and verdict.text == "A second time is meant: “The supplier is owed twice.”"
    (entry,) = [e for e in await room.journal.page() if e.kind == "plan.second_time_stated"]
    assert entry.body["statement"] == "The supplier is owed twice." and entry.body["retries"] == plan.name
    job = started(room, again.id)
    await until(lambda: _states_are(room, "replaced", "seen"))
    slow.mine()
    assert (await job.wait()).state is PlanState.DONE and slow.balance(recipient(1)) == 2


async def test_only_transactions_to_the_address_that_is_meant_count(room: Room, slow: Node) -> None:
    """A redemption asks so: its approval before it may be made again, its request may not."""
    plan = await overtaken(room, slow, await room.planned_send(1), to=recipient(1), value="0x1", data="0x")
    assert "Recipient and amount are the same." in await room.transactions.repeats(plan)
    assert await room.transactions.repeats(plan, to=recipient(1)) and not await room.transactions.repeats(plan, to=recipient(2))


async def test_another_payment_does_not_block_a_retry(room: Room, slow: Node) -> None:
    for number, rival in enumerate(({"to": recipient(9), "value": "0x1"}, {"to": recipient(1), "value": "0x2"})):
        plan = await overtaken(room, slow, await room.planned_send(1), **rival)
        again = await room.operations.retry(plan.id)
        assert not again.preview.blocked, number
        await room.operations.discard(again.id)


async def test_an_equal_payment_that_failed_was_none(room: Room, slow: Node) -> None:
    plan = await overtaken(room, slow, await room.planned_send(1), reverts=True, to=recipient(1), value="0x1")
    slow("anvil_setCode", recipient(1), "0x")
    assert ", and failed." in plan.reason
    rival = await room.transactions.rival(plan.id)
    assert rival is not None and not rival.same_payment
    assert not (await room.operations.retry(plan.id)).preview.blocked


async def test_what_was_given_up_and_mined_after_all_blocks_a_retry(room: Room, slow: Node) -> None:
    """Another node had the bytes: the plan ended, and its payment came all the same."""
    plan = await room.planned_send(1)
    raw = await _raw(room, plan)
    await room.operations.stop(plan.id)
    slow("eth_sendRawTransaction", raw)
    slow.mine()
    again = await room.operations.retry(plan.id)
    assert again.preview.blocked and f"“Pay 1” of {plan.name} is in block 1." in again.preview.verdicts[-1].text


async def test_what_may_still_come_blocks_a_retry_that_would_not_exclude_it(room: Room, slow: Node) -> None:
    """Alone, the retry gets the very nonce, and a chain takes one of the two. Behind a free nonce it would not."""
    plan = await room.planned_send(1)
    await _raw(room, plan)
    await room.operations.stop(plan.id)
    again = await room.operations.retry(plan.id)
    assert not again.preview.blocked
    await room.operations.discard(again.id)
    first, second = await room.planned_send(2), await room.planned_send(3)
    await _raw(room, first)
    await room.operations.discard(first.id)
    slow("anvil_setNonce", room.deployer, "0x0")
    await _raw(room, second, nonce=4)
    await room.operations.discard(second.id)
    again = await room.operations.retry(second.id)
    text = f"What {second.name} sent with nonce 4 was given to a node and may still come into a block."
    assert again.preview.blocked and text in again.preview.verdicts[-1].text


async def _raw(room: Room, plan: Plan, nonce: int = 0) -> str:
    """Signed and marked as sent, though the node does not have it."""
    raw = await _signed(room, nonce, 10**10 + plan.number)
    await room.transactions.queue.keep(room.key, room.deployer, [Signed(nonce, raw, plan.id, 0, "Pay 1")])
    mark = Mark(transaction_hash(raw), {"state": "dropped", "sent_at": 1})
    await room.transactions.queue.mark(room.key, [mark])
    return "0x" + raw.hex()


async def test_only_ended_plans_are_tried_again(room: Room, slow: Node) -> None:
    plan = await room.planned_send(1)
    with pytest.raises(Conflict, match="is previewed, not failed or stopped or disowned"):
        await room.operations.retry(plan.id)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 300), (200, 2), (100, 500)])
async def test_it_is_found_in_a_long_chain(room: Room, slow: Node, before: int, after: int) -> None:
    slow("anvil_mine", hex(before)) if before else None
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    row = (await room.transactions.list(room.key))[0]
    prices = {"maxFeePerGas": hex(row.max_fee_per_gas * 2), "maxPriorityFeePerGas": hex(row.max_priority_fee_per_gas * 2)}
    hashed = slow("eth_sendTransaction", {"from": room.deployer, "nonce": "0x0", "to": recipient(5), **prices})
    slow.mine()
    for nonce in (1, 2, 3):  # later ones of the same account
        slow("eth_sendTransaction", {"from": room.deployer, "nonce": hex(nonce), "to": recipient(6)})
        slow.mine()
    if after:
        slow("anvil_mine", hex(after))
    plan = await job.wait()
    rival = await room.transactions.rival(plan.id)
    assert rival is not None and (rival.hash, rival.block) == (hashed, before + 1)
    assert "The other transaction sent nothing to" in plan.reason


async def test_a_node_without_history_is_told(tmp_path: Path, slow: Node) -> None:
    async with Pruned(slow.url) as proxy:
        room = await Room(tmp_path / "home", proxy.url).open()
        plan = await overtaken(room, slow, await room.planned_send(1), to=recipient(1), value="0x1")
        assert plan.state is PlanState.FAILED
        assert "Nonce 0 was used elsewhere. This plan sent nothing. The node of Anvil keeps no history" in plan.reason
        await room.close()
