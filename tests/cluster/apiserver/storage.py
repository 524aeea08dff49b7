"""Revisions, history and selectors: what etcd and the watch cache do for an API server."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.cluster.apiserver.resources import Resource

Body = dict[str, Any]
Key = tuple[str, str]


def stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def order(key: Key) -> str:
    """etcd's order of keys."""
    namespace, name = key
    return f"{namespace}/{name}" if namespace else name


@dataclass(frozen=True)
class Change:
    """One entry of the history: what an object became, and what it was."""

    revision: int
    resource: Resource
    type: str
    now: Body
    before: Body | None


@dataclass(eq=False)
class Watcher:
    """An open watch. ``stalled``: it stays open and says nothing any more."""

    resource: Resource
    queue: asyncio.Queue[Change | str] = field(default_factory=asyncio.Queue)
    stalled: bool = False


class Selector:
    """Labels and fields that a request asks for."""

    def __init__(self, labels: str = "", fields: str = "", namespace: str = "") -> None:
        self.labels = [part.strip() for part in re.split(r",(?![^(]*\))", labels) if part.strip()]
        self.fields = [part for part in fields.split(",") if part]
        self.namespace = namespace

    @property
    def narrows(self) -> bool:
        return bool(self.labels or self.fields)

    def takes(self, body: Body) -> bool:
        metadata = body["metadata"]
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        labels = metadata.get("labels") or {}
        return all(self._label(part, labels) for part in self.labels) and all(self._field(part, body) for part in self.fields)

    @staticmethod
    def _label(part: str, labels: dict[str, str]) -> bool:
        if match := re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", part):
            values = {value.strip() for value in match[3].split(",")}
            inside = labels.get(match[1]) in values
            return inside if match[2] == "in" else not inside
        if match := re.fullmatch(r"([^=!\s]+)\s*(==|=|!=)\s*(\S*)", part):
            same = labels.get(match[1]) == match[3]
            return not same if match[2] == "!=" else same
        return part[1:] not in labels if part.startswith("!") else part in labels

    @staticmethod
    def _field(part: str, body: Body) -> bool:
        match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", part)
        assert match is not None, part
        value: Any = body
        for step in match[1].split("."):
            value = value.get(step) if isinstance(value, dict) else None
        same = ("" if value is None else str(value)) == match[3]
        return not same if match[2] == "!=" else same


class Storage:
    """All objects of a cluster, with their history."""

    def __init__(self) -> None:
        self.revision = 1
        self.resources: dict[tuple[str, str], Resource] = {}
        self.objects: dict[Resource, dict[Key, Body]] = {}
        self.history: list[Change] = []
        self.oldest = 0  # watches from before this revision get 410
        self.snapshots: dict[tuple[Resource, int], dict[Key, Body]] = {}
        self.sorted: dict[int, tuple[Resource, list[Key]]] = {}  # keys of the last whole list, for its further pages
        self.watchers: list[Watcher] = []
        self.cached: dict[Resource, dict[Key, Body]] | None = None  # what resourceVersion=0 shows while etcd is down

    def serve(self, resource: Resource) -> None:
        self.resources[(resource.group, resource.plural)] = resource
        self.objects.setdefault(resource, {})

    def withdraw(self, resource: Resource) -> None:
        """Delete a CRD: its objects go, its watches stay open to their timeout."""
        for key in list(self.objects[resource]):
            self.delete(resource, key)
        del self.resources[(resource.group, resource.plural)]
        del self.objects[resource]

    def by_kind(self, kind: str) -> Resource:
        return next(resource for resource in self.resources.values() if resource.kind == kind)

    def load(self, resource: Resource, items: list[Body], revision: int) -> None:
        """Take recorded objects as they are, with their versions."""
        for item in items:
            key = (item["metadata"].get("namespace", ""), item["metadata"]["name"])
            self.objects[resource][key] = item
        self.revision = max(self.revision, revision)
        self.oldest = self.revision

    def put(self, resource: Resource, body: Body) -> Body:
        """Create or replace, as its own revision. Returns what is stored."""
        body = copy.deepcopy(body)
        metadata = body["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        old = self.objects[resource].get(key)
        self.revision += 1
        if old is None:
            metadata.setdefault("uid", str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", stamp())
        else:
            metadata["uid"] = old["metadata"]["uid"]
            metadata["creationTimestamp"] = old["metadata"]["creationTimestamp"]
        metadata["resourceVersion"] = str(self.revision)
        self.objects[resource][key] = body
        self._record(Change(self.revision, resource, "MODIFIED" if old else "ADDED", body, old))
        return body

    def delete(self, resource: Resource, key: Key) -> Body:
        old = self.objects[resource].pop(key)
        self.revision += 1
        gone = copy.deepcopy(old)
        gone["metadata"]["resourceVersion"] = str(self.revision)
        self._record(Change(self.revision, resource, "DELETED", gone, old))
        return gone

    def _record(self, change: Change) -> None:
        self.history.append(change)
        for watcher in self.watchers:
            if watcher.resource is change.resource:
                watcher.queue.put_nowait(change)

    def compact(self) -> None:
        """Forget all history: watches from before now get 410, continue tokens too."""
        self.history.clear()
        self.oldest = self.revision
        self.snapshots.clear()
        self.sorted.clear()

    def event(self, change: Change, selector: Selector) -> tuple[str, Body] | None:
        """A change as a watch with this selector sees it, or None. Leaving a selector is ``DELETED`` with the old object."""
        was = change.before is not None and selector.takes(change.before)
        if change.type == "DELETED":
            return ("DELETED", change.now) if was else None
        now = selector.takes(change.now)
        if now:
            return ("MODIFIED" if was else "ADDED"), change.now
        if not was or change.before is None:
            return None
        old = copy.deepcopy(change.before)
        old["metadata"]["resourceVersion"] = str(change.revision)
        return "DELETED", old


def token(revision: int, start: Key, *, inconsistent: bool = False) -> str:
    """A continue token, in the server's own form."""
    text = f"{'' if inconsistent else '/'}{order(start)}\0"
    body = json.dumps({"v": "meta.k8s.io/v1", "rv": -1 if inconsistent else revision, "start": text}, separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def read_token(text: str) -> tuple[int, str]:
    """Revision and the key after which to go on."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    found = json.loads(raw)
    return found["rv"], found["start"].lstrip("/").rstrip("\0")
