"""How a contract came to be: the transaction, the code that it ran, and who sent it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.chain.networks import Chain
from app.chain.rpc import RpcFailure
from app.core.errors import Invalid

TRACED = 200  # transactions of a block that are looked into


@dataclass(frozen=True, slots=True)
class Creation:
    """One creation.

    Attributes:
        tx: hash of the transaction; ``block`` and ``index`` say where it is.
        sender: who ran CREATE: an account, or a contract when ``direct`` is false.
        code: creation code with the arguments behind it.
        value: wei that it was given.
    """

    tx: str
    block: int
    block_hash: str
    index: int
    sender: str
    code: bytes
    value: int
    direct: bool
    outer: Mapping[str, Any]


async def creation_of(chain: Chain, address: str, head: int, tx: str = "") -> Creation | str:
    """The creation of the contract, or in words why it cannot be had.

    Args:
        tx: its transaction, where it is known; otherwise it is searched by the heights at which the contract has code.

    Raises:
        Invalid: ``tx`` did not create the contract; ``field`` is ``tx``.
    """
    try:
        if tx:
            found = await _in_transaction(chain, address, tx)
            if found is None:
                raise Invalid(
                    f"The transaction {tx} did not create {address}. Nothing was compared.", "Leave it out to search.", field="tx"
                )
            return found
        return await _searched(chain, address, head)
    except RpcFailure as error:
        return f"the node does not tell ({error.text})"


async def _searched(chain: Chain, address: str, head: int) -> Creation | str:
    low, high = 0, head  # it has code at high
    while low < high:
        middle = (low + high) // 2
        if await chain.rpc.call("eth_getCode", address, hex(middle)) in ("0x", None):
            low = middle + 1
        else:
            high = middle
    if high == 0:
        return "it has been there since the first block, so no transaction created it"
    block = await chain.rpc.call("eth_getBlockByNumber", hex(high), False)
    hashes = list(block["transactions"])[:TRACED]
    receipts = await chain.rpc.batch([("eth_getTransactionReceipt", [hash_]) for hash_ in hashes])
    for hash_, receipt in zip(hashes, receipts, strict=True):
        if receipt and str(receipt.get("contractAddress") or "").lower() == address.lower():
            return await _in_transaction(chain, address, hash_) or "its transaction cannot be read"
    for hash_ in hashes:  # another contract created it
        found = await _in_transaction(chain, address, hash_)
        if found is not None:
            return found
    return f"no transaction of block {high:,}, in which it appeared, can be seen to create it"


async def _in_transaction(chain: Chain, address: str, tx: str) -> Creation | None:
    outer, receipt = await chain.rpc.batch([("eth_getTransactionByHash", [tx]), ("eth_getTransactionReceipt", [tx])])
    if not outer or not receipt:
        return None
    at = int(receipt["blockNumber"], 16), str(receipt["blockHash"]), int(receipt["transactionIndex"], 16)
    if str(receipt.get("contractAddress") or "").lower() == address.lower():
        code = bytes.fromhex(outer["input"][2:])
        return Creation(tx, *at, str(outer["from"]), code, int(outer["value"], 16), True, outer)
    if outer.get("to") is None or int(receipt["status"], 16) != 1:
        return None
    trace = await chain.rpc.call("debug_traceTransaction", tx, {"tracer": "callTracer"})
    for frame in _frames(trace):
        if frame.get("type") in ("CREATE", "CREATE2") and str(frame.get("to") or "").lower() == address.lower():
            code = bytes.fromhex(frame["input"][2:])
            return Creation(tx, *at, str(frame["from"]), code, int(frame.get("value") or "0x0", 16), False, outer)
    return None


def _frames(frame: object) -> Iterator[dict[str, Any]]:
    """A call and what it called, those that failed left out: what they created is gone."""
    if isinstance(frame, dict) and not frame.get("error"):
        yield frame
        for call in frame.get("calls") or ():
            yield from _frames(call)
