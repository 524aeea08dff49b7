"""What the picture of a topology shows: which boxes in which columns with which health, and which lines between them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ui.panels.cluster.layering import Box, Line
from ui.panels.cluster.reading import pod_cell, workload_state

if TYPE_CHECKING:
    from app.cluster.health import Health
    from app.cluster.objects import Key
    from app.cluster.topology import Topology, Traffic
    from app.cluster.workloads import View

COLUMNS = ("May connect", "Routes", "Services and rules", "Workloads", "Made by them", "Pods", "Nodes and volumes")
CLIENTS, ROUTES, SERVICES, WORKLOADS, MADE, PODS, PLACES = range(7)
_KINDS = {
    "Ingress": ROUTES,
    "HTTPRoute": ROUTES,
    "VirtualService": ROUTES,
    "TraefikService": ROUTES,
    "Service": SERVICES,
    "NetworkPolicy": SERVICES,
    "PodDisruptionBudget": SERVICES,
    "HorizontalPodAutoscaler": SERVICES,
    "ReplicaSet": MADE,
    "Job": MADE,
    "Pod": PODS,
    "Node": PLACES,
    "PersistentVolumeClaim": PLACES,
}
MANY = 40  # boxes of one kind; more are told together, by owner and health
_WORSE = ("", "ok", "idle", "run", "warn", "err")


@dataclass(frozen=True, slots=True)
class Spot:
    """One box.

    Attributes:
        key: the object that it stands for; None for a group, and for everybody else.
        state: ok, run, warn, err, idle; empty where nothing judges it.
        note: its status in a word or two, or empty.
        words: everything about it, as a sentence.
        group: those of one group stay together; of many only one box is drawn.
        several: how many objects it stands for.
    """

    id: str
    key: Key | None
    column: int
    kind: str
    title: str
    state: str
    note: str
    words: str
    group: str = ""
    several: int = 1


@dataclass(frozen=True, slots=True)
class Tie:
    """One line; ``tone`` is relation, allowed or denied."""

    source: str
    target: str
    label: str
    tone: str = "relation"

    @property
    def line(self) -> Line:
        """As the layout takes it."""
        return Line(self.source, self.target, self.label)


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and lines; ``start`` is the box of the object that is looked at, ``said`` what is true of its traffic, in sentences."""

    start: str
    spots: tuple[Spot, ...]
    ties: tuple[Tie, ...]
    said: str = ""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """As the layout takes them."""
        return tuple(Box(spot.id, spot.column, spot.group) for spot in self.spots)


def spot_id(key: Key) -> str:
    """The id of an object's box."""
    return "/".join(key)


def picture_of(view: View, health: Health, topology: Topology, traffic: Traffic | None, start: Key) -> Picture:
    """Boxes with their health, and lines. Nothing is left out or put together here."""
    owners = {edge.target: edge.source for edge in topology.edges if edge.relation == "owns"}
    tones = _Tones(view, health)
    spots = []
    for key in sorted(topology.nodes):
        state, note, word = _missing(view, key) if key in topology.missing else tones.of(key)
        where = f"{key[0]} {key[1]}/{key[2]}" if key[1] else f"{key[0]} {key[2]}"
        words = ", ".join(part for part in (where, word) if part)
        group = spot_id(owners[key]) if key in owners else ""
        spots.append(Spot(spot_id(key), key, _KINDS.get(key[0], WORKLOADS), key[0], key[2], state, note, words, group))
    ties = [Tie(spot_id(edge.source), spot_id(edge.target), edge.relation) for edge in topology.edges]
    said = ""
    if traffic is not None:
        at = spot_id(traffic.target)
        if any(spot.id == at for spot in spots):
            clients, lines = _clients(traffic, at)
            spots += clients
            ties += lines
        said = told(traffic)
    if topology.more:
        said = f"Only the nearest {len(topology.nodes)} objects are drawn. {said}".strip()
    return Picture(spot_id(start), tuple(spots), tuple(ties), said)


