"""How long a preview takes in each way of simulating, beside a bare ``eth_call`` of the same node in the same run."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from app.chain import CallRequest, Chain, Network, Rpc
from app.chain.simulation import METHODS
from tests.chain.world import World, compiled
from tests.conftest import Node

ROUNDS = 15


async def _spent(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _measure(node: Node) -> dict[str, Any]:
    network = Network("anvil", "Anvil", 1337, "local", node.url, 1)
    rpc = Rpc(node.url)
    world = World(node, Chain(network, rpc), compiled())
    one = [world.call("transfer", world.other, 100)]
    rows = [world.call("transfer", f"0x{n:040x}", 1) for n in range(0x1000, 0x1000 + 60)]
    body = {"from": world.me, "to": world.token, "data": one[0].data}

    async def bare() -> None:
        await rpc.call("eth_call", body, "latest")

    def preview(method: str, calls: list[CallRequest]) -> Callable[[], Awaitable[object]]:
        return lambda: world.only[method].preview("anvil", calls)

    works: dict[str, Callable[[], Awaitable[object]]] = {"eth_call": bare}
    works |= {method: preview(method, one) for method in METHODS}
    works |= {f"{method}, 60 payments": preview(method, rows) for method in METHODS if method != "debug_traceCall"}
    spent: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(ROUNDS + 2):
        for name, work in works.items():  # interleaved, so that all have the same machine
            took = await _spent(work)
            if round_ >= 2:
                spent[name].append(took)
    await rpc.close()
    medians = {name: statistics.median(times) for name, times in spent.items()}
    peer = medians.pop("eth_call")
    return {
        "peer": "bare eth_call, same node, same run",
        "peer_seconds": peer,
        **{name: {"seconds": seconds, "ratio": seconds / peer} for name, seconds in medians.items()},
    }


def latency() -> dict[str, Any]:
    """Seconds of a preview, and how many bare calls that is."""
    node = Node()
    try:
        return asyncio.run(_measure(node))
    finally:
        node.stop()
