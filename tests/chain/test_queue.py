"""The queue follows a real chain: seen is asked back, reorganisations take things back and say so, gaps are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.chain import Watcher
from app.chain.queue import Mark, Signed, TransactionState
from app.chain.standing import look
from app.core.events import HeadChanged, TransactionsChanged
from app.core.jobs import Job
from app.operations.plans import PlanState
from tests.chain.hostile import Hostile
from tests.chain.sending_room import Room, recipient
from tests.conftest import Node

pytestmark = [pytest.mark.node, pytest.mark.asyncio]


@pytest.fixture
def slow(node_with: Callable[..., Node]) -> Node:
    """A node that mines only when told."""
    return node_with("--no-mining")


async def until(found: Callable[[], Any]) -> None:
    """Wait for something."""
    for _ in range(500):
        answer = found()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to that")


@pytest_asyncio.fixture
async def room(tmp_path: Path, slow: Node) -> AsyncIterator[Room]:
    opened = await Room(tmp_path / "home", slow.url).open()
    yield opened
    await opened.close()


def started(room: Room, plan_id: str) -> Job:
    return room.jobs.start("run", lambda _: room.operations.execute(plan_id))


async def test_a_transaction_is_seen_then_mined_then_final(tmp_path: Path, slow: Node) -> None:
    room = await Room(tmp_path / "home", slow.url).open()
    room.settings.set("networks", [setting.model_copy(update={"confirmations": 3}) for setting in room.settings.value.networks])
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    slow.mine()
    await until(lambda: _states_are(room, "mined"))
    (row,) = await room.transactions.list(room.key)
    assert (row.block, row.to, row.value, row.succeeded) == (1, recipient(1), 1, True)
    assert row.sent_at <= row.seen_at and row.block_hash == slow("eth_getBlockByNumber", "0x1", False)["hash"]
    slow.mine(2)
    plan = await job.wait()
    assert plan.state is PlanState.DONE and await room.states() == ["final"]
    assert any(isinstance(event, TransactionsChanged) and event.network == room.key for event in room.told)
    await room.close()


@pytest.mark.parametrize("mood", ["lie", "swallow", "break", "refuse", "late"])
async def test_a_bad_node_sends_one_transaction_once(tmp_path: Path, node: Node, mood: str) -> None:
    """Its first three sends go wrong in one way, for each of two steps."""
    async with Hostile(node.url, lambda n: mood if n % 4 < 3 else "ok") as proxy:
        room = await Room(tmp_path / "home", proxy.url).open()
        plan = await room.operations.execute((await room.planned_send(1, 2)).id)
        assert plan.state is PlanState.DONE, plan.reason
        assert [node.balance(recipient(n)) for n in (1, 2)] == [1, 1]
        assert int(node("eth_getTransactionCount", room.deployer, "latest"), 16) == 2
        if mood in ("lie", "refuse"):
            assert proxy.sent > 2  # the same bytes again
        await room.close()


async def test_a_reorganisation_takes_a_final_transaction_back_says_so_and_it_returns(room: Room, slow: Node) -> None:
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    slow.mine()
    plan = await job.wait()
    slow.mine(2)
    watcher = Watcher(room.transactions, room.networks, room.bus, room.jobs)
    await watcher.look(room.key)
    assert room.notices == []
    slow("anvil_reorg", 3, [])
    slow.mine()
    assert slow.balance(recipient(1)) == 0
    await watcher.look(room.key)
    (said,) = room.notices
    assert "“Pay 1” is no longer in block 1: the chain was reorganised." in said
    assert any(getattr(event, "link", "") == f"azora://plans/{plan.id}" for event in room.told)
    assert await room.states() in (["seen"], ["sent"])
    slow.mine()
    await watcher.look(room.key)
    assert await room.states() == ["final"] and slow.balance(recipient(1)) == 1
    assert len(room.notices) == 1


async def test_what_a_reorganisation_took_back_returns_in_its_order_across_accounts(tmp_path: Path, node: Node) -> None:
    """The later of two accounts may have built on what the earlier did; nonces order only what one account sends."""
    room = await Room(tmp_path / "home", node.url).open()
    network = room.networks.get("anvil")
    early, late = sorted((room.deployer, room.other), key=lambda address: bytes.fromhex(address[2:]))
    for sender in (late, early, late, early):
        step = room.transactions.step(network, sender, recipient(1), value=1, title="Pay")
        plan = await room.operations.plan("test.send", "Pay", network.target(), {"numbers": [1]}, [step])
        assert (await room.operations.execute(plan.id)).state is PlanState.DONE
    node("anvil_reorg", 4, [])
    requests: list[list[str]] = []
    send = room.transactions.send

    async def sent(chain: Any, rows: Any, **options: Any) -> Any:
        requests.append([row.hash for row in rows])
        return await send(chain, rows, **options)

    room.transactions.send = sent
    await Watcher(room.transactions, room.networks, room.bus, room.jobs).look(room.key)

    async def back() -> bool:
        return node.balance(recipient(1)) == 4

    await until(back)
    rows = await _oldest_first(room)
    assert requests == [[row.hash] for row in rows]  # one request for each block that was taken back
    mined = [int(node("eth_getTransactionReceipt", row.hash)["blockNumber"], 16) for row in rows]
    assert mined == sorted(mined)  # two may share one: the node takes what came while it made the last
    await room.close()


async def test_a_receipt_outweighs_what_another_look_has_written_meanwhile(room: Room, slow: Node) -> None:
    """One look read “seen”, another wrote “sent” for a node that had forgotten, then the first found the receipt."""
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    (seen,) = await room.transactions.list(room.key)
    slow.mine()
    await job.wait()
    await room.transactions.queue.mark(room.key, [Mark(seen.hash, {"state": TransactionState.SENT.value, "block": 0})])
    await look(await room.networks.connect("anvil"), room.transactions.queue, [seen])
    assert await room.states() == ["final"]


async def _oldest_first(room: Room) -> list[Any]:
    return list(reversed(await room.transactions.list(room.key)))


async def test_a_plan_that_waits_for_confirmations_survives_a_reorganisation(tmp_path: Path, slow: Node) -> None:
    """Its block is taken away at two of three confirmations; the same bytes go out again and it ends once."""
    room = await Room(tmp_path / "home", slow.url).open()
    room.settings.set("networks", [setting.model_copy(update={"confirmations": 3}) for setting in room.settings.value.networks])
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    slow.mine(2)
    await until(lambda: _states_are(room, "mined"))
    slow("anvil_reorg", 2, [])
    await until(lambda: room.notices)

    async def in_pool() -> bool:
        return int(slow("txpool_status")["pending"], 16) == 1

    await until(in_pool)
    slow.mine(3)
    plan = await job.wait()
    assert plan.state is PlanState.DONE and plan.steps[0].result["block"] == 3
    assert slow.balance(recipient(1)) == 1 and await room.states() == ["final"]
    await room.close()


async def test_a_transaction_that_moved_to_another_block_is_found_there(room: Room, slow: Node) -> None:
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    slow.mine()
    await job.wait()
    slow.mine()
    watcher = Watcher(room.transactions, room.networks, room.bus, room.jobs)
    await watcher.look(room.key)
    (row,) = await room.transactions.list(room.key)
    slow("anvil_reorg", 2, [["0x" + row.raw.hex(), 1]])
    slow.mine()
    await watcher.look(room.key)
    (moved,) = await room.transactions.list(room.key)
    assert (moved.state, moved.block) == (TransactionState.FINAL, 2)
    assert moved.block_hash == slow("eth_getBlockByNumber", "0x2", False)["hash"] != row.block_hash
    assert "“Pay 1” moved from block 1 to block 2" in room.notices[0]


async def test_what_the_node_dropped_is_sent_again_by_the_watch(room: Room, slow: Node) -> None:
    """No plan runs any more: its step was done before the chain forgot."""
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    slow.mine()
    await job.wait()
    watcher = Watcher(room.transactions, room.networks, room.bus, room.jobs)
    await watcher.look(room.key)
    slow("anvil_rollback", 1)
    for entry in slow("txpool_content")["pending"].get(room.deployer, {}).values():
        slow("anvil_dropTransaction", entry["hash"])
    await watcher.look(room.key)
    assert int(slow("txpool_status")["pending"], 16) == 1
    slow.mine()
    await watcher.look(room.key)
    assert await room.states() == ["final"] and slow.balance(recipient(1)) == 1


async def test_what_was_given_up_is_not_sent_again(room: Room, slow: Node) -> None:
    """Stopped while the node did not have it: the plan says that nothing more is sent, and nothing is."""
    async with Hostile(slow.url, lambda _: "lie") as proxy:
        room.settings.set("networks", [s.model_copy(update={"rpc_url": proxy.url}) for s in room.settings.value.networks])
        plan = await room.planned_send(1)
        job = started(room, plan.id)
        await until(lambda: _states_are(room, "sent"))
        await room.operations.stop(plan.id)
        ended = await job.wait()
        assert ended.state is PlanState.DISOWNED and "will not send it again" in ended.reason
    room.settings.set("networks", [s.model_copy(update={"rpc_url": slow.url}) for s in room.settings.value.networks])
    await Watcher(room.transactions, room.networks, room.bus, room.jobs).look(room.key)
    assert await room.states() == ["dropped"] and slow("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    # Its nonce is given to the next one, so that the two exclude each other.
    job = started(room, (await room.planned_send(2)).id)
    await until(lambda: _states_are(room, "dropped", "seen"))
    assert [row.nonce for row in await room.transactions.list(room.key)] == [0, 0]
    slow.mine()
    await job.wait()


async def test_a_gap_is_told_once_with_what_to_do(room: Room, slow: Node) -> None:
    chain = await room.networks.connect("anvil")
    plan = await room.planned_send(1)
    for nonce in (2, 3):
        raw = await _signed(room, nonce)
        await room.transactions.queue.keep(room.key, room.deployer, [Signed(nonce, raw, plan.id, 0, f"Number {nonce}")])
        await room.transactions.broadcast(room.key, "0x" + raw.hex())
    watcher = Watcher(room.transactions, room.networks, room.bus, room.jobs)
    await watcher.look(room.key)
    await watcher.look(room.key)
    report = await room.transactions.nonces(room.key, room.deployer)
    assert (report.latest, report.pending, report.next, report.gaps) == (0, 0, 0, (0, 1))
    assert [row.nonce for row in report.waiting] == [2, 3] and "Fill nonces 0 and 1" in report.advice
    assert [text for text in room.notices if "wait behind a nonce" in text] == room.notices and len(room.notices) == 1
    assert chain.network.chain_id == 1337


async def test_the_watch_hears_of_blocks(room: Room, slow: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.chain.watcher.FIRST", 0.0)
    job = started(room, (await room.planned_send(1)).id)
    await until(lambda: _states_are(room, "seen"))
    slow.mine()
    await job.wait()
    Watcher(room.transactions, room.networks, room.bus, room.jobs).start()
    slow("anvil_reorg", 1, [])
    slow.mine()
    room.bus.publish(HeadChanged(room.key, 2))
    await until(lambda: room.notices)
    await room.jobs.close()


async def test_bytes_of_a_plan_that_was_given_up_may_be_signed_again(room: Room, slow: Node) -> None:
    """The same nonce, fees and content make the same bytes: the row becomes the new plan's."""
    first, second = await room.planned_send(1), await room.planned_send(1)
    raw = await _signed(room, 0)
    await room.transactions.queue.keep(room.key, room.deployer, [Signed(0, raw, first.id, 0, "first")])
    (row,) = await room.transactions.list(room.key)
    await room.transactions.queue.drop(row)
    await room.transactions.queue.keep(room.key, room.deployer, [Signed(0, raw, second.id, 0, "second")])
    (row,) = await room.transactions.list(room.key)
    assert (row.plan_id, row.state) == (second.id, TransactionState.SIGNED)


