"""Returning a local chain to a snapshot gives its very state again, and nothing that was undone is sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.console import Console
from app.core.secret import Secret
from app.operations import Plan
from app.wallets import TransferDraft
from app.wallets.published import TEST_PHRASE, addresses_of

ETH = 10**18
OTHER = "0x" + "22" * 20


@pytest_asyncio.fixture
async def console(home: Path) -> AsyncIterator[Console]:
    """A console with a home of its own; its nodes are stopped afterwards."""
    opened = await Console.open(home)
    yield opened
    for node in await opened.nodes.list():
        await opened.nodes.stop(node.name)
    await opened.close()


async def done(console: Console, plan: Plan) -> None:
    ended = await console.operations.execute(plan.id)
    assert ended.state.value == "done", f"{ended.title}: {ended.reason}"


@pytest.mark.asyncio
async def test_what_was_undone_is_not_sent_again_and_counts_again_when_it_is_back(console: Console) -> None:
    nodes = console.nodes
    (sender,) = await addresses_of(1)
    await done(console, await nodes.plan_create("lab", accounts=[sender]))
    await done(console, await console.wallets.plan_create("Test", Secret(TEST_PHRASE)))
    await done(console, await nodes.plan_snapshot("lab", "before"))
    draft = TransferDraft("local-lab", sender, OTHER, ETH)
    await done(console, await console.wallets.plan_transfer(draft))
    await done(console, await nodes.plan_snapshot("lab", "paid"))
    key = console.networks.get("local-lab").key.text
    (row,) = await console.transactions.list(key)
    genesis = nodes.get("lab").genesis
    assert row.block > 0

    await done(console, await nodes.plan_restore("lab", "before"))
    assert (await console.transactions.follow(key, deep=True)).sent_again == ()
    (row,) = await console.transactions.list(key)
    assert row.state.value == "dropped" and "before" in row.note
    async with nodes.control("lab") as node:
        assert (await node.balance(OTHER), await node.pending()) == (0, [])

    await done(console, await console.wallets.plan_transfer(draft))  # its nonce is free again
    async with nodes.control("lab") as node:
        assert await node.balance(OTHER) == ETH

    await done(console, await nodes.plan_restore("lab", "paid"))
    await console.transactions.follow(key, deep=True)
    async with nodes.control("lab") as node:
        assert (await node.balance(OTHER), await node.pending()) == (ETH, [])
    assert nodes.get("lab").genesis == genesis


@pytest.mark.asyncio
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.sampled_from(["fund", "mine", "snap", "back", "restart"]), st.integers(0, 5)), max_size=8))
async def test_any_tree_gives_every_state_again(console: Console, acts: list[tuple[str, int]]) -> None:
    nodes = console.nodes
    name = f"tree-{len(await nodes.list())}"
    await done(console, await nodes.plan_create(name))

    async def state() -> tuple[str, str, int]:
        async with nodes.control(name) as node:
            head = await node.head()
            return head.hash, str(head.raw["stateRoot"]), await node.balance(OTHER)

    wanted = {"genesis": await state()}
    for act, number in acts:
        if act == "fund":
            await done(console, await nodes.plan_fund(name, OTHER, number + 1))
        elif act == "mine":
            await done(console, await nodes.plan_mine(name, number + 1))
        elif act == "restart":
            await done(console, await nodes.plan_restart(name))
        elif act == "snap":
            label = f"s{len(wanted)}"
            await done(console, await nodes.plan_snapshot(name, label))
            wanted[label] = await state()
        else:
            back = sorted(wanted)[number % len(wanted)]
            await done(console, await nodes.plan_restore(name, back))
            assert await state() == wanted[back]
    for label in sorted(wanted, reverse=True):
        await done(console, await nodes.plan_restore(name, label))
        assert await state() == wanted[label], label
    await nodes.stop(name)
