"""Actions: an operator's verbs on a cluster, each of them a Plan."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from app.cluster.actions import preview as previews
from app.cluster.actions.base import guarded
from app.cluster.actions.change import Change
from app.cluster.actions.refs import Ref, namespaced
from app.cluster.actions.running import Running
from app.cluster.diff import merge_patch
from app.cluster.holders import Holder, holders_of
from app.cluster.objects import NOTHING, Object, annotations_of, controller_of, dig, items, kind_of
from app.cluster.rollouts import Revision, revisions
from app.cluster.rollouts.history import without_hashes
from app.cluster.schema import of_version_2, problems, schema_of
from app.cluster.workloads import SCALABLE, View
from app.cluster.yamlfile import dump, load
from app.core.clock import now_ms
from app.core.errors import ConsoleError, Invalid, NotFound
from app.operations.plans import Plan, Verdict, VerdictLevel

RESTARTED = "kubectl.kubernetes.io/restartedAt"  # kubectl's own, so that both tools see each other's restarts
MOST_OBJECTS = 300
HIDDEN, SECRET = "hidden", ("data", "stringData")


class Actions(Running):
    """Plans that change clusters: manifests, workloads, nodes and objects."""

    # manifests

    async def plan_apply(
        self, context: str, manifests: str | Sequence[Object], *, namespace: str = "", force: bool = False
    ) -> Plan:
        """Plan to apply manifests by server-side apply; what is not in them is left alone.

        Args:
            manifests: YAML, or objects.
            namespace: for objects that name none and live in one.
            force: take over fields that others own; the preview names them.

        Raises:
            Invalid: not YAML, no objects, or a Secret with values (they would be stored with the plan).
        """
        objects = load(manifests, "The manifest") if isinstance(manifests, str) else [dict(obj) for obj in manifests]
        if not objects or len(objects) > MOST_OBJECTS:
            raise Invalid(
                f"A plan applies between 1 and {MOST_OBJECTS} objects, not {len(objects)}. Nothing was planned.", "Split it."
            )
        client = self._clusters.connection(context)
        changes = []
        for obj in in_order(objects):
            ref = Ref.of(obj)
            without_values(obj)
            if not ref.namespace and await namespaced(client, ref):
                obj = {**obj, "metadata": {**obj["metadata"], "namespace": namespace or "default"}}
                ref = Ref.of(obj)
            meta = {key: value for key, value in obj["metadata"].items() if key not in ("managedFields", "resourceVersion", "uid")}
            body = {key: value for key, value in obj.items() if key != "status"} | {"metadata": meta}
            changes.append(Change(ref, "apply", body, force=force))
        what = changes[0].ref.label if len(changes) == 1 else f"{len(changes)} objects"
        return await self._plan(context, "apply", f"Apply {what}", changes)

    async def plan_edit(self, context: str, ref: Ref, seen: Object, text: str) -> Plan:
        """Plan to make an object of what somebody wrote over what he saw.

        Raises:
            Invalid: not YAML, another object, or not what the cluster's schema allows; ``details["problems"]`` lists the fields.
        """
        documents = load(text, "The text")
        if len(documents) != 1 or Ref.of(documents[0]) != ref:
            raise Invalid(
                f"The text is not {ref.label} any more. Nothing was planned.", "Kind, name and namespace cannot be edited."
            )
        edited = documents[0]
        if ref.kind == "Secret":  # its values were never shown; what is left of them as it was is no edit
            seen, edited = ({k: v for k, v in obj.items() if v != HIDDEN or k not in SECRET} for obj in (seen, edited))
        without_values(edited)
        await self.check_schema(context, edited)
        kept = {key: value for key, value in edited.items() if key != "status"}
        patch = merge_patch({key: value for key, value in seen.items() if key != "status"}, kept)
        patch.pop("apiVersion", None)
        patch.pop("kind", None)
        meta = {
            k: v
            for k, v in dig(patch, "metadata", default={}).items()
            if k in ("labels", "annotations", "finalizers", "ownerReferences")
        }
        patch = {key: value for key, value in patch.items() if key != "metadata"} | ({"metadata": meta} if meta else {})
        if not patch:
            raise Invalid("Nothing was changed in the text, so there is nothing to plan.")
        return await self._plan(context, "edit", f"Edit {ref.label}", [guarded(ref, patch, seen)])

    async def check_schema(self, context: str, obj: Object) -> bool:
        """Hold an object against the cluster's OpenAPI schema; False when the cluster gives none.

        Raises:
            Invalid: fields that it does not allow.
        """
        version = str(obj.get("apiVersion", ""))
        base = f"apis/{version}" if "/" in version else f"api/{version}"
        client = self._clusters.connection(context)
        try:
            try:
                document: Object = (await client.request("GET", f"/openapi/v3/{base}")).body
            except NotFound:  # before v1.24, and for what only a v2 document tells
                answer = await client.request("GET", "/openapi/v2")
                document = of_version_2(answer.body or json.loads(answer.text))  # servers call it plain text
        except (ConsoleError, ValueError):
            return False
        schema = schema_of(document, version, kind_of(obj))
        if schema is None:
            return False
        found = problems(obj, schema, document)
        if found:
            raise Invalid(
                f"The cluster's schema does not allow it. {found[0]}. Nothing was planned.",
                f"Mend {'this field' if len(found) == 1 else f'these {len(found)} fields'}.",
                field=found[0].path,
                details={"problems": [str(problem) for problem in found]},
            )
        return True

    async def text_of(self, context: str, ref: Ref) -> tuple[Object, str]:
        """An object to be edited, and its YAML without what the server keeps for itself.

        Raises:
            NotFound: it does not exist.
        """
        obj = await self._must(context, ref)
        meta = {key: value for key, value in obj["metadata"].items() if key not in ("managedFields", "selfLink")}
        shown = {"apiVersion": ref.api_version, "kind": ref.kind, **obj, "metadata": meta}
        if ref.kind == "Secret":
            shown = {key: (HIDDEN if key in SECRET else value) for key, value in shown.items()}
        return shown, dump({key: value for key, value in shown.items() if key != "status"})

    # workloads

    def holders(self, pods: Collection[str]) -> list[Holder]:
        """The Deployments of connected clusters that run pods of these names."""
        clusters = self._clusters
        return [held for context in clusters.connected for held in holders_of(context, clusters.snapshot(context), pods)]

    async def plan_scale(self, context: str, kind: str, namespace: str, name: str, replicas: int, *, reason: str = "") -> Plan:
        """Plan another number of pods. A ``reason`` that somebody else had for it is shown in the preview.

        Raises:
            Invalid: not between 0 and 1,000, or a kind that has no number.
        """
        if not 0 <= replicas <= 1000:
            raise Invalid("Scale to between 0 and 1,000 pods. Nothing was planned.", "Enter another number.", field="replicas")
        if kind not in SCALABLE and kind != "ReplicaSet":
            raise Invalid(f"A {kind} has no number of pods that could be set. Nothing was planned.", field="kind")
        ref = Ref.named(kind, namespace, name)
        change = Change(ref, "patch", {"spec": {"replicas": replicas}}, "scale", uid=await self._uid(context, ref))
        words = [Verdict("cluster.reason", VerdictLevel.PASS, reason)] if reason else []
        return await self._plan(context, "scale", f"Scale {name} to {replicas}", [change], words)

    async def plan_restart(self, context: str, kind: str, namespace: str, name: str) -> Plan:
        """Plan a rolling restart, as ``kubectl rollout restart`` does it."""
        ref = Ref.named(kind, namespace, name)
        uid, at = await self._uid(context, ref), datetime.fromtimestamp(now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body: dict[str, Any] = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: at}}}}}
        if kind == "Rollout":
            body = {"spec": {"restartAt": at}}
        return await self._plan(context, "restart", f"Restart {name}", [Change(ref, "patch", body, uid=uid)])

    async def plan_pause(self, context: str, kind: str, namespace: str, name: str, *, resume: bool = False) -> Plan:
        """Plan to hold a rollout where it is, or to let it go on.

        Raises:
            Invalid: a kind that cannot be paused.
        """
        if kind not in ("Deployment", "Rollout"):
            raise Invalid(
                f"A rollout of a {kind} cannot be paused. Nothing was planned.", "Undo it, or set its partition.", field="kind"
            )
        ref = Ref.named(kind, namespace, name)
        now = await self._must(context, ref)
        uid = str(dig(now, "metadata", "uid", default=""))
        changes = [Change(ref, "patch", {"spec": {"paused": not resume}}, uid=uid)]
        if resume and kind == "Rollout":
            # One that was aborted is tried again, as ``kubectl argo rollouts retry`` does it.
            status = {"abort": False} if dig(now, "status", "abort", default=False) else {"pauseConditions": None}
            changes.append(Change(ref, "patch", {"status": status}, "status", uid=uid))
        verb = "resume" if resume else "pause"
        return await self._plan(context, verb, f"{verb.capitalize()} the rollout of {name}", changes)

    async def plan_undo(self, context: str, kind: str, namespace: str, name: str, revision: int = 0) -> Plan:
        """Plan to go back to a revision; 0 is the one before.

        Raises:
            NotFound: there is no such revision.
        """
        view, line = self._line(context, kind, namespace, name)
        history = revisions(view, line)
        wanted = _wanted(history, revision, name)
        ref = Ref.named(kind, namespace, name)
        now = await self._must(context, ref)
        template = {k: v for k, v in without_hashes(wanted.template).items() if k != "$patch"}
        patch = merge_patch(dig(now, "spec", "template", default=NOTHING), template)
        patch = {"spec": {"template": patch}}
        return await self._plan(context, "undo", f"Undo {name} to revision {wanted.number}", [guarded(ref, patch, now)])

    # nodes and objects

    async def plan_cordon(self, context: str, node: str, *, uncordon: bool = False) -> Plan:
        """Plan that a node takes no new pods, or takes them again."""
        ref = Ref.named("Node", "", node)
        change = Change(ref, "patch", {"spec": {"unschedulable": None if uncordon else True}}, uid=await self._uid(context, ref))
        verb = "uncordon" if uncordon else "cordon"
        return await self._plan(context, verb, f"{verb.capitalize()} {node}", [change])

    async def plan_drain(self, context: str, node: str) -> Plan:
        """Plan to cordon a node and evict its pods one by one, as their budgets allow. Pods of DaemonSets and of the node stay.

        Raises:
            Denied: this identity does not see the pods of all namespaces, so it cannot say what runs there.
        """
        ref = Ref.named("Node", "", node)
        uid = await self._uid(context, ref)
        view = View(self._clusters.snapshot(context))
        # Asked now and of all namespaces: what is known here may be of some of them only, or old.
        query = {"fieldSelector": f"spec.nodeName={node}"}
        held = (await self._clusters.connection(context).request("GET", "/api/v1/pods", query=query)).body
        pods = [
            pod
            for pod in items(held, "items")
            if controller_of(pod)[0] not in ("DaemonSet", "Node")
            and "kubernetes.io/config.mirror" not in annotations_of(pod)
            and dig(pod, "status", "phase") not in ("Succeeded", "Failed")
        ]
        evictions = [
            Change(
                Ref.named("Pod", dig(p, "metadata", "namespace"), dig(p, "metadata", "name")),
                "evict",
                uid=dig(p, "metadata", "uid"),
            )
            for p in pods
        ]
        cordon = Change(ref, "patch", {"spec": {"unschedulable": True}}, uid=uid)
        return await self._plan(context, "drain", f"Drain {node}", [cordon, *evictions], previews.drain_verdicts(view, pods))

    async def plan_delete(self, context: str, ref: Ref) -> Plan:
        """Plan to delete one object. In production its confirmation asks to type the cluster's name."""
        change = Change(ref, "delete", uid=await self._uid(context, ref))
        return await self._plan(context, "delete", f"Delete {ref.label}", [change])


