"""What the panel shows of a cluster, read off the interface's thread into plain rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.cluster.access import Access
    from app.cluster.argo import Application
    from app.cluster.health import Health, Signal
    from app.cluster.pods import PodLine
    from app.cluster.policies import Verdict
    from app.cluster.rollouts import Progress, Revision, Strategy
    from app.cluster.topology import Topology
    from app.cluster.workloads import EventLine, Hpa, NodeLine, Workload
    from ui.panels.cluster.picturing import Picture

Key = tuple[str, str, str]
MOST_PODS = 400  # in the grid; more would be too small to tell apart
MOST_EVENTS = 40
MOST_DRAWN = 300  # objects of one picture; many of a kind become one box
MOST_FLOWS = 60


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One row of the workload table."""

    line: Workload
    progress: Progress
    strategy: str  # Rolling, Blue-green, Canary …
    weight: str  # "25 %" of a canary, "blue live", "idle"
    sync: str  # Argo CD; empty when no application has it
    state: str  # ok, warn, err, run, pend: of the status widget
    word: str
    score: int
    cpu: tuple[tuple[int, float], ...] = ()  # UTC ms, thousandths of a core


@dataclass(frozen=True, slots=True)
class PodCell:
    """One square of the pod grid."""

    key: tuple[str, str]
    state: str  # ok, run, warn, err, idle
    words: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is known of the selected workload or pod."""

    key: Key
    strategy: Strategy | None = None
    progress: Progress | None = None
    revisions: tuple[Revision, ...] = ()
    application: Application | None = None
    not_drift: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    pods: tuple[PodLine, ...] = ()
    topology: Topology | None = None
    traffic: tuple[tuple[str, Verdict], ...] = ()
    traffic_said: str = ""  # the same in a sentence or two; empty for what opens no connections
    picture: Picture | None = None
    yaml: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that the page of one cluster shows."""

    context: str
    environment: str
    read_only: bool
    live: bool
    version: str
    answers: bool  # the cluster; True for a recorded one
    note: str  # why it is stale, or what else must be known; or empty
    known_at: int
    now: int
    access: Access
    namespaces: tuple[str, ...]
    rows: tuple[WorkRow, ...]
    nodes: tuple[tuple[NodeLine, tuple[PodCell, ...], str], ...]
    hpas: tuple[Hpa, ...]
    events: tuple[EventLine, ...]
    health: Health
    chosen: Chosen | None
    pods_ready: int
    pods: int
    unscaled: str = ""  # why the autoscalers are not known; empty when they are

    def carrier(self) -> str:
        """The kind that carries the shares of the two versions of which the chosen workload is one; empty for none."""
        strategy = self.chosen.strategy if self.chosen is not None else None
        if strategy is None or not strategy.native:
            return ""
        # A Service switches a blue-green pair; of a canary its pods have equal shares, so their number is what counts.
        return "" if str(strategy.kind) == "canary" and strategy.carrier[0] == "Service" else strategy.carrier[0]

    def refusal(self, verb: str, key: Key) -> str:
        """Which right this identity lacks to do something with an object, and how old that knowledge is; empty when none."""
        from app.cluster.quantities import age

        if verb in ("logs", "run") and key[0] != "Pod":
            key = ("Pod", key[1], "")
        why = self.access.why_not_apply() if verb == "apply" else self.access.why_not(verb, key[0], key[1], self.carrier())
        return f"{why} Asked {age(self.access.asked_at, self.now)} ago." if why else ""


