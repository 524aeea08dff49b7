"""Signals that fit what runs: databases, queues, monitoring and chain nodes, recognised by image."""

from __future__ import annotations

from collections.abc import Iterator

from app.cluster.health.signals import Severity, Signal, rule, seen, suggest
from app.cluster.objects import count, dig, items, labels_of, name_of, selects, template_of, texts
from app.cluster.recognition import KEEPS_DATA, PORTS, Program, recognise
from app.cluster.workloads import View, Workload


def _known(view: View) -> Iterator[tuple[Workload, Program]]:
    for line in view.workloads:
        if line.kind in ("Deployment", "StatefulSet", "DaemonSet", "Rollout") and (program := recognise(line.images)) is not None:
            yield line, program


def _signal(line: Workload, name: str, severity: Severity, title: str, cause: str, path: str, value: object) -> Signal:
    return Signal(
        name, severity, *line.key, title, cause, 0, (seen(line.obj, path, value),), suggest("cluster.edit", line), line.key
    )


@rule("program.no_volume")
def no_volume(view: View, now: int) -> Iterator[Signal]:
    """Something that keeps data, without a volume that outlives its pod."""
    for line, program in _known(view):
        claims = items(line.obj, "spec", "volumeClaimTemplates")
        volumes = items(template_of(line.obj), "spec", "volumes")
        if (
            program in KEEPS_DATA
            and not claims
            and not any({"persistentVolumeClaim", "hostPath", "ephemeral"} & v.keys() for v in volumes)
        ):
            yield _signal(
                line,
                "program.no_volume",
                Severity.WARNING if program in (Program.POSTGRESQL, Program.KAFKA) else Severity.NOTICE,
                f"{program} keeps its data in the pod",
                "When the pod is replaced, its data is gone.",
                "spec.volumeClaimTemplates",
                "none",
            )


@rule("program.shared_volume")
def shared_volume(view: View, now: int) -> Iterator[Signal]:
    """Two copies of a database on one volume."""
    for line, program in _known(view):
        claims = [dig(v, "persistentVolumeClaim", "claimName") for v in items(template_of(line.obj), "spec", "volumes")]
        if program in KEEPS_DATA and line.kind == "Deployment" and line.wanted > 1 and any(claims):
            yield _signal(
                line,
                "program.shared_volume",
                Severity.WARNING,
                f"{line.wanted} copies of {program} share one volume",
                "They write to the same files and destroy them. Use a StatefulSet, or one copy with strategy Recreate.",
                "spec.replicas",
                line.wanted,
            )


@rule("program.quorum")
def quorum(view: View, now: int) -> Iterator[Signal]:
    """A Kafka controller quorum, or a replicated Redis, of which half or more are not ready."""
    for line, program in _known(view):
        if program is Program.KAFKA and line.wanted >= 3 and line.ready <= line.wanted // 2:
            yield _signal(
                line,
                "program.quorum",
                Severity.CRITICAL,
                f"No majority of Kafka: {line.ready} of {line.wanted} ready",
                "Without a majority it elects no controller and takes no writes that need all replicas.",
                "status.readyReplicas",
                line.ready,
            )


@rule("program.grace")
def short_grace(view: View, now: int) -> Iterator[Signal]:
    """A database or node that is given less time to stop than it needs to write what it holds."""
    for line, program in _known(view):
        given = count(template_of(line.obj), "spec", "terminationGracePeriodSeconds", default=30)
        if program in (Program.POSTGRESQL, Program.KAFKA, Program.RPC_NODE) and given < 30:
            yield _signal(
                line,
                "program.grace",
                Severity.NOTICE,
                f"{program} has {given} s to stop",
                "It is killed while it writes, and must recover at the next start.",
                "spec.template.spec.terminationGracePeriodSeconds",
                given,
            )


@rule("program.exposed")
def exposed(view: View, now: int) -> Iterator[Signal]:
    """A database or RPC port that a Service opens to outside of the cluster."""
    for line, program in _known(view):
        labels = labels_of(template_of(line.obj))
        for (namespace, name), service in view.reading.of("Service").items():
            if namespace != line.namespace or dig(service, "spec", "type", default="ClusterIP") not in ("LoadBalancer", "NodePort"):
                continue
            selector = dig(service, "spec", "selector", default={})
            open_ports = [
                p
                for p in items(service, "spec", "ports")
                if p.get("port") in PORTS[program] or p.get("targetPort") in PORTS[program]
            ]
            if (
                not selector
                or not selects(selector, labels)
                or not open_ports
                or texts(service, "spec", "loadBalancerSourceRanges")
            ):
                continue
            if "internal" in " ".join(f"{k}={v}" for k, v in (dig(service, "metadata", "annotations", default={})).items()).lower():
                continue  # every large cloud marks a load balancer of the private network so
            yield Signal(
                "program.exposed",
                Severity.WARNING,
                "Service",
                namespace,
                name,
                f"{program} is open to outside of the cluster on port {open_ports[0].get('port')}",
                "Whoever reaches the address can try it. Name the source ranges, or use a port-forward.",
                0,
                (seen(service, "spec.type", dig(service, "spec", "type")), seen(service, "spec.ports", open_ports[0].get("port"))),
                suggest("cluster.edit", service),
                line.key,
            )


@rule("program.single")
def one_copy(view: View, now: int) -> Iterator[Signal]:
    """A disruption budget over the only copy of a database: a drain waits for ever, or the budget means nothing."""
    for line, program in _known(view):
        if program is not Program.POSTGRESQL or line.wanted != 1:
            continue
        labels = labels_of(template_of(line.obj))
        for (namespace, _), budget in view.reading.of("PodDisruptionBudget").items():
            if namespace != line.namespace or not selects(dig(budget, "spec", "selector"), labels):
                continue
            if count(budget, "spec", "minAvailable") >= 1 or dig(budget, "spec", "maxUnavailable") == 0:
                yield _signal(
                    line,
                    "program.single",
                    Severity.NOTICE,
                    f"The only {program} may not be evicted ({name_of(budget)})",
                    "A drain of its node waits until somebody deletes the pod or the budget.",
                    "spec.replicas",
                    1,
                )
