"""An old transaction tried again in our own EVM, on the state before its block, after those that stood before it.

It answers what a creation left behind: the code that the constructor returned. The machine has the rules of Cancun whatever the
chain's are; see :mod:`app.chain.evm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.chain.evm import LocalEvm
from app.chain.networks import Chain
from app.chain.rpc import RpcFailure
from app.chain.runs import CallRequest, CallResult, standing_before

BEFORE = 64  # transactions of the same block that are tried first; more would take longer than anybody waits


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came out. ``code`` is what the account that was asked about has afterwards; ``on`` names machine and state."""

    result: CallResult
    code: bytes
    on: str


async def replay(chain: Chain, number: int, index: int, call: CallRequest, watched: str = "") -> Replayed:
    """Try ``call`` in the place of the transaction ``index`` of block ``number``.

    Args:
        watched: the account whose code is wanted; default: what ``call`` creates.

    Raises:
        RpcFailure: the node no longer has that state, or tells another than the block's.
    """
    block = await chain.rpc.call("eth_getBlockByNumber", hex(number), True)
    if block is None or number == 0:
        raise RpcFailure("eth_getBlockByNumber", 0, f"there is no state before block {number}")
    earlier = [_call(raw) for raw in block["transactions"][:index]]
    if len(earlier) > BEFORE:
        raise RpcFailure("replay", 0, f"{len(earlier)} transactions stand before it in its block")
    standing = standing_before(await chain.block(number - 1), block)
    machine = LocalEvm(chain, standing, [*earlier, call])
    result = (await machine.run())[-1]
    return Replayed(result, machine.code_of(watched or result.created), machine.told)


def _call(raw: dict[str, Any]) -> CallRequest:
    return CallRequest(raw["from"], raw.get("to"), raw.get("input") or "0x", int(raw.get("value") or "0x0", 16))
