"""Local chains: whatever is done to them, each snapshot gives its very state again, and neighbours notice nothing."""

from __future__ import annotations

import gzip
import json
import os
import signal
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.chain import LocalNodes
from app.chain.node_log import last_words
from app.chain.timeline import MOST_AUTOMATIC, Snapshot, lanes
from app.console import Console
from app.core.errors import Conflict, Invalid, NotFound, Unavailable
from app.core.events import Event, NodeActed, NodeChanged
from app.operations import Plan
from app.wallets.published import addresses_of

WHO, OTHER = "0x" + "11" * 20, "0x" + "22" * 20
ETH = 10**18


@pytest_asyncio.fixture
async def console(home: Path) -> AsyncIterator[Console]:
    """A console with a home of its own; its nodes are stopped afterwards."""
    opened = await Console.open(home)
    yield opened
    for node in await opened.nodes.list():
        await opened.nodes.stop(node.name)
    await opened.close()


async def done(console: Console, plan: Plan) -> dict[str, Any]:
    """Run a plan; what its step gave."""
    ended = await console.operations.execute(plan.id)
    assert ended.state.value == "done", f"{ended.title}: {ended.state.value}, {ended.reason} {[s.error for s in ended.steps]}"
    assert ended.receipt is not None and ended.receipt.matches, ended.receipt
    return dict(ended.steps[0].result)


async def state(nodes: LocalNodes, name: str) -> tuple[str, str, int, int]:
    """Head, state root, and balance and nonce of an account."""
    async with nodes.control(name) as node:
        head = await node.head()
        return head.hash, str(head.raw["stateRoot"]), await node.balance(WHO), await node.nonce(WHO)


@pytest.mark.asyncio
async def test_what_is_done_to_a_node_is_told_apart_from_its_start(console: Console) -> None:
    """After a start the console sends again what the node lost; a transaction that a person dropped would be back at once."""
    told: list[type[Event]] = []
    await done(console, await console.nodes.plan_create("lab", 4242))
    for kind in (NodeActed, NodeChanged):
        console.bus.subscribe(kind, lambda event: told.append(type(event)))
    await done(console, await console.nodes.plan_fund("lab", WHO, ETH))
    assert set(told) == {NodeActed}
    await done(console, await console.nodes.plan_restart("lab"))
    assert NodeChanged in told


@pytest.mark.asyncio
async def test_a_snapshots_file_gives_the_chain_again_and_only_to_its_own(console: Console, tmp_path: Path) -> None:
    nodes, file = console.nodes, tmp_path / "rich.azsnap"
    await done(console, await nodes.plan_create("lab", 4242))
    await done(console, await nodes.plan_fund("lab", WHO, 3 * ETH))
    await done(console, await nodes.plan_snapshot("lab", "rich"))
    was = await state(nodes, "lab")
    await nodes.export_snapshot("lab", "rich", file)
    await done(console, await nodes.plan_mine("lab", 2))
    await done(console, await nodes.plan_import(file, "lab", "again"))
    await done(console, await nodes.plan_restore("lab", "again"))
    assert await state(nodes, "lab") == was
    with pytest.raises(Conflict, match="could not be told apart"):
        await nodes.plan_import(file, "twin")
    await done(console, await nodes.plan_create("other", 4243))
    with pytest.raises(Conflict, match="is of another chain"):
        await nodes.plan_import(file, "other")

    with pytest.raises(Conflict, match="lab runs already"):
        await nodes.plan_start("lab")
    await done(console, await nodes.plan_stop("lab"))
    with pytest.raises(Unavailable, match="The local chain lab does not run") as told:
        await console.networks.connect("local-lab")
    assert told.value.remedy == "Start it: azora chain start lab"
    with pytest.raises(Conflict, match="lab is stopped already"):
        await nodes.plan_stop("lab")
    await done(console, await nodes.plan_delete("lab", "lab"))
    await done(console, await nodes.plan_import(file, "twin"))
    assert await state(nodes, "twin") == was
    assert [each.name for each in nodes.snapshots("twin")] == ["rich"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "changed",
    [
        {"chain_id": "4242"},
        {"accounts": "0x11"},
        {"snapshot": {"name": "x"}},
        {"hard_fork": "--config"},
        {"fork_url": "file:///etc"},
        {"fork_url": "https://eth.example/v3/0123456789abcdef0123456789abcdef", "fork_block": 1},
        {"format": "azora-snapshot-9"},
    ],
)
async def test_a_hostile_record_of_a_snapshot_plans_nothing(console: Console, tmp_path: Path, changed: dict[str, object]) -> None:
    """It would end up in the command line of a node."""
    nodes, file = console.nodes, tmp_path / "a.azsnap"
    await done(console, await nodes.plan_create("lab", 4242))
    await nodes.export_snapshot("lab", "genesis", file)
    with zipfile.ZipFile(file) as archive:
        record, packed = json.loads(archive.read("snapshot.json")), archive.read("state.json.gz")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("snapshot.json", json.dumps(record | changed))
        archive.writestr("state.json.gz", packed)
    before = len(await console.operations.page())
    with pytest.raises(Invalid, match="is no snapshot file"):
        await nodes.plan_import(file, "twin")
    with pytest.raises(Invalid, match="Nothing was"):
        await nodes.plan_import(file, "twin", "a\nb")
    assert len(await console.operations.page()) == before


