"""What asks about the asker, and the aggregated metrics API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.cluster.apiserver.answers import Plain, Refused
from tests.cluster.apiserver.listing import PLAIN
from tests.cluster.apiserver.rights import ANONYMOUS, review, rules_of
from tests.cluster.apiserver.storage import stamp

if TYPE_CHECKING:
    from tests.cluster.apiserver.server import ApiServer, Asked


async def answer(server: ApiServer, asked: Asked) -> web.StreamResponse:
    if asked.user is ANONYMOUS:
        raise Refused(403, "Forbidden", f'{asked.plural} is forbidden: User "{asked.user.name}" cannot create it', details={})
    sent = json.loads(await asked.request.read() or b"{}")
    body: dict[str, Any] = {"apiVersion": f"{asked.group}/v1", "metadata": {}}
    match asked.plural:
        case "selfsubjectreviews":
            info = {"username": asked.user.name, "groups": list(asked.user.groups)}
            body.update(kind="SelfSubjectReview", metadata={"creationTimestamp": stamp()}, status={"userInfo": info})
        case "selfsubjectaccessreviews":
            wanted = sent["spec"].get("resourceAttributes") or {}
            warming = server.faults.warming and not asked.user.master
            status = {"allowed": False} if warming else review(asked.user, wanted)
            body.update(kind="SelfSubjectAccessReview", spec=sent["spec"], status=status)
        case "selfsubjectrulesreviews":
            status = rules_of(asked.user, sent["spec"].get("namespace", ""), incomplete=server.faults.incomplete_rules)
            body.update(kind="SelfSubjectRulesReview", spec={}, status=status)
        case _:
            raise Refused(404, "NotFound", "the server could not find the requested resource", details={})
    return web.json_response(body, status=201, headers=PLAIN)


def metrics(server: ApiServer, asked: Asked) -> web.StreamResponse:
    if not server.metrics:
        raise Plain(404, "404 page not found\n")
    if server.faults.metrics_down:
        raise Plain(503, "service unavailable\n")
    if not asked.plural:
        return web.json_response({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "metrics.k8s.io/v1beta1"})
    items = server.metrics.get(asked.plural, [])
    if asked.namespace:
        items = [item for item in items if item["metadata"].get("namespace") == asked.namespace]
    kind = "NodeMetricsList" if asked.plural == "nodes" else "PodMetricsList"
    return web.json_response({"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}, headers=PLAIN)
