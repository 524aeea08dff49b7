"""One redemption beside its bank entry, field by field. A bank entry is an external document, never proven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from app.core.money import short_units
from app.mining.statements import plain

if TYPE_CHECKING:
    from app.mining.matching import Match
    from app.mining.redemption import RedemptionRow
    from app.mining.statements import BankEntry


@dataclass(frozen=True, slots=True)
class Compared:
    """One line of the comparison. ``agrees`` is None where only a person can tell, or nothing is there to compare."""

    field: str
    chain: str
    bank: str
    agrees: bool | None


def compare(row: RedemptionRow, match: Match, holder: str = "", decimals: int = 18) -> tuple[Compared, ...]:
    """The request as the chain tells it, beside the first payment that carries its reference.

    Args:
        holder: the label of the account, where this store has one; else its address stands there.
    """
    paid = match.payments[0] if match.payments else None
    amount = Decimal(row.amount) / 10**decimals
    asked = _moment(match.asked)
    owed = f"{short_units(row.amount, decimals)} AZR" + (f", {match.owed:,} {match.currency}" if match.owed is not None else "")
    if paid is None:
        return (
            Compared("Reference", row.reference, "–", None),
            Compared("Amount", owed, "–", None),
            Compared("Booked", f"asked for {asked}", "–", None),
        )
    said = f"{-paid.amount:,} {paid.currency or match.currency}"
    fits = None if match.owed is None else -paid.amount == match.owed and paid.currency in ("", match.currency)
    day = paid.booked.isoformat()
    entered = "no rate is entered" if match.owed is None or not amount else f"{(match.owed / amount):.4f} {match.currency}"
    implied = f"{(-paid.amount / amount):.4f} {paid.currency or match.currency}" if amount else "–"
    return (
        Compared("Reference", _carried(row, paid), paid.reference or paid.id, True),
        Compared("Amount", owed, said, fits),
        Compared("Rate", entered, implied, fits),
        Compared("Payee", holder or row.account, paid.name or "–", None),
        Compared("Booked", f"after {asked}", day, None if match.days is None else match.days >= 0),
        Compared("Payments", "one is owed", f"{len(match.payments)} found", len(match.payments) == 1),
    )


def bank_reference_of(row: RedemptionRow, match: Match, longest: int = 140) -> str:
    """What a completion should name of the payment: the bank's own number, which no other payment has, else its text."""
    if not match.payments:
        return ""
    paid = match.payments[0]
    return next((text for text in (paid.id, paid.reference) if 4 <= len(text) <= longest), row.reference)


def _carried(row: RedemptionRow, paid: BankEntry) -> str:
    """Of the request's own reference and that of its completion, the one that the payment carries."""
    words = plain(f"{paid.reference} {paid.id}")
    return row.bank_reference if row.bank_reference and plain(row.bank_reference) in words else row.reference


def _moment(seconds: int | None) -> str:
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y %H:%M UTC")