async def test_the_queue_comes_in_pages(room: Room) -> None:
    plan = await room.planned_send(1)
    signed = [Signed(nonce, await _signed(room, nonce), plan.id, 0, "", nonce) for nonce in range(7)]
    await room.transactions.queue.keep(room.key, room.deployer, signed)
    seen: list[int] = []
    before = ""
    while page := await room.transactions.page(room.key, room.deployer, before=before, limit=3):
        seen += [row.nonce for row in page]
        before = page[-1].hash
    assert seen == list(range(6, -1, -1))
    assert await room.transactions.page(room.key, states=[TransactionState.FINAL]) == []


async def _signed(room: Room, nonce: int, price: int = 10**10) -> bytes:
    from app.chain.signer import UnsignedTransaction

    return await room.signer.sign_transaction(
        room.deployer, UnsignedTransaction(1337, nonce, recipient(nonce), 1, b"", 21_000, price, 10**9)
    )


async def _states_are(room: Room, *states: str) -> bool:
    return await room.states() == list(states)


async def test_a_nonce_that_waits_for_a_signature_elsewhere_is_no_gap(room: Room, slow: Node) -> None:
    """It is reserved: nothing fills it, and the next transaction takes the one after."""
    from app.chain.signer import SigningTask, UnsignedTransaction

    plan, other = await room.planned_send(1), await room.planned_send(2)
    asked = UnsignedTransaction(1337, 0, recipient(1), 1, b"", 21_000, 10**10, 10**9)
    await room.transactions.requests.keep(room.deployer, [(SigningTask(room.key, plan.id, 0, "by hand"), asked)])
    raw = await _signed(room, 1)
    await room.transactions.queue.keep(room.key, room.deployer, [Signed(1, raw, other.id, 0, "behind it")])
    await room.transactions.broadcast(room.key, "0x" + raw.hex())
    report = await room.transactions.nonces(room.key, room.deployer)
    assert (report.gaps, report.next) == ((), 2) and "signature from elsewhere for nonce 0" in report.advice
    await Watcher(room.transactions, room.networks, room.bus, room.jobs).look(room.key)
    assert room.notices == []
    await room.operations.discard(plan.id)
    assert (await room.transactions.nonces(room.key, room.deployer)).gaps == (0,)


