"""What became of a transaction, as the runner hears it: done, failed, waiting and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.chain.hashing import checksum_address
from app.chain.nonces import Do
from app.chain.rpc import RpcFailure
from app.core.clock import now_ms
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.operations.steps import Happened, Outcome

if TYPE_CHECKING:
    from app.chain.networks import Block, Chain
    from app.chain.queue import QueuedTransaction
    from app.chain.simulation import Simulation
    from app.chain.standing import Standing

STALE = 5  # seconds without a block after which a chain of our own is told to need mining


async def mined(chain: Chain, standing: Standing, simulation: Simulation) -> Outcome:
    """Of a transaction in a canonical block: done with its confirmations, until then unknown."""
    receipt = standing.receipt
    assert receipt is not None
    evidence = (evidence_of(chain, standing.row.hash, receipt["blockHash"]),)
    result = result_of(standing.row.hash, receipt)
    if standing.do is not Do.DONE:
        need = chain.network.confirmations
        waiting = f"{standing.confirmations} of {need} confirmations. {why_waiting(chain, await chain.head())}"
        return Outcome(Happened.UNKNOWN, result, evidence, waiting=waiting.strip())
    if result["status"]:
        return Outcome(Happened.DONE, result, evidence)
    why = await why_failed(chain, standing.row, int(receipt["blockNumber"], 16), simulation)
    text = f"The transaction failed on the chain: {why}. Its fee was paid; it changed nothing else."
    return Outcome(Happened.DONE, result, evidence, failure=text)


def open_(chain: Chain, head: Block, standing: Standing) -> Outcome:
    """Of a transaction that is in no block and may still come into one."""
    row = standing.row
    match standing.do:
        case Do.RESEND:
            told = "The node accepted the bytes and does not have them; they are sent again." if row.sent_at else ""
            return Outcome(Happened.NOT_DONE, waiting=told)
        case Do.GAP:
            text = f"It waits behind a nonce below {row.nonce:,} that nothing holds. Repair the queue of its account."
            return Outcome(Happened.UNKNOWN, waiting=text)
        case _ if standing.known:
            return Outcome(Happened.UNKNOWN, waiting=why_waiting(chain, head))
        case _ if row.nonce < standing.counts.latest:
            text = f"Another transaction took nonce {row.nonce:,}; it is not final yet."
            return Outcome(Happened.UNKNOWN, waiting=text)
        case _:
            text = f"Another transaction with nonce {row.nonce:,} waits in the node's pool."
            return Outcome(Happened.UNKNOWN, waiting=text)


def through_replacement(row: QueuedTransaction, successor: QueuedTransaction, outcome: Outcome) -> Outcome:
    """What the fate of its replacement means for the transaction that was replaced."""
    if not same_content(row, successor):
        if outcome.happened is Happened.DONE:
            text = f"It was cancelled: an empty transaction took nonce {row.nonce:,}. This step sent nothing."
            return Outcome(Happened.NOT_DONE, failure=text)
        return Outcome(Happened.UNKNOWN, waiting=f"It is being cancelled. {outcome.waiting}".strip())
    if outcome.happened is Happened.DONE:
        return replace(outcome, result={**outcome.result, "replaced": row.hash})
    if outcome.failure:
        return outcome
    return Outcome(Happened.UNKNOWN, waiting=f"A faster copy takes its place. {outcome.waiting}".strip())


def same_content(row: QueuedTransaction, other: QueuedTransaction) -> bool:
    """Whether both do the same: recipient, value and call data."""
    return (row.to, row.value, row.data) == (other.to, other.value, other.data)


def result_of(tx_hash: str, receipt: dict[str, Any]) -> dict[str, object]:
    """What later steps may use: hash, block, status, gas, fee in wei, created contract and logs."""
    contract = receipt.get("contractAddress")
    return {
        "hash": tx_hash,
        "block": int(receipt["blockNumber"], 16),
        "block_hash": receipt["blockHash"],
        "status": int(receipt.get("status", "0x1"), 16),
        "gas_used": int(receipt["gasUsed"], 16),
        "fee": fee_of(receipt),
        "contract": checksum_address(contract) if contract else "",
        "logs": [{key: log[key] for key in ("address", "topics", "data", "logIndex")} for log in receipt["logs"]],
    }


def fee_of(receipt: dict[str, Any]) -> int:
    """What it cost, in wei."""
    return int(receipt["gasUsed"], 16) * int(receipt.get("effectiveGasPrice", "0x0"), 16)


def evidence_of(chain: Chain, tx_hash: str, block_hash: str) -> Evidence:
    """Where a reader can see it."""
    trust = Trust.OWN_NODE if chain.network.own else Trust.OPERATOR
    network = chain.network.key.text
    read = "receipt read from the node"
    return Evidence(EvidenceKind.TRANSACTION, tx_hash, network, block_hash, now_ms(), EvidenceStatus.CLAIMED, read, trust)


def why_waiting(chain: Chain, head: Block) -> str:
    """Why nothing moves: usually just time; a chain that makes no blocks by itself is told."""
    age = now_ms() // 1000 - head.timestamp
    if chain.network.own and age > STALE:
        return "The chain makes no blocks by itself: mine one to go on."
    return "Waiting for the next block."


async def why_failed(chain: Chain, row: QueuedTransaction, height: int, simulation: Simulation) -> str:
    """The decoded reason, by calling it again on the state before its block."""
    body: dict[str, object] = {"from": row.sender, "value": hex(row.value), "input": row.data, "gas": hex(row.gas_limit)}
    if row.to:
        body["to"] = row.to
    try:
        await chain.rpc.call("eth_call", body, hex(height - 1))
    except RpcFailure as failure:
        return await simulation.told(chain, row.to, row.data, failure.data, failure.text)
    return "its reason cannot be seen any more"
