"""A proof in words and cells, the same wherever proofs are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ui.widgets import AddressCell, Amount, Row, StatusCell

if TYPE_CHECKING:
    from app.mining import ProofRow, ProofStatus

STATES = {
    "in_review": ("pend", "To review"),
    "asked": ("warn", "Asked"),
    "ready": ("ok", "Ready"),
    "rejected": ("err", "Rejected"),
    "minting": ("run", "Minting"),
    "minted": ("ok", "Minted"),
    "expired": ("idle", "Expired"),
    "revoked": ("idle", "Revoked"),
}
GROUPS = {
    "open": ("Open", ("in_review", "asked", "ready", "minting")),
    "minted": ("Minted", ("minted",)),
    "closed": ("Closed", ("rejected", "expired", "revoked")),
    "all": ("All", tuple(STATES)),
}
Counts = Mapping["ProofStatus", tuple[int, int]]


def proof_row(row: ProofRow, labels: Mapping[str, str]) -> Row:
    """A proof as a table shows it."""
    return Row(
        row.id,
        {
            "number": f"#{row.number:,}",
            "contributor": AddressCell(row.contributor, labels.get(row.contributor, "")),
            "activity": row.activity_name or row.activity,
            "score": row.score,
            "reward": Amount(row.reward, 18, ""),
            "state": StatusCell(*STATES[str(row.status)]),
        },
    )


def counted(counts: Counts, states: tuple[str, ...]) -> tuple[int, int]:
    """How many proofs are in these states, and their rewards together."""
    some = [each for status, each in counts.items() if str(status) in states]
    return sum(count for count, _ in some), sum(total for _, total in some)


def proofs(count: int) -> str:
    """``1 proof`` or ``2 proofs``."""
    return "1 proof" if count == 1 else f"{count:,} proofs"
