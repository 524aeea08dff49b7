"""Which traffic NetworkPolicies allow (networking.k8s.io/v1).

The rules of the API: a pod that no policy selects for a direction is open in that direction. Otherwise the union of the rules of
all policies that select it is allowed and nothing else. Traffic flows when the sender may send *and* the receiver may receive.
Whether a network plugin enforces policies at all cannot be seen in the API.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.cluster.objects import Object, Reading, dig, items, labels_of, name_of, namespace_of, selects, texts


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a connection: a pod (namespace and labels, with the labels of the namespace), or an address outside."""

    namespace: str = ""
    labels: Mapping[str, str] | None = None  # None: not a pod
    namespace_labels: Mapping[str, str] | None = None
    ip: str = ""
    ports: Mapping[str, int] | None = None  # named ports of a pod


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a connection is allowed, and the sentences that say why, sender first."""

    allowed: bool
    why: tuple[str, ...]


def peer_of(reading: Reading, pod: Object) -> Peer:
    """A pod as one end."""
    namespace = reading.get("Namespace", "", namespace_of(pod))
    ports = {
        str(port["name"]): int(port["containerPort"])
        for container in items(pod, "spec", "containers")
        for port in items(container, "ports")
        if port.get("name")
    }
    labels = dict(labels_of(namespace)) if namespace else {}
    labels.setdefault("kubernetes.io/metadata.name", namespace_of(pod))  # set by the API server on every namespace
    return Peer(namespace_of(pod), labels_of(pod), labels, dig(pod, "status", "podIP", default=""), ports)


def allowed(policies: Iterable[Object], sender: Peer, receiver: Peer, port: int, protocol: str = "TCP") -> Verdict:
    """Whether ``sender`` may open a connection to ``port`` of ``receiver``."""
    held = list(policies)
    out, out_why = _direction(held, "Egress", sender, receiver, receiver, port, protocol)
    into, into_why = _direction(held, "Ingress", receiver, sender, receiver, port, protocol)
    return Verdict(out and into, (out_why, into_why))


def selecting(policies: Iterable[Object], pod: Peer, direction: str) -> list[Object]:
    """The policies that select a pod for a direction."""
    if pod.labels is None:
        return []
    return [
        policy
        for policy in policies
        if namespace_of(policy) == pod.namespace
        and direction in _types(policy)
        and selects(dig(policy, "spec", "podSelector", default={}), pod.labels)
    ]


def outside(chosen: Iterable[Object], receiver: Peer, ports: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Which ports of ``receiver`` the ingress rules of policies that select it open to which address blocks; "" is everybody."""
    found: dict[str, set[int]] = {}
    for policy in chosen:
        for rule in items(policy, "spec", "ingress"):
            peers = items(rule, "from")
            blocks = [_block_words(peer["ipBlock"]) for peer in peers if peer.get("ipBlock") is not None] if peers else [""]
            opened = {port for port in ports if _any_port(items(rule, "ports"), receiver, port, "TCP")}
            for block in blocks if opened else ():
                found.setdefault(block, set()).update(opened)
    return {block: tuple(sorted(opened)) for block, opened in sorted(found.items())}


def _block_words(block: Object) -> str:
    spared = ", ".join(map(str, texts(block, "except")))
    return f"{block.get('cidr', '')} except {spared}" if spared else str(block.get("cidr", ""))


def _types(policy: Object) -> Sequence[str]:
    """The directions of a policy; when left out, Ingress always and Egress when there are egress rules."""
    given = texts(policy, "spec", "policyTypes")
    return given or (["Ingress", "Egress"] if items(policy, "spec", "egress") else ["Ingress"])


def _direction(
    policies: list[Object], direction: str, pod: Peer, other: Peer, receiver: Peer, port: int, protocol: str
) -> tuple[bool, str]:
    verb = "send" if direction == "Egress" else "receive"
    if pod.labels is None:
        return True, f"The one that is to {verb} is outside of the cluster."
    chosen = selecting(policies, pod, direction)
    if not chosen:
        return True, f"No policy restricts what it may {verb}."
    field, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    for policy in chosen:
        for rule in items(policy, "spec", field):
            if _any_peer(items(rule, peers), namespace_of(policy), other) and _any_port(
                items(rule, "ports"), receiver, port, protocol
            ):
                return True, f"Policy {name_of(policy)} lets it {verb}."
    names = ", ".join(sorted(name_of(policy) for policy in chosen))
    return False, f"Not allowed to {verb} it by {names}."


def _any_peer(peers: list[Object], namespace: str, other: Peer) -> bool:
    """No peers in a rule means everybody."""
    return not peers or any(_is_peer(peer, namespace, other) for peer in peers)


def _is_peer(peer: Object, namespace: str, other: Peer) -> bool:
    if (block := peer.get("ipBlock")) is not None:
        return _in_block(block, other.ip)
    if other.labels is None:
        return False
    pods, spaces = peer.get("podSelector"), peer.get("namespaceSelector")
    if spaces is None:
        in_space = other.namespace == namespace
    else:
        in_space = selects(spaces, other.namespace_labels or {})
    return in_space and (pods is None or selects(pods, other.labels))


def _in_block(block: Object, ip: str) -> bool:
    try:
        address = ipaddress.ip_address(ip)
        inside = address in ipaddress.ip_network(str(block.get("cidr", "")), strict=False)
        return inside and not any(address in ipaddress.ip_network(str(c), strict=False) for c in texts(block, "except"))
    except (ValueError, TypeError):
        return False


def _any_port(ports: list[Object], receiver: Peer, port: int, protocol: str) -> bool:
    """No ports in a rule means all of them."""
    return not ports or any(_is_port(entry, receiver, port, protocol) for entry in ports)


def _is_port(entry: Object, receiver: Peer, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return (receiver.ports or {}).get(wanted) == port
    last = entry.get("endPort")
    return wanted <= port <= last if isinstance(last, int) else bool(wanted == port)
