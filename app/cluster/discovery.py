"""Which resources a cluster serves, from its aggregated discovery (v1.27 and later) or, with older servers, group by group.

An aggregated API whose backend is down still stands in the list, marked ``Stale`` and without resources: it is named as such, so
that nobody takes its kinds for absent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.cluster.client import Connection
from app.cluster.failures import ApiError, ApiUnavailable
from app.cluster.kinds import Kind

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.9"


@dataclass(frozen=True)
class Served:
    """A served resource, its verbs (empty when the server did not say), and its subresources (``scale``, ``log``)."""

    kind: Kind
    verbs: frozenset[str]
    subresources: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Discovery:
    """What a cluster serves. ``stale``: APIs such as ``metrics.k8s.io/v1beta1`` whose backend does not answer."""

    resources: tuple[Served, ...]
    stale: tuple[str, ...]

    def find(self, kind: str, group: str | None = None) -> Served | None:
        """The resource of that kind; of a group, when several have it."""
        for served in self.resources:
            if served.kind.kind == kind and group in (None, served.kind.group):
                return served
        return None


async def discover(connection: Connection) -> Discovery:
    """Ask what is served.

    Raises:
        ApiError: the cluster does not answer, or does not know us.
    """
    core, groups = await asyncio.gather(*(connection.get(path, accept=AGGREGATED) for path in ("/api", "/apis")))
    if core.get("kind") == "APIGroupDiscoveryList" and groups.get("kind") == "APIGroupDiscoveryList":
        return _aggregated([*(core.get("items") or ()), *(groups.get("items") or ())])
    versions = [("", version) for version in core.get("versions") or ()]
    for group in groups.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("version")
        versions += [(group["name"], preferred)] if preferred else []
    found = await asyncio.gather(*(_plain(connection, group, version) for group, version in versions))
    stale = tuple(f"{group}/{version}" for (group, version), part in zip(versions, found, strict=True) if part is None)
    return Discovery(tuple(served for part in found for served in part or ()), stale)


def _aggregated(items: Iterable[Mapping[str, Any]]) -> Discovery:
    resources: list[Served] = []
    stale: list[str] = []
    for item in items:
        group = (item.get("metadata") or {}).get("name", "")
        for number, version in enumerate(item.get("versions") or ()):
            if version.get("freshness") == "Stale":
                stale.append(f"{group}/{version['version']}")
            if number:
                continue  # the first is the one the server prefers
            for entry in version.get("resources") or ():
                response = entry.get("responseKind") or {}
                kind = Kind(
                    group, version["version"], entry["resource"], response.get("kind", ""), entry.get("scope") == "Namespaced"
                )
                subresources = frozenset(part["subresource"] for part in entry.get("subresources") or ())
                resources.append(Served(kind, frozenset(entry.get("verbs") or ()), subresources))
    return Discovery(tuple(resources), tuple(stale))


async def _plain(connection: Connection, group: str, version: str) -> list[Served] | None:
    """The resources of one version; None when its backend does not answer."""
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        body = await connection.get(path)
    except ApiUnavailable as error:
        if error.failure.status == 503:
            return None
        raise
    except ApiError as error:
        if error.failure.status == 404:
            return []
        raise
    entries = body.get("resources") or ()
    below: dict[str, set[str]] = {}
    for entry in entries:
        name, slash, part = entry["name"].partition("/")
        if slash:
            below.setdefault(name, set()).add(part)
    return [
        Served(
            Kind(group, version, entry["name"], entry["kind"], bool(entry.get("namespaced"))),
            frozenset(entry.get("verbs") or ()),
            frozenset(below.get(entry["name"], ())),
        )
        for entry in entries
        if "/" not in entry["name"]
    ]