def read_page(snapshot: Any, health: Health, facts: Mapping[str, Any], namespace: str, chosen: Key | None, now: int) -> Page:
    """Rows of everything. Pure; may take some tenths of a second for ten thousand pods, so not on the interface's thread."""
    from app.cluster.argo import applications
    from app.cluster.objects import known
    from app.cluster.rollouts import progress
    from app.cluster.workloads import View
    from app.core.courtesy import politely

    view = View(snapshot)
    apps = applications(view)
    sync = {(r.kind, r.namespace, r.name): r.sync for app in apps for r in app.resources}
    inside = lambda space: namespace in ("", space)  # noqa: E731 - used four times below
    judged = health.by_workload
    arms = _arms(view)
    rows = []
    for line in politely(view.workloads):
        if inside(line.namespace):
            done = progress(line)
            state, word = workload_state(line, done, judged.get(line.key))
            kind, weight = arms.get(line.key) or (_strategy(line), _weight(done))
            score = judged[line.key].score if line.key in judged else 100
            cpu = _cpu(snapshot.metrics.pods, view.pods_by_owner.get(line.key, ()), now)
            rows.append(WorkRow(line, done, kind, weight, sync.get(line.key, ""), state, word, score, cpu))
    running = [pod for pod in politely(view.pods.values()) if inside(pod.namespace) and not pod.ended]
    events = [event for event in view.events if inside(event.namespace)][:MOST_EVENTS]
    return Page(
        context=str(facts["context"]),
        environment=str(facts["environment"]),
        read_only=bool(facts["read_only"]),
        live=bool(facts["live"]),
        version=str(facts["version"]),
        answers=facts.get("answers") is not False,
        note=str(facts["note"]),
        known_at=int(facts["known_at"]),
        now=now,
        access=facts["access"],
        namespaces=tuple(sorted({name for _, name in snapshot.of("Namespace")} | {pod.namespace for pod in view.pods.values()})),
        rows=tuple(rows),
        nodes=_nodes(view, namespace),
        hpas=tuple(sorted((h for h in view.hpas.values() if inside(h.namespace)), key=lambda h: (-h.share, h.name))),
        events=tuple(events),
        health=health,
        chosen=_chosen(view, health, chosen, apps) if chosen is not None else None,
        pods_ready=sum(pod.is_ready for pod in running),
        pods=len(running),
        unscaled="" if known(snapshot, "HorizontalPodAutoscaler") else snapshot.state("HorizontalPodAutoscaler").message,
    )


def _cpu(used: Mapping[tuple[str, str], Mapping[str, tuple[float, int]]], pods: tuple[PodLine, ...], now: int) -> Any:
    """What the pods of a workload use together; nothing where none was measured."""
    found = [cpu for pod in pods for cpu, _ in used.get((pod.namespace, pod.name), {}).values()]
    return ((now, sum(found)),) if found else ()


def _arms(view: Any) -> dict[Key, tuple[str, str]]:
    """Strategy and share of the workloads that share traffic with another."""
    from app.cluster.rollouts import StrategyKind, strategies

    found: dict[Key, tuple[str, str]] = {}
    for strategy in strategies(view):
        word = "Blue-green" if strategy.kind is StrategyKind.BLUE_GREEN else "Canary"
        for arm in strategy.arms:
            share = arm.role if strategy.kind is StrategyKind.BLUE_GREEN else f"{arm.role} {arm.weight:.0f} %"
            found[arm.kind, strategy.namespace, arm.name] = (word, share)
    return found


def _strategy(line: Workload) -> str:
    from app.cluster.objects import dig

    if line.kind == "Rollout":
        return "Blue-green" if dig(line.obj, "spec", "strategy", "blueGreen") is not None else "Canary"
    if line.kind in ("CronJob", "Job"):
        return "Schedule" if line.kind == "CronJob" else "Once"
    kind = dig(line.obj, "spec", "strategy", "type") or dig(line.obj, "spec", "updateStrategy", "type", default="RollingUpdate")
    return {"Recreate": "Recreate", "OnDelete": "On delete"}.get(str(kind), "Rolling")


def _weight(done: Progress) -> str:
    return "idle" if str(done.state) == "complete" else f"{done.share * 100:.0f} %"


def workload_state(line: Workload, done: Progress, judged: Any) -> tuple[str, str]:
    """The words of Argo CD's health, which people know: from the worst signal, and the rollout."""
    from app.cluster.objects import condition

    severity = str(judged.severity) if judged is not None else "ok"
    if line.kind == "Job" and condition(line.obj, "Failed").get("status") == "True":
        return "warn", "Failed"
    if line.kind in ("Job", "CronJob") and line.paused:
        return "idle", "Suspended"
    if severity == "critical":
        return "err", "Degraded"
    if str(done.state) == "paused":
        return "pend", "Suspended"
    if str(done.state) in ("progressing", "waiting"):
        return "run", "Progressing"
    if severity == "warning":
        return "warn", "Attention"
    return "ok", "Healthy"


