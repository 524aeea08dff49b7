"""Lists and watches."""

from __future__ import annotations

import asyncio
import binascii
import bisect
import json
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from tests.cluster.apiserver.answers import Refused, expired
from tests.cluster.apiserver.resources import Resource
from tests.cluster.apiserver.storage import Selector, Watcher, order, read_token, token
from tests.cluster.apiserver.tables import partial, table

if TYPE_CHECKING:
    from tests.cluster.apiserver.server import ApiServer, Asked

PLAIN = {"Cache-Control": "no-cache, private"}


def form_of(accept: str) -> str:
    """``object``, ``table`` or ``partial``."""
    first = accept.split(",")[0]
    if "as=Table" in first:
        return "table"
    if "as=PartialObjectMetadata" in first:
        return "partial"
    if not any(kind in accept for kind in ("application/json", "*/*", "application/*")):
        raise Refused(
            406,
            "NotAcceptable",
            "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
            "application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
            details={},
        )
    return "object"


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Refused(
            500, "", f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        ) from None


def _check(query: dict[str, str]) -> None:
    if query.get("resourceVersionMatch") and not query.get("resourceVersion") and "sendInitialEvents" not in query:
        said = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        cause = {"reason": "FieldValueForbidden", "message": said, "field": "resourceVersionMatch"}
        raise Refused(
            422,
            "Invalid",
            f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {said}',
            details={"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]},
        )


async def list_all(server: ApiServer, asked: Asked, resource: Resource) -> web.StreamResponse:
    form = form_of(asked.accept)
    storage, query = server.storage, asked.query
    _check(query)
    version, limit = query.get("resourceVersion", ""), int(query.get("limit") or 0)
    revision = storage.revision
    objects = storage.objects[resource]
    selector = Selector(query.get("labelSelector", ""), query.get("fieldSelector", ""), asked.namespace)
    start = ""
    if query.get("continue"):
        revision, objects, start = _go_on(server, resource, query["continue"])
    if version == "0":
        limit = 0
    else:
        if version:
            asked_for = _number(version)
            if query.get("resourceVersionMatch") == "Exact" and asked_for < storage.oldest:
                raise Refused(410, "Expired", "The resourceVersion for the provided list is too old.")
            if asked_for > storage.revision:
                raise Refused(
                    504,
                    "Timeout",
                    f"Timeout: Too large resource version: {asked_for}, current: {storage.revision}",
                    details={
                        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                        "retryAfterSeconds": 1,
                    },
                    headers={"Retry-After": "1"},
                )
        if server.faults.etcd_down:
            await server.faults.healed.wait()
    whole = not selector.narrows and not selector.namespace
    if whole and start and revision in storage.sorted and storage.sorted[revision][0] is resource:
        keys = storage.sorted[revision][1]
        keys = keys[bisect.bisect_right(keys, start, key=order) :]
    else:
        keys = sorted((key for key, body in objects.items() if selector.takes(body) and order(key) > start), key=order)
    page = keys[:limit] if limit else keys
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if len(page) < len(keys):
        storage.snapshots.setdefault((resource, revision), dict(objects))
        if whole and not start:
            storage.sorted = {revision: (resource, keys)}
        metadata["continue"] = token(revision, page[-1])
        if not selector.narrows:
            metadata["remainingItemCount"] = len(keys) - len(page)
    items = [objects[key] for key in page]
    body = msgspec.json.encode(_shaped(resource, form, items, metadata, query.get("includeObject", "")))
    return web.Response(body=body, headers={**PLAIN, "Content-Type": "application/json"})


def _go_on(server: ApiServer, resource: Resource, text: str) -> tuple[int, dict[Any, Any], str]:
    storage = server.storage
    try:
        revision, start = read_token(text)
    except (binascii.Error, ValueError, KeyError, UnicodeDecodeError):
        raise Refused(
            400,
            "BadRequest",
            "invalid continue token: continue key is not valid: invalid character '\\x81' looking for beginning of value",
        ) from None
    if revision == -1:
        return storage.revision, storage.objects[resource], start
    snapshot = storage.snapshots.get((resource, revision))
    if snapshot is None or server.faults.inconsistent:
        server.faults.inconsistent = max(0, server.faults.inconsistent - 1)
        refused = Refused(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the "
            "continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing "
            "with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the "
            "time the first chunk was returned and now may show up in the list.",
        )
        raise Expired(refused, start)
    return revision, snapshot, start


class Expired(Refused):
    """410 of a continue token: it carries another token, whose list is not consistent."""

    def __init__(self, refused: Refused, start: str) -> None:
        super().__init__(refused.code, refused.reason, refused.message)
        namespace, _, name = start.rpartition("/")
        self.token = token(-1, (namespace, name), inconsistent=True)

    @property
    def status(self) -> dict[str, Any]:
        return {**super().status, "metadata": {"continue": self.token}}


def _shaped(resource: Resource, form: str, items: list[Any], metadata: dict[str, Any], include: str) -> dict[str, Any]:
    if form == "table":
        return table(resource, items, metadata, include)
    if form == "partial":
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": [partial(item) for item in items],
        }
    if not resource.custom:
        items = [{name: value for name, value in item.items() if name not in ("kind", "apiVersion")} for item in items]
        return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}
    metadata = {"continue": metadata.get("continue", ""), **{k: v for k, v in metadata.items() if k != "continue"}}
    return {"apiVersion": resource.api_version, "items": items, "kind": f"{resource.kind}List", "metadata": metadata}


