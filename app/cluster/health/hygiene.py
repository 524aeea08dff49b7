"""Notices: a workload that runs and is not built to last: no policy, no limits, no probes, an image that may change under it."""

from __future__ import annotations

from collections.abc import Iterator

from app.cluster.health.signals import Severity, Signal, rule, seen, suggest
from app.cluster.objects import containers, dig, items, known, labels_of, selects, template_of
from app.cluster.recognition import image_parts
from app.cluster.workloads import View, Workload

# Tags that are moved as a matter of course. Any tag can be moved; these are.
MOVING = frozenset(
    {
        "",
        "latest",
        "stable",
        "main",
        "master",
        "edge",
        "nightly",
        "dev",
        "develop",
        "canary",
        "testing",
        "rolling",
        "current",
        "lts",
    }
)
SERVERS = ("Deployment", "StatefulSet", "DaemonSet", "Rollout")


def _notice(line: Workload, name: str, title: str, cause: str, *facts: tuple[str, object]) -> Signal:
    evidence = tuple(seen(line.obj, path, value) for path, value in facts)
    return Signal(name, Severity.NOTICE, *line.key, title, cause, 0, evidence, suggest("cluster.edit", line), line.key)


@rule("policy.uncovered")
def no_policy(view: View, now: int) -> Iterator[Signal]:
    """Pods that no NetworkPolicy selects: everybody in the cluster may talk to them."""
    policies: dict[str, list[object]] = {}
    for (namespace, _), policy in view.reading.of("NetworkPolicy").items():
        policies.setdefault(namespace, []).append(dig(policy, "spec", "podSelector", default={}))
    for line in view.workloads:
        template = template_of(line.obj)
        if not template:
            continue  # a Rollout may take that of a Deployment
        if dig(template, "spec", "hostNetwork", default=False):
            continue  # policies do not apply to it
        if not known(view.reading, "NetworkPolicy", line.namespace):
            continue
        labels = labels_of(template)
        if not any(selects(selector, labels) for selector in policies.get(line.namespace, ())):  # type: ignore[arg-type]
            yield _notice(
                line,
                "policy.uncovered",
                "No NetworkPolicy selects its pods",
                "Every pod of the cluster may talk to it, and it to everybody.",
                ("spec.template.metadata.labels", ", ".join(f"{k}={v}" for k, v in sorted(labels.items()))),
            )


@rule("hygiene.limits")
def no_limits(view: View, now: int) -> Iterator[Signal]:
    """Containers without a memory limit, or without requests."""
    for line in view.workloads:
        missing = []
        for container in containers(dig(template_of(line.obj), "spec", default={})):
            resources = container.get("resources") or {}
            wanted: tuple[tuple[str, str], ...] = (("limits", "memory"), ("requests", "cpu"), ("requests", "memory"))
            for path in wanted:
                # A limit stands for the request where none is given (the API server fills it in).
                given = dig(resources, *path) or (path[0] == "requests" and dig(resources, "limits", path[1]))
                if not given:
                    missing.append((str(container.get("name")), ".".join(path)))
        if missing:
            names = sorted({name for name, _ in missing})
            yield _notice(
                line,
                "hygiene.limits",
                f"No memory limit or request: {', '.join(names)}",
                "The scheduler does not know what it needs, and it may take a whole node down with it.",
                *((f"containers[{name}].resources.{path}", "missing") for name, path in missing),
            )


@rule("hygiene.probes")
def no_probes(view: View, now: int) -> Iterator[Signal]:
    """Servers whose containers have no readiness probe: they get traffic before they can serve."""
    for line in view.workloads:
        if line.kind not in SERVERS:
            continue
        spec = dig(template_of(line.obj), "spec", default={})
        missing = [str(c.get("name")) for c in items(spec, "containers") if not (c.get("readinessProbe") or c.get("livenessProbe"))]
        if missing:
            yield _notice(
                line,
                "hygiene.probes",
                f"No probe: {', '.join(missing)}",
                "It gets requests before it can answer, and nobody notices when it hangs.",
                *((f"containers[{name}].readinessProbe", "missing") for name in missing),
            )


@rule("hygiene.tag")
def moving_tags(view: View, now: int) -> Iterator[Signal]:
    """Images by a tag that is moved as a matter of course, and no digest."""
    for line in view.workloads:
        moving = [image for image in line.images if not image_parts(image)[2] and image_parts(image)[1].lower() in MOVING]
        if moving:
            yield _notice(
                line,
                "hygiene.tag",
                f"The image may change under it: {', '.join(moving)}",
                "Two pods of one revision may run different programs, and undo may bring back nothing. Pin a version or a digest.",
                *(("image", image) for image in moving),
            )
