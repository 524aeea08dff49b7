"""Workloads, nodes, events and autoscalers as rows, with the figures that ``kubectl get`` shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from app.cluster.objects import (
    NOTHING,
    Key,
    Object,
    Reading,
    annotations_of,
    condition,
    containers,
    controller_of,
    count,
    dig,
    items,
    kind_of,
    labels_of,
    millis,
    name_of,
    namespace_of,
    template_of,
)
from app.cluster.pods import PodLine, pod_line
from app.cluster.quantities import amount
from app.core.courtesy import Polite, politely

KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout", "CronJob", "Job")
SCALABLE = ("Deployment", "StatefulSet", "Rollout")
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True)
class Hpa:
    """A HorizontalPodAutoscaler: what it aims at, where it stands, and whether it sees anything."""

    namespace: str
    name: str
    target: tuple[str, str]  # kind, name
    least: int
    most: int
    now: int
    wanted: int
    measures: tuple[str, ...]  # "CPU 82 of 75 %", "120 of 200"
    share: float  # 0 … 1: how full it is between nothing and ``most``
    limited: str  # the reason of ScalingLimited when True, such as TooManyReplicas
    blind: str  # the message when it cannot measure or cannot scale; empty when it can


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload as a row. Counts are pods; ``updated`` is how many have the newest template.

    Attributes:
        observed: the controller has seen the newest specification; until then the counts are of the one before.
        revision: of the newest template, empty when there is none.
    """

    kind: str
    namespace: str
    name: str
    wanted: int
    ready: int
    updated: int
    available: int
    total: int
    restarts: int
    images: tuple[str, ...]
    created_at: int
    owner: tuple[str, str]
    hpa: Hpa | None
    paused: bool
    observed: bool
    revision: str
    obj: Object = field(repr=False, compare=False, default_factory=dict)

    @property
    def key(self) -> Key:
        """Kind, namespace, name."""
        return (self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A node as ``kubectl get nodes`` prints it, with what it holds."""

    name: str
    word: str  # Ready, NotReady, Unknown, with ",SchedulingDisabled" when cordoned
    ready: bool
    cordoned: bool
    roles: tuple[str, ...]
    version: str
    pressures: tuple[str, ...]  # MemoryPressure, DiskPressure, PIDPressure, NetworkUnavailable
    since: int  # UTC ms at which Ready last turned
    pods: int
    room: int  # how many pods it takes
    silent: bool = False  # it does not answer at all


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event, newest time and count of either API version."""

    namespace: str
    about_kind: str
    about: str
    kind: str  # Normal or Warning
    reason: str
    message: str
    times: int
    first_at: int
    last_at: int


class View:
    """A snapshot with what health, rollouts and topology look up again and again; each index is built at most once."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    @cached_property
    def pods(self) -> Mapping[tuple[str, str], PodLine]:
        """All pods as rows."""
        return {key: pod_line(pod) for key, pod in politely(self.reading.of("Pod").items())}

    @cached_property
    def uneasy(self) -> tuple[Object, ...]:
        """The pods that are not calm: most rules look only at these."""
        return Polite(pod for key, pod in politely(self.reading.of("Pod").items()) if not self.pods[key].calm)

    @cached_property
    def owners(self) -> Mapping[tuple[str, str], Key]:
        """The workload at the top of each pod's chain of controllers, by namespace and pod; bare pods are their own."""
        return {key: self.top("Pod", key[0], pod) for key, pod in politely(self.reading.of("Pod").items())}

    @cached_property
    def pods_by_owner(self) -> Mapping[Key, tuple[PodLine, ...]]:
        """Rows of pods by their workload."""
        found: dict[Key, list[PodLine]] = defaultdict(list)
        for key, owner in politely(self.owners.items()):
            found[owner].append(self.pods[key])
        return {owner: tuple(lines) for owner, lines in found.items()}

    def pods_of(self, key: Key) -> tuple[PodLine, ...]:
        """Rows of the pods of a workload, or of what one controls: a Job of a CronJob, a ReplicaSet."""
        found = self.pods_by_owner.get(key)
        if found is None:
            found = tuple(pod for pod in self.pods.values() if (pod.owner_kind, pod.namespace, pod.owner) == key)
        return found

    @cached_property
    def hpas(self) -> Mapping[Key, Hpa]:
        """Autoscalers by the workload that they scale."""
        lines = [hpa_line(hpa) for hpa in self.reading.of("HorizontalPodAutoscaler").values()]
        return {(line.target[0], line.namespace, line.target[1]): line for line in lines}

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """All workloads, without Jobs that a CronJob made, by namespace, name and kind."""
        found = [
            workload(obj, self.pods_by_owner.get((kind, *key), ()), self.hpas.get((kind, *key)))
            for kind in KINDS
            for key, obj in self.reading.of(kind).items()
            if not (kind == "Job" and controller_of(obj)[0] == "CronJob")
        ]
        return tuple(sorted(found, key=lambda line: (line.namespace, line.name, line.kind)))

    @cached_property
    def nodes(self) -> tuple[NodeLine, ...]:
        """Nodes by name."""
        held: dict[str, int] = defaultdict(int)
        for line in self.pods.values():
            if not line.ended:
                held[line.node] += 1
        return tuple(sorted((node_line(n, held[name_of(n)]) for n in self.reading.of("Node").values()), key=lambda n: n.name))

    @cached_property
    def events(self) -> tuple[EventLine, ...]:
        """Events, newest first."""
        return tuple(sorted(map(event_line, politely(self.reading.of("Event").values())), key=lambda e: -e.last_at))

    @cached_property
    def events_about(self) -> Mapping[Key, tuple[EventLine, ...]]:
        """Events by the object that they are about, newest first."""
        found: dict[Key, list[EventLine]] = defaultdict(list)
        for line in self.events:
            found[line.about_kind, line.namespace, line.about].append(line)
        return {key: tuple(lines) for key, lines in found.items()}

    def top(self, kind: str, namespace: str, obj: Object) -> Key:
        """What stands at the top of an object's chain of controllers, as far as it is known; itself without any."""
        top: Key = (kind, namespace, name_of(obj))
        for _ in range(4):  # Pod → ReplicaSet → Deployment, Pod → Job → CronJob
            owner_kind, owner = controller_of(obj)
            if not owner:
                break
            top = (owner_kind, namespace, owner)
            above = self.reading.get(owner_kind, namespace, owner)
            if above is None:
                break
            obj = above
        return top


def workload(obj: Object, pods: Iterable[PodLine] = (), hpa: Hpa | None = None) -> Workload:
    """The row of a workload with the pods that it controls."""
    kind, status = kind_of(obj), dig(obj, "status", default=NOTHING)
    wanted, ready, updated, available, total = _counts(kind, obj, status)
    spec = dig(template_of(obj), "spec", default=NOTHING)
    return Workload(
        kind=kind,
        namespace=namespace_of(obj),
        name=name_of(obj),
        wanted=wanted,
        ready=ready,
        updated=updated,
        available=available,
        total=total,
        restarts=sum(line.restarts for line in pods),
        images=tuple(str(container.get("image", "")) for container in containers(spec)),
        created_at=millis(dig(obj, "metadata", "creationTimestamp")),
        owner=controller_of(obj),
        hpa=hpa,
        paused=bool(dig(obj, "spec", "paused", default=False) or dig(obj, "spec", "suspend", default=False)),
        observed=_number(status.get("observedGeneration")) >= count(obj, "metadata", "generation"),
        revision=_revision(kind, obj, status),
        obj=obj,
    )


def _counts(kind: str, obj: Object, status: Object) -> tuple[int, int, int, int, int]:
    """Wanted, ready, updated, available, total. What the server leaves out is zero."""
    match kind:
        case "DaemonSet":
            return (
                count(status, "desiredNumberScheduled"),
                count(status, "numberReady"),
                count(status, "updatedNumberScheduled"),
                count(status, "numberAvailable"),
                count(status, "currentNumberScheduled"),
            )
        case "Job":
            wanted, done = count(obj, "spec", "completions", default=1), count(status, "succeeded")
            return wanted, done, wanted, done, count(status, "active") + done + count(status, "failed")
        case "CronJob":
            active = len(items(status, "active"))
            return active, active, active, active, active
        case _:
            wanted = count(obj, "spec", "replicas", default=1)
            return (
                wanted,
                count(status, "readyReplicas"),
                count(status, "updatedReplicas"),
                count(status, "availableReplicas"),
                count(status, "replicas"),
            )


def _number(value: object) -> int:
    """Argo Rollouts writes its observedGeneration as text; a workload that has none observes at once."""
    if value is None:
        return 1 << 62
    text = str(value)
    return int(text) if text.isdigit() else 1 << 62


def _revision(kind: str, obj: Object, status: Object) -> str:
    if kind == "Deployment":
        return str(annotations_of(obj).get(_REVISION, ""))
    if kind == "Rollout":
        return str(annotations_of(obj).get("rollout.argoproj.io/revision", ""))
    return str(status.get("updateRevision", "")) if kind == "StatefulSet" else ""


def hpa_line(obj: Object) -> Hpa:
    """The row of an autoscaler (autoscaling/v2)."""
    least, most = count(obj, "spec", "minReplicas", default=1), count(obj, "spec", "maxReplicas")
    now = count(obj, "status", "currentReplicas")
    limited, active, able = (condition(obj, kind) for kind in ("ScalingLimited", "ScalingActive", "AbleToScale"))
    blind = next((str(c.get("message", "")) for c in (able, active) if c.get("status") == "False"), "")
    if active.get("status") == "False" and active.get("reason") == "ScalingDisabled":
        blind = ""  # scaled to zero by hand: the documented way to switch it off
    return Hpa(
        namespace=namespace_of(obj),
        name=name_of(obj),
        target=(dig(obj, "spec", "scaleTargetRef", "kind", default=""), dig(obj, "spec", "scaleTargetRef", "name", default="")),
        least=least,
        most=most,
        now=now,
        wanted=count(obj, "status", "desiredReplicas"),
        measures=tuple(filter(None, (_measure(obj, wish) for wish in items(obj, "spec", "metrics")))),
        share=min(1.0, now / most) if most else 0.0,
        limited=str(limited.get("reason", "")) if limited.get("status") == "True" else "",
        blind=blind,
    )


def _measure(obj: Object, wish: Object) -> str:
    """One metric with its target: ``CPU 82 of 75 %``."""
    kind = str(wish.get("type", ""))
    part = kind[:1].lower() + kind[1:]
    body = dig(wish, part, default=NOTHING)
    label = str(body.get("name") or dig(body, "metric", "name", default=""))
    shown = {"cpu": "CPU", "memory": "Memory"}.get(label, label)
    target = dig(body, "target", default=NOTHING)
    for found in items(obj, "status", "currentMetrics"):
        now = dig(found, part, default=NOTHING)
        if found.get("type") == kind and (now.get("name") or dig(now, "metric", "name", default="")) == label:
            current = dig(now, "current", default=NOTHING)
            break
    else:
        current = NOTHING
    if "averageUtilization" in target:
        return f"{shown} {current.get('averageUtilization', 'unknown')} of {target['averageUtilization']} %"
    for field_name in ("averageValue", "value"):
        if field_name in target:
            return f"{shown} {current.get(field_name, 'unknown')} of {target[field_name]}"
    return ""


def node_line(obj: Object, pods: int = 0) -> NodeLine:
    """The row of a node."""
    ready, cordoned = condition(obj, "Ready"), bool(dig(obj, "spec", "unschedulable", default=False))
    word = {"True": "Ready", None: "Unknown"}.get(ready.get("status"), "NotReady")
    prefix = "node-role.kubernetes.io/"
    return NodeLine(
        name=name_of(obj),
        word=f"{word},SchedulingDisabled" if cordoned else word,
        ready=word == "Ready",
        cordoned=cordoned,
        roles=tuple(sorted(label.removeprefix(prefix) for label in labels_of(obj) if label.startswith(prefix))),
        version=dig(obj, "status", "nodeInfo", "kubeletVersion", default=""),
        pressures=tuple(
            str(c.get("type"))
            for c in items(obj, "status", "conditions")
            if c.get("status") == "True"
            and c.get("type") in ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
        ),
        silent=ready.get("status") == "Unknown",
        since=millis(ready.get("lastTransitionTime")),
        pods=pods,
        room=int(amount(dig(obj, "status", "allocatable", "pods"))),
    )


def event_line(obj: Object) -> EventLine:
    """The row of an event of core/v1 (``involvedObject``) or events.k8s.io/v1 (``regarding``)."""
    about = dig(obj, "involvedObject") or dig(obj, "regarding", default=NOTHING)
    created = dig(obj, "metadata", "creationTimestamp")
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime") or created
    last = dig(obj, "series", "lastObservedTime") or obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    return EventLine(
        namespace=str(about.get("namespace") or ""),
        about_kind=str(about.get("kind", "")),
        about=str(about.get("name", "")),
        kind=str(obj.get("type", "")),
        reason=str(obj.get("reason", "")),
        message=str(obj.get("message") or obj.get("note") or ""),
        times=count(obj, "series", "count") or count(obj, "count") or count(obj, "deprecatedCount", default=1),
        first_at=millis(first),
        last_at=millis(last or obj.get("eventTime") or created),
    )
