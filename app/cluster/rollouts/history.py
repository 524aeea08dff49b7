"""What a workload was before: ReplicaSets of a Deployment or Rollout, ControllerRevisions of the others."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.cluster.diff import Change, changes
from app.cluster.objects import (
    NOTHING,
    Object,
    annotations_of,
    containers,
    controller_of,
    count,
    dig,
    labels_of,
    millis,
    name_of,
    namespace_of,
)
from app.cluster.workloads import View, Workload

HASHES = ("pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision. ``number`` grows with each; going back to an old one gives it a new number."""

    number: int
    name: str  # of the ReplicaSet or ControllerRevision
    created_at: int
    images: tuple[str, ...]
    cause: str  # annotation kubernetes.io/change-cause
    pods: int
    current: bool
    template: Object = field(repr=False, compare=False, default_factory=dict)


def revisions(view: View, line: Workload) -> tuple[Revision, ...]:
    """Newest first."""
    if line.kind in ("Deployment", "Rollout"):
        found = [_of_replica_set(line, obj) for obj in view.reading.of("ReplicaSet").values() if _owned(obj, line)]
    else:
        found = [_of_controller(view, line, obj) for obj in view.reading.of("ControllerRevision").values() if _owned(obj, line)]
        newest = max((revision.number for revision in found), default=0)
        found = [_marked(revision, revision.number == newest) for revision in found]
    return tuple(sorted(found, key=lambda revision: -revision.number))


def template_changes(before: Revision, after: Revision) -> tuple[Change, ...]:
    """How the pod templates of two revisions differ."""
    return changes(without_hashes(before.template), without_hashes(after.template))


def without_hashes(template: Object) -> Object:
    """A pod template as somebody wrote it, without the labels that controllers add."""
    labels = {key: value for key, value in labels_of(template).items() if key not in HASHES}
    meta = {
        key: value
        for key, value in dig(template, "metadata", default=NOTHING).items()
        if key not in ("labels", "creationTimestamp")
    }
    return {**template, "metadata": {**meta, "labels": labels}}


def _owned(obj: Object, line: Workload) -> bool:
    return namespace_of(obj) == line.namespace and controller_of(obj) == (line.kind, line.name)


def _of_replica_set(line: Workload, obj: Object) -> Revision:
    key = "deployment.kubernetes.io/revision" if line.kind == "Deployment" else "rollout.argoproj.io/revision"
    number = annotations_of(obj).get(key, "0")
    return _revision(obj, int(number) if number.isdigit() else 0, count(obj, "status", "replicas"), number == line.revision)


def _of_controller(view: View, line: Workload, obj: Object) -> Revision:
    mine = {name_of(obj), labels_of(obj).get("controller-revision-hash", name_of(obj).rpartition("-")[2])}
    pods = [
        pod
        for pod in view.pods_by_owner.get(line.key, ())
        if labels_of(view.reading.get("Pod", pod.namespace, pod.name) or NOTHING).get("controller-revision-hash") in mine
    ]
    return _revision(obj, count(obj, "revision"), len(pods), False)


def _revision(obj: Object, number: int, pods: int, current: bool) -> Revision:
    template = dig(obj, "spec", "template") or dig(obj, "data", "spec", "template", default=NOTHING)
    return Revision(
        number=number,
        name=name_of(obj),
        created_at=millis(dig(obj, "metadata", "creationTimestamp")),
        images=tuple(str(container.get("image", "")) for container in containers(dig(template, "spec", default=NOTHING))),
        cause=annotations_of(obj).get("kubernetes.io/change-cause", ""),
        pods=pods,
        current=current,
        template=template,
    )


def _marked(revision: Revision, current: bool) -> Revision:
    from dataclasses import replace

    return replace(revision, current=current)
