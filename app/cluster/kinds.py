"""The kinds that the console knows, and where the API serves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of an API.

    Attributes:
        group: API group; empty for the core group.
        plural: its name in paths, such as ``pods``.
        kind: its name in objects, such as ``Pod``.
        metadata_only: only its metadata is read (``PartialObjectMetadata``): its contents are large, or nobody's business.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    metadata_only: bool = False

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def base(self) -> str:
        """The path of its API: ``/apis/apps/v1``."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of its list, of one object, or of a subresource of one."""
        parts = [self.base]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [self.plural, name, subresource]
        return "/".join(part for part in parts if part)


def _core(plural: str, kind: str, *, namespaced: bool = True, metadata_only: bool = False) -> Kind:
    return Kind("", "v1", plural, kind, namespaced, metadata_only)


# In the order in which they are read first: what the first page shows comes first.
_ALL = (
    _core("namespaces", "Namespace", namespaced=False),
    _core("nodes", "Node", namespaced=False),
    _core("pods", "Pod"),
    Kind("apps", "v1", "deployments", "Deployment"),
    Kind("apps", "v1", "statefulsets", "StatefulSet"),
    Kind("apps", "v1", "daemonsets", "DaemonSet"),
    Kind("apps", "v1", "replicasets", "ReplicaSet"),
    Kind("batch", "v1", "jobs", "Job"),
    Kind("batch", "v1", "cronjobs", "CronJob"),
    Kind("argoproj.io", "v1alpha1", "applications", "Application"),
    Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout"),
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    _core("services", "Service"),
    Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
    Kind("networking.k8s.io", "v1", "ingresses", "Ingress"),
    Kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute"),
    Kind("networking.istio.io", "v1", "virtualservices", "VirtualService"),
    Kind("networking.istio.io", "v1", "destinationrules", "DestinationRule"),
    Kind("traefik.io", "v1alpha1", "traefikservices", "TraefikService"),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim"),
    _core("resourcequotas", "ResourceQuota"),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    _core("configmaps", "ConfigMap", metadata_only=True),
    _core("secrets", "Secret", metadata_only=True),
    Kind("cert-manager.io", "v1", "certificates", "Certificate"),
    _core("events", "Event"),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.kind: kind for kind in _ALL})
"""All kinds that are watched, by their name in objects."""
