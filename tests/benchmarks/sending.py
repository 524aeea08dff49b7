"""Transactions a second through the sending path, against AsyncWeb3 that signs with eth-account and sends one after the other.

Both pay one wei each to as many recipients, on nodes of their own that mine at once, and both are done when the last is in a block.
Ours also plans, journals, reserves nonces, stores the signed bytes with an fsync, asks back and reads every receipt.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

COUNT = 1_000
RUNS = 3
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"  # anvil's first published key
PRICE = {"maxFeePerGas": 10 * 10**9, "maxPriorityFeePerGas": 10**9, "gas": 21_000, "chainId": 1337}


def raws(count: int) -> list[bytes]:
    """Signed before the clock runs, for the part that is the node's."""
    from eth_account import Account

    from tests.chain.sending_room import recipient

    return [
        bytes(Account.sign_transaction({**PRICE, "nonce": n, "to": recipient(n), "value": 1}, KEY).raw_transaction)
        for n in range(count)
    ]


async def ours(url: str, home: Path) -> float:
    """Seconds of a whole plan: confirmed, signed, stored, sent, asked back, every receipt read, ended."""
    from tests.chain.sending_room import Room

    room = await Room(home, url).open()
    try:
        await room.operations.execute((await room.planned_batch([COUNT])).id)  # what a console loads once is no part of it
        plan = await room.planned_batch(range(COUNT))
        began = time.perf_counter()
        ended = await room.operations.execute(plan.id)
        spent = time.perf_counter() - began
        assert ended.state == "done" and len(ended.steps[0].result["rows"]) == COUNT, ended.reason  # type: ignore[arg-type]
        return spent
    finally:
        await room.close()


async def batches(url: str, signed: list[bytes]) -> float:
    """Seconds of our client alone: signed before, sent in batches, until the last is in a block."""
    from app.chain.rpc import Rpc

    rpc = Rpc(url)
    began = time.perf_counter()
    for start in range(0, COUNT, 200):
        await rpc.batch([("eth_sendRawTransaction", ["0x" + raw.hex()]) for raw in signed[start : start + 200]])
    await _mined(rpc.call)
    spent = time.perf_counter() - began
    await rpc.close()
    return spent


async def one_by_one(url: str, signed: list[bytes] | None) -> float:
    """Seconds of AsyncWeb3, one after the other; it signs too unless they are signed already."""
    from eth_account import Account
    from web3 import AsyncHTTPProvider, AsyncWeb3

    from tests.chain.sending_room import recipient

    web3 = AsyncWeb3(AsyncHTTPProvider(url))
    account = Account.from_key(KEY)
    account.sign_transaction({**PRICE, "nonce": 0, "to": recipient(0), "value": 1})
    await web3.eth.block_number
    began = time.perf_counter()
    for n in range(COUNT):
        if signed is None:
            raw = account.sign_transaction({**PRICE, "nonce": n, "to": recipient(n), "value": 1}).raw_transaction
        else:
            raw = signed[n]
        await web3.eth.send_raw_transaction(raw)

    async def call(method: str, *params: object) -> Any:
        return (await web3.provider.make_request(method, list(params)))["result"]  # type: ignore[arg-type]

    await _mined(call)
    spent = time.perf_counter() - began
    await web3.provider.disconnect()
    return spent


async def _mined(call: Any) -> None:
    from eth_account import Account

    who = Account.from_key(KEY).address
    while int(await call("eth_getTransactionCount", who, "latest"), 16) < COUNT:
        await asyncio.sleep(0.005)


def sending() -> dict[str, Any]:
    """Interleaved runs, each on a fresh node; medians."""
    from tests.conftest import Node

    signed = raws(COUNT)
    spent: dict[str, list[float]] = {"ours": [], "ours_client": [], "web3": [], "web3_presigned": []}
    used = dict.fromkeys(spent, 0.0)  # seconds of processor of this process: other programs do not weigh on them
    for _ in range(RUNS):
        for name, times in spent.items():
            node = Node()
            try:
                with tempfile.TemporaryDirectory() as home:
                    before = time.process_time()
                    match name:
                        case "ours":
                            times.append(asyncio.run(ours(node.url, Path(home) / "home")))
                        case "ours_client":
                            times.append(asyncio.run(batches(node.url, signed)))
                        case "web3":
                            times.append(asyncio.run(one_by_one(node.url, None)))
                        case _:
                            times.append(asyncio.run(one_by_one(node.url, signed)))
                    used[name] += time.process_time() - before
            finally:
                node.stop()
    median = {name: statistics.median(times) for name, times in spent.items()}
    return {
        "transactions": COUNT,
        "per_second": COUNT / median["ours"],
        "peer": "sequential AsyncWeb3 with eth-account",
        "peer_per_second": COUNT / median["web3"],
        "ratio": median["web3"] / median["ours"],
        "processor_ms_each": 1_000 * used["ours"] / RUNS / COUNT,
        "peer_processor_ms_each": 1_000 * used["web3"] / RUNS / COUNT,
        "signed_before": {
            "per_second": COUNT / median["ours_client"],
            "peer_per_second": COUNT / median["web3_presigned"],
            "ratio": median["web3_presigned"] / median["ours_client"],
        },
    }


if __name__ == "__main__":
    import json

    print(json.dumps(sending(), indent=2))