@pytest.mark.asyncio
async def test_a_file_whose_state_was_changed_is_not_taken_in(console: Console, tmp_path: Path) -> None:
    nodes, file = console.nodes, tmp_path / "a.azsnap"
    await done(console, await nodes.plan_create("lab", 4242))
    await nodes.export_snapshot("lab", "genesis", file)
    with zipfile.ZipFile(file) as archive:
        record = archive.read("snapshot.json")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("snapshot.json", record)
        archive.writestr("state.json.gz", gzip.compress(b"{}"))
    plan = await nodes.plan_import(file, "lab", "forged")
    ended = await console.operations.execute(plan.id)
    assert ended.state.value == "failed"
    assert [each.name for each in nodes.snapshots("lab")] == ["genesis"]
    file.write_text("no archive")
    with pytest.raises(Invalid) as refused:
        await nodes.plan_import(file, "lab", "none")
    assert refused.value.field == "file"


@pytest.mark.asyncio
async def test_every_verb_does_what_its_preview_said(console: Console) -> None:
    nodes = console.nodes
    accounts = await addresses_of(2)
    assert accounts[0] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"  # published with every development node
    made = await done(console, await nodes.plan_create("lab", 4242, accounts=accounts, balance=5 * ETH))
    assert [a.wei for a in (await nodes.look("lab")).accounts] == [5 * ETH] * 2
    await done(console, await nodes.plan_mine("lab", 3))
    await done(console, await nodes.plan_fund("lab", WHO, 2 * ETH))
    await done(console, await nodes.plan_fund("lab", WHO, ETH, exact=True))
    before = await nodes.look("lab")
    await done(console, await nodes.plan_warp("lab", by=86_400))
    assert (await nodes.look("lab")).chain_time == before.chain_time + 86_400
    await done(console, await nodes.plan_base_fee("lab", 777))
    assert (await nodes.look("lab")).base_fee == 777
    sent = await done(console, await nodes.plan_impersonate("lab", WHO, OTHER, 7))
    async with nodes.control("lab") as node:
        assert await node.balance(OTHER) == 7
    await done(console, await nodes.plan_pace("lab", paused=True))
    await done(console, await nodes.plan_impersonate("lab", WHO, OTHER, 8))
    (waiting,) = (await nodes.look("lab")).pending
    assert (waiting.sender.lower(), waiting.nonce) == (WHO, 1)
    await done(console, await nodes.plan_drop("lab", waiting.hash))
    assert not (await nodes.look("lab")).pending
    with pytest.raises(NotFound):
        await nodes.plan_drop("lab", waiting.hash)
    await done(console, await nodes.plan_restart("lab"))
    view = await nodes.look("lab")
    assert (view.pace, view.node.genesis) == ("on request only", made["genesis"])
    await done(console, await nodes.plan_pace("lab", seconds=60))
    async with nodes.control("lab") as node:
        assert (await node.automine(), await node.interval()) == (False, 60)
    await done(console, await nodes.plan_pace("lab"))
    root = await state(nodes, "lab")
    await done(console, await nodes.plan_reorg("lab", 2))
    assert (await nodes.look("lab")).height == view.height
    assert (await state(nodes, "lab"))[0] != root[0]
    await done(console, await nodes.plan_restore("lab", str(sent["undo"])))
    assert (await nodes.look("lab")).base_fee == 777  # the state just before the impersonated transaction
    async with nodes.control("lab") as node:
        assert (await node.balance(OTHER), await node.nonce(WHO)) == (0, 0)


