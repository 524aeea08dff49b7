"""Looks up what the chain says of signed transactions, many at once, and writes it into the queue.

Questions go out in a fixed order, each after the answers of the one before: counts first, then receipts of what a block may hold
and the pool's view of the rest. So a block that comes in between can make an answer late, never wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.chain.networks import Block
from app.chain.nonces import Counts, Do, decide
from app.chain.queue import HOLDING, IN_BLOCK, Mark, QueuedTransaction, TransactionState
from app.chain.rpc import RpcFailure
from app.core.clock import now_ms
from app.core.events import Bus, Notice

if TYPE_CHECKING:
    from app.chain.networks import Chain
    from app.chain.queue import Queue


@dataclass(frozen=True, slots=True)
class Standing:
    """A row and what was found: what to do, its canonical receipt or None, and whether the node has the bytes."""

    row: QueuedTransaction
    do: Do
    counts: Counts
    receipt: dict[str, Any] | None
    confirmations: int
    known: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """Standings in the order of the rows, and the newest block they were looked up at."""

    head: Block
    rows: tuple[Standing, ...]


async def look(chain: Chain, queue: Queue, rows: Sequence[QueuedTransaction], *, trusting: bool = False) -> Looked:
    """Ask the chain about ``rows``, and write down what changed.

    Args:
        trusting: take a receipt's block for one of the canonical chain; whoever says so asks once more in the end.

    Raises:
        Unavailable: the node does not answer.
    """
    senders = list(dict.fromkeys(row.sender for row in rows))
    asked = [("eth_getTransactionCount", [sender, tag]) for sender in senders for tag in ("latest", "pending")]
    raw_head, *numbers = await chain.rpc.batch([("eth_getBlockByNumber", ["latest", False]), *asked])
    head = Block.read(raw_head)
    counted = [int(str(number), 16) for number in numbers]
    counts = {sender: Counts(counted[2 * at], counted[2 * at + 1], 0) for at, sender in enumerate(senders)}

    below = [row for row in rows if row.nonce < counts[row.sender].latest]
    above = [row for row in rows if row.nonce >= counts[row.sender].latest]
    answers = await chain.rpc.batch(
        [
            *(("eth_getTransactionReceipt", [row.hash]) for row in below),
            *(("eth_getTransactionByHash", [row.hash]) for row in above),
        ]
    )
    receipts = {row.hash: answer for row, answer in zip(below, answers, strict=False) if answer is not None}
    known = {row.hash for row, answer in zip(above, answers[len(below) :], strict=True) if answer is not None}
    receipts = receipts if trusting else await _canonical(chain, head, receipts)
    lost = [row for row in below if row.hash not in receipts]
    if lost:
        counts |= await _safe(chain, head, counts, {row.sender for row in lost})
        # Asked again after the counts: endpoints that share out their work may lag behind one another.
        again = await chain.rpc.batch([("eth_getTransactionByHash", [row.hash]) for row in lost])
        known |= {row.hash for row, answer in zip(lost, again, strict=True) if answer is not None}

    held = {sender: await _held(queue, chain, sender, counts[sender]) for sender in {row.sender for row in above}}
    standings = []
    for row in rows:
        receipt = receipts.get(row.hash)
        confirmations = head.number - int(receipt["blockNumber"], 16) + 1 if receipt else 0
        do = decide(
            row.nonce,
            counts[row.sender],
            confirmations=max(confirmations, 1) if receipt else 0,
            needed=max(chain.network.confirmations, 1),
            known=row.hash in known,
            held=held.get(row.sender, ()),
            outbids=bool(row.replaces),
        )
        standings.append(Standing(row, do, counts[row.sender], receipt, confirmations, row.hash in known))
    return Looked(head, tuple(await write_down(queue, chain, standings)))


async def write_down(queue: Queue, chain: Chain, standings: Sequence[Standing]) -> list[Standing]:
    """Move each row to where its standing says; the standings with the rows as they are then."""
    marks, moved = [], []
    for standing in standings:
        values = _values(standing)
        moved.append(replace(standing, row=replace(standing.row, **_seen(values))) if values else standing)
        if values:
            marks.append(Mark(standing.row.hash, values, _from(standing)))
    if marks:
        changed = await queue.mark(chain.network.key.text, marks)
        for standing in standings:
            if standing.row.hash in changed:
                _tell(queue.bus, standing)
    return moved


def _from(standing: Standing) -> tuple[TransactionState, ...]:
    """The states that a finding may take the row from. A receipt outweighs what another look has found of the pool meanwhile."""
    pooled = (TransactionState.SIGNED, TransactionState.SENT, TransactionState.SEEN)
    return pooled if standing.receipt is not None and standing.row.state in pooled else (standing.row.state,)


def _values(standing: Standing) -> dict[str, object]:
    """What changes in the row; empty when nothing does."""
    row, now = standing.row, now_ms()
    values: dict[str, object] = {}
    if standing.receipt is not None:
        block_hash = str(standing.receipt["blockHash"])
        state = TransactionState.FINAL if standing.do is Do.DONE else TransactionState.MINED
        if (state, block_hash) != (row.state, row.block_hash):
            values = {
                "state": state.value,
                "block": int(standing.receipt["blockNumber"], 16),
                "block_hash": bytes.fromhex(block_hash[2:]),
                "succeeded": bool(int(standing.receipt.get("status", "0x1"), 16)),
                "note": "",
            }
            if not row.sent_at:
                values["sent_at"] = now
            if not row.seen_at:
                values["seen_at"] = now
        return values
    if standing.do is Do.REPLACED:
        return {"state": TransactionState.REPLACED.value} if row.state is not TransactionState.REPLACED else {}
    back = {"block": 0, "block_hash": None, "succeeded": None} if row.state in IN_BLOCK else {}
    if standing.known and standing.do in (Do.WAIT, Do.GAP):
        if row.state is not TransactionState.SEEN:
            values = {"state": TransactionState.SEEN.value, "seen_at": now, **back}
            if not row.sent_at:
                values["sent_at"] = now
    elif row.state in (TransactionState.SEEN, *IN_BLOCK) and standing.do in (Do.RESEND, Do.WAIT):
        values = {"state": TransactionState.SENT.value, **back}
    return values


def _seen(values: dict[str, object]) -> dict[str, Any]:
    """The same, as fields of the value."""
    fields: dict[str, Any] = dict(values)
    if "state" in fields:
        fields["state"] = TransactionState(fields["state"])
    if "block_hash" in fields:
        fields["block_hash"] = "0x" + fields["block_hash"].hex() if fields["block_hash"] is not None else ""
    return fields


def _tell(bus: Bus, standing: Standing) -> None:
    """A transaction that left its block is news; one that came into another is too."""
    row, link = standing.row, f"azora://plans/{standing.row.plan_id}"
    if row.state not in IN_BLOCK or standing.do is Do.REPLACED:
        return
    if standing.receipt is None:
        again = "it waits in the pool again" if standing.known else "its bytes are sent again"
        text = f"“{row.description}” is no longer in block {row.block:,}: the chain was reorganised. Now {again}."
        bus.publish(Notice(text, "warn", link))
    elif standing.receipt["blockHash"] != row.block_hash:
        height = int(standing.receipt["blockNumber"], 16)
        text = f"“{row.description}” moved from block {row.block:,} to block {height:,}: the chain was reorganised."
        bus.publish(Notice(text, "info", link))


async def stayed(chain: Chain, rows: Sequence[QueuedTransaction]) -> bool:
    """Whether the blocks that mined rows name are (still) in the chain, by one question a block."""
    named = {(row.block, row.block_hash) for row in rows}
    heights = sorted({block for block, _ in named})
    blocks = await chain.rpc.batch([("eth_getBlockByNumber", [hex(height), False]) for height in heights])
    return named == {(height, block["hash"]) for height, block in zip(heights, blocks, strict=True) if block}


async def _canonical(chain: Chain, head: Block, receipts: dict[str, Any]) -> dict[str, Any]:
    """Without the receipts of blocks that are no longer in the chain; Ignition keeps those."""
    heights = sorted({str(receipt["blockNumber"]) for receipt in receipts.values()} - {hex(head.number)})
    blocks = await chain.rpc.batch([("eth_getBlockByNumber", [height, False]) for height in heights]) if heights else []
    hashes = {height: block["hash"] for height, block in zip(heights, blocks, strict=True) if block} | {hex(head.number): head.hash}
    return {tx: receipt for tx, receipt in receipts.items() if hashes.get(str(receipt["blockNumber"])) == receipt["blockHash"]}


async def _safe(chain: Chain, head: Block, counts: dict[str, Counts], senders: set[str]) -> dict[str, Counts]:
    """The counts at the newest block that has the confirmations; 0 where the node does not keep that state."""
    height = head.number - max(chain.network.confirmations, 1) + 1
    if height == head.number:
        return {sender: replace(counts[sender], safe=counts[sender].latest) for sender in senders}
    found = {}
    for sender in senders:
        try:
            used = int(str(await chain.rpc.call("eth_getTransactionCount", sender, hex(height))), 16) if height >= 0 else 0
        except RpcFailure:
            used = 0
        found[sender] = replace(counts[sender], safe=used)
    return found


async def _held(queue: Queue, chain: Chain, sender: str, counts: Counts) -> set[int]:
    rows = await queue.rows(chain.network.key.text, sender, HOLDING, from_nonce=counts.latest)
    return {row.nonce for row in rows}
