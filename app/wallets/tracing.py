"""Coin that contracts' calls moved, by a node's traces: ``trace_block`` (Erigon, Nethermind, Reth) or geth's call tracer.

Not every node has either. A call that failed moved nothing, nor did any call below it; a delegated call moves nothing of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Chain

MOVING = ("call", "create", "create2", "selfdestruct")


@dataclass(frozen=True, slots=True)
class InnerCall:
    """Coin that moved inside a transaction: EIP-55 addresses, wei."""

    tx_hash: str
    sender: str
    recipient: str
    amount: int


async def traced(chain: Chain, height: str, account: str) -> list[InnerCall]:
    """What moved to or from an account inside the transactions of a block (hex number); empty where the node has no traces.

    Raises:
        Unavailable: it does not answer.
    """
    asked: list[tuple[str, list[object]]] = [
        ("trace_block", [height]),
        ("debug_traceBlockByNumber", [height, {"tracer": "callTracer"}]),
    ]
    for (method, params), read in zip(asked, (_flat, _nested), strict=True):
        (answer,) = await chain.rpc.each([(method, params)])
        if isinstance(answer, list):
            return [call for call in read(answer) if account in (call.sender, call.recipient)]
    return []


def _flat(traces: Sequence[Mapping[str, Any]]) -> Iterator[InnerCall]:
    """Parity's form: one list, each with its place in the tree."""
    failed = {(trace.get("transactionHash"), tuple(trace["traceAddress"])) for trace in traces if trace.get("error")}
    for trace in traces:
        tx_hash, place, action = trace.get("transactionHash"), tuple(trace["traceAddress"]), trace["action"]
        below = any((tx_hash, place[:depth]) in failed for depth in range(len(place) + 1))
        if not tx_hash or not place or below:
            continue  # rewards, the transactions themselves, and what was undone
        if trace["type"] == "suicide":
            yield from _moved(tx_hash, action.get("address"), action.get("refundAddress"), action.get("balance"))
        elif trace["type"] == "create":
            yield from _moved(tx_hash, action.get("from"), (trace.get("result") or {}).get("address"), action.get("value"))
        elif action.get("callType", "call") == "call":
            yield from _moved(tx_hash, action.get("from"), action.get("to"), action.get("value"))


def _nested(blocks: Sequence[Mapping[str, Any]]) -> Iterator[InnerCall]:
    """geth's form: a tree for each transaction."""
    for one in blocks:
        result = one.get("result") or {}
        open_ = [] if result.get("error") else list(result.get("calls") or ())
        while open_:
            call = open_.pop(0)
            if call.get("error"):
                continue
            if str(call.get("type", "")).lower() in MOVING:
                yield from _moved(str(one.get("txHash") or ""), call.get("from"), call.get("to"), call.get("value"))
            open_ = [*(call.get("calls") or ()), *open_]


def _moved(tx_hash: str, sender: str | None, recipient: str | None, value: str | None) -> Iterator[InnerCall]:
    amount = int(value or "0x0", 16)
    if amount and sender and recipient and tx_hash:
        yield InnerCall(tx_hash, parse_address(sender.lower()), parse_address(recipient.lower()), amount)
