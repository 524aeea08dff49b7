"""Who selects, owns, mounts, scales and routes to whom; which pods may talk to which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from app.cluster.objects import (
    Key,
    Object,
    controller_of,
    dig,
    items,
    key_of,
    kind_of,
    known,
    labels_of,
    name_of,
    namespace_of,
    selects,
    template_of,
)
from app.cluster.policies import Peer, Verdict, allowed, outside, peer_of, selecting
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
    """Objects and how they hang together; ``missing`` are named and do not exist (or were not read).

    ``more``: further objects hang together with these and were left out.
    """

    nodes: tuple[Key, ...]
    edges: tuple[Edge, ...]
    missing: tuple[Key, ...]
    more: bool = False


def around(view: View, start: Key, *, hops: int = 3, most: int = 60) -> Topology:
    """What hangs together with one object, at most ``hops`` away and ``most`` objects.

    Nodes and policies end the walk: everything hangs together through a node. Around a node are its pods, and who owns them.
    """
    neighbours: dict[Key, list[Edge]] = {}
    held = tuple(dict.fromkeys(_on_node(view, start[2]) if start[0] == "Node" else edges(view, start[1])))
    for edge in held:
        neighbours.setdefault(edge.source, []).append(edge)
        neighbours.setdefault(edge.target, []).append(edge)
    found, frontier, more = {start: 0}, [start], False
    for hop in range(1, hops + 1):
        beyond = []
        for key in frontier:
            if key != start and key[0] in ("Node", "NetworkPolicy"):
                continue
            for edge in neighbours.get(key, ()):
                other = edge.target if edge.source == key else edge.source
                if other in found:
                    continue
                if len(found) == most:
                    more = True
                    break
                found[other] = hop
                beyond.append(other)
        frontier = beyond
    kept = tuple(edge for edge in held if edge.source in found and edge.target in found)
    missing = tuple(key for key in found if view.reading.get(*key) is None)
    return Topology(tuple(found), kept, missing, more)


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


def _on_node(view: View, node: str) -> Iterator[Edge]:
    """The pods on a node, of any namespace, and their owners."""
    for (namespace, _), pod in view.reading.of("Pod").items():
        if dig(pod, "spec", "nodeName") != node:
            continue
        yield Edge(key_of(pod), "runs on", ("Node", "", node))
        below: Object | None = pod
        while below is not None and (owner := controller_of(below))[1] and owner[0] != "Node":
            above: Key = (owner[0], namespace, owner[1])
            yield Edge(above, "owns", key_of(below))
            below = view.reading.get(*above)


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


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who may open connections to the pods of a workload, as far as policies decide it.

    Attributes:
        ports: that its containers declare, its Services lead to or policies name; of others nothing is said.
        flows: of each workload to each port.
        open: the ports that everybody may connect to whose own policies let it send.
        addresses: the ports that addresses outside of the cluster may connect to, by their block (CIDR).
        restricted_by: the policies that select its pods for what they may receive: nobody is let in but by their rules.
        unread: network policies could not be read, so nothing is known.
        sends: of it to each port of each workload; empty where no policy restricts what it may send.
        sends_restricted_by: the policies that select its pods for what they may send.
    """

    target: Key
    ports: tuple[int, ...]
    flows: tuple[Flow, ...] = ()
    open: tuple[int, ...] = ()
    addresses: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    restricted_by: tuple[str, ...] = ()
    unread: bool = False
    sends: tuple[Flow, ...] = ()
    sends_restricted_by: tuple[str, ...] = ()

    @property
    def closed(self) -> tuple[int, ...]:
        """The ports that are denied by default: only named ones may connect."""
        return () if self.unread else tuple(port for port in self.ports if port not in self.open)

    @property
    def named(self) -> Mapping[Key, tuple[int, ...]]:
        """The closed ports that each workload may connect to; workloads that may connect to none are left out."""
        found: dict[Key, tuple[int, ...]] = {}
        for flow in self.flows:
            if flow.verdict.allowed and flow.port not in self.open:
                found[flow.source] = (*found.get(flow.source, ()), flow.port)
        return found

    @property
    def reached(self) -> Mapping[Key, tuple[int, ...]]:
        """The workloads that it may send to although policies restrict that, and their ports."""
        found: dict[Key, tuple[int, ...]] = {}
        for flow in self.sends:
            if flow.verdict.allowed:
                found[flow.target] = (*found.get(flow.target, ()), flow.port)
        return found

    @property
    def denied(self) -> tuple[Key, ...]:
        """The workloads that may not connect to any of the ports."""
        let_in = {flow.source for flow in self.flows if flow.verdict.allowed}
        return tuple(dict.fromkeys(flow.source for flow in self.flows if flow.source not in let_in))


