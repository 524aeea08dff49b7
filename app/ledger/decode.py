"""From logs of the economy's contracts to entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.audit.verifier import keccak256
from app.ledger.fetch import CheckedBlock
from app.ledger.rows import RowKind

if TYPE_CHECKING:
    from app.chain.economy import Economy

ZERO = bytes(20)


def _topic(signature: str) -> bytes:
    return keccak256(signature.encode())


TRANSFER = _topic("Transfer(address,address,uint256)")
APPROVAL = _topic("Approval(address,address,uint256)")
GRANTED = _topic("RoleGranted(bytes32,address,address)")
REVOKED = _topic("RoleRevoked(bytes32,address,address)")
PROOF_MINTED = _topic("ProofMinted(bytes32,address,uint256,bytes32,bytes32,uint256)")
EMITTED = _topic("Emitted(address,address,uint256,bytes32,uint256)")
REQUESTED = _topic("Requested(uint256,address,uint256,bytes32,uint64)")
ENDED = {
    _topic("Completed(uint256,bytes32)"): RowKind.COMPLETE,
    _topic("Cancelled(uint256)"): RowKind.CANCEL,
    _topic("Refunded(uint256)"): RowKind.REFUND,
}


@dataclass(slots=True)
class Entry:
    """One row of ``ledger_entries`` in the making."""

    log_index: int
    tx_hash: bytes
    kind: RowKind
    sender: bytes
    recipient: bytes
    amount: int
    proof: bytes | None = None
    reference: bytes | None = None


@dataclass(frozen=True, slots=True)
class ProofEntry:
    """One accepted value proof, or one solution of proof of work: then ``digest`` is the solution's, and its own evidence."""

    log_index: int
    tx_hash: bytes
    digest: bytes
    contributor: bytes
    reward: int
    burned: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction of a block; ``recipient`` is None when it created a contract."""

    position: int
    hash: bytes
    sender: bytes
    recipient: bytes | None
    value: int
    succeeded: bool


@dataclass(slots=True)
class BlockRows:
    """Everything of one block that the ledger keeps."""

    block: CheckedBlock
    transactions: list[Transaction] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    proofs: list[ProofEntry] = field(default_factory=list)


def decode(block: CheckedBlock, economy: Economy) -> BlockRows:
    """The rows of one checked block.

    Mints and accepted proofs of one transaction are paired in their order: ``MintMine`` announces each proof after its mint, and
    the emission names the digest of each solution of proof of work after its mint.
    """
    rows = BlockRows(block)
    work = bytes.fromhex(economy.work[2:]) if economy.work else None
    addresses = [bytes.fromhex(a[2:]) for a in (economy.token, economy.mint_mine, economy.redemption, economy.emission)]
    for position, (tx, receipt) in enumerate(zip(block.raw["transactions"], block.receipts, strict=True)):
        tx_hash = bytes.fromhex(tx["hash"][2:])
        to = bytes.fromhex(tx["to"][2:]) if tx.get("to") else None
        succeeded = int(receipt.get("status") or "0x1", 16) == 1
        sender = bytes.fromhex(tx["from"][2:])
        rows.transactions.append(Transaction(position, tx_hash, sender, to, int(tx["value"], 16), succeeded))
        entries, proofs = list[Entry](), list[ProofEntry]()
        for log in receipt["logs"]:
            address = bytes.fromhex(log["address"][2:])
            if address in addresses:
                for found in _read(address, log, tx_hash, sender, addresses, work):
                    if isinstance(found, Entry):
                        entries.append(found)
                    else:
                        proofs.append(found)
        mints = [entry for entry in entries if entry.kind is RowKind.MINT]
        for mint, proof in zip(mints, proofs, strict=False):
            mint.proof = proof.digest
        rows.entries += entries
        rows.proofs += proofs
    return rows


def _read(
    address: bytes, log: dict[str, Any], tx_hash: bytes, caller: bytes, addresses: list[bytes], work: bytes | None
) -> Iterator[Entry | ProofEntry]:
    token, mint_mine, redemption, emission = addresses
    topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
    data = bytes.fromhex(log["data"][2:])
    words = [data[i : i + 32] for i in range(0, len(data) - 31, 32)]
    index = int(log["logIndex"], 16)
    if not topics:
        return
    name = topics[0]
    if address == token and name in (TRANSFER, APPROVAL) and len(topics) == 3 and len(words) == 1:
        sender, recipient = topics[1][12:], topics[2][12:]
        kind = RowKind.TRANSFER
        if name == APPROVAL:
            kind = RowKind.APPROVAL
        elif sender == ZERO:
            kind = RowKind.MINT
        elif recipient == ZERO:
            kind = RowKind.BURN
        yield Entry(index, tx_hash, kind, sender, recipient, _int(words[0]))
    elif name in (GRANTED, REVOKED) and len(topics) == 4:
        kind = RowKind.ROLE_GRANTED if name == GRANTED else RowKind.ROLE_REVOKED
        yield Entry(index, tx_hash, kind, topics[3][12:], topics[2][12:], 0, reference=topics[1])
    elif address == mint_mine and name == PROOF_MINTED and len(topics) == 4 and len(words) == 3:
        yield ProofEntry(index, tx_hash, topics[1], topics[2][12:], _int(words[0]), _int(words[2]), topics[3])
    elif address == emission and name == EMITTED and len(topics) == 4 and len(words) == 2 and topics[1][12:] == work:
        yield ProofEntry(index, tx_hash, topics[3], topics[2][12:], _int(words[0]), 0, topics[3])
    elif address == redemption and name == REQUESTED and len(topics) == 3 and len(words) == 3:
        yield Entry(index, tx_hash, RowKind.REQUEST, topics[2][12:], redemption, _int(words[0]), reference=topics[1])
    elif address == redemption and name in ENDED and len(topics) == 2:
        yield Entry(index, tx_hash, ENDED[name], redemption, caller, 0, reference=topics[1])


def _int(word: bytes) -> int:
    return int.from_bytes(word, "big")
