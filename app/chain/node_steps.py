"""The one step of a local chain's plan: its life and its timeline here, everything else by `node_acts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.chain.node_acts import ACTS, number, text
from app.chain.nodes import LocalNode, NodeState
from app.core.clock import now_ms
from app.core.errors import NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.operations.plans import Effect, Plan, StepSpec, listed
from app.operations.steps import Happened, Outcome, Step, StepContext

if TYPE_CHECKING:
    from app.chain.networks import Networks
    from app.chain.node_plans import LocalNodes

# What the verbs that need no running node cannot take back.
LIFE = {
    "start": "",
    "stop": "",
    "restart": "",
    "delete": "A deleted chain does not come back.",
    "snapshot": "",
    "import": "",
    "restore": "",
    "forget": "A deleted snapshot does not come back.",
}
GENESIS = "genesis"


def effect_of(plan: Plan) -> Effect:
    """What a plan on a local chain changes."""
    params, name = plan.params, text(plan.params, "name")
    verb = plan.kind.removeprefix("chain.")
    match verb:
        case "start":
            return Effect("state", name, "stopped", "running")
        case "stop":
            return Effect("state", name, "running", "stopped")
        case "restart":
            return Effect("state", name, "as it is", "running")
        case "delete":
            return Effect("state", name, text(params, "lost"), "deleted")
        case "snapshot" | "import":
            return Effect("state", f"snapshot {text(params, 'snapshot')} of {name}", "", "kept")
        case "forget":
            return Effect("state", f"snapshot {text(params, 'snapshot')} of {name}", "kept", "deleted")
        case "restore":
            return Effect("state", f"blocks of {name}", "as they are", f"as at {text(params, 'snapshot')}")
        case _:
            return ACTS[verb].effect(name, params)


async def measured(plan: Plan) -> tuple[Effect, ...]:
    """The effect with what the step found afterwards."""
    after = plan.steps[0].result.get("after", "not known") if plan.steps else "not known"
    return (replace(effect_of(plan), after=str(after)),)


class NodeStep(Step):
    """One act on a node."""

    def __init__(self, nodes: LocalNodes, networks: Networks, verb: str, spec: StepSpec) -> None:
        self._nodes = nodes
        self._networks = networks
        self._verb = verb
        self._params = spec.params
        self._name = text(spec.params, "name")

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """The state to reach."""
        if self._verb in ACTS:
            async with self._nodes.control(self._name) as node:
                return await ACTS[self._verb].prepare(node, self._params)
        return {"pid": self._nodes.get(self._name).pid} if self._verb in ("restart", "restore") else {}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Reach it."""
        match self._verb:
            case "start":
                await self._start(context)
            case "stop":
                await self._nodes.stop(self._name)
            case "restart":
                await self._nodes.stop(self._name)
                await self._nodes.start(self._name)
            case "delete":
                await self._nodes.delete(self._name)
            case "snapshot":
                label = text(self._params, "snapshot")
                await self._nodes.take(self._name, text(self._params, "id"), label, automatic=False)
            case "import":
                await self._take_in()
            case "forget":
                await self._nodes.forget(self._name, text(self._params, "id"))
            case "restore":
                if self._nodes.get(self._name).state is NodeState.RUNNING:
                    await self._save(f"before {context.plan.name}")
                await self._nodes.return_to(self._name, text(self._params, "id"))
            case _:
                if ACTS[self._verb].saves:
                    await self._save(f"before {context.plan.name}")
                async with self._nodes.control(self._name) as node:
                    await ACTS[self._verb].do(node, self._params, prepared)
                await ACTS[self._verb].kept(self._nodes, self._name, self._params)
                self._nodes.acted(self._name)

    async def _start(self, context: StepContext) -> None:
        if not self._params.get("create"):
            node = await self._nodes.start(self._name)
        else:
            accounts = tuple(listed(self._params, "accounts", str))
            node = await self._nodes.create(
                self._name,
                chain_id=number(self._params, "chain_id"),
                block_time=number(self._params, "block_time"),
                hard_fork=text(self._params, "hard_fork"),
                fork_url=text(self._params, "fork_url"),
                fork_block=number(self._params, "fork_block") if "fork_url" in self._params else 0,
                accounts=accounts,
                timestamp=number(self._params, "timestamp") if "timestamp" in self._params else 0,
            )
            if "file" in self._params:
                await self._take_in()
                await self._nodes.return_to(self._name, text(self._params, "id"))
                node = self._nodes.get(self._name)
            elif accounts:
                async with self._nodes.control(self._name) as control:
                    await control.set_balances(dict.fromkeys(accounts, number(self._params, "balance")))
            if "file" not in self._params:
                await self._nodes.take(self._name, f"{GENESIS}-{node.timestamp}", GENESIS, automatic=False)
        context.report(f"Listening at {node.url}. {node.told}".strip())
        await self._networks.select(node.network_id)

    async def _take_in(self) -> None:
        file = Path(text(self._params, "file"))
        label, digest = text(self._params, "snapshot"), text(self._params, "digest")
        await self._nodes.take_in(self._name, text(self._params, "id"), label, file, digest)

    async def _save(self, label: str) -> None:
        await self._nodes.take(self._name, text(self._params, "undo"), label, automatic=True)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Look at the node."""
        try:
            node = self._nodes.get(self._name)
        except NotFound:
            if self._verb == "delete":
                return Outcome(Happened.DONE, {"chain": self._name, "after": "deleted"})
            return Outcome(Happened.NOT_DONE)
        failure = ""
        if self._verb in ACTS:
            async with self._nodes.control(self._name) as control:
                after = await ACTS[self._verb].after(control, self._params, prepared)
                if after is not None:
                    failure = await ACTS[self._verb].failure(control, self._params, prepared)
        else:
            after = self._reached(node, prepared)
        if after is None:
            return Outcome(Happened.NOT_DONE)
        return Outcome(Happened.DONE, await self._result(node, after), _evidence(node), failure)

    def _reached(self, node: LocalNode, prepared: Mapping[str, object]) -> str | None:
        running = node.state is NodeState.RUNNING
        kept = [each.id for each in self._nodes.snapshots(self._name)]
        match self._verb:
            case "start":
                first = text(self._params, "id")
                made = node.base == first if first else any(each.startswith(GENESIS) for each in kept)
                return "running" if running and (made or not self._params.get("create")) else None
            case "stop":
                return "stopped" if node.state is NodeState.STOPPED else None
            case "restart":
                return "running" if running and node.pid != prepared["pid"] else None
            case "snapshot" | "import":
                return "kept" if text(self._params, "id") in kept else None
            case "forget":
                return None if text(self._params, "id") in kept else "deleted"
            case "restore":
                back = running and node.pid != prepared["pid"] and node.base == text(self._params, "id")
                return f"as at {text(self._params, 'snapshot')}" if back else None
            case _:
                return None

    async def _result(self, node: LocalNode, after: str) -> dict[str, object]:
        result: dict[str, object] = {"chain": node.name, "state": node.state.value, "after": after}
        undo = text(self._params, "undo")
        if undo and any(each.id == undo for each in self._nodes.snapshots(self._name)):
            result["undo"] = undo
        if node.state is NodeState.RUNNING:
            async with self._nodes.control(node.name) as control:
                result |= {"url": node.url, "genesis": node.genesis, "height": await control.height()}
        if node.told:
            result["told"] = node.told
        return result


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
