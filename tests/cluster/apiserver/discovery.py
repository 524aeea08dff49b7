"""What the server says of itself: groups, versions, health, OpenAPI."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.cluster.apiserver.answers import Plain, Refused
from tests.cluster.apiserver.listing import PLAIN
from tests.cluster.apiserver.resources import Resource
from tests.cluster.apiserver.tables import RECORDED

if TYPE_CHECKING:
    from tests.cluster.apiserver.server import ApiServer, Asked

OPEN = {"/version", "/livez", "/readyz", "/healthz"}
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def answer(server: ApiServer, asked: Asked) -> web.StreamResponse:
    path = asked.path
    if path == "/version":
        return web.json_response(json.loads((RECORDED / "discovery" / "version.json").read_text("utf-8")))
    if path.startswith(("/livez", "/readyz", "/healthz")):
        if server.faults.etcd_down and not path.startswith("/readyz"):
            text = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\nlivez check failed\n"
            return web.Response(status=500, text=text)
        name = "readyz" if path.startswith("/readyz") else "livez"
        verbose = "verbose" in asked.query
        return web.Response(text=(RECORDED / "discovery" / f"{name}-verbose.txt").read_text("utf-8") if verbose else "ok")
    if path.startswith("/openapi/"):
        return _openapi(server, path)
    aggregated = "as=APIGroupDiscoveryList" in asked.accept
    resources = list(server.storage.resources.values())
    if path in ("/api", "/apis"):
        core = path == "/api"
        chosen = [resource for resource in resources if (not resource.group) == core]
        if aggregated:
            return web.Response(text=json.dumps(_grouped(server, chosen, core=core)), headers={**PLAIN, "Content-Type": AGGREGATED})
        if core:
            return web.json_response({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        groups = {resource.group: resource.version for resource in chosen}
        if server.metrics:
            groups["metrics.k8s.io"] = "v1beta1"
        items = [
            {"name": group, "versions": [_version(group, version)], "preferredVersion": _version(group, version)}
            for group, version in groups.items()
        ]
        return web.json_response({"kind": "APIGroupList", "apiVersion": "v1", "groups": items})
    found = [resource for resource in resources if resource.group == asked.group and resource.version == asked.version]
    if not found:
        if any(resource.group == asked.group for resource in resources):
            raise Refused(404, "NotFound", "the server could not find the requested resource", details={})
        raise Plain(404, "404 page not found\n")
    listed: list[dict[str, Any]] = []
    for resource in found:
        entry = {"name": resource.plural, "singularName": resource.kind.lower(), "namespaced": resource.namespaced}
        listed.append({**entry, "kind": resource.kind, "verbs": VERBS})
        if resource.scale:
            scale = {
                "name": f"{resource.plural}/scale",
                "singularName": "",
                "namespaced": True,
                "group": "autoscaling",
                "version": "v1",
            }
            listed.append({**scale, "kind": "Scale", "verbs": ["get", "patch", "update"]})
        if resource.kind == "Pod":
            group, _, version = server.eviction.partition("/")
            evicting = {"name": "pods/eviction", "singularName": "", "namespaced": True, "group": group, "version": version}
            listed.append({**evicting, "kind": "Eviction", "verbs": ["create"]})
    body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": found[0].api_version, "resources": listed}
    return web.json_response(body, headers=PLAIN)


def _version(group: str, version: str) -> dict[str, str]:
    return {"groupVersion": f"{group}/{version}", "version": version}


def _grouped(server: ApiServer, resources: list[Resource], *, core: bool) -> dict[str, Any]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for resource in resources:
        entry: dict[str, Any] = {
            "resource": resource.plural,
            "responseKind": {"group": "", "version": "", "kind": resource.kind},
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": resource.kind.lower(),
            "verbs": VERBS,
        }
        if resource.scale:
            kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
            entry["subresources"] = [{"subresource": "scale", "responseKind": kind, "verbs": ["get", "patch", "update"]}]
        groups.setdefault((resource.group, resource.version), []).append(entry)
    items: list[dict[str, Any]] = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [{"version": version, "resources": entries, "freshness": "Current"}],
        }
        for (group, version), entries in groups.items()
    ]
    if not core and server.metrics:
        state: dict[str, Any] = {"version": "v1beta1", "freshness": "Stale"}
        if not server.faults.metrics_down:
            state = {
                "version": "v1beta1",
                "resources": [{"resource": name, "scope": "Namespaced", "verbs": ["get", "list"]} for name in ("pods", "nodes")],
                "freshness": "Current",
            }
        items.append({"metadata": {"name": "metrics.k8s.io"}, "versions": [state]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _openapi(server: ApiServer, path: str) -> web.Response:
    """OpenAPI v3 of the kinds that the tests edit: enough structure to find a wrong type or an unknown field.

    The v2 document is served as text, as servers before v1.24 do, with the kinds of ``apps/v1`` alone.
    """
    if path == "/openapi/v2":
        schemas = json.loads(_openapi(server, "/openapi/v3/apis/apps/v1").text)["components"]["schemas"]
        text = json.dumps({"swagger": "2.0", "definitions": schemas}).replace("#/components/schemas/", "#/definitions/")
        return web.Response(text=text)
    if path == "/openapi/v3":
        versions = {
            (f"apis/{resource.group}/{resource.version}" if resource.group else "api/v1")
            for resource in server.storage.resources.values()
        }
        paths = {name: {"serverRelativeURL": f"/openapi/v3/{name}?hash=test"} for name in sorted(versions)}
        return web.json_response({"paths": paths})
    wanted = path.removeprefix("/openapi/v3/")
    group, version = ("", "v1") if wanted == "api/v1" else tuple(wanted.removeprefix("apis/").split("/")[:2])
    kinds = [r for r in server.storage.resources.values() if r.group == group and r.version == version]
    if not kinds:
        raise Plain(404, "404 page not found\n")
    text, whole = {"type": "string"}, {"type": "integer", "format": "int32"}
    labels = {"type": "object", "additionalProperties": text}
    schemas: dict[str, Any] = {
        "meta.ObjectMeta": {
            "type": "object",
            "properties": {
                **dict.fromkeys(("name", "namespace", "uid", "resourceVersion", "generateName", "creationTimestamp"), text),
                "generation": whole,
                "labels": labels,
                "annotations": labels,
                "finalizers": {"type": "array", "items": text},
                "ownerReferences": {"type": "array", "items": {"type": "object"}},
                "managedFields": {"type": "array", "items": {"type": "object"}},
                "deletionTimestamp": text,
                "deletionGracePeriodSeconds": whole,
            },
        },
        "core.Container": {
            "type": "object",
            "required": ["name"],
            "properties": {
                **dict.fromkeys(("name", "image", "imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy"), text),
                "command": {"type": "array", "items": text},
                "args": {"type": "array", "items": text},
                **{name: {"type": "array", "items": {"type": "object"}} for name in ("env", "envFrom", "ports", "volumeMounts")},
                **{
                    name: {"type": "object"}
                    for name in ("resources", "livenessProbe", "readinessProbe", "startupProbe", "securityContext", "lifecycle")
                },
                "workingDir": text,
            },
        },
    }
    for resource in kinds:
        spec: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        if resource.kind in ("Deployment", "StatefulSet", "ReplicaSet"):
            pod = {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "required": ["containers"],
                "properties": {"containers": {"type": "array", "items": {"$ref": "#/components/schemas/core.Container"}}},
            }
            template = {
                "type": "object",
                "properties": {"metadata": {"$ref": "#/components/schemas/meta.ObjectMeta"}, "spec": pod},
            }
            spec = {
                "type": "object",
                "required": ["selector", "template"],
                "properties": {
                    **dict.fromkeys(("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), whole),
                    "paused": {"type": "boolean"},
                    "selector": {"type": "object"},
                    "template": template,
                    **{name: {"type": "object"} for name in ("strategy", "updateStrategy", "persistentVolumeClaimRetentionPolicy")},
                    "serviceName": text,
                    "podManagementPolicy": text,
                    "volumeClaimTemplates": {"type": "array", "items": {"type": "object"}},
                },
            }
        properties: dict[str, Any] = {
            "apiVersion": text,
            "kind": text,
            "metadata": {"allOf": [{"$ref": "#/components/schemas/meta.ObjectMeta"}]},
            "spec": spec,
            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        }
        if resource.kind in ("ConfigMap", "Secret"):
            properties["data"] = labels
            properties["type"] = text
        schemas[f"test.{resource.kind}"] = {
            "type": "object",
            "properties": properties,
            "x-kubernetes-group-version-kind": [{"group": resource.group, "version": resource.version, "kind": resource.kind}],
        }
    return web.json_response({"openapi": "3.0.0", "info": {"title": "test"}, "paths": {}, "components": {"schemas": schemas}})
