"""What the ledger answers with. Amounts are in the smallest unit of AZR; addresses are EIP-55 text, hashes ``0x…`` text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from app.core.evidence import Evidence, Figure


class RowKind(StrEnum):
    """What happened."""

    MINT = "mint"
    BURN = "burn"
    TRANSFER = "transfer"
    REQUEST = "redemption_request"
    COMPLETE = "redemption_complete"
    CANCEL = "redemption_cancel"
    REFUND = "redemption_refund"
    APPROVAL = "approval"
    ROLE_GRANTED = "role_granted"
    ROLE_REVOKED = "role_revoked"


MONEY = (RowKind.MINT, RowKind.BURN, RowKind.TRANSFER)


class Order(StrEnum):
    """How rows are sorted, in the store."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which rows are asked for; empty fields ask for all.

    Attributes:
        text: the beginning of an address, transaction hash or proof digest (``0x…``).
        account: rows from or to this address.
        kind: a :class:`RowKind`; without one, everything but approvals and role changes.
        from_block, to_block: both included.
        order: the sorting; pages go on in it.
    """

    text: str = ""
    account: str = ""
    kind: str = ""
    from_block: int | None = None
    to_block: int | None = None
    order: Order = Order.NEWEST


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry. ``time`` is seconds as the chain has it; ``proof`` is the digest of the value proof that a mint names.

    A zero ``recipient`` is a burn ("Zero address (burn)"), a zero ``sender`` a mint; ``reference`` is a redemption's id or a role.
    """

    id: str
    block: int
    index: int
    tx_hash: str
    time: int
    kind: RowKind
    sender: str
    recipient: str
    amount: int
    proof: str
    reference: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and where the next page begins (None: there is none)."""

    rows: tuple[LedgerRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far a network is indexed. ``last < first`` means: not at all.

    ``complete`` says that every block from ``first`` to the head last seen is here with its roots recomputed. ``digest`` is a
    chained SHA-256 over all rows up to ``last``; two stores with the same digest hold the same ledger.
    """

    first: int
    last: int
    head: int
    complete: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Holder:
    """An account that holds AZR at the indexed head."""

    account: str
    balance: int
    figure: Figure


@dataclass(frozen=True, slots=True)
class Supply:
    """Minted, burned and in existence at ``block``, and what may exist."""

    minted: Figure
    burned: Figure
    supply: Figure
    cap: Figure
    block: int


@dataclass(frozen=True, slots=True)
class SupplyPoint:
    """Supply after ``block``."""

    block: int
    time: int
    minted: int
    burned: int

    @property
    def supply(self) -> int:
        """What existed then."""
        return self.minted - self.burned


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a reconciliation, with both sides as exact text."""

    name: str
    ok: bool
    detail: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """All checks at one block."""

    block: int
    checks: tuple[Check, ...]
    ok: bool
    evidence: tuple[Evidence, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MintRow:
    """AZR that came into being. ``proof`` is the digest of what it was minted for, empty when its minter named none.

    Attributes:
        source: ``value`` (a proof of value), ``work`` (a solution of proof of work) or ``other``.
        amount: gross, smallest unit; ``burned`` of it was burned in the same transaction.
        time: of the block, Unix seconds.
    """

    block: int
    time: int
    source: str
    contributor: str
    amount: int
    burned: int
    proof: str


@dataclass(frozen=True, slots=True)
class BurnRow:
    """AZR that ceased to be; ``sender`` held it."""

    block: int
    time: int
    sender: str
    amount: int


@dataclass(frozen=True, slots=True)
class Movements:
    """Every mint and every burn up to ``block``, oldest first, and what they rest on."""

    block: int
    mints: tuple[MintRow, ...]
    burns: tuple[BurnRow, ...]
    evidence: Evidence
