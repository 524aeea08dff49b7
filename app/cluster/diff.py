"""Two states of an object, field by field.

Paths name list entries by what Kubernetes merges them by (``containers[web].image``), so that a change of order is no change.
Values of Secrets are never shown: only that they differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.cluster.objects import Object, kind_of

ABSENT = "absent"
HIDDEN = "hidden"
# Fields that the server keeps for itself; a difference in them is nobody's wish.
KEPT_BY_SERVER = frozenset(
    {
        "status",
        "metadata.managedFields",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.uid",
        "metadata.creationTimestamp",
        "metadata.selfLink",
        "metadata.deletionTimestamp",
        "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
        "metadata.annotations.deployment.kubernetes.io/revision",
    }
)
MERGE_KEYS = ("name", "containerPort", "port", "mountPath", "devicePath", "type", "topologyKey", "ip", "key")


@dataclass(frozen=True, slots=True)
class Change:
    """One field: its path, and its values as text, ``absent`` where there is none."""

    path: str
    before: str
    after: str


def changes(before: Object | None, after: Object | None, *, status: bool = False) -> tuple[Change, ...]:
    """What differs, by path. ``status`` looks at the status too."""
    old, new = flatten(before, status=status), flatten(after, status=status)
    secret = "Secret" in (kind_of(before or {}), kind_of(after or {}))
    found = []
    for path in sorted(old.keys() | new.keys()):
        left, right = old.get(path, ABSENT), new.get(path, ABSENT)
        if left == right or _filled(path, left, new) or _filled(path, right, old):
            continue
        if secret and path.split(".")[0] in ("data", "stringData"):
            left, right = (HIDDEN if left != ABSENT else left), (f"{HIDDEN}, changed" if right != ABSENT else right)
        found.append(Change(path, left, right))
    return tuple(found)


def _filled(path: str, value: str, other: Mapping[str, str]) -> bool:
    """An empty list or object is no field of its own where the other side has something in it."""
    return value in ("{}", "[]") and path not in other and any(each.startswith((f"{path}.", f"{path}[")) for each in other)


def flatten(obj: Object | None, *, status: bool = False) -> dict[str, str]:
    """Every leaf by path. Empty lists and objects are leaves; null is as good as absent."""
    if obj is None:
        return {}
    kept = KEPT_BY_SERVER - {"status"} if status else KEPT_BY_SERVER
    return {
        path: text(value)
        for path, value in _leaves("", obj)
        if not any(path == k or path.startswith((f"{k}.", f"{k}[")) for k in kept)
    }


def text(value: Any) -> str:
    """A value as one line."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if not value and path:
            yield path, {}
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        if not value:
            yield path, []
        keys = _names(value)
        for key, inner in zip(keys, value, strict=True):
            yield from _leaves(f"{path}[{key}]", inner)
    elif value is not None:
        yield path, value


def _names(values: list[Any]) -> list[str]:
    """What tells the entries apart: their merge key when every one has its own, else their place."""
    if values and all(isinstance(value, Mapping) for value in values):
        for key in MERGE_KEYS:
            names = [str(value.get(key)) for value in values if value.get(key) is not None]
            if len(names) == len(values) == len(set(names)):
                return names
    if values and all(isinstance(value, str) for value in values) and len(set(values)) == len(values) and len(values) > 3:
        return list(values)
    return [str(index) for index in range(len(values))]


def merge_patch(before: Any, after: Any) -> Any:
    """The JSON merge patch (RFC 7386) that makes ``after`` of ``before``; an empty mapping when they are equal."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif value != before[key]:
            patch[key] = merge_patch(before[key], value)
    return patch


def patched(target: Any, patch: Any) -> Any:
    """A JSON merge patch applied (RFC 7386)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result
