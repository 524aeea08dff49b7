"""One request that changes an object, as a value that can be stored, tried without effect, sent, and looked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.cluster.actions.refs import Client, Ref, Reply, eviction_version, path_of
from app.cluster.diff import Change as FieldChange
from app.cluster.diff import changes, flatten
from app.cluster.objects import count, dig
from app.core.errors import Conflict, NotFound

MANAGER = "azora-console"
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Change:
    """What to send to one object.

    Attributes:
        verb: ``apply`` (server-side apply), ``patch`` (JSON merge patch), ``delete`` or ``evict``.
        body: the manifest or the patch; JSON.
        subresource: ``scale`` or ``status``; empty for the object itself.
        force: take over fields that other managers own (apply only).
        generation: the specification that the operator saw; when it moved on, nothing is sent. None: any.
        uid: the object that the operator saw; empty: any of that name.
        seen: :func:`fingerprint` of what the operator saw where the patch changes it: not every kind has a generation, and that of
            one that has does not count labels and annotations. Empty: any.
    """

    ref: Ref
    verb: str
    body: Mapping[str, Any] = field(default_factory=dict)
    subresource: str = ""
    force: bool = False
    generation: int | None = None
    uid: str = ""
    seen: str = ""

    def to_json(self) -> dict[str, object]:
        """For the params of a plan."""
        return {
            "ref": self.ref.to_json(),
            "verb": self.verb,
            "body": packed(self.body),
            "subresource": self.subresource,
            "force": self.force,
            "generation": self.generation,
            "uid": self.uid,
            "seen": self.seen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        """Inverse of :meth:`to_json`."""
        return cls(
            Ref.from_json(data["ref"]),
            str(data["verb"]),
            unpacked(data["body"]),
            str(data["subresource"]),
            bool(data["force"]),
            data["generation"],
            str(data["uid"]),
            str(data.get("seen", "")),
        )


def packed(body: Mapping[str, Any]) -> str:
    """What is sent, as one text: a plan's hash knows no fractions, and ``cpu: 0.5`` is one."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, allow_nan=False)


def unpacked(body: Any) -> dict[str, Any]:
    """Inverse of :func:`packed`; plans that were stored before have the object itself."""
    return json.loads(body) if isinstance(body, str) else dict(body)


def fingerprint(obj: Any, patch: Mapping[str, Any]) -> str:
    """A digest of the values of an object that a merge patch would change."""

    def touched(value: Any, part: Any) -> Any:
        if not isinstance(part, Mapping):
            return value
        return {key: touched(dig(value, key), inner) for key, inner in part.items()}

    return hashlib.sha256(packed(touched(obj, patch)).encode()).hexdigest()


async def read(client: Client, ref: Ref) -> dict[str, Any] | None:
    """The object now, or None."""
    try:
        return (await client.request("GET", await path_of(client, ref))).body
    except NotFound:
        return None


def check_same(change: Change, now: Mapping[str, Any] | None) -> None:
    """Raises Conflict when the object is no longer the one that the operator saw."""
    label = change.ref.label
    if now is None:
        if change.verb == "apply" and not change.uid:
            return
        raise Conflict(f"{label} no longer exists. Nothing was sent.", "Look at the cluster again.")
    if change.uid and dig(now, "metadata", "uid") != change.uid:
        raise Conflict(f"{label} was replaced by another object of that name. Nothing was sent.", "Look at it, then plan again.")
    moved = change.generation is not None and count(now, "metadata", "generation") != change.generation
    if moved or (change.seen and fingerprint(now, change.body) != change.seen):
        raise Conflict(
            f"{label} was changed by somebody else since this was planned. Nothing was sent.", "Look at it, then plan again."
        )


async def send(client: Client, change: Change, now: Mapping[str, Any] | None, *, dry_run: bool) -> Reply:
    """Send it once. ``now``: the object as just read, whose resourceVersion guards a patch of what somebody edited.

    Raises:
        ConsoleError: what the server said.
    """
    path = await path_of(client, change.ref, change.subresource)
    query = {"dryRun": "All"} if dry_run else {}
    match change.verb:
        case "apply":
            query |= {"fieldManager": MANAGER, "fieldValidation": "Strict"} | ({"force": "true"} if change.force else {})
            return await client.request("PATCH", path, query=query, body=change.body, content_type=APPLY)
        case "patch":
            query |= {"fieldManager": MANAGER, "fieldValidation": "Strict"}
            body = dict(change.body)
            if change.generation is not None and now is not None:
                version = dig(now, "metadata", "resourceVersion", default="")
                body["metadata"] = {**dig(body, "metadata", default={}), "resourceVersion": version}
            return await client.request("PATCH", path, query=query, body=body, content_type=MERGE)
        case "delete":
            body = {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "propagationPolicy": "Background",
                "preconditions": {"uid": change.uid},
            }
            if dry_run:
                body["dryRun"] = ["All"]
            return await client.request("DELETE", path, query=query, body=body)
        case _:
            options = {"preconditions": {"uid": change.uid}} | ({"dryRun": ["All"]} if dry_run else {})
            meta = {"name": change.ref.name, "namespace": change.ref.namespace}
            body = {"apiVersion": await eviction_version(client), "kind": "Eviction", "metadata": meta, "deleteOptions": options}
            return await client.request("POST", await path_of(client, change.ref, "eviction"), query=query, body=body)


async def tried(client: Client, change: Change) -> tuple[tuple[FieldChange, ...], tuple[str, ...]]:
    """What it would change, by the server's own dry run, and what the server warns of."""
    now = await read(client, change.ref)
    check_same(change, now)
    reply = await send(client, change, now, dry_run=True)
    if change.verb in ("delete", "evict"):
        return (), reply.warnings
    if change.subresource == "scale":
        before, after = dig(now, "spec", "replicas", default=0), dig(reply.body, "spec", "replicas", default=0)
        return (() if before == after else (FieldChange("spec.replicas", str(before), str(after)),)), reply.warnings
    return changes(now, reply.body, status=change.subresource == "status"), reply.warnings


def holds(now: Mapping[str, Any], wanted: Mapping[str, str], *, status: bool) -> bool:
    """Whether an object has the wanted values."""
    found = flatten(now, status=status)
    return all(found.get(path, "absent") == value for path, value in wanted.items())
