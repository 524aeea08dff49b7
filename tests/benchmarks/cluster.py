"""Our reflector beside the official informer, each in a process of its own, against one server in a third.

300 pods unless ``AZORA_BENCH_PODS`` says another number (the issue says 10000). Memory is what a process grew by between its
imports and its filled cache; latency is from the server's change to the model's, by the clock of one machine.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STAMP = "azora.example/changed-at"
EVENTS = 300
PER_SECOND = 2000 / 60


def compare() -> dict[str, Any]:
    """First list, event to model, memory; and what ours is of the official one's."""
    pods = int(os.environ.get("AZORA_BENCH_PODS", "300"))
    told: dict[str, Any] = {"pods": pods, "events": EVENTS, "events_per_minute": round(PER_SECOND * 60)}
    for who in ("ours", "official"):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "kubeconfig"
            server = _start("serve", str(pods), str(config), stdin=True)
            assert server.stdout is not None and server.stdin is not None
            server.stdout.readline()
            client = _start(who, str(pods), str(config))
            assert client.stdout is not None
            listed = json.loads(client.stdout.readline())
            server.stdin.write("go\n")
            server.stdin.flush()
            followed = json.loads(client.stdout.readline())
            client.wait()
            server.kill()
            server.wait()
            told[who] = {**listed, **followed}
    ours, official = told["ours"], told["official"]
    told["ratio"] = {name: round(ours[name] / official[name], 3) for name in ours if official.get(name)}
    return told


def _start(*arguments: str, stdin: bool = False) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.cluster", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE if stdin else None, text=True)


def _resident() -> int:
    """Bytes of this process in memory, with what the allocator could give back given back."""
    import ctypes

    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        pass
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def serve(count: int, config: Path) -> None:
    from tests.cluster.apiserver import ApiServer

    async with ApiServer.recorded(bookmark_seconds=5.0) as server:
        samples = list(server.objects("Pod").values())
        resource = server.storage.by_kind("Pod")
        server.storage.objects[resource] = {}
        for number in range(count):
            body = copy.deepcopy(samples[number % len(samples)])
            body["metadata"].update(name=f"pod-{number:05}", namespace=f"space-{number % 40}", uid=f"uid-{number}")
            server.put(body)
        server.storage.compact()
        server.kubeconfig(config)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        keys = list(server.objects("Pod"))
        began = time.monotonic()
        for number in range(EVENTS):
            body = dict(server.objects("Pod")[keys[number * 7919 % len(keys)]])
            body["metadata"] = {**body["metadata"], "annotations": {STAMP: str(time.time_ns())}}
            server.put(body)
            await asyncio.sleep(max(0.0, began + (number + 1) / PER_SECOND - time.monotonic()))
        await asyncio.sleep(3600)


def _listed(shown: float, took: float, before: int) -> None:
    told = {"first_shown_s": round(shown, 3), "first_list_s": round(took, 3), "memory_mb": round((_resident() - before) / 1e6, 2)}
    print(json.dumps(told), flush=True)


def _report(latencies: list[float]) -> None:
    latencies.sort()
    at = lambda share: round(latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1000, 2)  # noqa: E731
    told = {"event_to_model_ms_median": round(statistics.median(latencies) * 1000, 2), "event_to_model_ms_p99": at(0.99)}
    print(json.dumps(told), flush=True)


async def ours(count: int, config: Path) -> None:
    from app.cluster.client import Connection
    from app.cluster.contexts import find_contexts
    from app.cluster.kinds import KINDS
    from app.cluster.reflector import Reflector
    from app.cluster.store import Store

    connection = Connection(find_contexts({"KUBECONFIG": str(config), "HOME": "/"}).get("test"))
    await connection.open()
    store = Store("test")
    latencies: list[float] = []
    seen: set[str] = set()
    put = store.put

    def timed(kind: str, item: Any) -> bool:
        changed = put(kind, item)
        stamp = (item["metadata"].get("annotations") or {}).get(STAMP)
        if stamp and stamp not in seen:
            seen.add(stamp)
            latencies.append((time.time_ns() - int(stamp)) / 1e9)
        return changed

    store.put = timed  # type: ignore[method-assign]
    before, began = _resident(), time.perf_counter()
    reflector = Reflector(connection, KINDS["Pod"], store, lambda _: None)
    task = asyncio.create_task(reflector.run())
    shown = 0.0
    while reflector.lists == 0 or not reflector.revision:
        await asyncio.sleep(0.002)
        if not shown and store.count("Pod"):
            shown = time.perf_counter() - began
    took = time.perf_counter() - began
    assert store.count("Pod") == count
    _listed(shown or took, took, before)
    while len(latencies) < EVENTS:
        await asyncio.sleep(0.05)
    _report(latencies)
    task.cancel()
    os._exit(0)


def official(count: int, config: Path) -> None:
    from kubernetes import client
    from kubernetes import config as configuration
    from kubernetes.informer import ADDED, MODIFIED, SharedInformer

    configuration.load_kube_config(str(config))
    api = client.CoreV1Api()
    latencies: list[float] = []
    seen: set[str] = set()

    def changed(pod: Any) -> None:
        stamp = (pod.metadata.annotations or {}).get(STAMP)
        if stamp and stamp not in seen:
            seen.add(stamp)
            latencies.append((time.time_ns() - int(stamp)) / 1e9)

    before, began = _resident(), time.perf_counter()
    informer = SharedInformer(list_func=api.list_pod_for_all_namespaces)
    for kind in (ADDED, MODIFIED):
        informer.add_event_handler(kind, changed)
    informer.start()
    while len(informer.cache.list_keys()) < count:
        time.sleep(0.002)
    took = time.perf_counter() - began
    time.sleep(0.5)
    _listed(took, took, before)  # it shows nothing before all is there
    while len(latencies) < EVENTS:
        time.sleep(0.05)
    _report(latencies)
    os._exit(0)


if __name__ == "__main__":
    role, number, place = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if role == "official":
        official(number, place)
    else:
        asyncio.run({"serve": serve, "ours": ours}[role](number, place))
