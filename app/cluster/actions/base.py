"""What every plan of a cluster shares: its target pinned to a cluster, its steps, its preview and its measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from app.cluster.access import refused
from app.cluster.actions import preview as previews
from app.cluster.actions.change import Change, fingerprint, packed, read, unpacked
from app.cluster.actions.refs import Client, Ref, right_of
from app.cluster.actions.steps import ChangeStep, GraceStep, Pinned, RemoveStep, SyncStep
from app.cluster.objects import Object, Reading, count, dig
from app.cluster.workloads import View, Workload
from app.core.errors import Denied, NotFound
from app.operations.plans import Plan, Preview, StepSpec, Target, TargetKind, Verdict, VerdictLevel
from app.operations.steps import PlanKind, Step

if TYPE_CHECKING:
    from app.operations import Operations

VERBS = (
    "apply",
    "edit",
    "scale",
    "restart",
    "undo",
    "pause",
    "resume",
    "promote",
    "abort",
    "cordon",
    "uncordon",
    "drain",
    "delete",
    "weight",
)
BOTH = frozenset({"administrator", "developer"})


class Clusters(Protocol):
    """The part of the cluster service that actions need."""

    @property
    def connected(self) -> tuple[str, ...]:
        """The contexts that are followed."""

    def connection(self, context: str) -> Client:
        """The connection of a context."""

    def snapshot(self, context: str) -> Reading:
        """What is known of it now."""

    def read_only(self, context: str) -> bool:
        """Whether nothing may be changed there."""

    def environment(self, context: str) -> str:
        """``local``, ``test`` or ``production``."""


class Planner:
    """Makes plans and builds their steps.

    Args:
        grace: seconds in which a sent action can be called back; 0 sends at once.
    """

    def __init__(self, operations: Operations, clusters: Clusters, grace: Callable[[], int] = lambda: 5) -> None:
        self._operations = operations
        self._clusters = clusters
        self._grace = grace
        for verb in VERBS:
            undo = {"delete": "What is deleted is gone.", "drain": "Evicted pods are made anew elsewhere."}.get(verb, "")
            operations.register_kind(PlanKind(f"cluster.{verb}", self._preview, self._measure, BOTH, undo))
        for verb in ("sync", "rollback"):
            operations.register_kind(PlanKind(f"cluster.{verb}", self._preview_sync, None, BOTH))
        operations.register_step("cluster.grace", lambda _plan, spec: GraceStep(int(str(spec.params["seconds"]))))
        operations.register_step("cluster.change", self._change_step)
        operations.register_step("cluster.remove", self._remove_step)
        operations.register_step("cluster.sync", self._sync_step)

    async def _plan(self, context: str, verb: str, title: str, changes: Sequence[Change], words: Iterable[Verdict] = ()) -> Plan:
        await self._allowed(context, [wish_of(change) for change in changes])
        steps = self._grace_steps()
        for change in changes:
            kind = "cluster.remove" if change.verb in ("delete", "evict") else "cluster.change"
            says = {"apply": "Apply", "patch": "Change", "delete": "Delete", "evict": "Evict"}[change.verb]
            steps.append(StepSpec(kind, f"{says} {change.ref.label}", {"change": change.to_json()}))
        params = {
            "changes": [change.to_json() for change in changes],
            "words": [[w.rule, w.level.value, w.text, w.detail] for w in words],
        }
        return await self._operations.plan(f"cluster.{verb}", title, await self._target(context), params, steps)

    async def _argo(self, context: str, verb: str, title: str, namespace: str, name: str, operation: Mapping[str, Any]) -> Plan:
        ref = Ref.named("Application", namespace, name)
        await self._allowed(context, [(ref, "patch", "")])
        params = {"ref": ref.to_json(), "operation": packed(operation)}
        steps = [*self._grace_steps(), StepSpec("cluster.sync", f"{title} and follow it", params)]
        return await self._operations.plan(f"cluster.{verb}", title, await self._target(context), params, steps)

    async def _allowed(self, context: str, wishes: Iterable[tuple[Ref, str, str]]) -> None:
        """Refuse early, in the words of a button that is off, what this identity may not do: object, verb and subresource.

        Raises:
            Denied: a right is missing.
        """
        client = self._clusters.connection(context)
        rights = set()
        for ref, verb, subresource in wishes:
            try:
                rights.add(await right_of(client, ref, verb, subresource))
            except NotFound:  # a kind that comes with the plan itself, or not at all, which the dry run says
                continue
        if why := await refused(client, rights):
            raise Denied(f"{why} Nothing was planned.", "Ask whoever runs the cluster for the right, or use another context.")

    def _grace_steps(self) -> list[StepSpec]:
        seconds = self._grace()
        return (
            [StepSpec("cluster.grace", f"Wait {seconds} s; until then it can be called back", {"seconds": seconds})]
            if seconds
            else []
        )

    async def _target(self, context: str) -> Target:
        """The context, pinned to the cluster that answers there now."""
        identity = await self._clusters.connection(context).identity()
        return Target(TargetKind.CLUSTER, f"{context}@{identity.ref}", context, str(self._clusters.environment(context)))

    def _pinned(self, plan: Plan) -> Pinned:
        context, _, identity = plan.target.ref.rpartition("@")
        return Pinned(self._clusters.connection(context), context, identity)

    def _change_step(self, plan: Plan, spec: StepSpec) -> Step:
        return ChangeStep(self._pinned(plan), Change.from_json(_mapping(spec.params["change"])))

    def _remove_step(self, plan: Plan, spec: StepSpec) -> Step:
        return RemoveStep(self._pinned(plan), Change.from_json(_mapping(spec.params["change"])))

    def _sync_step(self, plan: Plan, spec: StepSpec) -> Step:
        return SyncStep(self._pinned(plan), Ref.from_json(_mapping(spec.params["ref"])), unpacked(spec.params["operation"]))

    async def _preview(self, plan: Plan) -> Preview:
        context = plan.target.name
        client = await self._pinned(plan).open()
        words = [Verdict(rule, VerdictLevel(level), text, detail) for rule, level, text, detail in _rows(plan.params["words"])]
        changes = _changes(plan)
        return await previews.preview(client, changes, self._clusters.snapshot(context), self._clusters.read_only(context), words)

    async def _preview_sync(self, plan: Plan) -> Preview:
        context, ref = plan.target.name, Ref.from_json(_mapping(plan.params["ref"]))
        app = await read(await self._pinned(plan).open(), ref)
        return previews.of_sync(plan, app, self._clusters.read_only(context))

    async def _measure(self, plan: Plan) -> Any:
        effects = plan.preview.effects if plan.preview else ()
        return await previews.measured(await self._pinned(plan).open(), _changes(plan), effects)

    async def _must(self, context: str, ref: Ref) -> dict[str, Any]:
        now = await read(self._clusters.connection(context), ref)
        if now is None:
            raise NotFound(f"There is no {ref.label} in {context}. Nothing was planned.", "Look at the cluster again.")
        return now

    async def _uid(self, context: str, ref: Ref) -> str:
        return str(dig(await self._must(context, ref), "metadata", "uid", default=""))

    def _line(self, context: str, kind: str, namespace: str, name: str) -> tuple[View, Workload]:
        view = View(self._clusters.snapshot(context))
        line = next((w for w in view.workloads if w.key == (kind, namespace, name)), None)
        if line is None:
            raise NotFound(
                f"There is no {kind} {namespace}/{name} in {context}. Nothing was planned.", "Look at the cluster again."
            )
        return view, line


def wish_of(change: Change) -> tuple[Ref, str, str]:
    """Object, verb and subresource that a change asks for, as access reviews name them."""
    match change.verb:
        case "delete":
            return change.ref, "delete", ""
        case "evict":
            return change.ref, "create", "eviction"
        case _:
            return change.ref, "patch", change.subresource


def guarded(ref: Ref, patch: Mapping[str, Any], seen: Object) -> Change:
    return Change(
        ref,
        "patch",
        patch,
        generation=count(seen, "metadata", "generation") or None,
        uid=str(dig(seen, "metadata", "uid", default="")),
        seen=fingerprint(seen, patch),
    )


def _changes(plan: Plan) -> list[Change]:
    found = plan.params["changes"]
    assert isinstance(found, list | tuple)
    return [Change.from_json(data) for data in found]


def _rows(value: object) -> list[tuple[str, str, str, str]]:
    assert isinstance(value, list | tuple)
    return [(str(a), str(b), str(c), str(d)) for a, b, c, d in value]


def _mapping(value: object) -> Mapping[str, Any]:
    assert isinstance(value, Mapping)
    return value
