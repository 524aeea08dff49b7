"""Naming an object of a cluster, and where its API serves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.cluster.access import Right
from app.cluster.objects import NOTHING, Object, items, kind_of, name_of, namespace_of
from app.core.errors import Invalid, NotFound


class Reply(Protocol):
    """An answer below 400."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def body(self) -> dict[str, Any]:
        """JSON."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the server warns of."""

    @property
    def text(self) -> str:
        """What it said where it was not JSON."""


class Identified(Protocol):
    """Which cluster it is."""

    @property
    def ref(self) -> str:
        """What a plan is pinned to."""


class Client(Protocol):
    """The part of a connection that changing needs."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Reply:
        """Ask once."""

    async def identity(self) -> Identified:
        """Which cluster answers."""


# Kinds that every cluster has: plural, and whether they live in a namespace. All others are asked for.
_BUILT_IN: dict[str, tuple[str, bool]] = {
    "v1/ConfigMap": ("configmaps", True),
    "v1/Event": ("events", True),
    "v1/LimitRange": ("limitranges", True),
    "v1/Namespace": ("namespaces", False),
    "v1/Node": ("nodes", False),
    "v1/PersistentVolume": ("persistentvolumes", False),
    "v1/PersistentVolumeClaim": ("persistentvolumeclaims", True),
    "v1/Pod": ("pods", True),
    "v1/ResourceQuota": ("resourcequotas", True),
    "v1/Secret": ("secrets", True),
    "v1/Service": ("services", True),
    "v1/ServiceAccount": ("serviceaccounts", True),
    "apps/v1/ControllerRevision": ("controllerrevisions", True),
    "apps/v1/DaemonSet": ("daemonsets", True),
    "apps/v1/Deployment": ("deployments", True),
    "apps/v1/ReplicaSet": ("replicasets", True),
    "apps/v1/StatefulSet": ("statefulsets", True),
    "autoscaling/v2/HorizontalPodAutoscaler": ("horizontalpodautoscalers", True),
    "batch/v1/CronJob": ("cronjobs", True),
    "batch/v1/Job": ("jobs", True),
    "networking.k8s.io/v1/Ingress": ("ingresses", True),
    "networking.k8s.io/v1/NetworkPolicy": ("networkpolicies", True),
    "policy/v1/PodDisruptionBudget": ("poddisruptionbudgets", True),
    "rbac.authorization.k8s.io/v1/ClusterRole": ("clusterroles", False),
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": ("clusterrolebindings", False),
    "rbac.authorization.k8s.io/v1/Role": ("roles", True),
    "rbac.authorization.k8s.io/v1/RoleBinding": ("rolebindings", True),
    "gateway.networking.k8s.io/v1/HTTPRoute": ("httproutes", True),
    "networking.istio.io/v1/VirtualService": ("virtualservices", True),
    "traefik.io/v1alpha1/TraefikService": ("traefikservices", True),
    "argoproj.io/v1alpha1/Application": ("applications", True),
    "argoproj.io/v1alpha1/AppProject": ("appprojects", True),
    "argoproj.io/v1alpha1/Rollout": ("rollouts", True),
}
API_OF = {name.rpartition("/")[2]: name.rpartition("/")[0] for name in _BUILT_IN}


@dataclass(frozen=True, slots=True)
class Ref:
    """One object: API version, kind, namespace (empty for the whole cluster) and name."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Object) -> Ref:
        """Of a raw object.

        Raises:
            Invalid: it has no API version, kind or name.
        """
        found = cls(str(obj.get("apiVersion") or API_OF.get(kind_of(obj), "")), kind_of(obj), namespace_of(obj), name_of(obj))
        if not found.api_version or not found.kind or not found.name:
            what = f"{found.kind or 'An object'} {found.name}".strip()
            raise Invalid(f"{what} lacks apiVersion, kind or metadata.name. Nothing was changed.", "Add them.")
        return found

    @classmethod
    def named(cls, kind: str, namespace: str, name: str) -> Ref:
        """Of a kind that every cluster has.

        Raises:
            Invalid: the kind is not one of them.
        """
        if kind not in API_OF:
            raise Invalid(f"“{kind}” is not a kind that this console changes. Nothing was changed.", "Apply a manifest instead.")
        return cls(API_OF[kind], kind, namespace, name)

    @property
    def label(self) -> str:
        """``Deployment shop/web``."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def to_json(self) -> dict[str, object]:
        """For the params of a plan."""
        return {"api": self.api_version, "kind": self.kind, "namespace": self.namespace, "name": self.name}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Ref:
        """Inverse of :meth:`to_json`."""
        return cls(str(data["api"]), str(data["kind"]), str(data["namespace"]), str(data["name"]))


async def path_of(client: Client, ref: Ref, subresource: str = "") -> str:
    """Where the API serves it.

    Raises:
        NotFound: the cluster does not serve the kind.
    """
    plural, namespaced = await _resource(client, ref)
    base = f"/apis/{ref.api_version}" if "/" in ref.api_version else f"/api/{ref.api_version}"
    parts = [base, *(("namespaces", ref.namespace) if namespaced and ref.namespace else ()), plural, ref.name, subresource]
    return "/".join(part for part in parts if part)


async def namespaced(client: Client, ref: Ref) -> bool:
    """Whether objects of its kind live in a namespace."""
    return (await _resource(client, ref))[1]


async def eviction_version(client: Client) -> str:
    """The version in which the cluster takes evictions: ``policy/v1``, and ``policy/v1beta1`` before v1.22."""
    served = (await client.request("GET", "/api/v1")).body
    entry = next((entry for entry in items(served, "resources") if entry.get("name") == "pods/eviction"), NOTHING)
    return f"{entry.get('group') or 'policy'}/{entry.get('version') or 'v1'}"


async def right_of(client: Client, ref: Ref, verb: str, subresource: str = "") -> Right:
    """The right that a request to an object needs.

    Raises:
        NotFound: the cluster does not serve the kind.
    """
    plural, inside = await _resource(client, ref)
    group = ref.api_version.rpartition("/")[0]
    return Right(verb, f"{plural}/{subresource}" if subresource else plural, group, ref.namespace if inside else "")


async def _resource(client: Client, ref: Ref) -> tuple[str, bool]:
    if (found := _BUILT_IN.get(f"{ref.api_version}/{ref.kind}")) is not None:
        return found
    base = f"/apis/{ref.api_version}" if "/" in ref.api_version else f"/api/{ref.api_version}"
    missing = NotFound(
        f"The cluster does not know {ref.kind} of {ref.api_version}. Nothing was changed.", "Install its definition first."
    )
    try:
        answer = await client.request("GET", base)
    except NotFound:
        raise missing from None
    for entry in items(answer.body, "resources"):
        if entry.get("kind") == ref.kind and "/" not in str(entry.get("name", "/")):
            return str(entry["name"]), bool(entry.get("namespaced"))
    raise missing