def _nodes(view: Any, namespace: str) -> tuple[tuple[NodeLine, tuple[PodCell, ...], str], ...]:
    """Nodes with their pods as squares; pods without a node come last."""
    held: dict[str, list[PodCell]] = {}
    shown = sorted(view.pods.values(), key=lambda pod: (pod.namespace, pod.name))
    dead = {node.name for node in view.nodes if not node.ready}
    for pod in [p for p in shown if namespace in ("", p.namespace) and not p.ended][:MOST_PODS]:
        held.setdefault(pod.node, []).append(pod_cell(pod, pod.node in dead))
    usage = view.reading.metrics
    found = []
    for node in view.nodes:
        cpu = usage.nodes.get(node.name)
        words = node.word if not node.ready or node.cordoned else ""
        if cpu is not None:
            from app.cluster.quantities import bytes_text

            words = f"{words} CPU {cpu[0] / 1000:.2g} cores, {bytes_text(cpu[1])}".strip()
        found.append((node, tuple(held.pop(node.name, ())), words))
    from app.cluster.objects import known
    from app.cluster.workloads import NodeLine as Line

    gone = "gone" if known(view.reading, "Node") else ""  # what may not be read is not gone
    for name, cells in sorted(held.items()):
        label = name or "No node"
        found.append((Line(label, "", True, False, (), "", (), 0, len(cells), 0), tuple(cells), gone if name else "waiting"))
    return tuple(found)


def pod_cell(pod: PodLine, dead: bool) -> PodCell:
    """A pod as a square: its state by readiness and word, never by its phase alone."""
    if dead:
        state, why = "idle", "its node does not answer"
    elif pod.is_ready:
        state, why = "ok", ""
    elif pod.word in ("Pending", "ContainerCreating", "PodInitializing", "Terminating") or pod.word.startswith("Init:"):
        state, why = ("warn" if pod.word == "Pending" else "run"), ""
    elif pod.word == "Running":
        state, why = "warn", "not ready"
    else:
        state, why = "err", ""
    text = f"{pod.namespace}/{pod.name}: {pod.word}, {pod.ready}/{pod.total} ready, {pod.restarts} restarts"
    return PodCell((pod.namespace, pod.name), state, f"{text}; {why}" if why else text)


def _chosen(view: Any, health: Health, key: Key, apps: tuple[Application, ...]) -> Chosen:
    from app.cluster.argo import not_drift
    from app.cluster.objects import Object
    from app.cluster.rollouts import progress, revisions, strategy_of
    from app.cluster.topology import around, traffic
    from app.cluster.yamlfile import dump
    from ui.panels.cluster.picturing import picture_of, told

    line = next((w for w in view.workloads if w.key == key), None)
    obj: Object | None = view.reading.get(*key)
    app = next((a for a in apps if any((r.kind, r.namespace, r.name) == key for r in a.resources)), None)
    about = tuple(s for s in health.signals if s.workload == key or (s.kind, s.namespace, s.name) == key)
    pods = view.pods_of(key) if key[0] != "Pod" else tuple(p for k, p in view.pods.items() if k == key[1:])
    topology, connections = around(view, key, hops=4, most=MOST_DRAWN), traffic(view, key)
    comes, goes = (connections.flows, connections.sends) if connections is not None else ((), ())
    comes, goes = (sorted(found, key=lambda f: not f.verdict.allowed)[:MOST_FLOWS] for found in (comes, goes))
    return Chosen(
        key=key,
        strategy=strategy_of(view, line) if line is not None else None,
        progress=progress(line) if line is not None else None,
        revisions=revisions(view, line) if line is not None else (),
        application=app,
        not_drift=not_drift(view, app) if app is not None else (),
        signals=about,
        pods=tuple(sorted(pods, key=lambda p: p.name)),
        topology=topology,
        traffic=(
            *((f"{f.source[0]} {f.source[1]}/{f.source[2]} to port {f.port}", f.verdict) for f in comes),
            *((f"To {f.target[0]} {f.target[1]}/{f.target[2]}, port {f.port}", f.verdict) for f in goes),
        ),
        traffic_said=told(connections) if connections is not None else "",
        picture=picture_of(view, health, topology, connections, key),
        yaml=dump(obj) if obj is not None else "",
    )
