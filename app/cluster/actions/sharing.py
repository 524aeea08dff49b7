"""Two versions that share the traffic: promote the new one, abort it, or give it another share; and Argo CD."""

from __future__ import annotations

from typing import Any

from app.cluster.actions.base import Planner, guarded
from app.cluster.actions.change import Change
from app.cluster.actions.refs import Ref
from app.cluster.argo import application, deployed
from app.cluster.objects import NOTHING, Object, count, dig, items, labels_of, texts
from app.cluster.rollouts import Strategy, StrategyKind, strategy_of
from app.cluster.rollouts.weights import weight_patch
from app.cluster.workloads import View
from app.core.errors import Conflict, Invalid, NotFound
from app.operations.plans import Plan, Verdict, VerdictLevel


class Sharing(Planner):
    """Plans of blue-green, canary and Argo CD."""

    async def plan_promote(self, context: str, kind: str, namespace: str, name: str, *, full: bool = False) -> Plan:
        """Plan to let the new version take over: switch a blue-green Service, give the canary's images to the stable one, or go on
        with the next step of an Argo Rollout (``full``: all of them).

        Raises:
            Invalid: there is nothing to promote.
        """
        view, line = self._line(context, kind, namespace, name)
        found = strategy_of(view, line)
        changes, words = await self._promotion(context, view, found, full)
        return await self._plan(context, "promote", f"Promote {found.name}", changes, words)

    async def plan_abort(self, context: str, kind: str, namespace: str, name: str) -> Plan:
        """Plan to send everything to the old version.

        Raises:
            Invalid: no two versions share the traffic.
        """
        view, line = self._line(context, kind, namespace, name)
        found = strategy_of(view, line)
        if not found.native:
            ref = Ref.named("Rollout", namespace, found.name)
            changes = [Change(ref, "patch", {"status": {"abort": True}}, "status", uid=await self._uid(context, ref))]
        elif found.kind is StrategyKind.CANARY and found.carrier[0] != "Service":
            changes = [await self._weight(context, found, 0)]
        elif found.kind is StrategyKind.CANARY:
            canary = next(arm for arm in found.arms if arm.role == "canary")
            changes = [await self._replicas(context, canary.kind, namespace, canary.name, 0)]
        else:
            raise Invalid(
                f"No new version of {name} gets traffic, so there is nothing to abort.", "A blue-green switch is promoted back."
            )
        return await self._plan(context, "abort", f"Abort {found.name}", changes)

    async def plan_weight(self, context: str, kind: str, namespace: str, name: str, percent: int) -> Plan:
        """Plan another share of the traffic for the canary that a workload is, or stands beside.

        Raises:
            Invalid: not between 0 and 100 percent, or nothing carries weights here.
        """
        if not 0 <= percent <= 100:
            raise Invalid("A weight lies between 0 and 100 %. Nothing was planned.", "Enter another.", field="percent")
        found = strategy_of(*self._line(context, kind, namespace, name))
        if not found.native:
            raise Invalid(
                f"Argo Rollouts sets the weights of {found.name} itself, step by step. Nothing was planned.",
                "Promote it to the next step, or change its steps.",
            )
        if found.kind is not StrategyKind.CANARY:
            raise Invalid(f"{name} shares its traffic with no other version. Nothing was planned.", "Set up a canary first.")
        canary = next(arm for arm in found.arms if arm.role == "canary")
        if found.carrier[0] == "Service":
            raise Invalid(
                f"The Service {found.carrier[1]} carries no weights: each ready pod gets as much. Nothing was planned.",
                f"Scale {canary.name}, or route by an Ingress, HTTPRoute, VirtualService or TraefikService.",
            )
        words = []
        if percent and not canary.ready:
            text = f"{canary.name} has no ready pod that could serve {percent} % of the traffic."
            words.append(Verdict("cluster.not_ready", VerdictLevel.BLOCK, text, "Wait until it is ready."))
        return await self._plan(
            context, "weight", f"Send {percent} % to {canary.name}", [await self._weight(context, found, percent)], words
        )

    # Argo CD

    async def plan_sync(self, context: str, namespace: str, name: str, *, prune: bool = False) -> Plan:
        """Plan that Argo CD makes the cluster what Git says. ``prune``: also delete what Git no longer has."""
        app = await self._must(context, Ref.named("Application", namespace, name))
        sources = items(app, "spec", "sources")
        revision = dig(app, "spec", "source", "targetRevision", default="HEAD")
        # Of several sources each goes to its own revision, which Argo CD takes from the application when none is named.
        sync = {"prune": prune} if sources else {"revision": revision, "prune": prune}
        title = f"Sync {name}" if sources else f"Sync {name} to {revision}"
        return await self._argo(context, "sync", title, namespace, name, _operation(app, sync))

    async def plan_rollback(self, context: str, namespace: str, name: str, history_id: int) -> Plan:
        """Plan that Argo CD deploys what it deployed before.

        Raises:
            NotFound: no such entry in its history.
            Conflict: it syncs by itself, and would undo it.
        """
        app = await self._must(context, Ref.named("Application", namespace, name))
        entry = next((h for h in items(app, "status", "history") if h.get("id") == history_id), None)
        if entry is None:
            raise NotFound(f"Application {name} has no deployment {history_id} in its history. Nothing was planned.")
        if application(app).automated:
            raise Conflict(
                f"Application {name} syncs by itself and would undo it. Nothing was planned.", "Switch automated sync off first."
            )
        sync: dict[str, Any] = {"prune": True}
        if items(entry, "sources"):
            sync |= {"sources": entry["sources"], "revisions": texts(entry, "revisions")}
        elif entry.get("revision"):
            sync |= {"revision": entry["revision"]} | ({"source": entry["source"]} if entry.get("source") else {})
        else:
            raise Invalid(
                f"The history of Application {name} does not tell what deployment {history_id} was of. Nothing was planned.",
                "Choose another, or sync to a revision with Argo CD's own tool.",
            )
        title = f"Roll {name} back to {', '.join(part[:7] for part in deployed(entry))}"
        return await self._argo(context, "rollback", title, namespace, name, _operation(app, sync))

    # inside

    async def _promotion(self, context: str, view: View, found: Strategy, full: bool) -> tuple[list[Change], list[Verdict]]:
        if not found.native:
            ref = Ref.named("Rollout", found.namespace, found.name)
            uid = await self._uid(context, ref)
            return _promoted(await self._must(context, ref), ref, uid, full), []
        if found.kind is StrategyKind.BLUE_GREEN:
            live, idle = found.arms
            line = next(w for w in view.workloads if w.key == (idle.kind, found.namespace, idle.name))
            value = labels_of(dig(line.obj, "spec", "template", default=NOTHING))[found.label]
            ref = Ref.named("Service", found.namespace, found.carrier[1])
            change = Change(ref, "patch", {"spec": {"selector": {found.label: value}}}, uid=await self._uid(context, ref))
            words = []
            if not line.wanted or line.ready < line.wanted:
                text = f"{idle.name} is not ready: {line.ready} of {line.wanted} pods."
                words.append(Verdict("cluster.not_ready", VerdictLevel.BLOCK, text, "Scale it up and wait until it is ready."))
            elif idle.ready < live.ready:
                words.append(
                    Verdict(
                        "cluster.fewer", VerdictLevel.WARNING, f"{idle.name} has {idle.ready} pods, {live.name} has {live.ready}."
                    )
                )
            return [change], words
        if found.kind is StrategyKind.CANARY:
            stable, canary = (next(arm for arm in found.arms if arm.role == role) for role in ("stable", "canary"))
            ref = Ref.named(stable.kind, found.namespace, stable.name)
            now, new = await self._must(context, ref), view.reading.get(canary.kind, found.namespace, canary.name)
            patch = _images(now, new or NOTHING)
            changes = [guarded(ref, patch, now)]
            if found.carrier[0] != "Service":
                changes.append(await self._weight(context, found, 0))
            else:
                changes.append(await self._replicas(context, canary.kind, found.namespace, canary.name, 0))
            note = f"{stable.name} rolls to {canary.version} first; {canary.name} stops getting traffic right after it was told."
            return changes, [Verdict("cluster.canary", VerdictLevel.NOTE, note)]
        raise Invalid(f"{found.name} is updated by rolling, so there is nothing to promote.", "Use pause, resume or undo.")

    async def _weight(self, context: str, found: Strategy, percent: int) -> Change:
        """A route's rules are one list each, so the patch holds all of them and is guarded by what was seen."""
        ref = Ref.named(found.carrier[0], found.namespace, found.carrier[1])
        now = await self._must(context, ref)
        seen = {"apiVersion": ref.api_version, "kind": ref.kind, **now}
        return guarded(ref, weight_patch(seen, *found.backends, percent), now)

    async def _replicas(self, context: str, kind: str, namespace: str, name: str, replicas: int) -> Change:
        ref = Ref.named(kind, namespace, name)
        return Change(ref, "patch", {"spec": {"replicas": replicas}}, "scale", uid=await self._uid(context, ref))


