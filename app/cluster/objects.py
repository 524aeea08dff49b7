"""Raw objects of a cluster, read without a typed model: ten times less memory, and every field of every version.

A field that the API server leaves out because it is zero or empty is read as such (``readyReplicas`` of no pod is absent).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

Object = Mapping[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name
NOTHING: Object = {}
KNOWN = ("live", "stale")


class KnownState(Protocol):
    """How far the objects of a kind can be believed."""

    @property
    def status(self) -> str:
        """``live``, ``stale``, ``absent``, ``denied`` or ``unknown``."""

    @property
    def spaces(self) -> frozenset[str] | None:
        """The namespaces that were read; None for the whole cluster."""


class Usage(Protocol):
    """What metrics.k8s.io said: CPU in millicores, memory in bytes."""

    @property
    def available(self) -> bool:
        """Whether there was an answer."""

    @property
    def pods(self) -> Mapping[tuple[str, str], Mapping[str, tuple[float, int]]]:
        """By namespace and pod, then container."""

    @property
    def nodes(self) -> Mapping[str, tuple[float, int]]:
        """By node."""


class Reading(Protocol):
    """The part of a snapshot that health, rollouts and topology look at."""

    @property
    def metrics(self) -> Usage:
        """Measured use."""

    def of(self, kind: str) -> Mapping[tuple[str, str], Object]:
        """Objects of a kind by namespace and name."""

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object."""

    def state(self, kind: str) -> KnownState:
        """How far the kind can be believed."""


def known(reading: Reading, kind: str, namespace: str = "") -> bool:
    """Whether the objects of a kind (of a namespace, when one is given) were read at all: what was not read is not absent."""
    state = reading.state(kind)
    return str(state.status) in KNOWN and (not namespace or state.spaces is None or namespace in state.spaces)


def dig(value: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path, or ``default`` where anything on the way is missing or null, or where an object is asked for and there
    is none: a custom resource may hold anything at all.
    """
    for step in path:
        # A dict first: asking for Mapping costs ten times as much, and this is called a hundred times for each pod.
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list:
            value = value[step] if isinstance(step, int) and -len(value) <= step < len(value) else None
        elif isinstance(value, Mapping):
            value = value.get(step)
        else:
            return default
        if value is None:
            return default
    return default if type(default) is dict and not isinstance(value, Mapping) else value


def items(value: Any, *path: str | int) -> list[Any]:
    """The objects of the list at a path; empty when it is missing or null."""
    found = dig(value, *path)
    if type(found) is not list:
        return []
    for one in found:
        if type(one) is not dict:
            return [one for one in found if isinstance(one, Mapping)]
    return found


def texts(value: Any, *path: str | int) -> list[str]:
    """The texts of the list at a path; empty when it is missing or null."""
    found = dig(value, *path)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def count(value: Any, *path: str | int, default: int = 0) -> int:
    """The integer at a path; what is left out is ``default``."""
    found = dig(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def name_of(obj: Object) -> str:
    """Name."""
    return str(dig(obj, "metadata", "name", default=""))


def namespace_of(obj: Object) -> str:
    """Namespace, or empty for what belongs to the whole cluster."""
    return str(dig(obj, "metadata", "namespace", default=""))


def kind_of(obj: Object) -> str:
    """Kind."""
    return str(obj.get("kind", ""))


def key_of(obj: Object) -> Key:
    """Kind, namespace, name."""
    return (kind_of(obj), namespace_of(obj), name_of(obj))


def labels_of(obj: Object) -> Mapping[str, str]:
    """Labels."""
    return dig(obj, "metadata", "labels", default={})  # type: ignore[no-any-return]


def annotations_of(obj: Object) -> Mapping[str, str]:
    """Annotations."""
    return dig(obj, "metadata", "annotations", default={})  # type: ignore[no-any-return]


def controller_of(obj: Object) -> tuple[str, str]:
    """Kind and name of the controlling owner, or two empty texts."""
    for owner in items(obj, "metadata", "ownerReferences"):
        if owner.get("controller"):
            return str(owner.get("kind", "")), str(owner.get("name", ""))
    return "", ""


def condition(obj: Object, kind: str) -> Object:
    """The condition of a type, or an empty mapping."""
    for found in items(obj, "status", "conditions"):
        if found.get("type") == kind:
            return found  # type: ignore[no-any-return]
    return NOTHING


def millis(text: object) -> int:
    """An RFC 3339 time as UTC milliseconds; 0 when there is none."""
    if not isinstance(text, str) or not text:
        return 0
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches. ``None`` matches nothing, an empty one everything (as the API defines both).

    A plain mapping of labels (Service, ReplicationController) is taken as ``matchLabels``.
    """
    if selector is None:
        return False
    if not (selector.keys() & {"matchLabels", "matchExpressions"}):
        return all(labels.get(key) == value for key, value in selector.items())
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _satisfies(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _satisfies(expression: Object, labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key", "")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def containers(pod_spec: Object) -> Iterable[Object]:
    """Containers and init containers that go on running (side cars); not debug containers."""
    yield from items(pod_spec, "containers")
    for container in items(pod_spec, "initContainers"):
        if container.get("restartPolicy") == "Always":
            yield container


def template_of(workload: Object) -> Object:
    """The pod template of a workload; a CronJob's is one level deeper, a Pod is its own."""
    match kind_of(workload):
        case "CronJob":
            found = dig(workload, "spec", "jobTemplate", "spec", "template", default=NOTHING)
        case "Pod":
            found = workload
        case _:
            found = dig(workload, "spec", "template", default=NOTHING)
    return found  # type: ignore[no-any-return]
