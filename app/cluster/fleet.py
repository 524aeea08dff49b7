"""All contexts at a glance, and a search across them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.cluster.argo import applications
from app.cluster.contexts import Context, Environment
from app.cluster.kinds import KINDS
from app.cluster.objects import NOTHING, dig, items, labels_of
from app.cluster.store import KindStatus, Object, Snapshot
from app.cluster.watching import Reach
from app.cluster.workloads import View

if TYPE_CHECKING:
    from app.cluster.health import Health, Signal

# Worst first, as Argo CD orders them.
_SYNC = ("OutOfSync", "Unknown", "Synced")
_HEALTH = ("Degraded", "Missing", "Suspended", "Progressing", "Unknown", "Healthy")


@dataclass(frozen=True)
class FleetRow:
    """One context as the first page shows it.

    Attributes:
        connected: it is followed now.
        reach: whether it answers.
        worst: the worst signal; None when there is none or nothing is known.
        score: 0..100, None when nothing is known.
        pods_ready, pods, nodes_ready, nodes: counts of what is known; pods that have ended are left out.
        sync, app_health: the worst of its Argo CD applications, empty without Argo CD.
        known_at: UTC milliseconds to which all this was true, 0 when nothing is known.
        problem: what a person must know about it, in a sentence.
        limits: what this identity does not see of it, in sentences.
        denied: kinds that it may not read; absent: kinds that the cluster does not serve.
        identity: uid of its ``kube-system``, empty when that is not known: several contexts may lead to one cluster.
    """

    context: str
    server: str
    environment: Environment
    read_only: bool = False
    connected: bool = False
    reach: Reach = field(default_factory=Reach)
    worst: Signal | None = None
    score: int | None = None
    signals: int = 0
    pods_ready: int = 0
    pods: int = 0
    nodes_ready: int = 0
    nodes: int = 0
    applications: int = 0
    out_of_sync: int = 0
    sync: str = ""
    app_health: str = ""
    known_at: int = 0
    problem: str = ""
    limits: str = ""
    denied: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """An object that a search found. ``status`` tells whether it is live or from memory, as of ``known_at`` (UTC ms)."""

    context: str
    environment: Environment
    kind: str
    namespace: str
    name: str
    images: tuple[str, ...]
    status: KindStatus
    known_at: int


def fleet_row(context: Context, snapshot: Snapshot, health: Health | None) -> FleetRow:
    """What the objects of a cluster say; whether it answers is filled in by the service."""
    view = View(snapshot)
    running = [pod for pod in view.pods.values() if not pod.ended]
    nodes = view.nodes
    apps = applications(view)
    return FleetRow(
        context=context.name,
        server=context.server,
        environment=context.environment,
        worst=health.worst if health is not None else None,
        score=health.score if health is not None else None,
        signals=len(health.signals) if health is not None else 0,
        pods_ready=sum(pod.is_ready for pod in running),
        pods=len(running),
        nodes_ready=sum(node.ready for node in nodes),
        nodes=len(nodes),
        applications=len(apps),
        out_of_sync=sum(app.sync == "OutOfSync" for app in apps),
        sync=_worst(_SYNC, [app.sync for app in apps]),
        app_health=_worst(_HEALTH, [app.health for app in apps]),
        known_at=snapshot.known_at,
        denied=_in(snapshot, KindStatus.DENIED),
        absent=_in(snapshot, KindStatus.ABSENT),
    )


def _in(snapshot: Snapshot, status: KindStatus) -> frozenset[str]:
    return frozenset(kind for kind in KINDS if snapshot.state(kind).status is status)


def search(context: str, environment: Environment, snapshot: Snapshot, text: str, kinds: frozenset[str]) -> Iterator[Found]:
    """Objects in which every word of ``text`` occurs: in kind, namespace, name, labels or images. Events are left out."""
    words = text.casefold().split()
    for kind in snapshot.kinds:
        if kind == "Event" or (kinds and kind not in kinds):
            continue
        state = snapshot.state(kind)
        for (namespace, name), item in snapshot.of(kind).items():
            images = _images(item)
            labels = labels_of(item)
            hay = f"{kind} {namespace} {name} {' '.join(images)} {' '.join(f'{k}={v}' for k, v in labels.items())}".casefold()
            if all(word in hay for word in words):
                yield Found(context, environment, kind, namespace, name, images, state.status, state.known_at)


def _images(item: Object) -> tuple[str, ...]:
    spec = dig(item, "spec", default=NOTHING)
    pod = dig(spec, "template", "spec", default=NOTHING) if "template" in spec else spec
    return tuple(str(container.get("image", "")) for container in items(pod, "containers"))


def _worst(order: tuple[str, ...], found: list[str]) -> str:
    return next((word for word in order if word in found), found[0] if found else "")
