"""Blocks as the node answers them, taken in only when they give their own hashes.

Header hash, transactions root and receipts root of each block are recomputed; a block that fails is fetched once more (the chain
may have moved between two requests) and then refused with its number and what is wrong.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from app.audit import verifier
from app.chain.rpc import RpcFailure
from app.core.errors import Conflict

if TYPE_CHECKING:
    from app.chain.networks import Chain


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """A block whose hash and roots were recomputed. ``raw`` has full transactions."""

    number: int
    hash: bytes
    parent: bytes
    timestamp: int
    raw: dict[str, Any]
    receipts: list[dict[str, Any]]


class Moved(Exception):
    """The chain changed while it was read; read again from the common ancestor."""


@cache
def _fast() -> None:
    from Crypto.Hash import keccak

    # The verifier's own keccak takes 200 times as long; use_keccak compares both before it believes this one.
    verifier.use_keccak(lambda data: bytes(keccak.new(digest_bits=256, data=data).digest()))


async def fetch(chain: Chain, first: int, last: int) -> list[CheckedBlock]:
    """Blocks ``first`` to ``last``, checked one by one; that they follow each other is the caller's to check.

    Raises:
        Moved: the chain is shorter by now, or changed while it was read.
        Conflict: a block does not give its own hash or roots.
    """
    _fast()
    for attempt in (1, 2):
        blocks = await chain.rpc.batch([("eth_getBlockByNumber", [hex(n), True]) for n in range(first, last + 1)])
        if any(not isinstance(block, dict) for block in blocks):
            raise Moved
        receipts = await _receipts(chain, blocks)
        try:
            return await asyncio.to_thread(_checked, first, blocks, receipts)
        except verifier.Refused as error:
            if attempt == 2:
                raise Conflict(
                    f"{error} Nothing of these blocks was indexed.", "Do not rely on this endpoint; use another.", retryable=True
                ) from error
    raise AssertionError


async def _receipts(chain: Chain, blocks: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    full = [block for block in blocks if block["transactions"]]
    if not full:
        return [[] for _ in blocks]
    try:
        found = await chain.rpc.batch([("eth_getBlockReceipts", [block["number"]]) for block in full])
        by_hash = {block["hash"]: answer or [] for block, answer in zip(full, found, strict=True)}
    except RpcFailure as error:
        if not error.unknown_method:
            raise
        wanted = [(block["hash"], tx["hash"]) for block in full for tx in block["transactions"]]
        answers = await chain.rpc.batch([("eth_getTransactionReceipt", [tx]) for _, tx in wanted])
        by_hash = {}
        for (block_hash, _), answer in zip(wanted, answers, strict=True):
            by_hash.setdefault(block_hash, []).append(answer or {})
    return [by_hash.get(block["hash"], []) for block in blocks]


def _checked(first: int, blocks: list[dict[str, Any]], receipts: list[list[dict[str, Any]]]) -> list[CheckedBlock]:
    return [check(first + i, block, found) for i, (block, found) in enumerate(zip(blocks, receipts, strict=True))]


def check(number: int, block: dict[str, Any], receipts: list[dict[str, Any]]) -> CheckedBlock:
    """One block with its receipts, or ``verifier.Refused`` with a sentence."""
    try:
        computed = verifier.header_hash(block)
        if verifier.quantity(block["number"]) != number or computed != verifier.hex_bytes(block["hash"], 32):
            raise verifier.Refused("its header does not give the hash it claims")
        transactions = block["transactions"]
        if verifier.transactions_root(transactions) != verifier.hex_bytes(block["transactionsRoot"], 32):
            raise verifier.Refused("its transactions do not give its transactions root")
        if verifier.receipts_root(receipts) != verifier.hex_bytes(block["receiptsRoot"], 32):
            raise verifier.Refused("its receipts do not give its receipts root")
        # Hashes and log positions are not in the tries: take our own, not the node's.
        position = 0
        for tx, receipt in zip(transactions, receipts, strict=True):
            if verifier.transaction_hash(tx) != verifier.hex_bytes(tx["hash"], 32) or receipt["transactionHash"] != tx["hash"]:
                raise verifier.Refused("one of its transactions does not give the hash it is named by")
            for log in receipt["logs"]:
                log["logIndex"] = hex(position)
                position += 1
        timestamp = verifier.quantity(block["timestamp"], 64)
        return CheckedBlock(number, computed, verifier.hex_bytes(block["parentHash"], 32), timestamp, block, receipts)
    except (verifier.Refused, KeyError, TypeError, ValueError, AttributeError) as error:
        said = str(error) if isinstance(error, verifier.Refused) else f"it is malformed ({type(error).__name__})"
        raise verifier.Refused(f"Block {number:,} was refused: {said}.") from error
