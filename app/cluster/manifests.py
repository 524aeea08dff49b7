"""Kustomizations, built by the console itself, so that it can apply an overlay where there is no kubectl.

The subset that ``k8s/`` uses, with kustomize's own meaning: resources, namespace, namePrefix, labels, commonAnnotations, images,
replicas, patches (strategic merge and JSON 6902, by target), configMapGenerator with the hash of its content in its name. Any other
field is an error: a build that silently leaves something out would apply something else than kustomize.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.cluster.objects import dig, items, kind_of, labels_of, name_of, namespace_of, selects
from app.cluster.recognition import image_parts
from app.cluster.yamlfile import load
from app.core.errors import Invalid, NotFound

Body = dict[str, Any]
FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KNOWN = {
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "namespace",
    "namePrefix",
    "labels",
    "commonAnnotations",
    "images",
    "replicas",
    "patches",
    "configMapGenerator",
    "generatorOptions",
}
WHOLE_CLUSTER = ("Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass")
# Lists that strategic merge joins by a key; all others are replaced as a whole (the API's patchMergeKey).
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "volumeClaimTemplates": "",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
# Where objects name others, so that a prefix or a hash reaches the references: kind of the other, and the paths (``*``: every
# entry).
REFERENCES: dict[str, tuple[tuple[str, ...], ...]] = {
    "ConfigMap": (
        ("volumes", "*", "configMap", "name"),
        ("volumes", "*", "projected", "sources", "*", "configMap", "name"),
        ("containers", "*", "envFrom", "*", "configMapRef", "name"),
        ("containers", "*", "env", "*", "valueFrom", "configMapKeyRef", "name"),
        ("initContainers", "*", "envFrom", "*", "configMapRef", "name"),
        ("initContainers", "*", "env", "*", "valueFrom", "configMapKeyRef", "name"),
    ),
    "Secret": (
        ("volumes", "*", "secret", "secretName"),
        ("volumes", "*", "projected", "sources", "*", "secret", "name"),
        ("imagePullSecrets", "*", "name"),
        ("containers", "*", "envFrom", "*", "secretRef", "name"),
        ("containers", "*", "env", "*", "valueFrom", "secretKeyRef", "name"),
        ("initContainers", "*", "envFrom", "*", "secretRef", "name"),
        ("initContainers", "*", "env", "*", "valueFrom", "secretKeyRef", "name"),
    ),
    "ServiceAccount": (("serviceAccountName",),),
    "PersistentVolumeClaim": (("volumes", "*", "persistentVolumeClaim", "claimName"),),
}


# Selectors beside an object's own that select the same pods.
_TERMS = (
    ("preferredDuringSchedulingIgnoredDuringExecution", "*", "podAffinityTerm"),
    ("requiredDuringSchedulingIgnoredDuringExecution", "*"),
)
SELECTORS: tuple[tuple[str, ...], ...] = (
    ("topologySpreadConstraints", "*", "labelSelector", "matchLabels"),
    *(("affinity", near, *term, "labelSelector", "matchLabels") for near in ("podAffinity", "podAntiAffinity") for term in _TERMS),
)
PEERS = (("ingress", "*", "from"), ("egress", "*", "to"))


def build(folder: Path | str) -> list[Body]:
    """All objects of a kustomization, in the order in which its files name them.

    Raises:
        NotFound: there is no kustomization, or a file that it names does not exist.
        Invalid: it uses what this build does not know, or a patch has no target.
    """
    return _build(Path(folder).resolve(), ())


def _build(folder: Path, above: tuple[Path, ...]) -> list[Body]:
    if folder in above:
        raise Invalid(f"The kustomization {folder} includes itself. Nothing was built.")
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        raise NotFound(f"There is no kustomization in {folder}. Nothing was built.", "Name a folder with a kustomization.yaml.")
    documents = load(file.read_text(encoding="utf-8"), str(file))
    spec = documents[0] if documents else {}
    if unknown := sorted(spec.keys() - KNOWN):
        raise Invalid(
            f"{file} uses {', '.join(unknown)}, which this build does not know. Nothing was built.", "Build it with kustomize."
        )
    try:
        return _objects(folder, file, spec, above)
    except (
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        re.error,
    ) as error:  # a text or a number where the format has an object
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else f"{error}"
        raise Invalid(
            f"{file}, or a file that it names, is not as kustomize wants it: {what}. Nothing was built.",
            "Compare its fields with kustomize's reference.",
        ) from None


def _objects(folder: Path, file: Path, spec: Body, above: tuple[Path, ...]) -> list[Body]:
    objects: list[Body] = []
    for entry in spec.get("resources") or ():
        place = folder / str(entry)
        if "://" in str(entry):
            raise Invalid(f"{file} names {entry}: nothing is fetched from elsewhere. Nothing was built.", "Keep a copy beside it.")
        if place.is_dir():
            objects += _build(place.resolve(), (*above, folder))
        else:
            objects += load(_read(place), str(place))
    objects += [_config_map(folder, entry, spec.get("generatorOptions") or {}) for entry in spec.get("configMapGenerator") or ()]
    for entry in spec.get("patches") or ():
        _patch(folder, objects, entry, str(file))
    _transform(objects, spec)
    return objects


def _read(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except OSError:
        raise NotFound(f"{place} cannot be read. Nothing was built.", "Mend the kustomization that names it.") from None


# transformers, in kustomize's order


def _transform(objects: list[Body], spec: Body) -> None:
    for obj in objects:
        if (namespace := spec.get("namespace")) and kind_of(obj) not in WHOLE_CLUSTER:
            obj["metadata"]["namespace"] = namespace
        elif namespace and kind_of(obj) == "Namespace":
            obj["metadata"]["name"] = namespace
        if spec.get("namespace") and kind_of(obj) in ("RoleBinding", "ClusterRoleBinding"):
            for subject in items(obj, "subjects"):
                if subject.get("kind") == "ServiceAccount":
                    subject["namespace"] = spec["namespace"]
        for entry in spec.get("labels") or ():
            _label(obj, entry.get("pairs") or {}, bool(entry.get("includeSelectors")), bool(entry.get("includeTemplates")))
        if notes := spec.get("commonAnnotations"):
            for part in (obj, *_templates(obj)):
                part.setdefault("metadata", {}).setdefault("annotations", {}).update(notes)
        for image in spec.get("images") or ():
            _image(obj, image)
        for count in spec.get("replicas") or ():
            if (
                name_of(obj) == count["name"]
                and "replicas" in dig(obj, "spec", default={}) | {"replicas": 0}
                and kind_of(obj) in SCALED
            ):
                obj["spec"]["replicas"] = count["count"]
    renamed: dict[tuple[str, str, str], str] = {}
    prefix = str(spec.get("namePrefix") or "")
    for obj in objects:
        old, suffix = name_of(obj), obj["metadata"].pop(HASH, "")
        new = f"{old if kind_of(obj) in ('Namespace', 'CustomResourceDefinition') else prefix + old}{suffix}"
        if new != old:
            renamed[kind_of(obj), namespace_of(obj) or "default", old] = new
            obj["metadata"]["name"] = new
    if renamed:
        for obj in objects:
            _rename(obj, renamed)


SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "Rollout")
HASH = "\0hash"  # kept in metadata until names are settled; never in what is built


def _label(obj: Body, pairs: Mapping[str, str], selectors: bool, templates: bool) -> None:
    obj["metadata"].setdefault("labels", {}).update(pairs)
    if selectors or templates:
        for template in (*_templates(obj), *items(obj, "spec", "volumeClaimTemplates")):
            template.setdefault("metadata", {}).setdefault("labels", {}).update(pairs)
    if not selectors:
        return
    spec = obj.get("spec") or {}
    if kind_of(obj) == "Service" and spec.get("selector"):
        spec["selector"].update(pairs)
    elif kind_of(obj) in (*SCALED, "DaemonSet", "PodDisruptionBudget") and dig(spec, "selector") is not None:
        spec["selector"].setdefault("matchLabels", {}).update(pairs)
    elif kind_of(obj) == "NetworkPolicy":
        peers = (selector for path in PEERS for selector in _at(spec, (*path, "*", "podSelector", "matchLabels")))
        for selector in (*_at(spec, ("podSelector", "matchLabels")), *peers):
            selector.update(pairs)
    elif kind_of(obj) in ("Job", "CronJob"):
        for selector in (*_at(spec, ("selector", "matchLabels")), *_at(spec, ("jobTemplate", "spec", "selector", "matchLabels"))):
            selector.update(pairs)
    if kind_of(obj) in ("Deployment", "StatefulSet"):
        for path in SELECTORS:
            for selector in _at(dig(spec, "template", "spec", default={}), path):
                selector.update(pairs)


def _at(value: Any, path: tuple[str, ...]) -> Iterable[Body]:
    """The objects at a path (``*``: every entry)."""
    if not path:
        if isinstance(value, dict):
            yield value
    elif path[0] == "*":
        for entry in value if isinstance(value, list) else ():
            yield from _at(entry, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _templates(obj: Body) -> Iterable[Body]:
    """What an object makes others of: pods, and the jobs of a CronJob with theirs."""
    for path in (("spec", "template"), ("spec", "jobTemplate"), ("spec", "jobTemplate", "spec", "template")):
        found = dig(obj, *path)
        if isinstance(found, dict) and kind_of(obj) in (*SCALED, "DaemonSet", "Job", "CronJob"):
            yield found


def _pod_specs(obj: Body) -> Iterable[Body]:
    for path in (("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec"), ("spec",)):
        found = dig(obj, *path)
        if isinstance(found, dict) and "containers" in found:
            yield found


def _image(obj: Body, change: Mapping[str, str]) -> None:
    for spec in _pod_specs(obj):
        for container in (*items(spec, "containers"), *items(spec, "initContainers")):
            name, tag, digest = image_parts(str(container.get("image", "")))
            if name != change["name"]:
                continue
            name = change.get("newName", name)
            if change.get("digest"):
                container["image"] = f"{name}@{change['digest']}"
            else:
                tag = str(change.get("newTag", tag))
                container["image"] = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest and "newTag" not in change else "")


def _rename(obj: Body, renamed: Mapping[tuple[str, str, str], str]) -> None:
    namespace = namespace_of(obj) or "default"
    for spec in _pod_specs(obj):
        for kind, paths in REFERENCES.items():
            for path in paths:
                _each(spec, path, lambda old, kind=kind: renamed.get((kind, namespace, old), old))
    service = lambda old: renamed.get(("Service", namespace, old), old)  # noqa: E731 - three uses of one word
    _each(obj, ("spec", "serviceName"), service)
    _each(obj, ("spec", "rules", "*", "http", "paths", "*", "backend", "service", "name"), service)
    _each(obj, ("spec", "defaultBackend", "service", "name"), service)
    if kind_of(obj) == "HorizontalPodAutoscaler":
        kind = str(dig(obj, "spec", "scaleTargetRef", "kind", default=""))
        _each(obj, ("spec", "scaleTargetRef", "name"), lambda old: renamed.get((kind, namespace, old), old))
    if kind_of(obj) in ("RoleBinding", "ClusterRoleBinding"):
        kind = str(dig(obj, "roleRef", "kind", default=""))
        space = "default" if kind == "ClusterRole" else namespace
        _each(obj, ("roleRef", "name"), lambda old: renamed.get((kind, space, old), old))
        for subject in items(obj, "subjects"):
            if subject.get("kind") == "ServiceAccount":
                space = str(subject.get("namespace") or namespace)
                subject["name"] = renamed.get(("ServiceAccount", space, subject["name"]), subject["name"])


def _each(value: Any, path: tuple[str, ...], change: Any) -> None:
    for depth, step in enumerate(path):
        if step == "*":
            for entry in value if isinstance(value, list) else ():
                _each(entry, path[depth + 1 :], change)
            return
        if not isinstance(value, dict) or step not in value:
            return
        if depth == len(path) - 1:
            if isinstance(value[step], str):
                value[step] = change(value[step])
            return
        value = value[step]


# generators


def _config_map(folder: Path, entry: Body, options: Body) -> Body:
    if unknown := sorted(entry.keys() - {"name", "namespace", "files", "literals", "options"}):
        raise Invalid(f"configMapGenerator uses {', '.join(unknown)}, which this build does not know. Nothing was built.")
    data: dict[str, str] = {}
    for file in entry.get("files") or ():
        key, _, path = str(file).rpartition("=")
        data[key or Path(path).name] = _read(folder / path)
    for literal in entry.get("literals") or ():
        key, _, value = str(literal).partition("=")
        data[key] = value.strip("\"'")
    meta: Body = {"name": entry["name"]}
    if entry.get("namespace"):
        meta["namespace"] = entry["namespace"]
    said = entry.get("options") or {}
    own = {
        **options,
        **said,
        **{part: {**(options.get(part) or {}), **(said.get(part) or {})} for part in ("labels", "annotations")},
    }
    if unknown := sorted(own.keys() - {"disableNameSuffixHash", "labels", "annotations", "immutable"}):
        raise Invalid(f"Generator options use {', '.join(unknown)}, which this build does not know. Nothing was built.")
    meta |= {part: dict(own[part]) for part in ("labels", "annotations") if own.get(part)}
    if not own.get("disableNameSuffixHash"):
        meta[HASH] = f"-{content_hash(data)}"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    return body | ({"immutable": True} if own.get("immutable") else {})


def content_hash(data: Mapping[str, str]) -> str:
    """kustomize's hash of a ConfigMap: ten letters of SHA-256 over Go's JSON, spelt so that they make no word.

    Its name is not in it, unlike in the hash of ``kubectl create configmap --append-hash``; no data is an empty text.
    """
    hashed = {"data": dict(data) or "", "kind": "ConfigMap", "name": ""}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":  # Go escapes these in JSON
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    found = hashlib.sha256(text.encode()).hexdigest()[:10]
    return found.translate(str.maketrans("013ae", "ghkmt"))


# patches


def _patch(folder: Path, objects: list[Body], entry: Body, where: str) -> None:
    text = str(entry.get("patch") or "") or _read(folder / str(entry.get("path", "")))
    found = _documents(text, where)
    target = entry.get("target")
    for patch in found:
        chosen = [obj for obj in objects if _is_target(obj, target, patch)]
        if not chosen:
            raise Invalid(
                f"A patch of {where} has no target: {json.dumps(target or dig(patch, 'metadata', default={}))}. Nothing was built."
            )
        for obj in chosen:
            if isinstance(patch, list):
                for operation in patch:
                    _json6902(obj, operation, where)
            elif patch.get("$patch") == "delete":
                objects.remove(obj)
            else:
                merged = strategic(
                    obj, {k: v for k, v in patch.items() if k not in ("apiVersion", "kind", "metadata")} | _meta(patch)
                )
                obj.clear()
                obj.update(merged)


def _documents(text: str, where: str) -> list[Any]:
    import yaml

    try:
        documents = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        raise Invalid(f"A patch of {where} is not YAML: {' '.join(str(error).split())}. Nothing was built.") from None
    return documents


def _meta(patch: Body) -> Body:
    """Labels and annotations of a patch; its name only says whom it is for."""
    meta = {key: value for key, value in dig(patch, "metadata", default={}).items() if key in ("labels", "annotations")}
    return {"metadata": meta} if meta else {}


def _is_target(obj: Body, target: Any, patch: Any) -> bool:
    if not target:
        if isinstance(patch, list):
            return False
        wanted = (patch.get("kind"), dig(patch, "metadata", "name"))
        space = dig(patch, "metadata", "namespace")
        return (kind_of(obj), name_of(obj)) == wanted and space in (None, namespace_of(obj))
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    facts = {"kind": kind_of(obj), "name": name_of(obj), "namespace": namespace_of(obj), "group": group, "version": version}
    for key, value in target.items():
        if key == "labelSelector":
            pairs = dict(part.split("=", 1) for part in str(value).split(","))
            if not selects(pairs, labels_of(obj)):
                return False
        elif key not in facts or not re.fullmatch(str(value), facts[key]):
            return False
    return True


def strategic(target: Any, patch: Any, field: str = "") -> Any:
    """Strategic merge: objects are merged, null removes, lists with a merge key are joined by it, all others replaced."""
    if isinstance(patch, Mapping):
        if patch.get("$patch") == "replace":
            return {key: value for key, value in patch.items() if key != "$patch"}
        result = dict(target) if isinstance(target, Mapping) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            elif key == "ports" and isinstance(value, list):
                ports = "containerPort" if any("containerPort" in p for p in value) else "port" if field == "spec" else ""
                result[key] = _joined(result.get(key), value, ports)
            else:
                result[key] = strategic(result.get(key), value, key)
        return result
    if isinstance(patch, list):
        return _joined(target, patch, MERGE_KEYS.get(field, ""))
    return copy.deepcopy(patch)


def _joined(target: Any, patch: list[Any], key: str) -> list[Any]:
    """What the patch names comes first, in its order, as kustomize puts it; the rest of the list follows."""
    kept = target if key and isinstance(target, list) else []
    entries = []
    for entry in patch:
        directive = entry.get("$patch") if isinstance(entry, Mapping) else None
        if directive == "replace":
            kept = []
        elif directive == "delete":
            kept = [old for old in kept if old.get(key) != entry.get(key)]
        else:
            entries.append(entry)
    named = [entry.get(key) for entry in entries] if kept else []
    olds = {old.get(key): old for old in kept}
    first = [strategic(olds.get(entry.get(key)) if kept else None, entry) for entry in entries]
    return [*first, *(copy.deepcopy(old) for old in kept if old.get(key) not in named)]


def _json6902(obj: Body, operation: Body, where: str) -> None:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in str(operation["path"]).strip("/").split("/")]
    kind, value = operation.get("op"), copy.deepcopy(operation.get("value"))
    holder: Any = obj
    try:
        for step in steps[:-1]:
            holder = holder[int(step)] if isinstance(holder, list) else holder[step]
        last: Any = steps[-1]
        if isinstance(holder, list):
            place = len(holder) if last == "-" else int(last)
            if kind == "add":
                holder.insert(place, value)
            elif kind == "remove":
                del holder[place]
            elif kind == "replace":
                holder[place] = value
        elif kind == "remove":
            del holder[last]
        elif kind in ("add", "replace"):
            if kind == "replace" and last not in holder:
                raise KeyError(last)
            holder[last] = value
        if kind not in ("add", "remove", "replace"):
            raise Invalid(f"A patch of {where} uses “{kind}”, which this build does not know. Nothing was built.")
    except (KeyError, IndexError, TypeError, ValueError):
        path = operation["path"]
        raise Invalid(f"A patch of {where} finds no {path} in {kind_of(obj)} {name_of(obj)}. Nothing was built.") from None
