"""Objects held against the cluster's own OpenAPI v3 documents (``/openapi/v3``; v2 before v1.24), before anything is sent.

The dialect is the one that kube-apiserver publishes: ``$ref`` into ``components.schemas``, ``allOf`` of one, and the
``x-kubernetes-*`` extensions. What it cannot judge it lets pass; the server's dry run judges everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.cluster.objects import Object, dig

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One field that is not as the schema says."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


def schema_of(document: Object, api_version: str, kind: str) -> Object | None:
    """The schema of a kind in an OpenAPI v3 document of its group and version; None when it is not there."""
    group, _, version = api_version.rpartition("/")
    for schema in dig(document, "components", "schemas", default={}).values():
        for found in schema.get("x-kubernetes-group-version-kind") or ():
            if (found.get("group"), found.get("version"), found.get("kind")) == (group, version, kind):
                return schema  # type: ignore[no-any-return]
    return None


def of_version_2(document: Object) -> Object:
    """An OpenAPI v2 document (``/openapi/v2``) as this module reads them. Its quantities are text only, which no server means."""
    schemas = dig(document, "definitions", default={})
    return {"components": {"schemas": {name: {} if name.endswith(".Quantity") else each for name, each in schemas.items()}}}


def problems(obj: Object, schema: Object, document: Object) -> tuple[Problem, ...]:
    """Everything in an object that its schema does not allow."""
    return tuple(_check("", obj, schema, document, 0))


def _resolved(schema: Object, document: Object) -> Object:
    for _ in range(8):
        if ref := schema.get("$ref"):
            schema = dig(document, "components", "schemas", str(ref).rpartition("/")[2], default={})
        elif len(whole := list(schema.get("allOf") or [])) == 1:
            schema = {**whole[0], **{key: value for key, value in schema.items() if key not in ("allOf", "default", "description")}}
        else:
            break
    return schema


def _check(path: str, value: Any, schema: Object, document: Object, depth: int) -> Iterator[Problem]:
    schema = _resolved(schema, document)
    at = path or "the object"
    if value is None or depth > 60:
        return
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string" or schema.get("oneOf"):
        if isinstance(value, bool | list | dict):
            yield Problem(at, "must be a number or text")
        return
    kind = schema.get("type")
    if kind in TYPES and (not isinstance(value, TYPES[str(kind)]) or (isinstance(value, bool) and kind != "boolean")):
        yield Problem(at, f"must be {WORDS[kind]}, and is {_shown(value)}")
        return
    if (allowed := schema.get("enum")) and value not in allowed:
        yield Problem(at, f"must be one of {', '.join(map(str, allowed))}, and is {_shown(value)}")
    if isinstance(value, Mapping):
        yield from _object(path, value, schema, document, depth)
    elif isinstance(value, list) and (items := schema.get("items")):
        for index, inner in enumerate(value):
            yield from _check(f"{path}[{index}]", inner, items, document, depth + 1)


def _object(path: str, value: Mapping[str, Any], schema: Object, document: Object, depth: int) -> Iterator[Problem]:
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    open_ended = not properties or schema.get("x-kubernetes-preserve-unknown-fields") or more
    for name in schema.get("required") or ():
        if value.get(name) is None:
            yield Problem(f"{path}.{name}".lstrip("."), "is missing")
    for name, inner in value.items():
        where = f"{path}.{name}".lstrip(".")
        if name in properties:
            yield from _check(where, inner, properties[name], document, depth + 1)
        elif isinstance(more, Mapping):
            yield from _check(where, inner, more, document, depth + 1)
        elif not open_ended:
            near = _nearest(name, properties)
            yield Problem(where, f"is not a field here{f'; did you mean {near}?' if near else ''}")


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    found = difflib.get_close_matches(name, known, 1, 0.7)
    return found[0] if found else ""


def _shown(value: Any) -> str:
    return "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else f"“{value}”"