async def watch(server: ApiServer, asked: Asked, resource: Resource) -> web.StreamResponse:
    """One watch, to its end."""
    form, storage, query = form_of(asked.accept), server.storage, asked.query
    _check(query)
    text = query.get("resourceVersion", "")
    start = _number(text) if text else 0
    selector = Selector(query.get("labelSelector", ""), query.get("fieldSelector", ""), asked.namespace)
    bookmarks = query.get("allowWatchBookmarks") == "true"
    watcher = Watcher(resource)
    backlog = [change for change in storage.history if change.resource is resource]
    initial = query.get("sendInitialEvents") == "true" or start == 0
    first = list(storage.objects[resource].values()) if initial else []
    revision = storage.revision
    storage.watchers.append(watcher)
    response = web.StreamResponse(headers={**PLAIN, "Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(asked.request)
    said = False

    async def send(kind: str, body: Any) -> None:
        nonlocal said
        if form == "table" and kind != "ERROR":
            body = table(resource, [body], {"resourceVersion": body["metadata"]["resourceVersion"]}, "", columns=not said)
        elif form == "partial" and kind != "ERROR":
            body = partial(body)
        said = True
        await response.write(json.dumps({"type": kind, "object": body}, separators=(",", ":")).encode() + b"\n")

    try:
        if not initial and start < storage.oldest:
            await send("ERROR", expired(storage.oldest, start))
            return response
        if initial:
            for body in first:
                if selector.takes(body):
                    await send("ADDED", body)
            if query.get("sendInitialEvents") == "true" and bookmarks:
                await send("BOOKMARK", _bookmark(resource, revision, {"k8s.io/initial-events-end": "true"}))
            start = revision
        else:
            for change in backlog:
                if change.revision > start and (event := storage.event(change, selector)):
                    await send(*event)
        seen = max(start, revision)
        await _follow(
            server, watcher, selector, send, start=seen, bookmarks=bookmarks, seconds=float(query.get("timeoutSeconds") or 1800)
        )
    except _Cut:
        if asked.request.transport is not None:
            asked.request.transport.close()
    except ConnectionResetError:
        pass
    finally:
        storage.watchers.remove(watcher)
    return response


class _Cut(Exception):
    pass


async def _follow(
    server: ApiServer, watcher: Watcher, selector: Selector, send: Any, *, start: int, bookmarks: bool, seconds: float
) -> None:
    loop = asyncio.get_running_loop()
    end, next_mark = loop.time() + seconds, loop.time() + server.bookmark_seconds
    # A real server sends a last bookmark some two seconds before a watch ends.
    last_mark = end - 2.0 if seconds > 2.0 else end
    while True:
        due = min(end, next_mark, last_mark)
        try:
            item = await asyncio.wait_for(watcher.queue.get(), max(0.0, due - loop.time()))
        except TimeoutError:
            now = loop.time()
            if now >= end:
                return
            if now >= last_mark:
                last_mark = end
            next_mark = now + server.bookmark_seconds
            if (
                bookmarks
                and watcher.queue.empty()
                and not watcher.stalled
                and not server.faults.silent
                and server.storage.revision >= start
            ):
                await send("BOOKMARK", _bookmark(watcher.resource, server.storage.revision))
            continue
        if item == "end":
            return
        if item == "cut":
            raise _Cut
        if watcher.stalled or server.faults.silent or isinstance(item, str) or item.revision <= start:
            continue
        event = server.storage.event(item, selector)
        if event is not None:
            await send(*event)


def _bookmark(resource: Resource, revision: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if annotations:
        metadata["annotations"] = annotations
    body: dict[str, Any] = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    if resource.kind == "Pod":
        body.update(spec={"containers": None}, status={})
    return body
