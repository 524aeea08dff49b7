"""What is known of one cluster: raw objects by kind, and how far each kind can be believed.

Objects are the API's own JSON, lightened of what nobody here reads, and never changed once they are in. A snapshot costs nothing
until the next change, which then copies one dictionary of references.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from app.cluster.kinds import KINDS, Kind

Object = Mapping[str, Any]
Key = tuple[str, str]  # namespace (empty for cluster-wide objects) and name

_NOTHING: Mapping[Key, Object] = MappingProxyType({})
_HEAVY_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


class KindStatus(StrEnum):
    """How far what is known of a kind can be believed."""

    UNKNOWN = "unknown"  # never read
    LIVE = "live"  # read, and followed since
    STALE = "stale"  # read once; whether it is still so is not known
    ABSENT = "absent"  # this cluster does not serve the kind
    DENIED = "denied"  # this identity may not read it


@dataclass(frozen=True, slots=True)
class KindState:
    """What is known about our knowledge of a kind.

    Attributes:
        known_at: UTC milliseconds at which the objects were last seen to be so.
        spaces: the namespaces that this is true of; None for the whole cluster.
    """

    status: KindStatus = KindStatus.UNKNOWN
    known_at: int = 0
    message: str = ""
    spaces: frozenset[str] | None = None

    @property
    def readable(self) -> bool:
        """The objects are what the cluster said, now or a while ago; an empty mapping then means that there are none."""
        return self.status in (KindStatus.LIVE, KindStatus.STALE)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Use of CPU (thousandths of a core) and memory (bytes), as metrics.k8s.io said. ``read_at``: UTC milliseconds, 0 for never."""

    available: bool = False
    read_at: int = 0
    pods: Mapping[Key, Mapping[str, tuple[float, int]]] = field(default_factory=dict)
    nodes: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    message: str = ""


class Snapshot:
    """What was known of a cluster at one moment. Immutable.

    Attributes:
        context: name of the context it was read through.
        version: grows with every change of the store.
        taken_at: UTC milliseconds.
        metrics: use of CPU and memory at that time.
    """

    __slots__ = ("_objects", "_states", "context", "metrics", "taken_at", "version")

    def __init__(
        self,
        context: str,
        version: int,
        taken_at: int,
        objects: Mapping[str, Mapping[Key, Object]],
        states: Mapping[str, KindState],
        metrics: Metrics | None = None,
    ) -> None:
        self.context = context
        self.version = version
        self.taken_at = taken_at
        self.metrics = metrics or Metrics()
        self._objects = objects
        self._states = states

    def of(self, kind: str) -> Mapping[Key, Object]:
        """The objects of a kind; empty also when it was never read, which :meth:`state` tells apart."""
        return self._objects.get(kind, _NOTHING)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object; None when there is none, or none is known."""
        return self.of(kind).get((namespace, name))

    def state(self, kind: str) -> KindState:
        """How far :meth:`of` can be believed."""
        return self._states.get(kind, _UNREAD)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of which objects are known."""
        return tuple(kind for kind, objects in self._objects.items() if objects)

    @property
    def known_at(self) -> int:
        """The oldest instant at which a followed kind was seen to be so; 0 when nothing was read yet."""
        return min((state.known_at for state in self._states.values() if state.readable), default=0)

    @classmethod
    def of_objects(cls, objects: Iterable[Object], context: str = "test", taken_at: int = 0) -> Snapshot:
        """A snapshot of given objects, such as those of manifests. Every kind counts as read at ``taken_at``."""
        store = Store(context)
        for item in objects:
            store.put(str(item["kind"]), lighten(dict(item)))
        for kind in KINDS:
            store.set_state(kind, KindState(KindStatus.LIVE, taken_at))
        return store.snapshot(taken_at)


_UNREAD = KindState()


def key_of(item: Object) -> Key:
    """Namespace and name of an object."""
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def lighten(item: dict[str, Any], kind: Kind | None = None) -> Object:
    """The object without what only its writers need, and with the type that list items leave out.

    Field ownership (``managedFields``) and kubectl's copy of the last manifest are about half of a pod's bytes. A secret keeps its
    name and its type, never its data.
    """
    metadata = item.get("metadata")
    if metadata:
        metadata.pop("managedFields", None)
        annotations = metadata.get("annotations")
        if annotations and _HEAVY_ANNOTATION in annotations:
            del annotations[_HEAVY_ANNOTATION]
    if kind is not None:
        item["apiVersion"] = kind.api_version
        item["kind"] = kind.kind
    if item.get("kind") == "Secret":
        item.pop("data", None)
        item.pop("stringData", None)
    return item


