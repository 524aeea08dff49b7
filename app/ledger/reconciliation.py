"""Does the ledger hold? Each check has two sides that come from different places."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.core.evidence import EvidenceStatus, Figure
from app.core.money import exact_units
from app.ledger import queries, writing
from app.ledger.indexer import Cursor
from app.ledger.rows import Check, Reconciliation, RowKind
from app.ledger.tables import entries, proofs


@dataclass(frozen=True, slots=True)
class Books:
    """What the store says at one moment."""

    held: int
    holders: int
    minted: int
    burned: int
    mints: int
    proofs: int
    doubled: str
    unpaired: str


def books(connection: Connection, cursor: Cursor) -> Books:
    """Read both sides of every check from the store. Sums are made here, not by SQL."""
    held = queries.holders(connection, cursor, None)
    minted, burned = writing.totals(connection, cursor.id)
    mint = (entries.c.network == cursor.id, entries.c.kind == RowKind.MINT.value)
    mints = connection.execute(sa.select(sa.func.count()).where(*mint)).scalar() or 0
    accepted = connection.execute(sa.select(sa.func.count()).where(proofs.c.network == cursor.id)).scalar() or 0
    doubled = connection.execute(
        sa.select(proofs.c.digest)
        .where(proofs.c.network == cursor.id)
        .group_by(proofs.c.digest)
        .having(sa.func.count() > 1)
        .limit(1)
    ).scalar()
    paired = sa.and_(
        proofs.c.network == entries.c.network,
        proofs.c.digest == entries.c.proof,
        proofs.c.tx_hash == entries.c.tx_hash,
        proofs.c.reward == entries.c.amount,
    )
    unpaired = connection.execute(
        sa.select(entries.c.tx_hash).select_from(entries.outerjoin(proofs, paired)).where(*mint, proofs.c.digest.is_(None)).limit(1)
    ).scalar()
    total = sum(balance for _, balance in held)
    shown = ["0x" + bytes(word).hex() if word else "" for word in (doubled, unpaired)]
    return Books(total, len(held), minted, burned, mints, accepted, *shown)


def reconcile(cursor: Cursor, found: Books, supply: Figure) -> Reconciliation:
    """Compare the books with the supply that the state root proves at the indexed head."""
    on_chain, evidence = int(supply.value), supply.evidence[0]
    proven = evidence.status is EvidenceStatus.INCLUDED
    expected = found.minted - found.burned

    def equal(name: str, left: int, right: int, detail: str) -> Check:
        return Check(
            name,
            left == right,
            detail if left == right else f"{detail} They differ by {_azr(left - right)}.",
            _azr(left),
            _azr(right),
        )

    per_mint = found.mints == found.proofs and not found.doubled and not found.unpaired
    if found.doubled:
        detail = f"The proof {found.doubled} was accepted more than once."
    elif found.unpaired:
        detail = f"A mint in transaction {found.unpaired} names no accepted proof of its amount."
    else:
        detail = f"{found.mints:,} mints, {found.proofs:,} accepted proofs."
    checks = (
        Check("Supply proven", proven, f"{evidence.words}: {evidence.check}.", _azr(on_chain), f"block {evidence.ref}"),
        equal("Sum of balances = total supply", found.held, on_chain, f"{found.holders:,} holders at block {cursor.last:,}."),
        equal("Total supply = minted − burned", on_chain, expected, f"{_azr(found.minted)} minted, {_azr(found.burned)} burned."),
        Check("Total supply ≤ cap", on_chain <= cursor.cap, "The cap as the token states it.", _azr(on_chain), _azr(cursor.cap)),
        Check("One accepted proof for each mint", per_mint, detail, f"{found.mints}", f"{found.proofs}"),
    )
    return Reconciliation(cursor.last, checks, all(check.ok for check in checks), supply.evidence)


def _azr(value: int) -> str:
    return f"{exact_units(value, 18)} AZR"
