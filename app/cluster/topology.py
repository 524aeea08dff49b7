"""Who selects, owns, mounts, scales and routes to whom; which pods may talk to which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.cluster.objects import (
    Key,
    Object,
    controller_of,
    dig,
    items,
    key_of,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    selects,
    template_of,
)
from app.cluster.policies import Verdict, allowed, peer_of
from app.cluster.rollouts.weights import ROUTES, services_of
from app.cluster.workloads import View


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` does ``relation`` to ``target``: owns, selects, routes to, scales, guards, mounts, runs on."""

    source: Key
    relation: str
    target: Key


@dataclass(frozen=True, slots=True)
class Topology:
    """Objects and how they hang together; ``missing`` are named and do not exist (or were not read)."""

    nodes: tuple[Key, ...]
    edges: tuple[Edge, ...]
    missing: tuple[Key, ...]


def around(view: View, start: Key, *, hops: int = 3, most: int = 60) -> Topology:
    """What hangs together with one object, at most ``hops`` away and ``most`` objects.

    Nodes and budgets end the walk: everything hangs together through a node.
    """
    neighbours: dict[Key, list[Edge]] = {}
    for edge in edges(view, start[1]):
        neighbours.setdefault(edge.source, []).append(edge)
        neighbours.setdefault(edge.target, []).append(edge)
    found, frontier = {start: 0}, [start]
    for hop in range(1, hops + 1):
        beyond = []
        for key in frontier:
            if key != start and key[0] in ("Node", "NetworkPolicy"):
                continue
            for edge in neighbours.get(key, ()):
                other = edge.target if edge.source == key else edge.source
                if other not in found and len(found) < most:
                    found[other] = hop
                    beyond.append(other)
        frontier = beyond
    kept = tuple(edge for edge in dict.fromkeys(edges(view, start[1])) if edge.source in found and edge.target in found)
    missing = tuple(key for key in found if view.reading.get(*key) is None)
    return Topology(tuple(found), kept, missing)


def edges(view: View, namespace: str) -> Iterator[Edge]:
    """All relations within a namespace, and of its pods to their nodes."""
    reading = view.reading
    for kind in ("Pod", "ReplicaSet", "Job"):
        for (space, _), obj in reading.of(kind).items():
            owner_kind, owner = controller_of(obj)
            if space == namespace and owner:
                yield Edge((owner_kind, namespace, owner), "owns", key_of(obj))
    pods = [obj for (space, _), obj in reading.of("Pod").items() if space == namespace]
    for pod in pods:
        if node := dig(pod, "spec", "nodeName"):
            yield Edge(key_of(pod), "runs on", ("Node", "", node))
        for volume in items(pod, "spec", "volumes"):
            if claim := dig(volume, "persistentVolumeClaim", "claimName"):
                yield Edge(key_of(pod), "mounts", ("PersistentVolumeClaim", namespace, claim))
    for kind, relation, path in (
        ("Service", "selects", ("spec", "selector")),
        ("NetworkPolicy", "guards", ("spec", "podSelector")),
        ("PodDisruptionBudget", "guards", ("spec", "selector")),
    ):
        for (space, _), obj in reading.of(kind).items():
            selector = dig(obj, *path, default=None if kind != "NetworkPolicy" else {})
            if space != namespace or selector is None or (kind == "Service" and not selector):
                continue
            for pod in pods:
                if selects(selector, labels_of(pod)):
                    yield Edge(key_of(obj), relation, key_of(pod))
            for line in view.workloads:  # one without pods would hang together with nothing
                bare = line.namespace == namespace and not view.pods_by_owner.get(line.key)
                if bare and selects(selector, labels_of(template_of(line.obj))):
                    yield Edge(key_of(obj), relation, line.key)
    for (space, _), ingress in reading.of("Ingress").items():
        if space == namespace:
            for service in sorted(set(_backends(ingress))):
                yield Edge(key_of(ingress), "routes to", ("Service", namespace, service))
    for kind in ROUTES:
        for (space, _), route in reading.of(kind).items():
            if space == namespace:
                for service in services_of(route):
                    yield Edge(key_of(route), "routes to", ("Service", namespace, service))
    for (space, _), hpa in reading.of("HorizontalPodAutoscaler").items():
        if space == namespace:
            target = dig(hpa, "spec", "scaleTargetRef", default={})
            yield Edge(key_of(hpa), "scales", (str(target.get("kind")), namespace, str(target.get("name"))))


def _backends(ingress: Object) -> Iterator[str]:
    if name := dig(ingress, "spec", "defaultBackend", "service", "name"):
        yield name
    for rule in items(ingress, "spec", "rules"):
        for path in items(rule, "http", "paths"):
            if name := dig(path, "backend", "service", "name"):
                yield name


@dataclass(frozen=True, slots=True)
class Flow:
    """Whether pods of one workload may open a connection to a port of another."""

    source: Key
    target: Key
    port: int
    verdict: Verdict


def flows(view: View, target: Key) -> tuple[Flow, ...]:
    """For each workload of the cluster: may its pods reach the ports of ``target``? Asked of one pod of each."""
    receiver = _sample(view, target)
    if receiver is None:
        return ()
    policies = list(view.reading.of("NetworkPolicy").values())
    ports = sorted({int(p["containerPort"]) for c in items(receiver, "spec", "containers") for p in items(c, "ports")})
    found = []
    for line in view.workloads:
        sender = _sample(view, line.key)
        if sender is None or line.key == target:
            continue
        for port in ports:
            verdict = allowed(policies, peer_of(view.reading, sender), peer_of(view.reading, receiver), port)
            found.append(Flow(line.key, target, port, verdict))
    return tuple(found)


def _sample(view: View, key: Key) -> Object | None:
    """A pod of a workload, or one made of its template when none runs."""
    for line in view.pods_by_owner.get(key, ()):
        return view.reading.get("Pod", line.namespace, line.name)
    obj = view.reading.get(*key)
    if obj is None:
        return None
    template = template_of(obj)
    return (
        {
            "kind": "Pod",
            "metadata": {"name": name_of(obj), "namespace": namespace_of(obj), "labels": labels_of(template)},
            "spec": dig(template, "spec", default={}),
        }
        if kind_of(obj)
        else None
    )
