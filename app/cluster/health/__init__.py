"""Health: named signals with evidence, a likely cause and a suggested action; a score per workload and per cluster.

Every rule is a pure function over a snapshot. A rule says nothing where a kind could not be read: what was not read is not absent.

**Score of a workload:** 100 less 40 for each critical rule, 15 for each warning, 3 for each notice (each rule counts once, at its
worst; notices together at most 20), never below 0. **Score of a cluster:** half the mean and half the worst score of its
workloads, less 20, 6 or 1 for each signal that belongs to no workload (a dead node, a full quota), at most 60 together. Healthy
means that nothing is critical.

Severities: *critical*, something does not serve now; *warning*, it serves less than it should or soon may not; *notice*, it is not
built to last.
"""

from __future__ import annotations

from collections import defaultdict

from app.cluster.health import autoscaling, hygiene, nodes, pods, programs, rollout, routes  # noqa: F401 - they register their rules
from app.cluster.health.signals import (
    RULES,
    Health,
    Seen,
    Severity,
    Signal,
    Suggestion,
    WorkloadHealth,
    cluster_score,
    workload_score,
    worst_first,
)
from app.cluster.objects import Key, Reading, known
from app.cluster.workloads import View
from app.core.courtesy import politely

__all__ = ["RULES", "Health", "Seen", "Severity", "Signal", "Suggestion", "WorkloadHealth", "assess"]
NEEDED = (
    "Pod",
    "Node",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Event",
    "NetworkPolicy",
    "HorizontalPodAutoscaler",
)


def assess(snapshot: Reading, now: int) -> Health:
    """Judge a snapshot.

    Args:
        now: UTC milliseconds.
    """
    return assess_view(View(snapshot), now)


def assess_view(view: View, now: int) -> Health:
    """Judge a view that others use too."""
    signals: dict[tuple[str, str, str, str], Signal] = {}
    for function in dict.fromkeys(RULES.values()):
        for signal in politely(function(view, now)):
            signals.setdefault(signal.key, signal)
    ordered = worst_first(signals.values())
    by_workload: dict[Key, list[Signal]] = defaultdict(list)
    for signal in politely(ordered):
        if signal.workload is not None:
            by_workload[signal.workload].append(signal)
    workloads = tuple(
        WorkloadHealth(
            line.kind,
            line.namespace,
            line.name,
            line.ready,
            line.wanted,
            workload_score(by_workload[line.key]),
            by_workload[line.key][0].severity if by_workload[line.key] else Severity.OK,
            tuple(by_workload[line.key]),
        )
        for line in view.workloads
    )
    judged = {line.key for line in view.workloads}
    others = [signal for signal in ordered if signal.workload not in judged]
    unread = tuple(kind for kind in NEEDED if not known(view.reading, kind))
    return Health(cluster_score(workloads, others), ordered, workloads, unread)
