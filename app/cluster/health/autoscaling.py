"""Signals of autoscalers and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterator

from app.cluster.health.signals import Severity, Signal, rule, seen, suggest
from app.cluster.objects import Key, condition, count, dig, millis, selects
from app.cluster.workloads import View, hpa_line


@rule("hpa.limit", "hpa.blind")
def autoscalers(view: View, now: int) -> Iterator[Signal]:
    """An autoscaler that wants more than it may, or sees nothing."""
    for (namespace, name), obj in view.reading.of("HorizontalPodAutoscaler").items():
        line = hpa_line(obj)
        target: Key = (line.target[0], namespace, line.target[1])
        owner = target if view.reading.get(*target) is not None else None
        if line.blind:
            broken = "AbleToScale" if condition(obj, "AbleToScale").get("status") == "False" else "ScalingActive"
            found = condition(obj, broken)
            at = millis(found.get("lastTransitionTime"))
            yield Signal(
                "hpa.blind",
                Severity.WARNING,
                "HorizontalPodAutoscaler",
                namespace,
                name,
                f"{line.target[0]} {line.target[1]} is not scaled: the autoscaler is blind",
                _blind(line.blind),
                at,
                (seen(obj, f"status.conditions[{broken}]", f"{found.get('reason')}: {line.blind}", at),),
                suggest("cluster.object", obj),
                owner,
            )
        elif line.limited == "TooManyReplicas":
            found = condition(obj, "ScalingLimited")
            at = millis(found.get("lastTransitionTime"))
            yield Signal(
                "hpa.limit",
                Severity.WARNING,
                "HorizontalPodAutoscaler",
                namespace,
                name,
                f"{line.target[1]} would need more than {line.most} pods",
                f"The load asks for more pods than the limit allows{': ' if line.measures else ''}{', '.join(line.measures)}.",
                at,
                (
                    seen(obj, "status.conditions[ScalingLimited]", "True TooManyReplicas", at),
                    seen(obj, "spec.maxReplicas", line.most),
                ),
                suggest("cluster.edit", obj),
                owner,
            )


def _blind(message: str) -> str:
    if "not found" in message and "scale" in message:
        return f"What it should scale does not exist. {message}"
    if "metrics.k8s.io" in message or "resource metrics" in message:
        return "metrics.k8s.io does not answer: is metrics-server running?"
    if "missing request for" in message:
        return "Its pods have no request for the resource, so a percentage of it cannot be computed."
    return message


@rule("pdb.blocks")
def budgets(view: View, now: int) -> Iterator[Signal]:
    """A disruption budget that lets no pod go: a drain of its nodes would wait for ever."""
    for (namespace, name), obj in view.reading.of("PodDisruptionBudget").items():
        expected, allowed = count(obj, "status", "expectedPods"), count(obj, "status", "disruptionsAllowed")
        if not expected or allowed:
            continue
        healthy, desired = count(obj, "status", "currentHealthy"), count(obj, "status", "desiredHealthy")
        by_rule = desired >= expected
        selector = dig(obj, "spec", "selector")
        owner = next(
            (
                view.owners[key]
                for key, pod in view.reading.of("Pod").items()
                if key[0] == namespace and selects(selector, dig(pod, "metadata", "labels", default={}))
            ),
            None,
        )
        yield Signal(
            "pdb.blocks",
            Severity.WARNING if healthy < desired else Severity.NOTICE,
            "PodDisruptionBudget",
            namespace,
            name,
            "The budget lets no pod go",
            f"It asks for {desired} of {expected} pods, so none may ever be evicted."
            if by_rule
            else f"Only {healthy} of {desired} needed pods are healthy."
            if healthy < desired
            else f"{healthy} of {expected} pods are healthy and {desired} must stay, so none can be spared now.",
            millis(condition(obj, "DisruptionAllowed").get("lastTransitionTime")),
            (seen(obj, "status.disruptionsAllowed", 0), seen(obj, "status.currentHealthy", healthy)),
            suggest("cluster.workload", owner) if owner is not None and not by_rule else suggest("cluster.edit", obj),
            owner,
        )
