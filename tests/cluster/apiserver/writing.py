"""Single objects: get, create, update, patch, apply, scale, evict, delete."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

from tests.cluster.apiserver import ownership
from tests.cluster.apiserver.answers import Refused, details, invalid, modified, not_found
from tests.cluster.apiserver.listing import PLAIN, form_of
from tests.cluster.apiserver.ownership import Owners
from tests.cluster.apiserver.resources import KEYS, Resource, defaulted
from tests.cluster.apiserver.storage import stamp
from tests.cluster.apiserver.tables import partial, table

if TYPE_CHECKING:
    from tests.cluster.apiserver.server import ApiServer, Asked

Body = dict[str, Any]
PATCHES = {
    "application/apply-patch+yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
}
FIELDS = {"ConfigMap": {"apiVersion", "kind", "metadata", "data", "binaryData", "immutable"}}
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


async def create(server: ApiServer, asked: Asked, resource: Resource) -> web.StreamResponse:
    body = _json(await asked.request.read(), resource)
    body = {"kind": resource.kind, "apiVersion": resource.api_version, **body}
    warnings = _unknown_fields(body, resource, asked)
    metadata = body.setdefault("metadata", {})
    if resource.namespaced:
        metadata["namespace"] = asked.namespace
    name = metadata.setdefault("name", metadata.get("generateName", ""))
    _admit(server, resource, asked.namespace, name, creating=True)
    if (metadata.get("namespace", ""), name) in server.storage.objects[resource]:
        raise Refused(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', details=details(resource, name))
    _validate(resource, body)
    owners = Owners(None)
    owners.updated({"metadata": {}}, body, _manager(asked), resource.api_version, stamp())
    metadata["managedFields"] = owners.entries
    return _store(server, asked, resource, body, None, 201, warnings)


async def answer(server: ApiServer, asked: Asked, resource: Resource) -> web.StreamResponse:
    namespace, name = asked.namespace, asked.name
    body = server.stored(resource, namespace, name)
    if asked.subresource == "eviction":
        return await _evict(server, asked, resource, body)
    if asked.method == "PATCH":
        return await _patch(server, asked, resource, body)
    if body is None:
        raise not_found(resource, name)
    if asked.subresource == "scale":
        return _answer(_scale(resource, body))
    if asked.method == "GET":
        form = form_of(asked.accept)
        if form == "table":
            return _answer(table(resource, [body], {"resourceVersion": body["metadata"]["resourceVersion"]}, ""))
        return _answer(partial(body) if form == "partial" else body)
    if asked.method == "PUT":
        new = _json(await asked.request.read(), resource)
        sent = new.get("metadata", {}).get("resourceVersion")
        if sent and sent != body["metadata"]["resourceVersion"]:
            raise modified(resource, name)
        return _updated(server, asked, resource, body, new)
    if asked.method == "DELETE":
        return await _delete(server, asked, resource, body)
    raise Refused(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", details={})


async def _patch(server: ApiServer, asked: Asked, resource: Resource, body: Body | None) -> web.StreamResponse:
    kind = asked.request.headers.get("Content-Type", "").partition(";")[0]
    if kind not in PATCHES:
        raise Refused(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
    raw = await asked.request.read()
    if kind == "application/apply-patch+yaml":
        return _apply(server, asked, resource, body, yaml.safe_load(raw))
    patch = _json(raw, resource)
    if body is None:
        raise not_found(resource, asked.name)
    if asked.subresource == "scale":
        replicas = patch["spec"]["replicas"]
        new = copy.deepcopy(body)
        new["spec"]["replicas"] = replicas
        return _updated(server, asked, resource, body, new, shown=lambda stored: _scale(resource, stored), subresource="scale")
    if kind == "application/json-patch+json":
        new = _json_patched(copy.deepcopy(body), patch)
    elif kind == "application/strategic-merge-patch+json" and not resource.custom:
        new = _strategic(copy.deepcopy(body), patch, ())
    elif kind == "application/strategic-merge-patch+json":
        raise Refused(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
    else:
        new = _merged(copy.deepcopy(body), patch)
    sent = patch.get("metadata", {}).get("resourceVersion") if isinstance(patch, dict) else None
    if sent and sent != body["metadata"]["resourceVersion"]:
        raise modified(resource, asked.name)
    return _updated(server, asked, resource, body, new, subresource=asked.subresource)


def _apply(server: ApiServer, asked: Asked, resource: Resource, live: Body | None, wanted: Any) -> web.StreamResponse:
    manager, force = asked.query.get("fieldManager", ""), asked.query.get("force") == "true"
    if not manager:
        said = "Required value: is required for apply patch"
        cause = {"reason": "FieldValueRequired", "message": said, "field": "fieldManager"}
        raise Refused(
            422,
            "Invalid",
            f'PatchOptions.meta.k8s.io "" is invalid: fieldManager: {said}',
            details={"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]},
        )
    metadata = wanted.setdefault("metadata", {})
    if "managedFields" in metadata:
        raise Refused(400, "BadRequest", "metadata.managedFields must be nil")
    if resource.namespaced:
        metadata["namespace"] = asked.namespace
    metadata["name"] = asked.name
    warnings = _unknown_fields(wanted, resource, asked)
    if live is None:
        _admit(server, resource, asked.namespace, asked.name, creating=True)
    elif metadata.get("resourceVersion") and metadata["resourceVersion"] != live["metadata"]["resourceVersion"]:
        raise modified(resource, asked.name)
    shell = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": {"name": asked.name}}
    if resource.namespaced:
        shell["metadata"]["namespace"] = asked.namespace
    new, conflicts = ownership.apply(live or shell, wanted, manager, resource.api_version, stamp(), force=force)
    if conflicts:
        raise _conflict(conflicts)
    _validate(resource, new)
    return _store(server, asked, resource, new, live, 200 if live else 201, warnings)


def _conflict(conflicts: list[tuple[Body, tuple[str, ...]]]) -> Refused:
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {ownership.named(entry)}", "field": ownership.spoken(path)}
        for entry, path in conflicts
    ]
    if len(causes) == 1:
        said = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        groups: dict[str, list[str]] = {}
        for cause in causes:
            groups.setdefault(cause["message"].replace("conflict with", "conflicts with", 1), []).append(f"- {cause['field']}")
        lines = [f"{who}:\n" + "\n".join(fields) for who, fields in groups.items()]
        said = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return Refused(409, "Conflict", said, details={"causes": causes})


def _updated(
    server: ApiServer, asked: Asked, resource: Resource, old: Body, new: Body, *, shown: Any = None, subresource: str = ""
) -> web.StreamResponse:
    new = {"kind": resource.kind, "apiVersion": resource.api_version, **new}
    for name in ("name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp"):
        if name in old["metadata"]:
            new["metadata"][name] = old["metadata"][name]
    _validate(resource, new)
    owners = Owners(old["metadata"].get("managedFields"))
    owners.updated(old, new, _manager(asked), resource.api_version, stamp(), subresource)
    if owners.entries:
        new["metadata"]["managedFields"] = owners.entries
    return _store(server, asked, resource, new, old, 200, [], shown=shown)


def _store(
    server: ApiServer,
    asked: Asked,
    resource: Resource,
    new: Body,
    old: Body | None,
    status: int,
    warnings: list[str],
    *,
    shown: Any = None,
) -> web.StreamResponse:
    """Default, number and keep an object, unless it is a dry run or nothing changed."""
    if old is None or old.get("spec") != new.get("spec"):
        defaulted(resource.kind, new)
    if "spec" in new and (resource.custom or resource.kind not in ("Pod", "Service", "Namespace", "Node")):
        before = (old or {}).get("metadata", {}).get("generation", 0)
        new["metadata"]["generation"] = before + (1 if old is None or old.get("spec") != new.get("spec") else 0)
    dry = asked.query.get("dryRun") == "All"
    unchanged = old is not None and _without_times(old) == _without_times(new)
    if unchanged:
        stored = old
    elif dry:
        stored = copy.deepcopy(new)
        if old is None:
            stored["metadata"].setdefault("uid", "00000000-0000-4000-8000-000000000000")
            stored["metadata"].setdefault("creationTimestamp", stamp())
    elif new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
        stored = server.storage.delete(resource, (new["metadata"].get("namespace", ""), new["metadata"]["name"]))
    else:
        stored = server.storage.put(resource, new)
    return _answer(shown(stored) if shown else stored, status, warnings)


def _without_times(body: Body) -> Body:
    body = copy.deepcopy(body)
    for entry in body["metadata"].get("managedFields") or ():
        entry.pop("time", None)
    return body


async def _delete(server: ApiServer, asked: Asked, resource: Resource, body: Body) -> web.StreamResponse:
    raw = await asked.request.read()
    options = json.loads(raw) if raw else {}
    metadata = body["metadata"]
    wanted = (options.get("preconditions") or {}).get("uid")
    if wanted and wanted != metadata["uid"]:
        raise Refused(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on {resource.kind} "{asked.name}": the UID in the precondition ({wanted}) does not match '  # noqa: E501
            f"the UID in record ({metadata['uid']}). The object might have been deleted and then recreated",
            details={"name": asked.name, **({"group": resource.group} if resource.group else {}), "kind": resource.kind},
        )
    dry = asked.query.get("dryRun") == "All" or options.get("dryRun") == ["All"]
    key = (metadata.get("namespace", ""), metadata["name"])
    spec = body.get("spec") or {}
    graceful = resource.kind == "Pod" and bool(spec.get("nodeName"))
    grace = options.get("gracePeriodSeconds")
    if grace is None:
        grace = int(asked.query.get("gracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30)))
    if resource.kind == "Namespace":
        body["metadata"]["deletionTimestamp"] = stamp()
        body["status"] = {**(body.get("status") or {}), "phase": "Terminating"}
        return _answer(body if dry else server.storage.put(resource, body))
    if metadata.get("finalizers") or (graceful and grace > 0):
        metadata.setdefault("deletionTimestamp", stamp())
        metadata["deletionGracePeriodSeconds"] = grace if graceful else 0
        if "generation" in metadata:
            metadata["generation"] += 1
        return _answer(body if dry else server.storage.put(resource, body))
    if not dry:
        server.storage.delete(resource, key)
    about = {"name": asked.name, **({"group": resource.group} if resource.group else {}), "kind": resource.plural}
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return _answer({**status, "details": {**about, "uid": metadata["uid"]}})


async def _evict(server: ApiServer, asked: Asked, resource: Resource, body: Body | None) -> web.StreamResponse:
    if body is None:
        raise not_found(resource, asked.name)
    raw = await asked.request.read()
    version = json.loads(raw or b"{}").get("apiVersion")
    if version != server.eviction:
        said = f'Eviction in version "v1" cannot be handled as a Eviction: no kind "Eviction" is registered for version "{version}"'
        raise Refused(400, "BadRequest", said, details={})
    dry = asked.query.get("dryRun") == "All" or (json.loads(raw or b"{}").get("deleteOptions") or {}).get("dryRun") == ["All"]
    labels = body["metadata"].get("labels") or {}
    for (namespace, name), budget in server.objects("PodDisruptionBudget").items():
        wanted = ((budget.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        if namespace != asked.namespace or not wanted or any(labels.get(key) != value for key, value in wanted.items()):
            continue
        status = budget.setdefault("status", {})
        if status.get("disruptionsAllowed", 0) < 1:
            said = (
                f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
                f"{status.get('currentHealthy', 0)} currently"
            )
            raise Refused(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
                details={"causes": [{"reason": "DisruptionBudget", "message": said}]},
            )
        if not dry:
            fresh = copy.deepcopy(budget)
            fresh["status"]["disruptionsAllowed"] -= 1
            fresh["status"]["currentHealthy"] = fresh["status"].get("currentHealthy", 1) - 1
            server.storage.put(server.storage.by_kind("PodDisruptionBudget"), fresh)
    if not dry:
        body["metadata"].update(deletionTimestamp=stamp(), deletionGracePeriodSeconds=30)
        server.storage.put(resource, body)
    return _answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def _scale(resource: Resource, body: Body) -> Body:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = ((body.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    status = body.get("status") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: body["metadata"][name] for name in kept if name in body["metadata"]},
        "spec": {"replicas": (body.get("spec") or {}).get("replicas", 0)},
        "status": {
            "replicas": status.get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def _admit(server: ApiServer, resource: Resource, namespace: str, name: str, *, creating: bool) -> None:
    if not resource.namespaced or not creating:
        return
    space = server.objects("Namespace").get(("", namespace))
    if space is not None and (space.get("status") or {}).get("phase") == "Terminating":
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise Refused(
            403,
            "Forbidden",
            f'{resource.qualified} "{name}" is forbidden: unable to create new content in namespace {namespace} because it is being '  # noqa: E501
            "terminated",
            details={**details(resource, name), "causes": [cause]},
        )


def _validate(resource: Resource, body: Body) -> None:
    name, spec = body["metadata"].get("name", ""), body.get("spec") or {}
    causes = []
    if not NAME.fullmatch(name):
        said = (
            f"Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
            "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
        causes.append(("FieldValueInvalid", "metadata.name", said))
    if resource.kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        if isinstance(spec.get("replicas"), int) and spec["replicas"] < 0:
            causes.append(
                ("FieldValueInvalid", "spec.replicas", f"Invalid value: {spec['replicas']}: must be greater than or equal to 0")
            )
        template = spec.get("template") or {}
        labels = (template.get("metadata") or {}).get("labels") or {}
        wanted = (spec.get("selector") or {}).get("matchLabels") or {}
        if any(labels.get(key) != value for key, value in wanted.items()):
            said = f"Invalid value: {json.dumps(labels, separators=(',', ':'))}: `selector` does not match template `labels`"
            causes.append(("FieldValueInvalid", "spec.template.metadata.labels", said))
        if not (template.get("spec") or {}).get("containers"):
            causes.append(("FieldValueRequired", "spec.template.spec.containers", "Required value"))
    if causes:
        raise invalid(resource, name, causes)


def _unknown_fields(body: Body, resource: Resource, asked: Asked) -> list[str]:
    known = FIELDS.get(resource.kind)
    found = sorted(set(body) - known) if known else []
    mode = asked.query.get("fieldValidation", "Warn")
    if found and mode == "Strict":
        said = ", ".join(f'unknown field "{name}"' for name in found)
        raise Refused(
            400,
            "BadRequest",
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: strict decoding error: {said}',  # noqa: E501
        )
    for name in found:
        del body[name]
    return [f'unknown field "{name}"' for name in found] if mode == "Warn" else []


def _json(raw: bytes, resource: Resource) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise Refused(
            400,
            "BadRequest",
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; json parse error: "
            f"invalid character 'o' looking for beginning of object key string ({raw.decode(errors='replace')})",
        ) from None


def _manager(asked: Asked) -> str:
    return asked.query.get("fieldManager") or asked.request.headers.get("User-Agent", "unknown").partition("/")[0]


def _merged(live: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    live = live if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            live.pop(name, None)
        else:
            live[name] = _merged(live.get(name), value)
    return live


def _strategic(live: Any, patch: Any, names: tuple[str, ...]) -> Any:
    """Strategic merge patch: keyed lists merge by their first key, ``$patch`` and ``$retainKeys`` are understood for maps."""
    if isinstance(patch, dict):
        if patch.get("$patch") == "replace":
            return {name: value for name, value in patch.items() if name != "$patch"}
        live = live if isinstance(live, dict) else {}
        for name, value in patch.items():
            if name.startswith("$"):
                continue
            if value is None:
                live.pop(name, None)
            else:
                live[name] = _strategic(live.get(name), value, (*names, name))
        return live
    if isinstance(patch, list) and names and names[-1] in (*KEYS, "ports") and isinstance(live, list):
        key = KEYS.get(names[-1], ("containerPort" if "containers" in names else "port",))[0]
        merged = {item.get(key): item for item in live}
        for item in patch:
            if item.get("$patch") == "delete":
                merged.pop(item.get(key), None)
            else:
                merged[item.get(key)] = _strategic(merged.get(item.get(key)), item, names)
        return list(merged.values())
    return patch


def _json_patched(body: Body, operations: list[Body]) -> Body:
    """RFC 6902: add, remove, replace, test."""
    for operation in operations:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].strip("/").split("/")]
        node: Any = body
        for step in steps[:-1]:
            node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
        last: Any = steps[-1]
        if isinstance(node, list):
            last = len(node) if last == "-" else int(last)
        match operation["op"]:
            case "test":
                held = node[last] if isinstance(node, list) else node.get(last)
                if held != operation["value"]:
                    raise Refused(422, "Invalid", "the server rejected our request due to an error in our request", details={})
            case "remove":
                del node[last]
            case "add" if isinstance(node, list):
                node.insert(last, operation["value"])
            case _:
                node[last] = operation["value"]
    return body


def _answer(body: Body, status: int = 200, warnings: list[str] | None = None) -> web.StreamResponse:
    response = web.json_response(body, status=status, headers=PLAIN)
    for text in warnings or ():
        response.headers.add("Warning", '299 - "' + text.replace('"', '\\"') + '"')
    return response
