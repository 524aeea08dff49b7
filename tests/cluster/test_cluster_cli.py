"""The command line against a server in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.console import Console
from app.core.clock import now_ms
from tests.cluster.apiserver import ApiServer
from tests.cluster.apiserver.rights import Rule, User
from tests.cluster.conftest import pod


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ApiServer]:
    """The recorded cluster, on a loop of its own, so that another process can ask it."""
    server, ready, end = ApiServer.recorded(), threading.Event(), threading.Event()

    def serve() -> None:
        async def life() -> None:
            async with server:
                ready.set()
                await asyncio.to_thread(end.wait)

        asyncio.run(life())

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    server.kubeconfig(tmp_path / "kubeconfig", context="kind-shop")
    yield server
    end.set()
    thread.join()


def test_contexts_health_workloads_and_logs(azora, shop, tmp_path):
    """One story: find the cluster, see what is not well, look at the workloads, read a log."""
    shop.put(pod("logger"))
    shop.log("shop", "logger", "hello from main")
    env = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    (context,) = azora("cluster", "contexts", "--json", env=env).json
    assert context["context"] == "kind-shop" and context["answers"] and context["version"] == "v1.36.2"
    health = azora("cluster", "health", "--json", env=env, expect=9).json
    assert not health["healthy"] and any("crash" in signal["rule"] for signal in health["signals"])
    told = azora("cluster", "health", env=env, expect=9).out.splitlines()
    crash = next(number for number, line in enumerate(told) if "crashes again and again" in line)
    assert told[crash + 1].startswith(" " * 11) and told[crash + 1].endswith(".")  # the cause has a line of its own
    workloads = azora("cluster", "workloads", "-n", "shop", "--json", env=env).json
    assert {item["name"] for item in workloads if item["kind"] == "Deployment"} == {
        name for namespace, name in shop.objects("Deployment") if namespace == "shop"
    }
    assert azora("cluster", "logs", "logger", "-n", "shop", env=env).out == "logger hello from main\n"
    shop.log("shop", "cart-7455ddfd44-7b7wd", "of a workload by its short name")
    assert "by its short name" in azora("cluster", "logs", "deploy/cart", "-n", "shop", env=env).out


def test_what_may_not_be_read_is_not_called_healthy(azora, shop, tmp_path):
    """Nothing critical is seen by who may see no pod; and a cluster with nothing in it is well."""
    shop.users["eve"] = User("eve", rules=(Rule(("list", "watch"), ("nodes",)),))
    env = {"KUBECONFIG": str(shop.kubeconfig(tmp_path / "eve", context="eve", token="eve"))}
    blind = azora("cluster", "health", "--json", env=env, expect=9).json
    assert not blind["healthy"] and "Pod" in blind["unread"] and "may not read" in blind["remarks"]
    for kind in ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"):
        for namespace, name in list(shop.objects(kind)):
            shop.remove(kind, namespace, name)
    well = azora("cluster", "health", "--json", "-n", "shop", env={"KUBECONFIG": str(tmp_path / "kubeconfig")}).json
    assert well["healthy"] and well["unread"] == []


def test_without_a_cluster_it_says_what_to_do(azora, tmp_path):
    said = azora("cluster", "health", env={"KUBECONFIG": str(tmp_path / "none"), "HOME": str(tmp_path)}, expect=3)
    assert "KUBECONFIG" in said.err


def test_who_is_not_known_to_a_cluster_is_denied_and_told_to_sign_in(azora, shop, tmp_path):
    config = shop.kubeconfig(tmp_path / "expired", token="of yesterday")
    said = azora("cluster", "health", env={"KUBECONFIG": str(config)}, expect=5)
    assert "credentials have expired" in said.err and "Sign in again" in said.err


def test_a_dead_cluster_is_unavailable_and_not_unhealthy(azora, tmp_path):
    server = ApiServer()
    server._port = 1
    server.kubeconfig(tmp_path / "kubeconfig", context="dead")
    said = azora("cluster", "health", env={"KUBECONFIG": str(tmp_path / "kubeconfig")}, expect=7)
    assert "refuses connections" in said.err


def test_what_a_console_kept_is_told_with_its_gaps(azora, home, shop, tmp_path):
    """Two hours of a workload with a gap between them, kept under the identity of the cluster and not of its context."""
    now = now_ms()
    uid = shop.objects("Namespace")["", "kube-system"]["metadata"]["uid"]

    async def keep() -> None:
        console = await Console.open(home)
        for minutes in (*range(200, 190, -1), *range(100, 98, -1)):
            used = {("Deployment", "shop", "cart"): (float(minutes), minutes * 2.0**20), ("Node", "", "node-a"): (1.0, 2.0)}
            await console.clusters._archive.keep(now - minutes * 60_000, {uid: used})
        await console.close()

    asyncio.run(keep())
    env = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    told = azora("--json", "cluster", "usage", "deploy/cart", "-n", "shop", env=env).json
    kept = [
        one for one in told["samples"] if one["at"] < now - 90 * 60_000
    ]  # a command that reads the metrics itself adds what is used now
    assert [one["cpu_millicores"] for one in kept] == [*range(200, 190, -1), 100, 99]
    assert (told["kind"], told["namespace"], told["name"]) == ("Deployment", "shop", "cart")
    lines = [line for line in azora("cluster", "usage", "cart", "-n", "shop", env=env).out.splitlines() if " MiB" in line]
    assert "196 m" in lines[0] and "200.0 MiB" in lines[0] and "100 m" in lines[1]
    node = azora("--json", "cluster", "usage", "node/node-a", "--hours", "168", env=env).json
    assert sum(one["at"] < now - 90 * 60_000 for one in node["samples"]) == 12
    assert "Nothing was kept" in azora("cluster", "usage", "node/none", env=env).out
    azora("cluster", "usage", "cart", "--hours", "169", "-n", "shop", env=env, expect=2)