def _operation(app: Object, sync: dict[str, Any]) -> dict[str, Any]:
    """What Argo CD is asked for, with the options of the application's own syncs: it takes none by itself from there."""
    options = texts(app, "spec", "syncPolicy", "syncOptions")
    return {"initiatedBy": {"username": "azora-console"}, "sync": sync | ({"syncOptions": options} if options else {})}


def _promoted(now: Object, ref: Ref, uid: str, full: bool) -> list[Change]:
    """What ``kubectl argo rollouts promote`` sends: it ends a pause, or skips the step that the rollout stands at (never both).

    Raises:
        Invalid: the newest version is the stable one already.
    """
    status = dig(now, "status", default=NOTHING)
    if status.get("currentPodHash") and status.get("currentPodHash") == status.get("stableRS"):
        raise Invalid(f"{ref.name} runs its newest version already, so there is nothing to promote. Nothing was planned.")
    if full:
        return [Change(ref, "patch", {"status": {"promoteFull": True}}, "status", uid=uid)]
    changes = []
    if dig(now, "spec", "paused", default=False):
        changes.append(Change(ref, "patch", {"spec": {"paused": False}}, uid=uid))
    steps, at = items(now, "spec", "strategy", "canary", "steps"), count(status, "currentStepIndex")
    if items(status, "pauseConditions"):
        changes.append(Change(ref, "patch", {"status": {"pauseConditions": None}}, "status", uid=uid))
    elif at < len(steps):
        changes.append(Change(ref, "patch", {"status": {"currentStepIndex": at + 1}}, "status", uid=uid))
    if not changes:
        raise Invalid(f"{ref.name} waits for nothing, so there is nothing to promote. Nothing was planned.")
    return changes


def _images(stable: Object, canary: Object) -> dict[str, Any]:
    """The patch that gives the containers of one workload the images of another, by container name."""
    images = {c.get("name"): c.get("image") for c in items(canary, "spec", "template", "spec", "containers")}
    held = items(stable, "spec", "template", "spec", "containers")
    changed = [{**c, "image": images.get(c.get("name"), c.get("image"))} for c in held]
    if changed == held:
        raise Invalid("Both versions run the same images, so there is nothing to promote.")
    return {"spec": {"template": {"spec": {"containers": changed}}}}
