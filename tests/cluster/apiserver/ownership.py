"""Who owns which field: server-side apply and the book-keeping of updates (structured-merge-diff, as far as the tests need it).

A path is a tuple of elements in the spelling of FieldsV1: ``f:name`` a field, ``k:{…}`` an item of a keyed list, ``v:…`` a member of a
set. A last element ``.`` stands for the item itself.
"""  # noqa: E501

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from tests.cluster.apiserver.resources import ATOMIC_MAPS, SETS, keys_of

Path = tuple[str, ...]
NOT_OWNED = {"apiVersion", "kind"}
META_NOT_OWNED = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
}


def leaves(body: dict[str, Any]) -> dict[Path, Any]:
    """Every owned path of an object with its value; items of keyed lists also as ``….``."""
    found: dict[Path, Any] = {}
    for name, value in body.items():
        if name in NOT_OWNED:
            continue
        if name == "metadata":
            for inner, item in (value or {}).items():
                if inner not in META_NOT_OWNED:
                    _walk(item, ("f:metadata", f"f:{inner}"), ("metadata", inner), found)
        else:
            _walk(value, (f"f:{name}",), (name,), found)
    return found


def _walk(value: Any, path: Path, names: tuple[str, ...], found: dict[Path, Any]) -> None:
    if isinstance(value, dict) and value and names[-1] not in ATOMIC_MAPS:
        for name, item in value.items():
            _walk(item, (*path, f"f:{name}"), (*names, name), found)
    elif isinstance(value, list) and names[-1] in SETS:
        for item in value:
            found[(*path, f"v:{json.dumps(item)}")] = item
    elif isinstance(value, list) and (keys := keys_of(names)) and all(isinstance(item, dict) for item in value):
        for item in value:
            inner = (*path, _key(item, keys))
            found[(*inner, ".")] = True
            for name, part in item.items():
                _walk(part, (*inner, f"f:{name}"), (*names, name), found)
    else:
        found[path] = value


