"""What an operator does to a local chain, as quick plans: start, stop, mine, fund."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.chain.nodes import LocalNode, NodeProcesses, NodeState, check_name
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.operations.plans import Effect, Plan, Preview, StepSpec, Target, TargetKind
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

if TYPE_CHECKING:
    from app.chain.networks import Networks
    from app.core.events import Bus
    from app.operations import Operations

EVERYBODY = frozenset({"administrator", "developer"})


class LocalNodes(NodeProcesses):
    """All local chains of one home, and the plans that change them."""

    def __init__(
        self, *, folder: Path, networks: Networks, operations: Operations, bus: Bus, find_anvil: Callable[[], Path]
    ) -> None:
        super().__init__(folder=folder, networks=networks, bus=bus, find_anvil=find_anvil)
        self._operations = operations
        for verb in ("start", "stop", "mine", "fund"):
            operations.register_kind(PlanKind(f"chain.{verb}", self._preview, self._measure, EVERYBODY))
            operations.register_step(f"chain.{verb}", partial(self._step, verb))

    async def plan_create(self, name: str, chain_id: int = 1337) -> Plan:
        """Plan to make a chain, start it and make it the current network.

        Raises:
            Invalid: the name cannot be a folder's.
            Conflict: there is a chain of that name.
        """
        check_name(name)
        if any(node.name == name for node in await self.list()):
            raise Conflict(
                f"There is a local chain “{name}” already. Nothing was planned.", "Start it, or take another name.", field="name"
            )
        return await self._plan("start", name, f"Start local chain {name}", {"chain_id": chain_id, "create": True})

    async def plan_start(self, name: str) -> Plan:
        """Plan to start a stopped chain."""
        node = self.get(name)
        return await self._plan("start", name, f"Start local chain {name}", {"chain_id": node.chain_id, "create": False})

    async def plan_stop(self, name: str) -> Plan:
        """Plan to stop a chain; its state is kept."""
        self.get(name)
        return await self._plan("stop", name, f"Stop local chain {name}", {})

    async def plan_mine(self, name: str, blocks: int = 1) -> Plan:
        """Plan to mine blocks at once.

        Raises:
            Invalid: not between 1 and 100,000 blocks.
        """
        if not 1 <= blocks <= 100_000:
            raise Invalid("Mine between 1 and 100,000 blocks at once. Nothing was planned.", "Enter fewer.", field="blocks")
        start = await self.height(name)
        return await self._plan(
            "mine", name, f"Mine {blocks:,} block{'s' if blocks > 1 else ''} on {name}", {"blocks": blocks, "from": start}
        )

    async def plan_fund(self, name: str, address: str, wei: int) -> Plan:
        """Plan to add native coin to an account, from nowhere: local chains can do that.

        Raises:
            Invalid: nothing to add.
        """
        if wei <= 0:
            raise Invalid("There is nothing to add. Nothing was planned.", "Enter more than 0.", field="amount")
        before = await self.balance(name, address)
        return await self._plan(
            "fund", name, f"Fund {address[:6]}…{address[-4:]} on {name}", {"address": address, "before": before, "wei": wei}
        )

    def _step(self, verb: str, plan: Plan, spec: StepSpec) -> NodeStep:
        return NodeStep(self, self._networks, verb, spec)

    async def _plan(self, verb: str, name: str, title: str, params: Mapping[str, object]) -> Plan:
        asked = {"name": name, **params}
        return await self._operations.plan(
            f"chain.{verb}", title, self._target(name), asked, [StepSpec(f"chain.{verb}", title, asked)]
        )

    def _target(self, name: str) -> Target:
        try:
            return self._networks.get(f"local-{name}").target()
        except NotFound:
            return Target(TargetKind.NETWORK, f"local-{name}", name, "local", True)

    async def _preview(self, plan: Plan) -> Preview:
        return Preview(effects=self._effects(plan), simulated_at=now_ms(), method="computed", notes=())

    def _effects(self, plan: Plan) -> tuple[Effect, ...]:
        params, name = plan.params, str(plan.params["name"])
        match plan.kind:
            case "chain.start":
                return (Effect("state", name, "stopped", "running"),)
            case "chain.stop":
                return (Effect("state", name, "running", "stopped"),)
            case "chain.mine":
                start = int(str(params["from"]))
                return (Effect("state", f"blocks of {name}", str(start), str(start + int(str(params["blocks"])))),)
            case _:
                before = int(str(params["before"]))
                after = before + int(str(params["wei"]))
                return (Effect("balance", str(params["address"]), str(before), str(after), "ETH", 18),)

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        name = str(plan.params["name"])
        (predicted,) = self._effects(plan)
        match plan.kind:
            case "chain.mine":
                after = str(await self.height(name))
            case "chain.fund":
                after = str(await self.balance(name, str(plan.params["address"])))
            case _:
                after = str(self.get(name).state)
        return (Effect(predicted.kind, predicted.subject, predicted.before, after, predicted.unit, predicted.decimals),)


class NodeStep(Step):
    """One act on a node. Each act sets a state rather than adding to one, so doing it twice is doing it once."""

    def __init__(self, nodes: NodeProcesses, networks: Networks, verb: str, spec: StepSpec) -> None:
        self._nodes = nodes
        self._networks = networks
        self._verb = verb
        self._params = spec.params
        self._name = str(spec.params["name"])

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """The state to reach."""
        match self._verb:
            case "mine":
                return {"height": await self._nodes.height(self._name) + int(str(self._params["blocks"]))}
            case "fund":
                held = await self._nodes.balance(self._name, str(self._params["address"]))
                return {"wei": held + int(str(self._params["wei"]))}
            case _:
                return {}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Reach it."""
        match self._verb:
            case "start":
                if self._params.get("create"):
                    node = await self._nodes.create(self._name, chain_id=int(str(self._params["chain_id"])))
                else:
                    node = await self._nodes.start(self._name)
                context.report(f"Listening at {node.url}")
                await self._networks.select(node.network_id)
            case "stop":
                await self._nodes.stop(self._name)
            case "mine":
                missing = int(str(prepared["height"])) - await self._nodes.height(self._name)
                if missing > 0:
                    await self._nodes.mine(self._name, missing)
            case "fund":
                await self._nodes.set_balance(self._name, str(self._params["address"]), int(str(prepared["wei"])))

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Look at the node."""
        try:
            node = self._nodes.get(self._name)
        except NotFound:
            return Outcome(Happened.NOT_DONE)
        match self._verb:
            case "start":
                done = node.state is NodeState.RUNNING
            case "stop":
                done = node.state is NodeState.STOPPED
            case "mine":
                done = await self._nodes.height(self._name) >= int(str(prepared["height"]))
            case _:
                done = await self._nodes.balance(self._name, str(self._params["address"])) == int(str(prepared["wei"]))
        return Outcome(
            Happened.DONE if done else Happened.NOT_DONE, await self._result(node) if done else {}, _evidence(node) if done else ()
        )

    async def _result(self, node: LocalNode) -> dict[str, object]:
        if node.state is not NodeState.RUNNING:
            return {"chain": node.name, "state": node.state.value}
        return {
            "chain": node.name,
            "state": node.state.value,
            "url": node.url,
            "genesis": node.genesis,
            "height": await self._nodes.height(node.name),
        }


def _evidence(node: LocalNode) -> tuple[Evidence, ...]:
    return (
        Evidence(
            EvidenceKind.MEASUREMENT,
            node.name,
            f"{node.chain_id}:{node.genesis}",
            "",
            now_ms(),
            EvidenceStatus.CLAIMED,
            "asked the node's process",
            Trust.OWN_NODE,
        ),
    )
