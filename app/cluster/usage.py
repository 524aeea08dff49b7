"""Use of CPU and memory from metrics.k8s.io, with the short history that the API itself does not keep."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from app.cluster.client import Connection
from app.cluster.failures import ApiDenied, ApiError, ApiNotFound
from app.cluster.quantities import amount
from app.cluster.store import Key, Metrics

BASE = "/apis/metrics.k8s.io/v1beta1"
KEPT = 240  # readings per pod and node: an hour at one every 15 s


class History:
    """The last readings of each pod and node: time (UTC ms), CPU in thousandths of a core, memory in bytes."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._rows: dict[Key, array[float]] = {}

    def add(self, metrics: Metrics) -> None:
        """Take a reading in; who is gone is forgotten."""
        now = float(metrics.read_at)
        rows: dict[Key, array[float]] = {}
        for key, containers in metrics.pods.items():
            cpu = sum(cpu for cpu, _ in containers.values())
            rows[key] = self._grown(key, now, cpu, float(sum(memory for _, memory in containers.values())))
        for node, (cpu, memory) in metrics.nodes.items():
            rows[("", node)] = self._grown(("", node), now, cpu, float(memory))
        self._rows = rows

    def of(self, namespace: str, name: str) -> list[tuple[int, float, int]]:
        """Readings of a pod, or of a node (empty namespace), oldest first."""
        row = self._rows.get((namespace, name), array("d"))
        return [(int(row[i]), row[i + 1], int(row[i + 2])) for i in range(0, len(row), 3)]

    def _grown(self, key: Key, now: float, cpu: float, memory: float) -> array[float]:
        row = self._rows.get(key)
        if row is None:
            row = array("d")
        row.extend((now, cpu, memory))
        if len(row) > 3 * self._kept:
            del row[: len(row) - 3 * self._kept]
        return row


async def read_metrics(connection: Connection, namespace: str, now: int) -> Metrics:
    """Read what is used now. Where the API is missing, down or not allowed, the answer says so in words and has no figures."""
    try:
        path = f"{BASE}/namespaces/{namespace}/pods" if namespace else f"{BASE}/pods"
        pods = await connection.get(path)
        nodes: Mapping[str, Any] = {}
        try:
            nodes = await connection.get(f"{BASE}/nodes")
        except ApiDenied:
            pass
    except ApiNotFound:
        return Metrics(message="This cluster has no metrics server.")
    except ApiDenied:
        return Metrics(message="This identity may not read metrics.")
    except ApiError as error:
        return Metrics(message=f"The metrics server does not answer: {error.failure.message}.")
    return Metrics(
        available=True,
        read_at=now,
        pods={
            (item["metadata"].get("namespace", ""), item["metadata"]["name"]): {
                container["name"]: _usage(container) for container in item.get("containers") or ()
            }
            for item in pods.get("items") or ()
        },
        nodes={item["metadata"]["name"]: _usage(item) for item in nodes.get("items") or ()},
    )


def together(parts: Sequence[Metrics]) -> Metrics:
    """Readings of several namespaces as one; what could be read of some is worth more than what could not of others."""
    read = [part for part in parts if part.available]
    if len(parts) == 1 or not read:
        return parts[0] if parts else Metrics(message="No namespace may be read.")
    pods = {key: used for part in read for key, used in part.pods.items()}
    return Metrics(True, min(part.read_at for part in read), pods, read[0].nodes)


def _usage(item: Mapping[str, Any]) -> tuple[float, int]:
    usage = item.get("usage") or {}
    return float(amount(usage.get("cpu")) * 1000), int(amount(usage.get("memory")))
