"""What leaves the console: rows as CSV, and the material of an evidence bundle."""

from __future__ import annotations

import asyncio
import csv
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.audit import verifier
from app.audit.bundle import Bundle
from app.core.clock import iso
from app.core.errors import Conflict, Invalid, Unavailable
from app.core.evidence import EvidenceStatus, Figure
from app.core.money import exact_units
from app.ledger.fetch import fetch
from app.ledger.indexer import Cursor
from app.ledger.rows import LedgerRow

if TYPE_CHECKING:
    from app.chain.economy import Economy
    from app.chain.networks import Chain
    from app.chain.proofs import Proofs

MOST_BLOCKS = 100_000  # about 190 MB of headers; the verifier reads 256 MB at most
CHUNK = 64
COLUMNS = (
    "block",
    "log index",
    "time (UTC)",
    "kind",
    "from",
    "to",
    "amount AZR",
    "proof",
    "reference",
    "transaction",
    "evidence",
    "network",
)
BURN = "Zero address (burn)"
_ZERO = "0x" + "00" * 20
_MINT = verifier.keccak256(b"mint((address,uint256,bytes32,bytes32,uint64,bytes32),bytes[])")[:4]
_MINT_BATCH = verifier.keccak256(b"mintBatch((address,uint256,bytes32,bytes32,uint64,bytes32)[],bytes[][])")[:4]
_VALUE_PROOF = "(address,uint256,bytes32,bytes32,uint64,bytes32)"


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


async def write_csv(pages: AsyncIterator[Sequence[LedgerRow]], path: Path, network: str) -> Path:
    """All rows of ``network`` (its name), exact to 18 decimals, UTF-8 with a mark for spreadsheets; whole or not there."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with await asyncio.to_thread(beside.open, "w", encoding="utf-8-sig", newline="") as file:
            sheet = csv.writer(file)
            sheet.writerow(COLUMNS)
            async for rows in pages:
                lines = [[safe(cell) for cell in (*cells(row), network)] for row in rows]
                await asyncio.to_thread(sheet.writerows, lines)
        os.replace(beside, path)
    except OSError as error:
        raise Unavailable(f"The file could not be written to {path} ({error.strerror}). Nothing was exported.") from error
    finally:
        beside.unlink(missing_ok=True)
    return path


def cells(row: LedgerRow) -> list[str]:
    """One row as text."""
    return [
        str(row.block),
        str(row.index),
        iso(row.time * 1000),
        row.kind.value,
        row.sender,
        BURN if row.recipient == _ZERO else row.recipient,
        exact_units(row.amount, 18),
        row.proof,
        row.reference,
        row.tx_hash,
        row.evidence.words,
    ]


async def gather(
    chain: Chain,
    economy: Economy,
    cursor: Cursor,
    anchor_hash: str,
    proofs: Proofs,
    accounts: Sequence[str],
    journal: Sequence[dict[str, Any]],
) -> Bundle:
    """Fetch and check everything a bundle at the indexed head needs.

    Raises:
        Invalid: too many blocks for one file.
        Conflict: the chain moved on, or a proof does not hold.
    """
    if cursor.last - cursor.first >= MOST_BLOCKS:
        raise Invalid(f"A bundle covers at most {MOST_BLOCKS:,} blocks. Nothing was written.", "Use a network with fewer blocks.")
    watched = [bytes.fromhex(address[2:]) for address in (economy.token, economy.mint_mine)]
    headers: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    value_proofs: list[dict[str, str]] = []
    for first in range(cursor.first, cursor.last + 1, CHUNK):
        for block in await fetch(chain, first, min(cursor.last, first + CHUNK - 1)):
            header = {name: value for name, value in block.raw.items() if name not in ("transactions", "uncles", "withdrawals")}
            headers.append(header)
            bloom = bytes.fromhex(header["logsBloom"][2:])
            if any(verifier.in_bloom(bloom, address) for address in watched):
                number, transactions = str(block.number), block.raw["transactions"]
                blocks.append({"number": number, "transactions": transactions, "receipts": block.receipts})
                value_proofs += minted_proofs(block.receipts, transactions, economy, chain.network.chain_id)
    if headers[-1]["hash"].lower() != anchor_hash:
        raise Conflict(
            "The chain changed since it was indexed. No bundle was written.", "Index again, then export.", retryable=True
        )
    asked = [("supply", "", await proofs.total_supply(chain, economy.token, cursor.last, slot=economy.supply_slot))]
    for account in dict.fromkeys(accounts):
        figure = await proofs.balance(chain, economy.token, account, economy.balances_slot, cursor.last)
        asked.append(("balance", account, figure))
    return Bundle(
        network=chain.network.key.text,
        label="demo" if chain.network.demo else "",
        economy={
            "token": economy.token,
            "mint_mine": economy.mint_mine,
            "emission": economy.emission,
            "redemption": economy.redemption,
            "work": economy.work,
            "start_block": str(cursor.first),
            "balances_slot": str(economy.balances_slot),
            "supply_slot": str(economy.supply_slot),
            "cap": str(cursor.cap),
        },
        domain=domain(economy, chain.network.chain_id),
        headers=headers,
        blocks=blocks,
        proofs=[_proof(kind, holder, figure, proofs, anchor_hash) for kind, holder, figure in asked],
        value_proofs=value_proofs,
        journal=journal,
    )


def _proof(kind: str, holder: str, figure: Figure, proofs: Proofs, anchor: str) -> dict[str, Any]:
    evidence = figure.evidence[0]
    kept = proofs.material.get(evidence.digest)
    if evidence.status is not EvidenceStatus.INCLUDED or kept is None or evidence.block_hash != anchor:
        raise Conflict(
            f"The {kind} {holder} could not be proven ({evidence.words}: {evidence.check}). No bundle was written.",
            "Index again, then export.",
            retryable=True,
        )
    return {"kind": kind, "holder": holder, "block": evidence.ref, "value": str(figure.value), "proof": kept.proof}


def domain(economy: Economy, chain_id: int) -> dict[str, str]:
    """The EIP-712 domain that value proofs are signed under."""
    return {"name": "Azora MintMine", "version": "1", "chainId": str(chain_id), "verifyingContract": economy.mint_mine}


def minted_proofs(
    receipts: Sequence[dict[str, Any]], transactions: Sequence[dict[str, Any]], economy: Economy, chain_id: int
) -> list[dict[str, str]]:
    """The value proofs in the calls of a block that were accepted there. Calls through other contracts are not looked into."""
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    accepted = {
        log["topics"][1]
        for receipt in receipts
        for log in receipt["logs"]
        if len(log["topics"]) == 4 and log["address"].lower() == economy.mint_mine.lower()
    }
    found = []
    for tx in transactions:
        data = bytes.fromhex(tx["input"][2:])
        if str(tx.get("to") or "").lower() != economy.mint_mine.lower() or data[:4] not in (_MINT, _MINT_BATCH):
            continue
        try:
            if data[:4] == _MINT:
                given = [decode([_VALUE_PROOF, "bytes[]"], data[4:])[0]]
            else:
                given = list(decode([_VALUE_PROOF + "[]", "bytes[][]"], data[4:])[0])
        except DecodingError:
            continue
        for contributor, reward, activity, evidence, deadline, salt in given:
            proof = {
                "contributor": contributor,
                "reward": str(reward),
                "activity": "0x" + activity.hex(),
                "evidence": "0x" + evidence.hex(),
                "deadline": str(deadline),
                "salt": "0x" + salt.hex(),
            }
            if "0x" + verifier.value_proof_digest(domain(economy, chain_id), proof).hex() in accepted:
                found.append(proof)
    return found