FIRST = ("Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
THEN = ("ConfigMap", "Secret", "PersistentVolumeClaim", "NetworkPolicy", "PodDisruptionBudget", "Service")


def in_order(objects: Iterable[Object]) -> list[Object]:
    """Objects in the order in which they can be made: what others need comes first."""
    order = [*FIRST, *THEN]
    return sorted(objects, key=lambda obj: order.index(kind_of(obj)) if kind_of(obj) in order else len(order))


def without_values(obj: Object) -> None:
    """Raises Invalid for a Secret with values: a plan is stored, and a secret must not be."""
    if kind_of(obj) == "Secret" and (obj.get("data") or obj.get("stringData")):
        raise Invalid(
            f"The values of Secret {dig(obj, 'metadata', 'name')} would be stored with the plan. Nothing was planned.",
            "Create it with your secret manager or kubectl, and let manifests refer to it by name.",
        )


def _wanted(history: Sequence[Revision], number: int, name: str) -> Revision:
    current = next((revision.number for revision in history if revision.current), 0)
    found = next((r for r in history if (r.number == number if number else r.number < current)), None)
    if found is None or found.number == current:
        raise NotFound(
            f"{name} has no {f'revision {number}' if number else 'revision before this one'} to go back to. Nothing was planned.",
            f"It has {', '.join(str(r.number) for r in history) or 'none'}.",
        )
    return found