def _clients(traffic: Traffic, target: str) -> tuple[list[Spot], list[Tie]]:
    """Who may connect to which ports, and that all others may not."""
    spots: list[Spot] = []
    ties: list[Tie] = []

    def add(id_: str, key: Key | None, kind: str, title: str, ports: tuple[int, ...], words: str, tone: str = "allowed") -> None:
        label = " ".join(f":{port}" for port in ports)
        spots.append(Spot(id_, key, CLIENTS, kind, title, "", "", words, tone))
        ties.append(Tie(id_, target, label if tone == "allowed" else f"denied {label}", tone))

    if traffic.open:
        who = "Every pod whose own policies let it send, and every address,"
        add("anybody", None, "Not restricted", "Everybody", traffic.open, f"{who} may connect to {_ports(traffic.open)}")
    for source, ports in traffic.named.items():
        words = f"{source[0]} {source[1]}/{source[2]} may connect to {_ports(ports)}"
        add(f"from {spot_id(source)}", source, source[0], source[2], ports, words)
    for block, opened in traffic.addresses.items():
        if ports := tuple(port for port in opened if port in traffic.closed):
            add(f"from {block}", None, "Addresses", block, ports, f"Addresses in {block} may connect to {_ports(ports)}")
    if traffic.closed:
        some = " else" if spots else ""
        words = f"Nobody{some} may connect to {_ports(traffic.closed)}; denied by default by {', '.join(traffic.restricted_by)}"
        add("everybody", None, "Denied by default", f"Everybody{some}", traffic.closed, words, "denied")
    return spots, ties


def _ports(ports: tuple[int, ...]) -> str:
    return ("port " if len(ports) == 1 else "ports ") + ", ".join(map(str, ports))


def told(traffic: Traffic) -> str:
    """What the policies allow, in a sentence or two."""
    name = traffic.target[2]
    if traffic.unread:
        return f"Network policies could not be read, so nothing is said about who may connect to {name}."
    said = []
    if not traffic.ports:
        said.append(f"No container, Service or policy names a port of {name}, so nothing is said about who may connect.")
    if traffic.open:
        why = "A network policy lets everybody" if traffic.restricted_by else "No network policy restricts who may"
        but = f"; {_workloads(len(traffic.denied))} may not send to it by their own policies" if traffic.denied else ""
        said.append(f"{why} connect to {_ports(traffic.open)} of {name}{but}.")
    if traffic.closed:
        many, blocks = len(traffic.named), len(traffic.addresses)
        who = _workloads(many) + (f" and {blocks} address block{'' if blocks == 1 else 's'}" if blocks else "")
        by = ", ".join(traffic.restricted_by)
        said.append(f"{who} may connect to {_ports(traffic.closed)} of {name}; all else is denied by default ({by}).")
    if traffic.sends_restricted_by:
        some = [f"{key[2]} {' '.join(f':{port}' for port in ports)}" for key, ports in traffic.reached.items()]
        more = f" and {len(some) - 3} more" if len(some) > 3 else ""
        by = ", ".join(traffic.sends_restricted_by)
        said.append(f"Of all workloads it may send to {', '.join(some[:3]) or 'none'}{more} ({by}).")
    return " ".join(said)


def _workloads(many: int) -> str:
    return f"{many or 'No'} workload{'' if many < 2 else 's'}"


def _worst(health: Health) -> Mapping[Key, tuple[str, str]]:
    """The state and the title of the worst signal about each object."""
    found: dict[Key, tuple[str, str]] = {}
    for signal in health.signals:  # worst first
        state = {"critical": "err", "warning": "warn"}.get(str(signal.severity), "")
        if state:
            found.setdefault((signal.kind, signal.namespace, signal.name), (state, signal.title))
    return found


