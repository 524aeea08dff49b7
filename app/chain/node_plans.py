"""What an operator does to local chains, as quick plans: an automatic snapshot before, and Undo after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.chain.node_acts import ACTS, pace
from app.chain.node_steps import LIFE, NodeStep, effect_of, measured
from app.chain.node_views import NodeView, PoolEntry, TestAccount
from app.chain.nodes import HARD_FORKS, NodeProcesses, NodeState, check_name
from app.chain.snapshot_files import read_snapshot_file, write_snapshot_file
from app.chain.timeline import Snapshot, Timeline, check_snapshot_name, lanes, new_id
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound
from app.core.events import NodeChanged, WentBack
from app.operations.plans import Effect, Plan, Preview, StepSpec, Target, TargetKind
from app.operations.steps import PlanKind

if TYPE_CHECKING:
    from app.chain.networks import Networks
    from app.core.events import Bus
    from app.operations import Operations

EVERYBODY = frozenset({"administrator", "developer"})
LATEST = 2**40  # seconds since 1970: later times break clients
MOST_ACCOUNTS = 100
PutBack = Callable[[str, int, str], Awaitable[None]]


async def _nothing_sent(network: str, height: int, note: str) -> None:
    """Where nothing sends, nothing must be given up."""


class LocalNodes(NodeProcesses):
    """All local chains of one home, and the plans that change them."""

    def __init__(
        self,
        *,
        folder: Path,
        networks: Networks,
        operations: Operations,
        bus: Bus,
        find_anvil: Callable[[], Path],
        put_back: PutBack = _nothing_sent,
    ) -> None:
        """``put_back(network key, height, note)`` gives up what was sent above a block: a snapshot was restored on purpose."""
        super().__init__(folder=folder, networks=networks, bus=bus, find_anvil=find_anvil)
        self._operations = operations
        self._put_back = put_back
        for verb in (*LIFE, *ACTS):
            undo = LIFE.get(verb, "")
            operations.register_kind(PlanKind(f"chain.{verb}", self._preview, measured, EVERYBODY, undo))
            operations.register_step(f"chain.{verb}", partial(self._step, verb))

    # the life of a chain

    async def plan_create(
        self,
        name: str,
        chain_id: int = 1337,
        *,
        accounts: Sequence[str] = (),
        balance: int = 10_000 * 10**18,
        block_time: int = 0,
        hard_fork: str = "shanghai",
        fork_of: str = "",
        fork_block: int | None = None,
    ) -> Plan:
        """Plan to make a chain, start it and make it the current network.

        Args:
            accounts: addresses that get ``balance`` wei each.
            block_time: seconds between blocks; 0 mines each transaction at once.
            fork_of: id of a network whose state it goes on from, at ``fork_block`` (None: its newest block).

        Raises:
            Invalid: a name that cannot be a folder's, or a figure out of range.
            Conflict: there is a chain of that name.
            Denied: the network's address holds a key, which the node's command line would show.
        """
        check_name(name)
        if any(node.name == name for node in await self.list()):
            raise Conflict(
                f"There is a local chain “{name}” already. Nothing was planned.", "Start it, or take another name.", field="name"
            )
        _check("chain_id", chain_id, 1, 2**53 - 1, "The chain id")
        _check("block_time", block_time, 0, 86_400, "The block time in seconds")
        _check("accounts", len(accounts), 0, MOST_ACCOUNTS, "The number of accounts")
        if hard_fork not in HARD_FORKS:
            raise Invalid(
                f"“{hard_fork}” is no hard fork of this console. Nothing was planned.",
                f"Take one of {', '.join(HARD_FORKS)}.",
                field="hard_fork",
            )
        asked = {"chain_id": chain_id, "accounts": list(accounts), "balance": str(balance), "block_time": block_time}
        fork = await self._fork(fork_of, fork_block)
        return await self._plan(
            "start", name, f"Start local chain {name}", {**asked, "hard_fork": hard_fork, **fork, "create": True}
        )

    async def _fork(self, network_id: str, block: int | None) -> dict[str, object]:
        if not network_id:
            return {}
        network = self._networks.get(network_id)
        if network.shown_url != network.rpc_url or ".tunnel" in network.rpc_url:
            raise Denied(
                f"The address of {network.name} holds a key or a tunnel; the node's command line would show it to every process of "
                "this computer. Nothing was planned.",
                "Fork a network by an address without a key.",
                field="fork",
            )
        chain = await self._networks.connect(network_id)
        head = (await chain.head()).number
        at = head if block is None else block
        _check("fork_block", at, 0, head, f"The block of {network.name}")
        return {"fork_url": network.rpc_url, "fork_block": at}

    async def plan_start(self, name: str) -> Plan:
        """Plan to start a stopped or crashed chain.

        Raises:
            Conflict: it runs.
        """
        node = self.get(name)
        if node.state is NodeState.RUNNING:
            raise Conflict(f"{name} runs already. Nothing was planned.", "To start it anew: azora chain restart")
        return await self._plan("start", name, f"Start local chain {name}", {"chain_id": node.chain_id, "create": False})

    async def plan_stop(self, name: str) -> Plan:
        """Plan to stop a chain; its state is kept.

        Raises:
            Conflict: it is stopped.
        """
        if self.get(name).state is NodeState.STOPPED:
            raise Conflict(f"{name} is stopped already. Nothing was planned.", "Start it: azora chain start")
        return await self._plan("stop", name, f"Stop local chain {name}", {})

    async def plan_restart(self, name: str) -> Plan:
        """Plan to stop a chain and start it again where it listened."""
        self.get(name)
        return await self._plan("restart", name, f"Restart local chain {name}", {"attempt": new_id()})

    async def plan_delete(self, name: str, typed: str) -> Plan:
        """Plan to delete a stopped chain with its state, history and snapshots.

        Raises:
            Invalid: the name was not typed.
            Conflict: it runs.
        """
        node = self.get(name)
        if typed != name:
            raise Invalid(
                f"Type {name} to delete it with {self.lost_with(name)}. Nothing was planned.", "Type its name.", field="typed"
            )
        if node.state is NodeState.RUNNING:
            raise Conflict(f"{name} runs. Nothing was planned.", "Stop it first.")
        return await self._plan("delete", name, f"Delete local chain {name}", {"lost": self.lost_with(name)})

    def lost_with(self, name: str) -> str:
        """What deleting a chain loses, for people."""
        kept = self.snapshots(name)
        size = sum(path.stat().st_size for path in self.place(name).rglob("*") if path.is_file())
        return f"its blocks, its log and {len(kept)} snapshot{'s' if len(kept) != 1 else ''}, {size / 1e6:,.1f} MB"

    async def views(self) -> Sequence[NodeView]:
        """Every chain as :meth:`look` sees it; of one whose node does not answer only what is kept."""
        seen = []
        for node in await self.list():
            try:
                seen.append(await self.look(node.name))
            except ConsoleError as error:
                seen.append(NodeView(node, pace(paused=node.paused, seconds=node.block_time), explained=error.message))
        return seen

    async def holdings(self, name: str, addresses: Sequence[str]) -> Sequence[TestAccount]:
        """What accounts hold on a running chain."""
        async with self.control(name) as control:
            held = await control.holdings(tuple(addresses))
        return [TestAccount(who, *has) for who, has in zip(addresses, held, strict=True)]

    async def look(self, name: str) -> NodeView:
        """One chain with what its node says now; of a stopped one only what is kept."""
        node = self.get(name)
        how = pace(paused=node.paused, seconds=node.block_time)
        if node.state is not NodeState.RUNNING:
            return NodeView(node, how, explained=self.explain(name))
        async with self.control(name) as control:
            head = await control.head()
            held = await control.holdings(node.accounts)
            accounts = tuple(TestAccount(who, *has) for who, has in zip(node.accounts, held, strict=True))
            pending = tuple(PoolEntry(*each) for each in await control.pending())
        return NodeView(
            node, how, head.number, head.hash, head.timestamp, head.base_fee or 0, accounts, pending, self.explain(name)
        )

    # the timeline

    def timeline(self, name: str) -> Timeline:
        """The snapshots of a chain."""
        self.get(name)
        return Timeline(self.place(name))

    def snapshots(self, name: str) -> list[Snapshot]:
        """The snapshots of a chain, oldest first."""
        return self.timeline(name).list()

    def tree(self, name: str) -> tuple[Sequence[Snapshot], dict[str, int]]:
        """The snapshots, oldest first, and the row of a drawing in which each lies, by id."""
        found = self.snapshots(name)
        return found, lanes(found)

    async def plan_snapshot(self, name: str, snapshot: str) -> Plan:
        """Plan to keep the state of a running chain under a name. What waits in its pool is not in it.

        Raises:
            Invalid, Conflict: the name cannot be a snapshot's, or is one's already.
        """
        self._running(name)
        self.timeline(name).check_new(snapshot)
        params: dict[str, object] = {"snapshot": snapshot, "id": new_id()}
        return await self._plan("snapshot", name, f"Take snapshot {snapshot} of {name}", params)

    async def plan_restore(self, name: str, snapshot: str) -> Plan:
        """Plan to return to a snapshot: the chain has its blocks again, and starts if it was stopped.

        Raises:
            NotFound: no such snapshot.
        """
        found = self.timeline(name).find(snapshot)
        params: dict[str, object] = {"id": found.id, "snapshot": found.name, "height": found.height, "attempt": new_id()}
        return await self._plan("restore", name, f"Return {name} to {found.name}", params)

    async def plan_forget(self, name: str, snapshot: str) -> Plan:
        """Plan to delete a snapshot; those that descend from it stay.

        Raises:
            NotFound: no such snapshot.
        """
        found = self.timeline(name).find(snapshot)
        params: dict[str, object] = {"id": found.id, "snapshot": found.name, "size": found.size}
        return await self._plan("forget", name, f"Delete snapshot {found.name} of {name}", params)

    async def export_snapshot(self, name: str, snapshot: str, path: Path) -> Snapshot:
        """Write a snapshot as one file that :meth:`plan_import` takes, here or at another console.

        Raises:
            NotFound: no such snapshot.
            Invalid: it cannot be written there; ``field`` is ``file``.
            Unavailable: the snapshot cannot be read.
        """
        timeline = self.timeline(name)
        found = timeline.find(snapshot)
        await asyncio.to_thread(write_snapshot_file, path, self.get(name), found, timeline.packed(found))
        return found

    async def plan_import(self, path: Path, name: str, snapshot: str = "") -> Plan:
        """Plan to take a snapshot's file into a chain; where there is no chain of that name, one is made that begins with it.

        Args:
            snapshot: what it is called here; empty: as in the file.

        Raises:
            Invalid: it is no snapshot's file, or a name does not fit.
            Conflict: it is of another chain than the one named, or its chain is here under another name.
        """
        check_name(name)
        found = await asyncio.to_thread(read_snapshot_file, path)
        label, nodes = snapshot or found.snapshot.name, await self.list()
        params: dict[str, object] = {"snapshot": label, "id": new_id(), "file": str(path.absolute()), "digest": found.digest}
        if any(node.name == name for node in nodes):
            found.require(self.get(name))
            self.timeline(name).check_new(label)
            return await self._plan("import", name, f"Import snapshot {label} into {name}", params)
        check_snapshot_name(label)
        for node in nodes:
            if (node.chain_id, node.genesis) == (found.chain_id, found.genesis):
                raise Conflict(
                    f"{path.name} is of {node.name}, which is here. Two chains of one genesis could not be told apart. Nothing was "
                    "planned.",
                    f"Import it into {node.name}.",
                    field="name",
                )
        params |= {"chain_id": found.chain_id, "create": True, "hard_fork": found.hard_fork, "timestamp": found.timestamp}
        params |= {"accounts": list(found.accounts), "block_time": 0}
        params |= {"fork_url": found.fork_url, "fork_block": found.fork_block} if found.fork_url else {}
        return await self._plan("start", name, f"Start local chain {name} from snapshot {label}", params)

    async def take_in(self, name: str, snapshot_id: str, label: str, path: Path, digest: str) -> None:
        """Keep the state of a snapshot's file; one that is kept already is left alone. For steps.

        Raises:
            Invalid, Conflict: the file is not the one that was planned, or of another chain.
        """
        timeline = self.timeline(name)
        kept = {each.id for each in timeline.list()}
        if snapshot_id in kept:
            return
        found = await asyncio.to_thread(read_snapshot_file, path)
        found.require(self.get(name), digest)
        state = await asyncio.to_thread(found.state)
        parent = found.snapshot.parent if found.snapshot.parent in kept else ""
        timeline.keep(
            replace(found.snapshot, id=snapshot_id, name=label, parent=parent, created_at=now_ms(), automatic=False), state
        )
        self.acted(name)

    async def take(self, name: str, snapshot_id: str, label: str, *, automatic: bool) -> None:
        """Keep the state of a running chain; one that is kept already is left alone. For steps."""
        timeline = self.timeline(name)
        if any(each.id == snapshot_id for each in timeline.list()):
            return
        node = self._running(name)
        async with self.control(name) as control:
            while True:  # a block may be made between the two
                head = await control.head()
                dump = await control.dump()
                if (await control.head()).hash == head.hash:
                    break
        taken = Snapshot(snapshot_id, label, node.base, head.number, head.hash, head.timestamp, now_ms(), len(dump), automatic)
        timeline.keep(taken, dump)
        await self.change(name, base=snapshot_id)

    async def return_to(self, name: str, snapshot_id: str) -> None:
        """Stop a chain, give it the state of a snapshot, start it. For steps.

        Raises:
            Unavailable: the snapshot cannot be read; the chain has the state that it had.
            Conflict: it came up with another genesis.
        """
        timeline = self.timeline(name)
        found = timeline.find(snapshot_id)
        node = await self.stop(name)
        timeline.put_back(found)
        # While nothing answers, so that nobody sends again what was undone on purpose.
        note = f"{name} was returned to snapshot {found.name}; it is not sent again."
        await self._put_back(f"{node.chain_id}:{node.genesis}", found.height, note)
        await self.change(name, base=found.id)
        await self.start(name)
        self._bus.publish(NodeChanged(name))
        self._bus.publish(WentBack(f"{node.chain_id}:{node.genesis}"))

    async def forget(self, name: str, snapshot_id: str) -> None:
        """Delete a snapshot; one that is gone is left alone. For steps."""
        timeline = self.timeline(name)
        for each in timeline.list():
            if each.id == snapshot_id:
                timeline.delete(each)
                if self.get(name).base == each.id:
                    await self.change(name, base=each.parent)
        self.acted(name)

    # blocks, time and money

    async def plan_mine(self, name: str, blocks: int = 1) -> Plan:
        """Plan to mine blocks at once.

        Raises:
            Invalid: not between 1 and 100,000 blocks.
        """
        _check("blocks", blocks, 1, 100_000, "The number of blocks")
        async with self.control(name) as node:
            params: dict[str, object] = {"blocks": blocks, "from": await node.height()}
        return await self._plan("mine", name, f"Mine {blocks:,} block{'s' if blocks > 1 else ''} on {name}", params)

    async def plan_fund(self, name: str, address: str, wei: int, *, exact: bool = False) -> Plan:
        """Plan to add native coin to an account, from nowhere: local chains can do that. ``exact``: set it to this amount.

        Raises:
            Invalid: nothing to add.
        """
        if wei < 0 or (wei == 0 and not exact):
            raise Invalid("There is nothing to add. Nothing was planned.", "Enter more than 0.", field="amount")
        async with self.control(name) as node:
            params: dict[str, object] = {
                "address": address,
                "before": str(await node.balance(address)),
                "wei": str(wei),
                "exact": exact,
            }
        return await self._plan("fund", name, f"Fund {address[:6]}…{address[-4:]} on {name}", params)

    async def plan_warp(self, name: str, *, by: int = 0, to: int = 0) -> Plan:
        """Plan to move a chain's clock ahead: ``by`` seconds from its newest block, or ``to`` seconds since 1970.

        Raises:
            Invalid: not later than the newest block.
        """
        async with self.control(name) as node:
            now = (await node.head()).timestamp
        then = to or now + by
        if not now < then < LATEST:
            raise Invalid(
                "A chain's clock only goes ahead, to a time before the year 36000. Nothing was planned.",
                "Enter a later time; to go back, return to a snapshot.",
                field="time",
            )
        return await self._plan("warp", name, f"Move the clock of {name} ahead by {then - now:,} s", {"from": now, "to": then})

    async def plan_pace(self, name: str, *, paused: bool = False, seconds: int = 0) -> Plan:
        """Plan how blocks are made: on request only, every so many seconds, or (0) with each transaction.

        Raises:
            Invalid: more than a day between blocks.
        """
        _check("seconds", seconds, 0, 86_400, "The interval in seconds")
        node = self._running(name)
        params = {"paused": paused, "seconds": seconds, "was_paused": node.paused, "was_seconds": node.block_time}
        return await self._plan("pace", name, f"Mine {name} {pace(paused=paused, seconds=seconds)}", params)

    async def plan_base_fee(self, name: str, wei: int) -> Plan:
        """Plan a block with this base fee, in wei per gas.

        Raises:
            Invalid: the chain has no base fee, or the figure is out of range.
        """
        _check("base_fee", wei, 0, 2**63 - 1, "The base fee in wei")
        async with self.control(name) as node:
            before = (await node.head()).base_fee or 0
        return await self._plan("basefee", name, f"Set the base fee of {name}", {"from": str(before), "wei": str(wei)})

    async def plan_drop(self, name: str, tx_hash: str) -> Plan:
        """Plan to drop a transaction from the pool.

        Raises:
            NotFound: it does not wait there.
        """
        async with self.control(name) as node:
            waiting = {found.lower() for found, _, _ in await node.pending()}
        if tx_hash.lower() not in waiting:
            raise NotFound(
                f"{tx_hash} does not wait in the pool of {name}. Nothing was planned.",
                "See what waits: azora chain show",
                field="hash",
            )
        return await self._plan("drop", name, f"Drop {tx_hash[:10]}… from the pool of {name}", {"hash": tx_hash})

    async def plan_reorg(self, name: str, depth: int) -> Plan:
        """Plan to replace the last blocks by empty ones. What this console had sent in them is sent again.

        Raises:
            Invalid: deeper than the chain.
        """
        async with self.control(name) as node:
            head = await node.height()
        _check("depth", depth, 1, max(head - 1, 1), "The depth")
        return await self._plan("reorg", name, f"Reorganise the last {depth:,} of {name}", {"depth": depth, "from": head})

    async def plan_impersonate(self, name: str, sender: str, to: str, wei: int = 0, data: str = "0x") -> Plan:
        """Plan a transaction in the name of any account, without its key: local chains can do that.

        Raises:
            Invalid: the data is no hex.
        """
        try:
            bytes.fromhex(data.removeprefix("0x"))
        except ValueError as error:
            raise Invalid("The data is not 0x and hex digits. Nothing was planned.", "Correct it.", field="data") from error
        async with self.control(name) as node:
            nonce = await node.nonce(sender)
        params = {"sender": sender, "to": to, "wei": str(wei), "data": data, "nonce": nonce}
        return await self._plan("impersonate", name, f"Send as {sender[:6]}…{sender[-4:]} on {name}, without its key", params)

    # inside

    def _step(self, verb: str, plan: Plan, spec: StepSpec) -> NodeStep:
        return NodeStep(self, self._networks, verb, spec)

    async def _plan(self, verb: str, name: str, title: str, params: Mapping[str, object]) -> Plan:
        asked = {"name": name, **params}
        if verb == "restore" or (verb in ACTS and ACTS[verb].saves):
            asked["undo"] = new_id()
        return await self._operations.plan(
            f"chain.{verb}", title, self._target(name), asked, [StepSpec(f"chain.{verb}", title, asked)]
        )

    def _target(self, name: str) -> Target:
        try:
            return self._networks.get(f"local-{name}").target()
        except NotFound:
            return Target(TargetKind.NETWORK, f"local-{name}", name, "local", True)

    async def _preview(self, plan: Plan) -> Preview:
        effects: tuple[Effect, ...] = (effect_of(plan),)
        return Preview(effects=effects, simulated_at=now_ms(), method="computed", notes=())


def _check(field: str, value: int, least: int, most: int, what: str) -> None:
    if not least <= value <= most:
        raise Invalid(
            f"{what} is {value:,}; it can be {least:,} to {most:,}. Nothing was planned.", "Enter another figure.", field=field
        )
