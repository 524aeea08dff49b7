"""Tables and metadata-only objects: the other forms in which a server shows its objects."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tests.cluster.apiserver.resources import Resource

RECORDED = Path(__file__).resolve().parents[2] / "data" / "cluster" / "recorded"


@cache
def _columns() -> dict[str, list[dict[str, Any]]]:
    return {
        plural: json.loads((RECORDED / "table" / f"{plural}.json").read_text("utf-8"))["columnDefinitions"] for plural in ("pods",)
    }


def partial(body: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body["metadata"]}


def table(
    resource: Resource, items: list[dict[str, Any]], metadata: dict[str, Any], include: str, *, columns: bool = True
) -> dict[str, Any]:
    """``columns``: a watch names them only in its first event."""
    plain = [{"name": "Name", "type": "string", "format": "name", "priority": 0}, {"name": "Age", "type": "string", "priority": 0}]
    rows = [{"cells": _cells(resource, item), "object": _object(item, include)} for item in items]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": _columns().get(resource.plural, plain) if columns else None,
        "rows": rows,
    }


def _object(item: dict[str, Any], include: str) -> Any:
    if include == "None":
        return None
    return item if include == "Object" else partial(item)


def _cells(resource: Resource, item: dict[str, Any]) -> list[Any]:
    name, age = item["metadata"]["name"], _age(item["metadata"].get("creationTimestamp", ""))
    if resource.plural != "pods":
        return [name, age]
    status = item.get("status") or {}
    states = status.get("containerStatuses") or []
    reason = status.get("reason") or status.get("phase", "Unknown")
    for state in states:
        waiting = (state.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ((state.get("state") or {}).get("terminated") or {}).get("reason") or reason
    ready = sum(bool(state.get("ready")) for state in states)
    total = len((item.get("spec") or {}).get("containers") or [])
    if item["metadata"].get("deletionTimestamp"):
        reason = "Terminating"
    restarts = str(sum(state.get("restartCount", 0) for state in states))
    node = (item.get("spec") or {}).get("nodeName") or "<none>"
    return [name, f"{ready}/{total}", reason, restarts, age, status.get("podIP") or "<none>", node, "<none>", "<none>"]


def _age(created: str) -> str:
    if not created:
        return "<unknown>"
    seconds = int((datetime.now(UTC) - datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)).total_seconds())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
