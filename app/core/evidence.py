"""Where a figure comes from, and how far it can be trusted.

A figure on a screen or in a report travels as ``Figure(value, unit, evidence)``. Nothing is shown as proven without a status
that says so *and* a trust that says what the header hangs on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class EvidenceKind(StrEnum):
    """What was looked at. The words are those of ``design/tokens.json``."""

    BLOCK = "block"
    TRANSACTION = "tx"
    LOG = "log"
    PROOF = "proof"
    ROW = "query"
    JOURNAL = "audit"
    SIMULATION = "simulation"
    FILE = "file"
    JOB = "job"
    MEASUREMENT = "measurement"


class EvidenceStatus(StrEnum):
    """How far the figure was checked."""

    INCLUDED = "included"  # proven against a header
    COMPLETE = "complete"  # every block of a range indexed and its roots recomputed
    CLAIMED = "claimed"  # read, not proven
    MISMATCH = "mismatch"  # the check failed
    UNAVAILABLE = "unavailable"  # pruned state, lost source
    ASSERTED = "asserted"  # a person says so


class Trust(StrEnum):
    """What the header of a proven figure hangs on."""

    READER_HASH = "hash entered by the reader"
    ENDPOINTS = "agreement of independent endpoints"
    SEALS = "validator seals"
    OWN_NODE = "a local node that this console started"
    OPERATOR = "operator-asserted"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One pointer into the world that a reader can follow.

    Attributes:
        kind: what was looked at.
        ref: which one: a block number, a ``0x…`` hash, a journal sequence, a file name.
        network: ``NetworkKey.text`` of the chain, or empty when the evidence is not on a chain.
        block_hash: ``0x…`` hash of the block the figure was read at, or empty.
        read_at: UTC milliseconds since the epoch at which it was read.
        status: how far it was checked.
        check: the check that was made, in words ("eth_getProof against the state root").
        trust: what the header hangs on.
        digest: SHA-256 hex of the raw material, when it was kept.
        blocks: first and last block of a *complete* range.
    """

    kind: EvidenceKind
    ref: str
    network: str = ""
    block_hash: str = ""
    read_at: int = 0
    status: EvidenceStatus = EvidenceStatus.CLAIMED
    check: str = ""
    trust: Trust = Trust.NONE
    digest: str = ""
    blocks: tuple[int, int] | None = None

    @property
    def words(self) -> str:
        """The status as the interface and the reports say it."""
        match self.status:
            case EvidenceStatus.INCLUDED:
                return "Inclusion proven"
            case EvidenceStatus.COMPLETE:
                first, last = self.blocks or (0, 0)
                return f"Complete over blocks {first:,}–{last:,}"
            case EvidenceStatus.CLAIMED:
                return "Claimed"
            case EvidenceStatus.MISMATCH:
                return "Does not match"
            case EvidenceStatus.UNAVAILABLE:
                return "Cannot be checked now"
            case EvidenceStatus.ASSERTED:
                return "Operator-asserted"

    def to_json(self) -> dict[str, object]:
        """JSON-able form for receipts, exports and the command line."""
        return {
            "kind": self.kind.value,
            "ref": self.ref,
            "network": self.network,
            "block_hash": self.block_hash,
            "read_at": self.read_at,
            "status": self.status.value,
            "check": self.check,
            "trust": self.trust.value,
            "digest": self.digest,
            "blocks": list(self.blocks) if self.blocks else None,
        }

    @classmethod
    def from_json(cls, data: dict[str, object]) -> Evidence:
        """Inverse of :meth:`to_json`."""
        blocks = data.get("blocks")
        return cls(
            kind=EvidenceKind(str(data["kind"])),
            ref=str(data["ref"]),
            network=str(data.get("network", "")),
            block_hash=str(data.get("block_hash", "")),
            read_at=int(str(data.get("read_at", 0))),
            status=EvidenceStatus(str(data.get("status", "claimed"))),
            check=str(data.get("check", "")),
            trust=Trust(str(data.get("trust", Trust.NONE.value))),
            digest=str(data.get("digest", "")),
            blocks=(int(blocks[0]), int(blocks[1])) if isinstance(blocks, list) else None,
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its unit and its evidence. Money is an ``int`` in the smallest unit; ``decimals`` says how to show it."""

    value: int | str
    unit: str
    evidence: tuple[Evidence, ...] = field(default=())
    decimals: int = 0
