"""What kubectl says and what the console says, side by side: a console that follows a real control plane."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.cluster import KindStatus
from app.cluster.objects import items
from app.cluster.rollouts import RolloutState, progress
from app.cluster.workloads import View
from app.console import Console
from tests.campaigns.control_plane import ControlPlane, Nodes, running

COMPARED = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "Node")
KIND_OF = {
    "pod": "Pod",
    "deployment.apps": "Deployment",
    "statefulset.apps": "StatefulSet",
    "daemonset.apps": "DaemonSet",
    "job.batch": "Job",
}
PLATFORM = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "postgres:16"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "agent:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: shop}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: migrate, image: "once:1"}]}
"""


def deployment(name: str, image: str, replicas: int = 2, **spec: Any) -> str:
    """A Deployment in ``shop`` as YAML (JSON is YAML)."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return json.dumps(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": body}
    )


def ports_of(obj: dict[str, Any]) -> list[dict[str, Any]]:
    """The ports of a Service, or of the containers of a template."""
    containers = items(obj, "spec", "template", "spec", "containers")
    return [*(items(obj, "spec", "ports") if obj["kind"] == "Service" else ()), *(p for c in containers for p in items(c, "ports"))]


def kubectl_says(plane: ControlPlane) -> dict[str, Any]:
    """Pods, workloads and nodes in the columns of ``kubectl get``."""
    said: dict[str, Any] = {("Node", "", name): word for name, word, *_ in plane.rows("nodes")}
    for space, what, *columns in plane.rows("pods,deployments,statefulsets,daemonsets,jobs", "-A"):
        kind, name = KIND_OF[what.split("/")[0]], what.split("/")[1]
        match kind, columns:
            case "Pod", [ready, word, restarts, *_]:
                said[kind, space, name] = (ready, word, int(restarts.split()[0]))
            case "Deployment", [ready, updated, available, *_]:
                said[kind, space, name] = (ready, int(updated), int(available))
            case "DaemonSet", [wanted, _, ready, updated, available, *_]:
                said[kind, space, name] = (f"{ready}/{wanted}", int(updated), int(available))
            case _, [ready, *_]:
                said[kind, space, name] = ready
    return said


def console_says(console: Console) -> dict[str, Any]:
    """The same, from what the console knows."""
    view = View(console.clusters.snapshot("real"))
    said: dict[str, Any] = {("Pod", *key): (f"{p.ready}/{p.total}", p.word, p.restarts) for key, p in view.pods.items()}
    for line in view.workloads:
        ready = f"{line.ready}/{line.wanted}"
        said[line.key] = ready if line.kind in ("StatefulSet", "Job") else (ready, line.updated, line.available)
    return said | {("Node", "", node.name): node.word for node in view.nodes}


class Watched:
    """A console that follows the control plane, and how long it ever said something else than kubectl."""

    def __init__(self, console: Console, plane: ControlPlane, nodes: Nodes) -> None:
        self.console, self.plane, self.nodes = console, plane, nodes
        self.worst = 0.0

    async def kubectl(self, *arguments: str, text: str = "") -> str:
        """What kubectl prints, read beside the loop."""
        return await asyncio.to_thread(self.plane.kubectl, *arguments, text=text)

    async def agrees(self, limit: float = 30.0) -> float:
        """Wait until the console says what kubectl says before and after; return the seconds that it took."""
        began = time.monotonic()
        while True:
            before = await asyncio.to_thread(kubectl_says, self.plane)
            mine = console_says(self.console)
            if before == mine == await asyncio.to_thread(kubectl_says, self.plane):
                took = time.monotonic() - began
                self.worst = max(self.worst, took)
                return took
            differing = {key: (before.get(key), mine.get(key)) for key in {*before, *mine} if before.get(key) != mine.get(key)}
            assert time.monotonic() - began < limit, f"kubectl and the console differ: {differing}"

    async def comes(self, condition: Callable[[], object], what: str, limit: float = 60.0) -> float:
        """Something comes to hold; the limit only ends a test that has failed."""
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < limit, f"{what}: it did not come to hold; {self.state()}"
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def signals(self) -> set[tuple[str, str]]:
        """Rule and object of everything that is not well."""
        health = await self.console.clusters.health("real")
        return {(signal.rule, signal.name) for signal in health.signals}

    async def signalled(self, rule: str, name: str, limit: float = 60.0) -> None:
        """A rule fires for an object."""
        end = time.monotonic() + limit
        while not any(found == rule and about.startswith(name) for found, about in await self.signals()):
            assert time.monotonic() < end, f"{rule} did not fire for {name}: {sorted(await self.signals())}"
            await asyncio.sleep(0.3)

    async def done(self, planning: Awaitable[Any]) -> Any:
        """A plan, confirmed and run to a good end."""
        return await self.operations_done(await planning)

    async def operations_done(self, plan: Any) -> Any:
        """The same of a plan that is there."""
        ended = await self.console.operations.execute(plan.id, statement="test")
        assert ended.state == "done", (ended.reason, self.console.operations.log(plan.id))
        return ended

    def rollout(self, name: str) -> RolloutState:
        """Where a Deployment's rollout stands."""
        view = View(self.console.clusters.snapshot("real"))
        return next(progress(line).state for line in view.workloads if line.key == ("Deployment", "shop", name))

    def state(self) -> str:
        """What the console says of the cluster itself."""
        clusters = self.console.clusters
        kinds = {kind: clusters.snapshot("real").state(kind).status.value for kind in COMPARED}
        return f"{clusters.reach('real')}, {kinds}, {clusters.remarks('real')!r}"

    def live(self) -> bool:
        """It answers, and everything compared is followed."""
        snapshot = self.console.clusters.snapshot("real")
        answers = self.console.clusters.reach("real").answers
        return bool(answers) and all(snapshot.state(kind).status is KindStatus.LIVE for kind in COMPARED)


@contextlib.asynccontextmanager
async def watched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """A console at its own pace over a control plane with three nodes."""
    with running(folder / "plane") as (plane, nodes):
        monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
        console = await Console.open(folder / "home")
        try:
            console.settings.set("cluster.grace_seconds", 0)
            await console.clusters.connect("real")
            await console.clusters.settled("real")
            world = Watched(console, plane, nodes)
            await world.kubectl("apply", "-f", "-", text=PLATFORM)
            for name, image in (("web", "web:1"), ("crashy", "crash:1"), ("oomy", "oom:1"), ("gone", "missing:1")):
                await world.kubectl("apply", "-f", "-", text=deployment(name, image, progressDeadlineSeconds=8))
            await world.kubectl("-n", "shop", "rollout", "status", "deployment/web")
            yield world
            print(f"the longest that it took to agree with kubectl: {world.worst:.1f} s")
        finally:
            await console.close()
