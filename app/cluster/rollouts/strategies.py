"""How versions share traffic: rolling, blue-green and canary, native or by Argo Rollouts.

Kubernetes has no object for a native blue-green or canary; they are recognised by what routes:

* **Blue-green:** a Service whose selector has one label more than two workloads share (``color: blue``). The one that it selects
  is live.
* **Canary by replicas:** one Service selects the pods of two workloads; a plain Service carries no weights: each pod gets as much.
  Two parts of one program are neither: versions run the same images, and no label that tells parts from each other parts them.
* **Canary by ingress:** an Ingress with ingress-nginx's ``canary`` and ``canary-weight`` annotations, beside one without for the
  same host.
* **Canary by route:** an HTTPRoute, VirtualService or TraefikService that divides traffic between the Services of two workloads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from app.cluster.objects import Object, annotations_of, count, dig, items, labels_of, name_of, selects, template_of
from app.cluster.recognition import image_parts
from app.cluster.rollouts.weights import NGINX, Backend, canary_percent, splits, subset_labels
from app.cluster.workloads import View, Workload

# Labels that tell the parts of a program from each other, which a blue-green pair has in common.
PARTS = frozenset(
    {
        "app",
        "component",
        "name",
        "role",
        "tier",
        "app.kubernetes.io/component",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/name",
    }
)
CANARY_WORDS = ("canary", "preview", "next", "experiment")


class StrategyKind(StrEnum):
    """How a new version takes over."""

    ROLLING = "rolling"
    RECREATE = "recreate"
    ON_DELETE = "on delete"
    BLUE_GREEN = "blue-green"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Arm:
    """One version: the workload (or ReplicaSet) behind it, its version and its share of the traffic in percent."""

    role: str  # live, idle, stable, canary
    kind: str
    name: str
    version: str
    ready: int
    weight: float


@dataclass(frozen=True, slots=True)
class Strategy:
    """How one workload or a pair of them shares traffic.

    Attributes:
        carrier: what decides, as kind and name (a Service, Ingress, HTTPRoute, Rollout, …); empty for a rolling update.
        label: of a blue-green Service, the label that is switched.
        steps: of a canary by Argo Rollouts, in words, with the index of the one that it stands at.
        backends: of a route that carries weights, where it sends the stable version's traffic and the canary's.
    """

    kind: StrategyKind
    namespace: str
    name: str
    native: bool
    arms: tuple[Arm, ...] = ()
    carrier: tuple[str, str] = ("", "")  # kind, name
    label: str = ""
    steps: tuple[str, ...] = ()
    step: int = 0
    backends: tuple[Backend, Backend] = (("", ""), ("", ""))


def strategy_of(view: View, line: Workload) -> Strategy:
    """The strategy that a workload takes part in."""
    for found in strategies(view):
        if found.namespace == line.namespace and any((arm.kind, arm.name) == (line.kind, line.name) for arm in found.arms):
            return found
    if line.kind == "Rollout":
        return _argo(view, line)
    name = dig(line.obj, "spec", "strategy", "type") or dig(line.obj, "spec", "updateStrategy", "type", default="RollingUpdate")
    kind = {"Recreate": StrategyKind.RECREATE, "OnDelete": StrategyKind.ON_DELETE}.get(name, StrategyKind.ROLLING)
    return Strategy(kind, line.namespace, line.name, True)


def strategies(view: View) -> tuple[Strategy, ...]:
    """All native blue-green and canary pairs of a cluster."""
    servers: dict[str, list[Workload]] = defaultdict(list)
    for line in view.workloads:
        if line.kind in ("Deployment", "StatefulSet"):
            servers[line.namespace].append(line)
    found: list[Strategy] = []
    for (namespace, _), service in sorted(view.reading.of("Service").items()):
        selector = dig(service, "spec", "selector", default={})
        if selector:
            found += _by_service(service, selector, servers[namespace])
    # Weights say more than pods, and a Service over both versions says more than one that each has of its own.
    weighted = [*_by_ingress(view, servers), *_by_route(view, servers)]
    canaries = _without(weighted, [s for s in found if s.kind is StrategyKind.CANARY])
    return tuple(_without([*canaries, *weighted], [s for s in found if s.kind is not StrategyKind.CANARY]) + canaries + weighted)


def _without(stronger: list[Strategy], found: list[Strategy]) -> list[Strategy]:
    """What was found, but for workloads of which something stronger is known."""
    taken = {(s.namespace, arm.name) for s in stronger for arm in s.arms}
    return [s for s in found if not any((s.namespace, arm.name) in taken for arm in s.arms)]


def _labels(line: Workload) -> dict[str, str]:
    return dict(labels_of(template_of(line.obj)))


def version_of(line: Workload) -> str:
    """The tag of its first image, or the name of the label ``version``."""
    tags = [image_parts(image)[1] or image_parts(image)[2][:15] for image in line.images]
    return tags[0] if tags and tags[0] else _labels(line).get("app.kubernetes.io/version", "")


def _by_service(service: Object, selector: dict[str, str], lines: list[Workload]) -> Iterator[Strategy]:
    name, namespace = name_of(service), dig(service, "metadata", "namespace", default="")
    chosen = [line for line in lines if selects(selector, _labels(line))]
    if len(chosen) == 1:
        for key in (label for label in selector if label not in PARTS):
            rest = {k: v for k, v in selector.items() if k != key}
            others = [
                line for line in lines if rest and line is not chosen[0] and selects(rest, _labels(line)) and key in _labels(line)
            ]
            if (
                len(others) == 1
                and _same_program(chosen[0], others[0])
                and not any(selects(selector, _labels(line)) for line in others)
            ):
                arms = (_arm("live", chosen[0], 100.0), _arm("idle", others[0], 0.0))
                yield Strategy(StrategyKind.BLUE_GREEN, namespace, name, True, arms, ("Service", name), key)
                return
    elif len(chosen) == 2:
        small, large = sorted(chosen, key=lambda line: (not _is_canary(line), line.wanted, line.name))
        if not _same_program(small, large) or (version_of(small) == version_of(large) and not _is_canary(small)):
            return  # a Service over a database's primary and its replicas
        ready = small.ready + large.ready
        share = 100 * small.ready / ready if ready else 0.0
        arms = (_arm("stable", large, 100 - share if ready else 0.0), _arm("canary", small, share))
        yield Strategy(StrategyKind.CANARY, namespace, name, True, arms, ("Service", name))


def _same_program(one: Workload, other: Workload) -> bool:
    """Whether two workloads run the same images, of whatever version."""
    first, second = ({image_parts(image)[0].rpartition("/")[2] for image in line.images} for line in (one, other))
    return bool(first & second)


def _is_canary(line: Workload) -> bool:
    words = f"{line.name} {' '.join(_labels(line).values())}".lower()
    return any(word in words for word in CANARY_WORDS)


def _by_ingress(view: View, servers: dict[str, list[Workload]]) -> Iterator[Strategy]:
    for (namespace, name), ingress in sorted(view.reading.of("Ingress").items()):
        notes = annotations_of(ingress)
        if notes.get(f"{NGINX}canary") != "true":
            continue
        hosts = {rule.get("host") for rule in items(ingress, "spec", "rules")}
        main = next(
            (
                other
                for (space, other_name), other in view.reading.of("Ingress").items()
                if space == namespace and other_name != name and hosts & {r.get("host") for r in items(other, "spec", "rules")}
            ),
            None,
        )
        weight = canary_percent(ingress)
        arms = []
        for role, obj, share in (("stable", main, 100 - weight), ("canary", ingress, weight)):
            line = _behind(view, namespace, obj, servers[namespace]) if obj is not None else None
            if line is not None:
                arms.append(_arm(role, line, share))
        if len(arms) == 2:
            yield Strategy(StrategyKind.CANARY, namespace, name, True, tuple(arms), ("Ingress", name))


def _by_route(view: View, servers: dict[str, list[Workload]]) -> Iterator[Strategy]:
    for split in splits(view.reading):
        sides = []
        for backend, percent in zip(split.backends, split.percent, strict=True):
            extra = subset_labels(view.reading, split.namespace, backend)
            service = view.reading.get("Service", split.namespace, backend[0])
            selector = dig(service, "spec", "selector", default={}) if service else {}
            wanted = {**selector, **extra} if selector and extra is not None else {}
            lines = [line for line in servers[split.namespace] if wanted and selects(wanted, _labels(line))]
            if len(lines) == 1:
                sides.append((lines[0], percent, backend))
        if len(sides) == 2 and sides[0][0] is not sides[1][0]:
            canary, stable = sorted(sides, key=lambda side: (not _is_canary(side[0]), side[1], side[0].name))
            arms = (_arm("stable", *stable[:2]), _arm("canary", *canary[:2]))
            carrier, backends = (split.kind, split.name), (stable[2], canary[2])
            yield Strategy(StrategyKind.CANARY, split.namespace, split.name, True, arms, carrier, backends=backends)


def _behind(view: View, namespace: str, ingress: Object, lines: list[Workload]) -> Workload | None:
    backend = dig(ingress, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name", default="")
    service = view.reading.get("Service", namespace, backend)
    selector = dig(service, "spec", "selector", default={}) if service else {}
    return next((line for line in lines if selector and selects(selector, _labels(line))), None)


def _arm(role: str, line: Workload, weight: float) -> Arm:
    return Arm(role, line.kind, line.name, version_of(line), line.ready, weight)


def _argo(view: View, line: Workload) -> Strategy:
    status = dig(line.obj, "status", default={})
    sets = {
        labels_of(obj).get("rollouts-pod-template-hash", ""): obj
        for obj in view.reading.of("ReplicaSet").values()
        if dig(obj, "metadata", "namespace") == line.namespace
    }

    def arm(role: str, hash_: str, weight: float) -> Arm:
        obj = sets.get(hash_, {})
        image = dig(obj, "spec", "template", "spec", "containers", 0, "image", default="")
        return Arm(role, "ReplicaSet", name_of(obj), image_parts(image)[1], count(obj, "status", "readyReplicas"), weight)

    newest = str(status.get("currentPodHash", ""))
    if dig(line.obj, "spec", "strategy", "blueGreen") is not None:
        live = dig(status, "blueGreen", "activeSelector", default="")
        arms = [arm("live", live, 100.0)]
        if newest and newest != live:
            arms.append(arm("idle", newest, 0.0))
        carrier = ("Service", dig(line.obj, "spec", "strategy", "blueGreen", "activeService", default=""))
        return Strategy(StrategyKind.BLUE_GREEN, line.namespace, line.name, False, tuple(arms), carrier)
    steps = items(line.obj, "spec", "strategy", "canary", "steps")
    stable = str(status.get("stableRS", ""))
    at = min(count(status, "currentStepIndex"), len(steps))
    # The weight that the controller reports; without traffic routing, that of the last setWeight passed.
    passed = [count(step, "setWeight") for step in steps[: at + 1] if "setWeight" in step]
    weight = count(status, "canary", "weights", "canary", "weight", default=passed[-1] if passed else 0)
    if newest == stable or not newest:
        return Strategy(
            StrategyKind.CANARY,
            line.namespace,
            line.name,
            False,
            (arm("stable", stable, 100.0),),
            ("Rollout", line.name),
            "",
            _words(steps),
            at,
        )
    arms = [arm("stable", stable, 100.0 - weight), arm("canary", newest, float(weight))]
    return Strategy(
        StrategyKind.CANARY, line.namespace, line.name, False, tuple(arms), ("Rollout", line.name), "", _words(steps), at
    )


def _words(steps: list[Object]) -> tuple[str, ...]:
    """Steps of a canary as people say them."""
    words = []
    for step in steps:
        if "setWeight" in step:
            words.append(f"{step['setWeight']} %")
        elif "pause" in step:
            duration = dig(step, "pause", "duration")
            words.append(f"pause {duration}" if duration else "pause until promoted")
        elif "setCanaryScale" in step:
            words.append("scale the canary")
        else:
            words.append(next(iter(step), "step"))
    return tuple(words)