def _key(item: dict[str, Any], keys: tuple[str, ...]) -> str:
    filled = {"protocol": "TCP"} if "protocol" in keys else {}
    return "k:" + json.dumps({key: item.get(key, filled.get(key)) for key in keys}, separators=(",", ":"))


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """FieldsV1."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        node = root
        for step in path:
            node = node.setdefault(step, {})
    return root


def decode(fields: dict[str, Any]) -> set[Path]:
    """The leaf paths of FieldsV1; ``.`` of plain maps is left out."""
    found: set[Path] = set()

    def walk(node: dict[str, Any], path: Path) -> None:
        if not node:
            found.add(path)
        for name, inner in node.items():
            if name == ".":
                if path and path[-1].startswith("k:"):
                    found.add((*path, "."))
            else:
                walk(inner, (*path, name))

    walk(fields, ())
    found.discard(())
    return found


def spoken(path: Path) -> str:
    """``.spec.template.spec.containers[name="main"].image``."""
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += "." + step[2:]
        elif step.startswith("k:"):
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(step[2:]).items()) + "]"
        elif step.startswith("v:"):
            text += f"[{step[2:]}]"
    return text


def merge(live: Any, applied: Any, names: tuple[str, ...] = ()) -> Any:
    """The live value with the applied one laid over it, by the schema."""
    if isinstance(live, dict) and isinstance(applied, dict) and not (names and names[-1] in ATOMIC_MAPS):
        merged = dict(live)
        for name, value in applied.items():
            merged[name] = merge(live.get(name), value, (*names, name))
        return merged
    if isinstance(live, list) and isinstance(applied, list) and names:
        if names[-1] in SETS:
            return live + [item for item in applied if item not in live]
        keys = keys_of(names)
        if keys:
            rest = {_key(item, keys): item for item in live}
            for item in applied:
                rest[_key(item, keys)] = merge(rest.get(_key(item, keys)), item, names)
            return list(rest.values())
    return copy.deepcopy(applied)


def remove(body: dict[str, Any], path: Path) -> None:
    """Take a path out of an object, and the empty maps that it leaves behind."""
    trail: list[tuple[Any, Any]] = []
    node: Any = body
    names: tuple[str, ...] = ()
    steps = path[:-1] if path[-1] == "." else path
    for step in steps:
        if step.startswith("f:"):
            index: Any = step[2:]
            if not isinstance(node, dict) or index not in node:
                return
            names = (*names, index)
        elif step.startswith("k:"):
            wanted = step
            keys = keys_of(names) or ()
            at = [number for number, item in enumerate(node or ()) if _key(item, keys) == wanted]
            if not at:
                return
            index = at[0]
        else:
            value = json.loads(step[2:])
            if value not in (node or ()):
                return
            index = node.index(value)
        trail.append((node, index))
        node = node[index]
    for holder, index in reversed(trail):
        del holder[index]
        if holder:
            break


class Owners:
    """The ``managedFields`` of an object."""

    def __init__(self, entries: list[dict[str, Any]] | None) -> None:
        self.entries = copy.deepcopy(entries or [])

    def paths(self, entry: dict[str, Any]) -> set[Path]:
        return decode(entry.get("fieldsV1") or {})

    def find(self, manager: str, operation: str, subresource: str = "") -> dict[str, Any] | None:
        for entry in self.entries:
            if (entry["manager"], entry["operation"], entry.get("subresource", "")) == (manager, operation, subresource):
                return entry
        return None

    def put(self, manager: str, operation: str, api_version: str, now: str, paths: set[Path], subresource: str = "") -> None:
        entry = self.find(manager, operation, subresource)
        if not paths:
            if entry is not None:
                self.entries.remove(entry)
            return
        if entry is None:
            entry = {"manager": manager, "operation": operation}
            at = len([e for e in self.entries if e["operation"] == "Apply"]) if operation == "Apply" else len(self.entries)
            self.entries.insert(at, entry)
        fields = encode(paths)
        if entry.get("fieldsV1") != fields:
            entry.update(apiVersion=api_version, time=now, fieldsType="FieldsV1", fieldsV1=fields)
            if subresource:
                entry["subresource"] = subresource

    def take_from_others(self, paths: set[Path], but: dict[str, Any] | None) -> None:
        for entry in list(self.entries):
            if entry is not but:
                left = self.paths(entry)
                if left & paths:
                    entry["fieldsV1"] = encode(left - paths)
                    if not left - paths:
                        self.entries.remove(entry)

    def updated(
        self, old: dict[str, Any], new: dict[str, Any], manager: str, api_version: str, now: str, subresource: str = ""
    ) -> None:
        """Book an update: what changed belongs to its manager, what went belongs to nobody."""
        before, after = leaves(old), leaves(new)
        changed = {path for path, value in after.items() if path not in before or before[path] != value}
        gone = set(before) - set(after)
        if not changed and not gone:
            return
        entry = self.find(manager, "Update", subresource)
        own = (self.paths(entry) if entry else set()) - gone
        self.take_from_others(changed | gone, entry)
        self.put(manager, "Update", api_version, now, own | changed, subresource)

    def conflicts(self, live: dict[str, Any], applied: dict[Path, Any], manager: str) -> list[tuple[dict[str, Any], Path]]:
        """Who else owns a field that this apply would give another value."""
        now = leaves(live)
        found = []
        for entry in self.entries:
            if (entry["manager"], entry["operation"]) == (manager, "Apply"):
                continue
            owned = self.paths(entry)
            found += [
                (entry, path) for path in sorted(applied) if path in owned and path[-1] != "." and now.get(path) != applied[path]
            ]
        return found


def named(entry: dict[str, Any]) -> str:
    """A manager as the conflict's message names it."""
    text = json.dumps(entry["manager"])
    if entry.get("subresource"):
        text += f" with subresource {json.dumps(entry['subresource'])}"
    if entry["operation"] == "Update":
        text += f" using {entry['apiVersion']}" + (f" at {entry['time']}" if entry.get("time") else "")
    return text


def apply(
    live: dict[str, Any], wanted: dict[str, Any], manager: str, api_version: str, now: str, *, force: bool
) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Path]]]:
    """Server-side apply: the new object, or the conflicts that stop it."""
    owners = Owners(live["metadata"].get("managedFields"))
    applied = leaves(wanted)
    conflicts = owners.conflicts(live, applied, manager)
    if conflicts and not force:
        return live, conflicts
    own = owners.find(manager, "Apply")
    dropped = (owners.paths(own) if own else set()) - set(applied)
    if conflicts:
        owners.take_from_others({path for _, path in conflicts}, own)
    others = set().union(*(owners.paths(entry) for entry in owners.entries if entry is not own)) if owners.entries else set()
    new = merge(live, {**wanted, "metadata": {k: v for k, v in wanted["metadata"].items() if k != "resourceVersion"}})
    new = copy.deepcopy(new)
    for path in sorted(dropped - others, key=len, reverse=True):
        item = path[:-1]
        if path[-1] == "." and any(other[: len(item)] == item for other in others):
            continue
        remove(new, path)
    owners.put(manager, "Apply", api_version, now, set(applied))
    new["metadata"]["managedFields"] = owners.entries
    return new, []