@pytest.mark.asyncio
async def test_any_snapshot_gives_its_state_again_after_stop_kill_and_damage(console: Console) -> None:
    nodes = console.nodes
    await done(console, await nodes.plan_create("tree"))
    wanted: dict[str, tuple[str, str, int, int]] = {}

    async def snap(name: str) -> None:
        await done(console, await nodes.plan_snapshot("tree", name))
        wanted[name] = await state(nodes, "tree")

    await done(console, await nodes.plan_fund("tree", WHO, 10 * ETH))
    await snap("a")
    await done(console, await nodes.plan_impersonate("tree", WHO, OTHER, 1))
    await snap("a1")
    await done(console, await nodes.plan_restore("tree", "a"))
    await done(console, await nodes.plan_mine("tree", 5))
    await snap("a2")
    genesis = nodes.get("tree").genesis
    os.kill(nodes.get("tree").pid, signal.SIGKILL)
    while nodes.get("tree").state.value == "running":
        pass
    assert nodes.get("tree").state.value == "crashed"
    assert "killed by SIGKILL" in nodes.explain("tree")
    for name in ("a1", "a2", "a", "a1", "a2"):
        await done(console, await nodes.plan_restore("tree", name))
        assert await state(nodes, "tree") == wanted[name], name
        assert nodes.get("tree").genesis == genesis
    await nodes.stop("tree")
    await done(console, await nodes.plan_restore("tree", "a1"))
    assert await state(nodes, "tree") == wanted["a1"]

    kept = {each.name: each for each in nodes.snapshots("tree")}
    assert kept["a1"].parent != kept["a2"].id and kept["a2"].parent != kept["a1"].id
    rows = lanes(nodes.snapshots("tree"))
    assert rows[kept["a1"].id] != rows[kept["a2"].id]  # two branches, two rows of the drawing
    assert sum(each.automatic for each in kept.values()) <= MOST_AUTOMATIC + 1
    with pytest.raises(Conflict):
        await nodes.plan_snapshot("tree", "a")
    await done(console, await nodes.plan_forget("tree", "a1"))
    with pytest.raises(NotFound):
        await nodes.plan_restore("tree", "a1")
    (nodes.place("tree") / "snapshots" / f"{kept['a'].id}.state.gz").write_bytes(b"torn")
    with pytest.raises(Unavailable, match="cannot be read"):
        await nodes.return_to("tree", kept["a"].id)


@pytest.mark.asyncio
async def test_a_killed_node_tells_which_blocks_are_lost(console: Console) -> None:
    nodes = console.nodes
    await done(console, await nodes.plan_create("frail"))
    await nodes.stop("frail")
    await nodes.start("frail")  # its state is on disk at this head
    async with nodes.control("frail") as node:
        head = await node.height()
        await node.mine(4)
    os.kill(nodes.get("frail").pid, signal.SIGKILL)
    while nodes.get("frail").state.value == "running":
        pass
    told = (await nodes.start("frail")).told
    async with nodes.control("frail") as node:
        kept = await node.height()
    assert "killed by SIGKILL" in told and f"came back at block {kept:,}" in told
    if kept < head + 4:  # the node saves by its own clock, so it may have kept them
        assert f"{head + 4:,}" in told and "lost" in told
    assert (await nodes.stop("frail")).state.value == "stopped"
    assert (await nodes.start("frail")).told == ""