def traffic(view: View, key: Key) -> Traffic | None:
    """Who may connect to a workload, or to the one that a pod belongs to, and where that may send; None for other objects."""
    target = view.owners.get((key[1], key[2]), key) if key[0] == "Pod" else key
    rules = _Rules(view)
    end = rules.end(target) if target[0] == "Pod" or any(line.key == target for line in view.workloads) else None
    if end is None:
        return None
    if not known(view.reading, "NetworkPolicy", target[1]):
        return Traffic(target, end.ports, unread=True)
    held = rules.policies.get(target[1], [])
    chosen, leaving = selecting(held, end.peer, "Ingress"), selecting(held, end.peer, "Egress")
    blocks = outside(chosen, end.peer, end.ports)
    free = blocks.pop("", ()) if chosen else end.ports
    sends = _between(rules, ((target, line.key) for line in view.workloads)) if leaving else ()
    comes = _between(rules, ((line.key, target) for line in view.workloads))
    return Traffic(target, end.ports, comes, free, blocks, _names(chosen), False, sends, _names(leaving))


def flows(view: View, target: Key) -> tuple[Flow, ...]:
    """For each workload of the cluster: may its pods reach the ports of ``target``? Asked of one pod of each."""
    return _between(_Rules(view), ((line.key, target) for line in view.workloads))


@dataclass(frozen=True, slots=True)
class _End:
    """A pod of a workload as one end of connections."""

    peer: Peer
    ports: tuple[int, ...]


class _Rules:
    """Services and policies by namespace, and the ends of connections: each is looked up once."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.policies = _by_space(view, "NetworkPolicy")
        self._services = _by_space(view, "Service")
        self._ends: dict[Key, _End | None] = {}

    def end(self, key: Key) -> _End | None:
        """One pod of a workload; None when there is neither a pod nor a template."""
        if key not in self._ends:
            pod = _sample(self._view, key)
            peer = peer_of(self._view.reading, pod) if pod is not None else None
            self._ends[key] = _End(peer, self._ports(pod, peer)) if pod is not None and peer is not None else None
        return self._ends[key]

    def _ports(self, pod: Object, peer: Peer) -> tuple[int, ...]:
        """TCP ports that the containers of a pod declare, its Services lead to, or policies name for what it may receive."""
        found = {int(p["containerPort"]) for c in items(pod, "spec", "containers") for p in items(c, "ports") if _is_tcp(p)}
        named: list[object] = []
        for service in self._services.get(peer.namespace, ()):
            selector = dig(service, "spec", "selector", default=None)
            if selector and selects(selector, labels_of(pod)):
                named += [port.get("targetPort", port.get("port")) for port in items(service, "spec", "ports") if _is_tcp(port)]
        for policy in selecting(self.policies.get(peer.namespace, ()), peer, "Ingress"):
            for rule in items(policy, "spec", "ingress"):
                named += [port.get("port") for port in items(rule, "ports") if _is_tcp(port)]
        return tuple(sorted(found | {port for port in (_number(name, peer) for name in named) if port}))


def _between(rules: _Rules, pairs: Iterable[tuple[Key, Key]]) -> tuple[Flow, ...]:
    """What becomes of connections between pairs of workloads, sender first, to each port of the receiver."""
    found = []
    for source, target in pairs:
        sender, receiver = rules.end(source), rules.end(target)
        if sender is None or receiver is None or source == target:
            continue
        spaces = dict.fromkeys((sender.peer.namespace, receiver.peer.namespace))
        both = [policy for space in spaces for policy in rules.policies.get(space, ())]
        for port in receiver.ports:
            found.append(Flow(source, target, port, allowed(both, sender.peer, receiver.peer, port)))
    return tuple(found)


def _by_space(view: View, kind: str) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for (space, _), obj in view.reading.of(kind).items():
        found.setdefault(space, []).append(obj)
    return found


def _names(policies: Iterable[Object]) -> tuple[str, ...]:
    return tuple(sorted(name_of(policy) for policy in policies))


def _is_tcp(port: Object) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")


def _number(port: object, peer: Peer) -> int:
    """The number of a port that is named or numbered; 0 when the pod declares no such name."""
    return port if isinstance(port, int) else (peer.ports or {}).get(str(port), 0)


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
