"""Objects that carry the shares of two versions: read, and written as a patch.

* **Ingress** of ingress-nginx: annotations ``canary-weight`` of ``canary-weight-total`` (100 unless said).
* **HTTPRoute** (Gateway API v1): ``backendRefs`` with weights, 1 unless said.
* **VirtualService** (Istio v1): ``route`` destinations with weights; each is a host, or a subset that a DestinationRule names.
* **TraefikService**: ``weighted.services`` with weights, 1 unless said.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.cluster.objects import Object, Reading, annotations_of, dig, items, kind_of, name_of, namespace_of
from app.core.errors import Conflict

NGINX = "nginx.ingress.kubernetes.io/"
ROUTES = ("HTTPRoute", "VirtualService", "TraefikService")
Backend = tuple[str, str]  # Service and, of Istio, subset


@dataclass(frozen=True, slots=True)
class Split:
    """Two backends that share the traffic, with their weights."""

    kind: str
    namespace: str
    name: str
    backends: tuple[Backend, Backend]
    weights: tuple[int, int]

    @property
    def percent(self) -> tuple[float, float]:
        """The shares; nothing for both when both weigh nothing."""
        whole = sum(self.weights)
        return (100 * self.weights[0] / whole, 100 * self.weights[1] / whole) if whole else (0.0, 0.0)


def splits(reading: Reading) -> Iterator[Split]:
    """Every route that divides its traffic between two backends of its own namespace; the first such rule of each counts."""
    for kind in ROUTES:
        for (namespace, name), obj in sorted(reading.of(kind).items()):
            for entries in _lists(obj):
                backends = [_backend(kind, namespace, entry) for entry in entries]
                if len(backends) == 2 and backends[0] is not None and backends[1] is not None and backends[0] != backends[1]:
                    weights = (_weight(kind, entries[0]), _weight(kind, entries[1]))
                    yield Split(kind, namespace, name, (backends[0], backends[1]), weights)
                    break


def services_of(route: Object) -> list[str]:
    """The Services of its own namespace that a route sends to, each once."""
    found = (_backend(kind_of(route), namespace_of(route), entry) for entries in _lists(route) for entry in entries)
    return sorted({backend[0] for backend in found if backend is not None})


def subset_labels(reading: Reading, namespace: str, backend: Backend) -> dict[str, str] | None:
    """The labels that a subset asks for beyond its Service's; empty without a subset, None when nobody defines it."""
    service, subset = backend
    if not subset:
        return {}
    for (space, _), rule in reading.of("DestinationRule").items():
        if space == namespace and _service(str(dig(rule, "spec", "host", default="")), namespace) == service:
            for entry in items(rule, "spec", "subsets"):
                if entry.get("name") == subset:
                    return dict(dig(entry, "labels", default={}))
    return None


def canary_percent(ingress: Object) -> float:
    """The share of an nginx canary Ingress."""
    notes = annotations_of(ingress)
    weight, whole = (notes.get(f"{NGINX}canary-weight", "0"), notes.get(f"{NGINX}canary-weight-total", "100"))
    return 100 * int(weight) / int(whole) if weight.isdigit() and whole.isdigit() and int(whole) else 0.0


def weight_patch(obj: Object, stable: Backend, canary: Backend, percent: int) -> dict[str, Any]:
    """The JSON merge patch that gives the canary ``percent`` of the traffic in every rule that divides it between the two.

    Raises:
        Conflict: it no longer divides the traffic between these two.
    """
    if kind_of(obj) == "Ingress":
        whole = annotations_of(obj).get(f"{NGINX}canary-weight-total", "100")
        weight = round(percent * int(whole) / 100) if whole.isdigit() else percent
        return {"metadata": {"annotations": {f"{NGINX}canary-weight": str(weight)}}}
    kind, namespace = kind_of(obj), namespace_of(obj)
    changed = copy.deepcopy(dict(obj))
    found = False
    for entries in _lists(changed):
        by_backend = {_backend(kind, namespace, entry): entry for entry in entries}
        if len(entries) == 2 and by_backend.keys() == {stable, canary}:
            by_backend[stable]["weight"], by_backend[canary]["weight"] = 100 - percent, percent
            found = True
    if not found:
        raise Conflict(
            f"{kind} {name_of(obj)} no longer divides the traffic between {stable[0]} and {canary[0]}. Nothing was planned.",
            "Look at the cluster again.",
        )
    match kind:
        case "HTTPRoute":
            return {"spec": {"rules": changed["spec"]["rules"]}}
        case "VirtualService":
            return {"spec": {"http": changed["spec"]["http"]}}
        case _:
            return {"spec": {"weighted": {"services": changed["spec"]["weighted"]["services"]}}}


def _lists(obj: Object) -> Iterator[list[Any]]:
    """The lists of weighted destinations of a route."""
    match kind_of(obj):
        case "HTTPRoute":
            yield from (items(rule, "backendRefs") for rule in items(obj, "spec", "rules"))
        case "VirtualService":
            yield from (items(rule, "route") for rule in items(obj, "spec", "http"))
        case "TraefikService":
            yield items(obj, "spec", "weighted", "services")


def _backend(kind: str, namespace: str, entry: Object) -> Backend | None:
    """The Service of a destination; None when it is none, or in another namespace."""
    if kind == "VirtualService":
        service = _service(str(dig(entry, "destination", "host", default="")), namespace)
        return (service, str(dig(entry, "destination", "subset", default=""))) if service else None
    if entry.get("kind", "Service") != "Service" or entry.get("namespace", namespace) != namespace:
        return None
    return (str(entry.get("name", "")), "")


def _service(host: str, namespace: str) -> str:
    """The Service of a host in a namespace (``web``, ``web.shop``, ``web.shop.svc.cluster.local``); empty when it is elsewhere."""
    name, _, rest = host.partition(".")
    return name if not rest or (rest.split(".")[0] == namespace and rest.split(".")[1:2] in ([], ["svc"])) else ""


def _weight(kind: str, entry: Object) -> int:
    found = entry.get("weight")
    return found if isinstance(found, int) else (0 if kind == "VirtualService" else 1)