@pytest.mark.asyncio
@pytest.mark.parametrize("left", [0, 1_000])
async def test_a_state_file_that_a_kill_tore_is_told_and_a_snapshot_brings_the_chain_back(
    console: Console, home: Path, left: int
) -> None:
    """anvil writes over its file in place: a kill in the middle leaves the first part of it, or nothing."""
    nodes = console.nodes
    await done(console, await nodes.plan_create("torn"))
    await done(console, await nodes.plan_fund("torn", WHO, ETH))
    await done(console, await nodes.plan_snapshot("torn", "before"))
    wanted = await state(nodes, "torn")
    await nodes.stop("torn")
    file = home / "chains" / "torn" / "state.json"
    torn = file.read_bytes()[:left]
    file.write_bytes(torn)
    with pytest.raises(Conflict, match="torn") as refused:
        await nodes.start("torn")
    assert "azora chain restore" in refused.value.remedy and file.read_bytes() == torn
    await done(console, await nodes.plan_restore("torn", "before"))
    assert await state(nodes, "torn") == wanted


@pytest.mark.asyncio
async def test_chains_stand_side_by_side_and_a_fork_goes_on_from_another(console: Console) -> None:
    nodes = console.nodes
    await done(console, await nodes.plan_create("one"))
    await done(console, await nodes.plan_fund("one", WHO, 3 * ETH))
    before = await state(nodes, "one")
    await done(console, await nodes.plan_create("two", 1338, fork_of="local-one", hard_fork="cancun"))
    assert nodes.get("one").port != nodes.get("two").port
    assert (await state(nodes, "two"))[2] == 3 * ETH
    await done(console, await nodes.plan_fund("two", WHO, 4 * ETH))
    await done(console, await nodes.plan_snapshot("two", "more"))
    await done(console, await nodes.plan_restart("two"))
    assert (await state(nodes, "two"))[2] == 7 * ETH
    assert await state(nodes, "one") == before
    with pytest.raises(Conflict):
        await nodes.plan_delete("two", "two")
    await nodes.stop("two")
    with pytest.raises(Invalid, match="3 snapshots"):
        await nodes.plan_delete("two", "tow")
    await done(console, await nodes.plan_delete("two", "two"))
    assert [node.name for node in await nodes.list()] == ["one"]
    assert await state(nodes, "one") == before


@pytest.mark.asyncio
async def test_what_cannot_be_is_said_and_nothing_is_planned(console: Console) -> None:
    nodes = console.nodes
    for asked in ({"hard_fork": "moon"}, {"block_time": -1}, {"chain_id": 0}, {"accounts": [WHO] * 101}):
        with pytest.raises(Invalid, match="Nothing was planned"):
            await nodes.plan_create("odd", **asked)  # type: ignore[arg-type]
    assert not await nodes.list()
    assert not await console.operations.page()


def test_a_crash_is_explained_by_its_log() -> None:
    lines = ["    Block Number: 41", "    Block Hash: 0x" + "aa" * 32, "", "thread 'main' panicked: out of disk"]
    crash = last_words("lab", 101, lines)
    assert "exit code 101" in crash.text and "out of disk" in crash.text
    assert "blocks 40 to 41 are lost" in crash.compared((39, "0x" + "bb" * 32))
    assert "not the one it has now" in crash.compared((41, "0x" + "bb" * 32))
    assert "no block is known to be lost" in crash.compared((41, "0x" + "aa" * 32))


def test_the_first_branch_goes_on_in_its_row() -> None:
    def snapshot(name: str, parent: str) -> Snapshot:
        return Snapshot(name, name, parent, 0, "", 0, 0, 0)

    tree = [snapshot("g", ""), snapshot("a", "g"), snapshot("b", "g"), snapshot("c", "a"), snapshot("d", "b"), snapshot("e", "a")]
    assert lanes(tree) == {"g": 0, "a": 0, "b": 1, "c": 0, "d": 1, "e": 2}