@pytest.mark.parametrize("plan", ["send", "batch"])
async def test_what_a_local_pool_holds_back_is_thrown_out_and_sent_again(tmp_path: Path, node: Node, plan: str) -> None:
    """anvil files a transaction as queued and forgets that it could be mined; here since its nonce comes up behind its back."""
    room = await Room(tmp_path / "home", node.url).open()
    node("anvil_setNonce", room.deployer, "0x1")
    send = room.transactions.send
    broadcast = room.transactions.broadcast

    async def jammed(real: Callable[..., Any], *given: Any, **options: Any) -> Any:
        if not room.jammed:
            node("anvil_setNonce", room.deployer, "0x0")
        answer = await real(*given, **options)
        if not room.jammed:
            node("anvil_setNonce", room.deployer, "0x1")
            room.jammed = node("txpool_status")["queued"]
        return answer

    room.jammed = ""
    room.transactions.send = lambda *given, **options: jammed(send, *given, **options)
    room.transactions.broadcast = lambda *given: jammed(broadcast, *given)
    planned = await (room.planned_send(1) if plan == "send" else room.planned_batch(range(1, 4)))
    ended = await room.operations.execute(planned.id)
    assert room.jammed == ("0x1" if plan == "send" else "0x3")
    assert ended.state is PlanState.DONE and node.balance(recipient(1)) == 1
    assert node("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    await room.close()


async def test_who_asks_again_after_a_network_went_leaves_no_connection_open(room: Room) -> None:
    chain = await room.networks.connect("anvil")
    await room.networks.remove("anvil")
    assert int(str(await chain.rpc.call("eth_chainId")), 16) == 1337
    assert chain.rpc._session is not None
    await room.networks.close()
    assert chain.rpc._session is None
