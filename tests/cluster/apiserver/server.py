"""An API server for tests that keeps the protocol of the recorded v1.36 one: lists, watches, writes, refusals and faults.

It is not part of the product, and the product must not know that it is not real.
"""

from __future__ import annotations

import asyncio
import copy
import json
import ssl
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import yaml
from aiohttp import web

from tests.cluster.apiserver import discovery, listing, reviews, streams, writing
from tests.cluster.apiserver.answers import Plain, Refused, details
from tests.cluster.apiserver.faults import Faults
from tests.cluster.apiserver.resources import ARGO, BUILT_IN, Resource
from tests.cluster.apiserver.rights import ADMIN, ALICE, ANONYMOUS, User
from tests.cluster.apiserver.storage import Storage
from tests.cluster.apiserver.tables import RECORDED

LISTS = {
    "hpa-v2": "horizontalpodautoscalers",
}


@cache
def _bytes(file: Path) -> bytes:
    return file.read_bytes()


class Asked:
    """A request, taken apart."""

    def __init__(self, request: web.Request, user: User) -> None:
        self.request = request
        self.user = user
        self.method = request.method
        self.path = request.path
        self.query = dict(parse_qsl(request.query_string, keep_blank_values=True))
        self.pairs = parse_qsl(request.query_string, keep_blank_values=True)
        self.accept = request.headers.get("Accept", "*/*")
        parts = self.path.strip("/").split("/")
        self.group = self.version = self.namespace = self.plural = self.name = self.subresource = ""
        if parts[0] == "api":
            self.version, rest = (parts[1] if len(parts) > 1 else ""), parts[2:]
        else:
            self.group, self.version, rest = (parts + ["", ""])[1], (parts + ["", "", ""])[2], parts[3:]
        if len(rest) >= 3 and rest[0] == "namespaces":
            self.namespace, rest = rest[1], rest[2:]
        elif len(rest) == 3 and rest[0] == "namespaces":
            rest = rest[0:]
        self.plural, self.name, self.subresource = ([*rest, "", "", ""])[:3]

    @property
    def watching(self) -> bool:
        return self.query.get("watch") in ("true", "1")

    @property
    def line(self) -> str:
        return f"{self.method} {self.request.path_qs}"


