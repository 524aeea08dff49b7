"""Argo CD Applications: sync and health apart, and what drift is."""

from __future__ import annotations

from dataclasses import dataclass

from app.cluster.objects import Object, dig, items, millis, name_of, namespace_of, texts
from app.cluster.workloads import View

OWNED = "owned by the HPA"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of an application: its sync state and its health, and why it is no drift when it is none."""

    kind: str
    namespace: str
    name: str
    sync: str
    health: str
    message: str


@dataclass(frozen=True, slots=True)
class Application:
    """An application as a row. Sync is Synced, OutOfSync or Unknown; health a word of its own.

    Attributes:
        self_heals: Argo CD undoes what others change.
        operation: phase and message of the running or last operation.
        history: revisions deployed before, newest first: id, revision, UTC milliseconds.
    """

    namespace: str
    name: str
    project: str
    source: str
    destination: str
    sync: str
    health: str
    message: str
    revision: str
    automated: bool
    self_heals: bool
    resources: tuple[Resource, ...]
    operation: tuple[str, str]
    history: tuple[tuple[int, str, int], ...]
    read_at: int

    @property
    def drifted(self) -> tuple[Resource, ...]:
        """What differs from Git."""
        return tuple(resource for resource in self.resources if resource.sync == "OutOfSync")


def applications(view: View) -> tuple[Application, ...]:
    """All applications by name."""
    return tuple(sorted((application(obj) for obj in view.reading.of("Application").values()), key=lambda a: (a.name, a.namespace)))


def application(obj: Object) -> Application:
    """The row of an application."""
    spec = dig(obj, "spec", default={})
    source = dig(spec, "source", default={}) or dig(spec, "sources", 0, default={})
    path = str(source.get("path") or source.get("chart") or "")
    automated = dig(spec, "syncPolicy", "automated")
    return Application(
        namespace=namespace_of(obj),
        name=name_of(obj),
        project=str(spec.get("project", "")),
        source=f"{source.get('repoURL', '')} {path}@{source.get('targetRevision', 'HEAD')}".strip(),
        destination=str(dig(spec, "destination", "namespace", default="")),
        sync=str(dig(obj, "status", "sync", "status", default="Unknown")),
        health=str(dig(obj, "status", "health", "status", default="Unknown")),
        message=str(dig(obj, "status", "health", "message", default="")),
        revision=str(dig(obj, "status", "sync", "revision", default="")),
        automated=automated is not None and dig(automated, "enabled", default=True) is not False,
        self_heals=bool(dig(automated, "selfHeal", default=False)),
        resources=tuple(_resource(entry) for entry in items(obj, "status", "resources")),
        operation=(
            str(dig(obj, "status", "operationState", "phase", default="")),
            str(dig(obj, "status", "operationState", "message", default="")),
        ),
        history=tuple(
            sorted(
                (
                    (int(h.get("id", 0)), ", ".join(deployed(h)), millis(h.get("deployedAt")))
                    for h in items(obj, "status", "history")
                ),
                reverse=True,
            )
        ),
        read_at=millis(dig(obj, "status", "reconciledAt")),
    )


def deployed(entry: Object) -> tuple[str, ...]:
    """The revisions of an entry of the history: one, or one of each source."""
    found = entry.get("revision")
    return (str(found),) if found else tuple(map(str, texts(entry, "revisions")))


def application_of(view: View, kind: str, namespace: str, name: str) -> Application | None:
    """The application that has an object among its resources."""
    for found in applications(view):
        if any((r.kind, r.namespace, r.name) == (kind, namespace, name) for r in found.resources):
            return found
    return None


def not_drift(view: View, found: Application) -> tuple[str, ...]:
    """Workloads of an application whose replicas an autoscaler owns: their number is nobody's drift."""
    return tuple(
        f"{resource.kind} {resource.name}"
        for resource in found.resources
        if (resource.kind, resource.namespace, resource.name) in view.hpas
    )


def _resource(entry: Object) -> Resource:
    return Resource(
        kind=str(entry.get("kind", "")),
        namespace=str(entry.get("namespace", "")),
        name=str(entry.get("name", "")),
        sync=str(entry.get("status", "Unknown")),
        health=str(dig(entry, "health", "status", default="")),
        message=str(dig(entry, "health", "message", default="")),
    )
