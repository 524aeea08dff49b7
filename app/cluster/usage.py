"""Use of CPU and memory from metrics.k8s.io, with the short history that the API itself does not keep."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.cluster.client import Connection
from app.cluster.failures import ApiDenied, ApiError, ApiNotFound
from app.cluster.objects import Reading
from app.cluster.quantities import amount
from app.cluster.store import Key, Metrics
from app.cluster.workloads import View

BASE = "/apis/metrics.k8s.io/v1beta1"
MINUTE_MS = 60_000
KEPT = 240  # readings of each pod, workload and node: an hour at one every 15 s
KEPT_KINDS = ("Node", "Deployment", "StatefulSet", "DaemonSet", "Rollout", "CronJob")  # in the store: what stays under its name

Top = tuple[str, str, str]  # kind, namespace (empty for a node) and name of what use is counted for


@dataclass(frozen=True, slots=True)
class Sample:
    """What was used at one time: UTC ms, CPU in thousandths of a core, memory in bytes, and how many ms it stands for."""

    at: int
    cpu: float
    memory: int
    span: int


class History:
    """The last readings of each pod, workload and node. A workload's is the sum over the pods that it had at that time.

    One thread adds, others may read meanwhile: they copy a row first, which is one step of the interpreter.

    Args:
        span: milliseconds between two readings.
    """

    def __init__(self, kept: int = KEPT, span: int = 15_000) -> None:
        self._kept = kept
        self._span = span
        # Rows of ms, thousandths of a core and bytes in turn. Pods are many, and stay under the key that they are measured by.
        self._pods: dict[Key, array[float]] = {}
        self._tops: dict[Top, array[float]] = {}
        self._owners: dict[Key, Top] = {}

    def add(self, metrics: Metrics, reading: Reading) -> None:
        """Take a reading in. A pod that is gone is forgotten; a workload without pods only after as long as is kept.

        Args:
            reading: says whose the pods are.
        """
        now, view = float(metrics.read_at), View(reading)
        pods: dict[Key, array[float]] = {}
        used: dict[Top, tuple[float, float]] = {
            ("Node", "", node): (cpu, float(memory)) for node, (cpu, memory) in metrics.nodes.items()
        }
        for key, containers in metrics.pods.items():
            cpu, memory = sum(cpu for cpu, _ in containers.values()), float(sum(memory for _, memory in containers.values()))
            pods[key] = self._grown(self._pods.get(key), now, cpu, memory)
            owner = self._owners.get(key) or self._owner(key, view)
            if owner is not None and owner[0] not in ("Pod", "Node"):  # static pods say that their node controls them
                before = used.get(owner, (0.0, 0.0))
                used[owner] = before[0] + cpu, before[1] + memory
        oldest = now - self._kept * self._span
        tops = {top: row for top, row in self._tops.items() if row[-3] > oldest}
        for top, (cpu, memory) in used.items():
            tops[top] = self._grown(self._tops.get(top), now, cpu, memory)
        self._pods, self._tops = pods, tops
        if len(self._owners) > 1.2 * len(pods):
            self._owners = {key: owner for key, owner in self._owners.items() if key in pods}

    def clear(self) -> None:
        """Forget everything: it was of another cluster."""
        self._pods, self._tops, self._owners = {}, {}, {}

    def of(self, kind: str, namespace: str, name: str) -> list[Sample]:
        """Readings of a pod, a workload, or a node (empty namespace), oldest first."""
        found = self._pods.get((namespace, name)) if kind == "Pod" else self._tops.get((kind, namespace, name))
        row = found[:] if found else array("d")
        return [Sample(int(row[i]), row[i + 1], int(row[i + 2]), self._span) for i in range(0, len(row), 3)]

    def means(self, since: int, until: int, kinds: Collection[str]) -> dict[Top, tuple[float, float]]:
        """Mean CPU and memory from ``since`` to before ``until`` of what was measured then, of some kinds."""
        found: dict[Top, tuple[float, float]] = {}
        for top, row in self._tops.items():
            if top[0] not in kinds:
                continue
            row = row[:]
            end = len(row)
            while end and row[end - 3] >= until:
                end -= 3
            begin = end
            while begin and row[begin - 3] >= since:
                begin -= 3
            if places := range(begin, end, 3):
                found[top] = sum(row[i + 1] for i in places) / len(places), sum(row[i + 2] for i in places) / len(places)
        return found

    def _owner(self, key: Key, view: View) -> Top | None:
        """The workload of a pod, kept as soon as what is above its controller is known."""
        pod = view.reading.of("Pod").get(key)
        if pod is None:
            return None
        owner = view.top("Pod", key[0], pod)
        if owner[0] not in ("ReplicaSet", "Job"):
            self._owners[key] = owner
        return owner

    def _grown(self, row: array[float] | None, now: float, cpu: float, memory: float) -> array[float]:
        if row is None:
            row = array("d")
        while row and row[-3] >= now:  # the clock was set back: what is ahead of it cannot be placed
            del row[-3:]
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


def summed(each: Sequence[Sequence[Sample]]) -> list[Sample]:
    """The readings of several pods as those of all; pods are measured at the same moments."""
    found: dict[int, Sample] = {}
    for samples in each:
        for one in samples:
            so_far = found.get(one.at)
            found[one.at] = one if so_far is None else Sample(one.at, so_far.cpu + one.cpu, so_far.memory + one.memory, one.span)
    return [found[at] for at in sorted(found)]


def runs(samples: Iterable[Sample]) -> list[list[Sample]]:
    """Samples in pieces without a gap. A gap is what is longer than two and a half times what the samples beside it stand for."""
    pieces: list[list[Sample]] = []
    for sample in samples:
        last = pieces[-1][-1] if pieces else None
        if last is not None and sample.at - last.at <= 2.5 * max(sample.span, last.span):
            pieces[-1].append(sample)
        else:
            pieces.append([sample])
    return pieces


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
