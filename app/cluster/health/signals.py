"""What a signal is, how rules register, and how signals become a score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from app.cluster.objects import Key, Object, key_of
from app.cluster.workloads import View, Workload

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000  # milliseconds


class Severity(StrEnum):
    """How bad: something does not serve, may soon not serve, or is not as it should be."""

    OK = "ok"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for ok, 3 for critical."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}
# Points off a workload's 100, once per rule. Two criticals leave 20; hygiene alone never goes below 80.
PENALTY = {Severity.OK: 0, Severity.NOTICE: 3, Severity.WARNING: 15, Severity.CRITICAL: 40}
HYGIENE_CAP = 20
# Points off the cluster for what belongs to no workload (a node, a quota), once per signal, at most ``CLUSTER_CAP`` together.
CLUSTER_PENALTY = {Severity.OK: 0, Severity.NOTICE: 1, Severity.WARNING: 6, Severity.CRITICAL: 20}
CLUSTER_CAP = 60


@dataclass(frozen=True, slots=True)
class Seen:
    """A fact that made a rule fire: this field of this object had this value (at a time, when the field has one)."""

    kind: str
    namespace: str
    name: str
    field: str
    value: str
    at: int = 0  # UTC ms, 0 when the fact has no time of its own


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What to do: an action id of the interface with its arguments. Never a Plan: the operator opens one."""

    action: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that is not well.

    Attributes:
        rule: id, such as ``pod.crash_loop``.
        kind, namespace, name: the object it is about.
        title: one sentence.
        cause: the likely cause in plain words.
        since: UTC milliseconds, 0 when unknown.
        workload: the workload that it counts for; None for what belongs to the cluster.
    """

    rule: str
    severity: Severity
    kind: str
    namespace: str
    name: str
    title: str
    cause: str = ""
    since: int = 0
    evidence: tuple[Seen, ...] = ()
    suggestion: Suggestion | None = None
    workload: Key | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells this signal from every other: rule and object."""
        return (self.rule, self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class WorkloadHealth:
    """A workload's score (0 … 100) with its signals, worst first."""

    kind: str
    namespace: str
    name: str
    ready: int
    wanted: int
    score: int
    severity: Severity
    signals: tuple[Signal, ...]


@dataclass(frozen=True)
class Health:
    """The judgement over a cluster."""

    score: int
    signals: tuple[Signal, ...]  # worst first, then oldest
    workloads: tuple[WorkloadHealth, ...]
    unread: tuple[str, ...] = ()  # kinds that could not be read, so rules that need them said nothing

    @property
    def worst(self) -> Signal | None:
        """The worst signal."""
        return self.signals[0] if self.signals else None

    @property
    def healthy(self) -> bool:
        """Nothing is critical."""
        return self.worst is None or self.worst.severity is not Severity.CRITICAL

    @cached_property
    def by_workload(self) -> Mapping[Key, WorkloadHealth]:
        """By kind, namespace and name."""
        return {(w.kind, w.namespace, w.name): w for w in self.workloads}


Rule = Callable[[View, int], Iterator[Signal]]
RULES: dict[str, Rule] = {}


def rule(*ids: str) -> Callable[[Rule], Rule]:
    """Register a rule under the ids of the signals that it may give."""

    def register(function: Rule) -> Rule:
        for name in ids:
            if name in RULES:
                raise ValueError(name)
            RULES[name] = function
        return function

    return register


def seen(obj: Object, path: str, value: object, at: int = 0) -> Seen:
    """A fact about an object."""
    kind, namespace, name = key_of(obj)
    return Seen(kind, namespace, name, path, str(value), at)


def suggest(action: str, obj: Object | Workload | Key, **more: str) -> Suggestion:
    """An action on an object."""
    if isinstance(obj, Workload):
        kind, namespace, name = obj.key
    elif isinstance(obj, tuple):
        kind, namespace, name = obj
    else:
        kind, namespace, name = key_of(obj)
    return Suggestion(action, {"kind": kind, "namespace": namespace, "name": name, **more})


def worst_first(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """By severity, then the oldest (unknown last), then by name."""
    return tuple(
        sorted(signals, key=lambda s: (-s.severity.rank, s.since or 1 << 62, s.namespace, s.name, s.rule)),
    )


def workload_score(signals: Iterable[Signal]) -> int:
    """100 less the penalty of each rule that fired, counted once at its worst; notices together at most ``HYGIENE_CAP``."""
    worst: dict[str, Severity] = {}
    for signal in signals:
        worst[signal.rule] = max(worst.get(signal.rule, Severity.OK), signal.severity, key=lambda s: s.rank)
    notices = sum(PENALTY[s] for s in worst.values() if s is Severity.NOTICE)
    others = sum(PENALTY[s] for s in worst.values() if s is not Severity.NOTICE)
    return max(0, 100 - others - min(HYGIENE_CAP, notices))


def cluster_score(workloads: Iterable[WorkloadHealth], others: Iterable[Signal]) -> int:
    """Half the mean and half the worst of the workloads' scores, less what is wrong with the cluster itself.

    The mean alone would hide one dead workload among a hundred; the worst alone could not tell one from ten.
    """
    scores = [workload.score for workload in workloads]
    base = (sum(scores) / len(scores) + min(scores)) / 2 if scores else 100.0
    return max(0, round(base - min(CLUSTER_CAP, sum(CLUSTER_PENALTY[signal.severity] for signal in others))))
