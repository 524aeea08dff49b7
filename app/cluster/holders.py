"""Which Deployment runs pods that somebody knows by their names alone, such as a worker that told its host."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.cluster.objects import Reading, controller_of, dig


@dataclass(frozen=True, slots=True)
class Holder:
    """A Deployment, and the number of pods that is asked of it."""

    context: str
    namespace: str
    name: str
    replicas: int


def holders_of(context: str, snapshot: Reading, pods: Collection[str]) -> list[Holder]:
    """The Deployments of a cluster that run pods of these names. Pods of anything else are left out."""
    found: dict[tuple[str, str], Holder] = {}
    for (namespace, name), pod in snapshot.of("Pod").items():
        kind, owner = controller_of(pod) if name in pods else ("", "")
        replica_set = snapshot.get("ReplicaSet", namespace, owner) if kind == "ReplicaSet" else None
        kind, owner = controller_of(replica_set) if replica_set is not None else ("", "")
        deployment = snapshot.get("Deployment", namespace, owner) if kind == "Deployment" else None
        if deployment is not None:
            replicas = int(dig(deployment, "spec", "replicas", default=1))  # Kubernetes' own default
            found[namespace, owner] = Holder(context, namespace, owner, replicas)
    return [found[key] for key in sorted(found)]