class _Tones:
    """State and words of any object: what it is by its own status, or the worst signal about it when that is worse."""

    def __init__(self, view: View, health: Health) -> None:
        self._view, self._judged, self._worst = view, health.by_workload, _worst(health)
        self._nodes = {node.name: node for node in view.nodes}
        self._workloads = {line.key: line for line in view.workloads}

    def of(self, key: Key) -> tuple[str, str, str]:
        """State, note and words; all empty where nothing judges it."""
        state, note, word = self._own(key)
        signal = self._worst.get(key)
        if signal is None:
            return state, note, word
        worse = _WORSE.index(signal[0]) > _WORSE.index(state)
        return signal[0] if worse else state, note, "; ".join(part for part in (word, signal[1]) if part)

    def _own(self, key: Key) -> tuple[str, str, str]:
        from app.cluster.rollouts import progress

        if key[0] == "Pod" and (pod := self._view.pods.get((key[1], key[2]))) is not None:
            dead = pod.node in self._nodes and not self._nodes[pod.node].ready
            cell = pod_cell(pod, dead)
            state = cell.state if not pod.ended else "ok" if pod.word == "Completed" else "err"
            return state, pod.word, cell.words.partition(": ")[2]
        if key[0] == "Node" and (node := self._nodes.get(key[2])) is not None:
            state = "err" if not node.ready else "warn" if node.cordoned or node.pressures else "ok"
            return state, node.word, ", ".join((node.word, *node.pressures))
        if (line := self._workloads.get(key)) is not None:
            state, word = workload_state(line, progress(line), self._judged.get(key))
            state = "idle" if state == "pend" else state
            if key[0] in ("CronJob", "Job"):  # their pods are to end, not to be ready
                return state, word, word
            return state, f"{line.ready}/{line.wanted} ready", f"{word}, {line.ready} of {line.wanted} ready"
        return "", "", ""


def _missing(view: View, key: Key) -> tuple[str, str, str]:
    from app.cluster.objects import known

    if known(view.reading, key[0], key[1]):
        return "err", "missing", "named, but does not exist"
    return "idle", "not read", "was not read"


# Many of a kind


def collapsed(picture: Picture, opened: Collection[str] = ()) -> Picture:
    """Of kinds with more than :data:`MANY` boxes, those of one owner and one health become one box, except in ``opened`` groups.

    The object that is looked at keeps its own box.
    """
    kinds: dict[tuple[int, str], list[Spot]] = defaultdict(list)
    for spot in picture.spots:
        kinds[spot.column, spot.kind].append(spot)
    into: dict[str, str] = {}
    made: dict[str, Spot] = {}
    for (column, kind), spots in kinds.items():
        if len(spots) <= MANY:
            continue
        together: dict[tuple[str, str], list[Spot]] = defaultdict(list)
        for spot in spots:
            if spot.id != picture.start:
                together[spot.group, spot.state].append(spot)
        for (group, state), members in together.items():
            name = f"group {column} {kind} {group} {state}"
            if len(members) > 1 and name not in opened:
                into |= {spot.id: name for spot in members}
                made[name] = _one_of(name, kind, column, group, state, members)
    spots = [*(spot for spot in picture.spots if spot.id not in into), *made.values()]
    return replace(picture, spots=tuple(spots), ties=tuple(_merged(picture.ties, into)))


def _one_of(name: str, kind: str, column: int, group: str, state: str, members: list[Spot]) -> Spot:
    how = {"ok": "well", "run": "starting", "warn": "need attention", "err": "not well", "idle": "not running"}.get(state, "")
    plural = {"NetworkPolicy": "NetworkPolicies", "Ingress": "Ingresses"}.get(kind, f"{kind}s")
    of = group.rpartition("/")[2] if "/" in group else ""
    words = ", ".join(part for part in (f"{len(members)} {plural}", f"of {of}" if of else "", how) if part)
    some = ", ".join(spot.title for spot in members[:5])
    title = f"{len(members)} {plural[0].lower()}{plural[1:]}"
    return Spot(name, None, column, "Group", title, state, how, f"{words}: {some} …", group, len(members))


def _merged(ties: Iterable[Tie], into: Mapping[str, str]) -> Iterable[Tie]:
    """The same lines between what is drawn, each once."""
    found = (replace(tie, source=into.get(tie.source, tie.source), target=into.get(tie.target, tie.target)) for tie in ties)
    return dict.fromkeys(tie for tie in found if tie.source != tie.target)
