"""Snapshots for tests: of the recorded cluster, or of a few objects. ``now`` is when the recording was made."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from app.cluster.objects import Object, millis

LISTS = Path(__file__).parents[1] / "data" / "cluster" / "recorded" / "lists"
NOW = millis("2026-11-23T01:15:30Z")
FILES = {
    "pods": "Pod",
    "nodes": "Node",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "controllerrevisions": "ControllerRevision",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "services": "Service",
    "ingresses": "Ingress",
    "hpa-v2": "HorizontalPodAutoscaler",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "networkpolicies": "NetworkPolicy",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "resourcequotas": "ResourceQuota",
    "namespaces": "Namespace",
    "events": "Event",
    "applications": "Application",
    "endpointslices": "EndpointSlice",
}


@dataclass(frozen=True)
class State:
    status: str = "live"
    spaces: frozenset[str] | None = None


@dataclass(frozen=True)
class Measured:
    available: bool = False
    pods: Mapping[tuple[str, str], Mapping[str, tuple[float, int]]] = field(default_factory=dict)
    nodes: Mapping[str, tuple[float, int]] = field(default_factory=dict)


class Objects:
    """A reading of given objects."""

    def __init__(
        self,
        objects: Iterable[Object],
        metrics: Measured | None = None,
        unread: tuple[str, ...] = (),
        spaces: frozenset[str] | None = None,
    ) -> None:
        self._by_kind: dict[str, dict[tuple[str, str], Object]] = {}
        self.metrics = metrics or Measured()
        self._unread = unread
        self._spaces = spaces
        for obj in objects:
            meta = obj["metadata"]
            self._by_kind.setdefault(obj["kind"], {})[meta.get("namespace", ""), meta["name"]] = obj

    def of(self, kind: str) -> Mapping[tuple[str, str], Object]:
        return self._by_kind.get(kind, {})

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return self.of(kind).get((namespace, name))

    def state(self, kind: str) -> State:
        return State("unknown" if kind in self._unread else "live", self._spaces)


@cache
def _list(file: str) -> tuple[dict[str, Any], ...]:
    body = json.loads((LISTS / f"{file}.json").read_text(encoding="utf-8"))
    kind = str(body["kind"]).removesuffix("List")
    return tuple({"apiVersion": body["apiVersion"], "kind": kind, **item} for item in body["items"])


def recorded(*replaced: str) -> list[dict[str, Any]]:
    """All objects of the recorded cluster, to be changed freely. ``nodes-notready`` takes the place of ``nodes`` when asked for."""
    files = [("nodes-notready" if file == "nodes" and "nodes-notready" in replaced else file) for file in FILES]
    return [copy.deepcopy(obj) for file in files for obj in _list(file)]
