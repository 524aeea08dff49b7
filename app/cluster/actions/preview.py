"""What a plan would do to a cluster: the server's own dry run, field by field, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from app.cluster.actions.change import Change, read, tried, unpacked
from app.cluster.actions.refs import Client, Ref
from app.cluster.argo import application_of
from app.cluster.diff import ABSENT, flatten
from app.cluster.objects import Reading, count, dig, labels_of, selects, texts
from app.cluster.workloads import View
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound
from app.operations.plans import Effect, Preview, Verdict, VerdictLevel


class Owned(Protocol):
    """A conflict of server-side apply: who owns which field."""

    @property
    def field(self) -> str:
        """Path."""

    @property
    def message(self) -> str:
        """``conflict with "gitops"``."""


async def preview(
    client: Client, changes: Sequence[Change], reading: Reading | None, read_only: bool, words: Iterable[Verdict] = ()
) -> Preview:
    """Try every change without effect."""
    effects: list[Effect] = []
    verdicts: list[Verdict] = list(words)
    if read_only:
        verdicts.append(
            Verdict("cluster.read_only", VerdictLevel.BLOCK, "This cluster is read-only here.", "Settings, Clusters, read-only.")
        )
    view = View(reading) if reading is not None else None
    made = {change.ref.name for change in changes if change.ref.kind == "Namespace" and change.verb == "apply"}
    error, notes = "", []
    for change in changes:
        try:
            effects += await _effects(client, change, verdicts)
        except NotFound as missing:
            if change.verb == "apply" and (change.ref.namespace in made or made):
                notes.append(f"{change.ref.label} cannot be tried before its namespace exists.")
                effects.append(_effect(change.ref.label, ABSENT, "created"))
            else:
                error = error or missing.message
        except (Invalid, Denied, Conflict) as refused:
            error = error or refused.message
        if view is not None:
            verdicts += _owners(view, change)
    if not effects and not error:
        notes.append("Nothing differs: the cluster is already as this plan wants it.")
    return Preview(
        effects=tuple(effects),
        verdicts=tuple(dict.fromkeys(verdicts)),
        simulated_at=now_ms(),
        method="server-side dry run",
        error=error,
        notes=tuple(dict.fromkeys(notes)),
    )


def _effect(subject: str, before: str, after: str) -> Effect:
    """One field or object. Its label is its subject: without one, the sheet would shorten it as it does an address."""
    return Effect("cluster", subject, before, after, label=subject)


async def _effects(client: Client, change: Change, verdicts: list[Verdict]) -> list[Effect]:
    label = change.ref.label
    now = await read(client, change.ref)
    if change.verb == "apply" and change.force:
        await _taken(client, change, verdicts)
    try:
        fields, warnings = await tried(client, change)
    except Conflict as conflict:
        owned = causes(conflict)
        if not owned:
            raise
        for path, manager in owned:
            text = f"{path} of {label} belongs to {manager}."
            verdicts.append(
                Verdict("cluster.conflict", VerdictLevel.BLOCK, text, "Leave it out of the manifest, or take it over on purpose.")
            )
        return []
    except ConsoleError as refused:
        if change.verb == "evict" and getattr(getattr(refused, "failure", None), "status", 0) == 429:
            said = "; ".join(cause.message for cause in refused.failure.causes) or refused.message  # type: ignore[attr-defined]
            verdicts.append(
                Verdict("cluster.budget", VerdictLevel.WARNING, f"{label} may not go now.", f"{said}. The plan waits until it may.")
            )
            return [_effect(label, "running", "evicted")]
        raise
    verdicts += [Verdict("cluster.warning", VerdictLevel.NOTE, f"The server warns: {warning}") for warning in warnings]
    if change.verb in ("delete", "evict"):
        return [_effect(label, "running", "evicted")] if change.verb == "evict" else [_effect(label, "present", ABSENT)]
    if now is None:
        return [_effect(label, ABSENT, "created")]
    return [_effect(f"{label} {field.path}", field.before, field.after) for field in fields]


async def _taken(client: Client, change: Change, verdicts: list[Verdict]) -> None:
    """Who loses fields when they are taken over by force."""
    from dataclasses import replace

    try:
        await tried(client, replace(change, force=False))
    except Conflict as conflict:
        for path, manager in causes(conflict):
            text = f"Takes {path} of {change.ref.label} from {manager}."
            verdicts.append(Verdict("cluster.force", VerdictLevel.WARNING, text, "It may set the field back at its next turn."))


def causes(conflict: Conflict) -> list[tuple[str, str]]:
    """Fields and managers of a conflict of server-side apply."""
    failure: Any = getattr(conflict, "failure", None)
    found: Iterable[Any] = getattr(failure, "causes", ()) or ()
    return [
        (str(c.field), str(c.message).removeprefix("conflict with ").strip('"'))
        for c in found
        if c.reason == "FieldManagerConflict"
    ]


def _owners(view: View, change: Change) -> list[Verdict]:
    """Controllers that would undo the change, or that it gets in the way of."""
    ref, found = change.ref, []
    hpa = view.hpas.get((ref.kind, ref.namespace, ref.name))
    replicas = dig(change.body, "spec", "replicas")
    if hpa is not None and replicas is not None and change.verb in ("apply", "patch"):
        found.append(
            Verdict(
                "cluster.hpa",
                VerdictLevel.WARNING,
                f"The autoscaler {hpa.name} owns the number of pods of {ref.name} and sets it again.",
                f"Between {hpa.least} and {hpa.most} pods. Change the autoscaler instead.",
            )
        )
    paused = bool(dig(view.reading.get(ref.kind, ref.namespace, ref.name), "spec", "paused", default=False))
    if paused and dig(change.body, "spec", "template") is not None and dig(change.body, "spec", "paused") is not False:
        text = f"The rollout of {ref.name} is paused: its pods stay as they are until it is resumed."
        found.append(Verdict("cluster.paused", VerdictLevel.WARNING, text, "Resume it, before or afterwards."))
    app = application_of(view, ref.kind, ref.namespace, ref.name)
    if app is not None and app.self_heals and change.verb in ("apply", "patch", "delete") and not change.subresource:
        text = f"Argo CD application {app.name} sets {ref.label} back to what Git says."
        found.append(Verdict("cluster.argo", VerdictLevel.WARNING, text, "Change it in Git, or switch self-healing off."))
    if change.verb == "delete" and ref.kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout"):
        pods = len(view.pods_of((ref.kind, ref.namespace, ref.name)))
        if pods:
            found.append(Verdict("cluster.pods", VerdictLevel.WARNING, f"{pods} pods of {ref.label} go with it."))
    if change.verb == "delete" and ref.kind == "Namespace":
        inside = sum(1 for key in view.pods if key[0] == ref.name)
        found.append(
            Verdict("cluster.namespace", VerdictLevel.WARNING, f"Everything in {ref.name} goes with it, {inside} pods among it.")
        )
    return found


def drain_verdicts(view: View, pods: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """What a drain loses: data of emptyDir volumes, pods that nobody makes again; and the budgets that make it wait."""
    found = []
    for pod in pods:
        label = f"Pod {dig(pod, 'metadata', 'namespace')}/{dig(pod, 'metadata', 'name')}"
        if not dig(pod, "metadata", "ownerReferences"):
            found.append(
                Verdict(
                    "cluster.bare_pod",
                    VerdictLevel.BLOCK,
                    f"{label} has no controller: nobody makes it again.",
                    "Delete it on purpose first.",
                )
            )
        if any("emptyDir" in volume for volume in dig(pod, "spec", "volumes", default=[])):
            found.append(Verdict("cluster.empty_dir", VerdictLevel.WARNING, f"{label} loses the data of its emptyDir volume."))
    for (namespace, name), budget in view.reading.of("PodDisruptionBudget").items():
        selector = dig(budget, "spec", "selector")
        held = [p for p in pods if dig(p, "metadata", "namespace") == namespace and selects(selector, labels_of(p))]
        may = count(budget, "status", "disruptionsAllowed")
        if len(held) > may:
            text = f"The budget {name} lets {may} of {len(held)} pods go at once; the others wait."
            found.append(Verdict("cluster.budget", VerdictLevel.NOTE if may else VerdictLevel.WARNING, text))
    return found


async def measured(client: Client, changes: Sequence[Change], effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """The values now, in the order and shape of the previewed effects."""
    objects: dict[Ref, dict[str, Any] | None] = {}
    actual = []
    for effect in effects:
        change = next((c for c in changes if effect.subject == c.ref.label or effect.subject.startswith(f"{c.ref.label} ")), None)
        if change is None:
            continue
        if change.ref not in objects:
            objects[change.ref] = await read(client, change.ref)
        now = objects[change.ref]
        path = effect.subject.removeprefix(change.ref.label).strip()
        actual.append(_effect(effect.subject, effect.before, _value(now, change, path, effect)))
    return tuple(actual)


def _value(now: dict[str, Any] | None, change: Change, path: str, effect: Effect) -> str:
    if not path:
        gone = now is None or (change.uid and dig(now, "metadata", "uid") != change.uid)
        if effect.after in (ABSENT, "evicted"):
            return effect.after if gone else ("being deleted" if dig(now, "metadata", "deletionTimestamp") else effect.before)
        return effect.after if now is not None else ABSENT
    if "hidden" in effect.after:
        return effect.after  # values of Secrets are not compared
    return flatten(now, status=change.subresource == "status").get(path, ABSENT)


def of_sync(plan: Any, app: Mapping[str, Any] | None, read_only: bool) -> Preview:
    """What a sync of an application would touch, as far as Argo CD has said it: it has no dry run that the API could ask for."""
    verdicts = []
    if read_only:
        verdicts.append(Verdict("cluster.read_only", VerdictLevel.BLOCK, "This cluster is read-only here."))
    if app is None:
        return Preview(verdicts=tuple(verdicts), simulated_at=now_ms(), method="read", error="The application no longer exists.")
    name = dig(app, "metadata", "name", default="")
    operation = unpacked(plan.params["operation"])
    wanted, now = (
        str(dig(of, "revision") or "") or ", ".join(map(str, texts(of, "revisions")))
        for of in (dig(operation, "sync"), dig(app, "status", "sync"))
    )
    effects = [_effect(f"Application {name} revision", now or "none", wanted or "as each of its sources names")]
    for resource in dig(app, "status", "resources", default=[]):
        if resource.get("status") == "OutOfSync":
            label = f"{resource.get('kind')} {resource.get('namespace', '')}/{resource.get('name')}"
            effects.append(_effect(label, "OutOfSync", "Synced"))
    if dig(app, "status", "operationState", "phase") == "Running":
        verdicts.append(
            Verdict("cluster.busy", VerdictLevel.NOTE, "Argo CD is busy with another operation; this one waits for it.")
        )
    if dig(operation, "sync", "prune", default=False):
        verdicts.append(Verdict("cluster.prune", VerdictLevel.WARNING, "What Git no longer has is deleted."))
    note = "Argo CD decides what it changes; it offers no dry run here."
    return Preview(tuple(effects), tuple(verdicts), simulated_at=now_ms(), method="read from Argo CD", notes=(note,))