class ApiServer:
    """The server. ``bookmark_seconds``: pause between bookmarks of a watch (a real one waits a minute).

    Tokens: ``admin``, ``alice`` (may get and list pods of the namespace shop), none (anonymous); others are refused.
    """

    def __init__(
        self, *, bookmark_seconds: float = 60.0, users: Iterable[tuple[str, User]] = (), tls: ssl.SSLContext | None = None
    ) -> None:
        self.storage = Storage()
        self.faults = Faults()
        self.bookmark_seconds = bookmark_seconds
        self.users: dict[str, User] = {"admin": ADMIN, "alice": ALICE, **dict(users)}
        self.requests: list[str] = []
        self.logs: dict[tuple[str, str, str], list[tuple[str, str]]] = {}  # namespace, pod, container ("!" for previous)
        self.log_changed: set[asyncio.Event] = set()
        self.metrics: dict[str, Any] = {}
        self.eviction = "policy/v1"  # the version of evictions that it takes; before v1.22 policy/v1beta1
        self.programs: dict[str, Any] = {}
        self.ports: dict[int, int] = {}
        self.tls = tls
        self.open: dict[int, web.Request] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0
        for resource in (*BUILT_IN, *ARGO):
            self.storage.serve(resource)
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}, "status": {"phase": "Active"}})

    @classmethod
    def recorded(cls, **more: Any) -> ApiServer:
        """A server with the recorded objects, at their revision."""
        server = cls(**more)
        storage = server.storage
        storage.objects = {resource: {} for resource in storage.objects}
        by_plural = {resource.plural: resource for resource in storage.resources.values()}
        for file in sorted((RECORDED / "lists").glob("*.json")):
            resource = by_plural.get(LISTS.get(file.stem, file.stem))
            if resource is None:
                continue
            found = msgspec.json.decode(_bytes(file))
            items = [{"kind": resource.kind, "apiVersion": resource.api_version, **item} for item in found["items"]]
            storage.load(resource, items, int(found["metadata"]["resourceVersion"]))
        for kind in ("nodes", "pods"):
            file = RECORDED / "aggregated-api" / f"up-{kind}-metrics.json"
            server.metrics[kind] = json.loads(file.read_text("utf-8"))["items"]
        return server

    # life

    async def __aenter__(self) -> ApiServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        for _ in range(50):
            try:
                site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self.tls, reuse_address=True)
                await site.start()
                break
            except OSError:
                await asyncio.sleep(0.02)
        self._port = self._runner.addresses[0][1]

    async def kill(self) -> None:
        """SIGKILL: open streams end in a bare EOF, the port refuses."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in list(runner.sites):
            await site.stop()
        self.drop_all()
        self.faults.healed.set()
        await runner.cleanup()
        self.faults.healed = asyncio.Event()

    async def restart(self, *, warming: bool = False, forget: bool = True) -> None:
        """Kill and start again; a fresh watch cache has no history (``forget``), and may still be warming up."""
        await self.kill()
        if forget:
            self.storage.compact()
        self.faults.warming = warming
        await self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def kubeconfig(self, path: Path, *, context: str = "test", token: str = "admin", namespace: str = "", **cluster: Any) -> Path:
        """Write a kubeconfig whose only context leads here."""
        inner: dict[str, Any] = {"cluster": context, "user": context}
        if namespace:
            inner["namespace"] = namespace
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": {"server": self.url, **cluster}}],
            "users": [{"name": context, "user": {"token": token}}],
            "contexts": [{"name": context, "context": inner}],
        }
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    # what a test does to the cluster

    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create or replace an object, as a controller would."""
        return self.storage.put(self.storage.by_kind(body["kind"]), body)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Make an object vanish."""
        self.storage.delete(self.storage.by_kind(kind), (namespace, name))

    def objects(self, kind: str) -> dict[tuple[str, str], dict[str, Any]]:
        """The objects of a kind, as stored."""
        return self.storage.objects[self.storage.by_kind(kind)]

    def define(self, resource: Resource) -> Resource:
        """Install a CRD."""
        self.storage.serve(resource)
        return resource

    def log(
        self, namespace: str, pod: str, text: str, *, container: str = "main", time: str = "2026-11-23T01:11:31.690767000Z"
    ) -> None:
        """A line of a container's log; followers see it at once."""
        self.logs.setdefault((namespace, pod, container), []).append((time, text))
        for event in self.log_changed:
            event.set()

    def end_watches(self) -> None:
        """End all open watches cleanly, with their terminating chunk."""
        for watcher in list(self.storage.watchers):
            watcher.queue.put_nowait("end")

    def cut_watches(self) -> None:
        """End all open watches in a bare EOF."""
        for watcher in list(self.storage.watchers):
            watcher.queue.put_nowait("cut")

    def stall_watches(self) -> None:
        """Open watches stay open and say nothing any more; new ones work."""
        for watcher in self.storage.watchers:
            watcher.stalled = True

    def drop_all(self) -> None:
        """Cut every open connection."""
        for request in list(self.open.values()):
            if request.transport is not None:
                request.transport.abort()

    # requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.open[id(request)] = request
        try:
            return await self._answer(request)
        except (Refused, Plain) as refusal:
            return refusal.response()
        finally:
            self.open.pop(id(request), None)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request, self._user(request))
        self.requests.append(asked.line)
        if self.faults.hang:
            await self.faults.healed.wait()
        if (refusal := self.faults.taken(asked.line)) is not None:
            return web.Response(
                status=refusal.status,
                body=refusal.body.encode(),
                headers={"Content-Type": refusal.content_type, "Cache-Control": "no-cache, private", **refusal.headers},
            )
        if asked.path in discovery.OPEN or asked.path.startswith(("/openapi/", "/livez", "/readyz")):
            return await discovery.answer(self, asked)
        if self.faults.unauthorized or (asked.user is ANONYMOUS and request.headers.get("Authorization")):
            raise Refused(401, "Unauthorized", "Unauthorized")
        if asked.group == "metrics.k8s.io":
            return reviews.metrics(self, asked)
        if asked.group in ("authorization.k8s.io", "authentication.k8s.io") and asked.method == "POST":
            return await reviews.answer(self, asked)
        if not asked.plural:
            return await discovery.answer(self, asked)
        resource = self._resource(asked)
        self._authorize(asked, resource)
        if not asked.name:
            if asked.method == "GET":
                return await (listing.watch if asked.watching else listing.list_all)(self, asked, resource)
            if asked.method == "POST":
                await self._etcd()
                return await writing.create(self, asked, resource)
            raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={})
        if asked.subresource == "proxy":
            return await streams.proxy(self, asked)
        if asked.subresource in ("log", "exec", "attach", "portforward"):
            return await streams.answer(self, asked, resource)
        if asked.method == "GET" and asked.query.get("resourceVersion") != "0" or asked.method != "GET":
            await self._etcd()
        return await writing.answer(self, asked, resource)

    async def _etcd(self) -> None:
        """Consistent reads and all writes hang while etcd is down."""
        if self.faults.etcd_down:
            await self.faults.healed.wait()

    def _user(self, request: web.Request) -> User:
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        if certificate:
            name = dict(pair[0] for pair in certificate["subject"]).get("commonName", "")
            return self.users.get(name, ANONYMOUS)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.users.get(token, ANONYMOUS) if kind.lower() == "bearer" else ANONYMOUS

    def _resource(self, asked: Asked) -> Resource:
        resource = self.storage.resources.get((asked.group, asked.plural))
        known = {r.group for r in self.storage.resources.values()}
        if asked.group not in known:
            raise Plain(404, "404 page not found\n")
        if resource is not None and resource.custom and self.faults.warming:
            raise Refused(
                503,
                "ServiceUnavailable",
                "the request has been made before all known HTTP paths have been installed, please try again",
                details={"retryAfterSeconds": 5},
            )
        if resource is None or resource.version != asked.version:
            raise Refused(404, "NotFound", "the server could not find the requested resource", details={})
        return resource

    def _authorize(self, asked: Asked, resource: Resource) -> None:
        verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}[asked.method]
        if asked.method == "GET" and not asked.name:
            verb = "watch" if asked.watching else "list"
        name = resource.plural + (f"/{asked.subresource}" if asked.subresource else "")
        if not asked.user.master and self.faults.warming:
            allowed = False
        else:
            allowed = asked.user.may(verb, resource.group, name, asked.namespace)
        if not allowed:
            where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
            what = f'{resource.qualified} "{asked.name}"' if asked.name else resource.qualified
            raise Refused(
                403,
                "Forbidden",
                f'{what} is forbidden: User "{asked.user.name}" cannot {verb} resource "{name}" in API group "{resource.group}" {where}',  # noqa: E501
                details=details(resource, asked.name),
                headers={"X-Content-Type-Options": "nosniff"},
            )

    def stored(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        found = self.storage.objects[resource].get((namespace, name))
        return copy.deepcopy(found) if found is not None else None