class Store:
    """The objects of one cluster as they are now. Used on the service loop only."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.version = 0
        self.metrics = Metrics()
        self._objects: dict[str, dict[Key, Object]] = {}
        self._shared: set[str] = set()  # kinds whose dictionary a snapshot holds
        self._states: dict[str, KindState] = {}
        self._by_space: dict[str, dict[str, KindState]] = {}  # of kinds that are read namespace by namespace
        self._last: Snapshot | None = None

    def put(self, kind: str, item: Object) -> bool:
        """Keep an object that came or changed; False when this very version is known."""
        key = key_of(item)
        known = self._objects.get(kind, _NOTHING).get(key)
        if known is not None and _version(known) and _version(known) == _version(item) and _uid(known) == _uid(item):
            return False
        self._own(kind)[key] = item
        self.version += 1
        return True

    def remove(self, kind: str, key: Key) -> bool:
        """Forget an object; False when none was known."""
        if key not in self._objects.get(kind, _NOTHING):
            return False
        del self._own(kind)[key]
        self.version += 1
        return True

    def replace(self, kind: str, items: Mapping[Key, Object], namespace: str = "") -> bool:
        """Take a whole list in place of what is known of a kind (of one namespace, when one is given); True when that differs.

        An object that has not changed stays the very same, so that whoever compares by identity sees what moved.
        """
        known = self._objects.get(kind, {})
        fresh = {key: item for key, item in known.items() if namespace and key[0] != namespace}
        same = True
        for key, item in items.items():
            old = known.get(key)
            if old is not None and _version(old) and _version(old) == _version(item) and _uid(old) == _uid(item):
                fresh[key] = old
            else:
                fresh[key] = item
                same = False
        if same and len(fresh) == len(known):
            self._objects.setdefault(kind, known)
            return False
        self._objects[kind] = fresh
        self._shared.discard(kind)
        self.version += 1
        return True

    def clear(self) -> None:
        """Forget all objects and states: another cluster answers under this name."""
        self._objects, self._states, self._by_space, self._shared = {}, {}, {}, set()
        self.metrics = Metrics()
        self.version += 1

    def state(self, kind: str) -> KindState:
        """How far a kind can be believed."""
        return self._states.get(kind, _UNREAD)

    def set_state(self, kind: str, state: KindState, namespace: str = "") -> bool:
        """Say how far a kind (of one namespace, when one is given) can be believed; True when it is more than a newer time."""
        old = self.state(kind)
        if namespace:
            parts = self._by_space.setdefault(kind, {})
            parts[namespace] = state
            state = _joined(parts)
        if old == state:
            return False
        self._states[kind] = state
        self._last = None
        return (old.status, old.message) != (state.status, state.message)

    def keep_spaces(self, kind: str, namespaces: Iterable[str]) -> None:
        """A kind is read in these namespaces and no others from now on: what was known of others is forgotten."""
        wanted = set(namespaces)
        known = self._by_space.get(kind, {})
        self._by_space[kind] = {space: known.get(space, KindState()) for space in wanted}
        self._states[kind] = _joined(self._by_space[kind])
        kept = {key: item for key, item in self._objects.get(kind, {}).items() if key[0] in wanted}
        self.replace(kind, kept)
        self._last = None

    def set_metrics(self, metrics: Metrics) -> None:
        """Keep what metrics.k8s.io said."""
        self.metrics = metrics
        self.version += 1

    def count(self, kind: str) -> int:
        """How many objects of a kind are known."""
        return len(self._objects.get(kind, _NOTHING))

    def snapshot(self, now: int) -> Snapshot:
        """Everything as it is known now (``now``: UTC milliseconds)."""
        if self._last is not None and self._last.version == self.version:
            return self._last
        self._shared = set(self._objects)
        self._last = Snapshot(self.context, self.version, now, dict(self._objects), dict(self._states), self.metrics)
        return self._last

    def _own(self, kind: str) -> dict[Key, Object]:
        """The dictionary of a kind, to be changed: a copy when a snapshot holds the present one."""
        if kind in self._shared:
            self._objects[kind] = dict(self._objects[kind])
            self._shared.discard(kind)
        return self._objects.setdefault(kind, {})


def _joined(parts: Mapping[str, KindState]) -> KindState:
    """What is known of a kind that is read namespace by namespace: as good as the worst of what may be read."""
    states = list(parts.values())
    readable = frozenset(space for space, state in parts.items() if state.readable)
    if KindStatus.UNKNOWN in {state.status for state in states}:
        return KindState(spaces=readable)
    if not readable:
        denied = next((state for state in states if state.status is KindStatus.DENIED), states[0])
        return KindState(denied.status, 0, denied.message)
    told = [state for space, state in parts.items() if space in readable]
    stale = any(state.status is KindStatus.STALE for state in told)
    words = [state.message for state in told if state.message and (state.status is KindStatus.STALE or not stale)][:1]
    lost = sorted(parts.keys() - readable)
    words += [f"Nothing is known of {', '.join(lost)}."] if lost else []
    status = KindStatus.STALE if stale else KindStatus.LIVE
    return KindState(status, min(state.known_at for state in told), " ".join(words), readable)


def _version(item: Object) -> str:
    return str(item["metadata"].get("resourceVersion", ""))


def _uid(item: Object) -> str:
    return str(item["metadata"].get("uid", ""))
