"""The payments that left the bank account, and which redemption each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.panels.mining.statements import FINDINGS, amount_cell
from ui.widgets import Column, Row, StatusCell, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.mining.matching import Match, Matching, Payment

STEP = 500  # rows that are added at the end of the list


class PaymentsTable(Table):
    """Outgoing payments, those first that a person must look at; more are added where the reader comes to the end."""

    def __init__(self) -> None:
        super().__init__(
            [
                Column("day", "Booked", 90),
                Column("amount", "Amount", 120, align="right", kind="amount"),
                Column("name", "Payee", 150),
                Column("reference", "Reference", 190, mono=True),
                Column("where", "Statement", 150),
                Column("request", "Request", 90),
                Column("found", "Bank match", 140, kind="status"),
            ]
        )
        self.setObjectName("mining.payments")
        self.setAccessibleName("Payments of the bank statements")
        self._all: list[Row] = []
        self._owner: dict[str, int] = {}
        self._shown = STEP
        self.load_more.connect(self._more)

    def show_matching(self, matching: Matching | None) -> None:
        """Show the payments of these statements."""
        payments = matching.payments if matching else ()
        matches = {match.redemption: match for match in matching.matches} if matching else {}
        made = [(_order(payment, matches), at, payment) for at, payment in enumerate(payments)]
        self._owner = {str(at): payment.redemptions[0] for _, at, payment in made if payment.redemptions}
        self._all = [_row(at, payment, matches) for _, at, payment in sorted(made, key=lambda each: each[:2])]
        self.set_rows(self._all[: self._shown])

    def redemption(self, row_id: str) -> int | None:
        """The first redemption whose reference a payment carries."""
        return self._owner.get(row_id)

    def _more(self) -> None:
        if self._shown < len(self._all):
            self._shown += STEP
            self.set_rows(self._all[: self._shown])


def _finding(payment: Payment, matches: Mapping[int, Match]) -> tuple[str, str]:
    match = matches.get(payment.redemptions[0]) if payment.redemptions else None
    return FINDINGS[str(match.finding)] if match else ("warn", "No request")


def _order(payment: Payment, matches: Mapping[int, Match]) -> tuple[bool, int]:
    return _finding(payment, matches)[0] not in ("err", "warn"), -payment.entry.booked.toordinal()


def _row(at: int, payment: Payment, matches: Mapping[int, Match]) -> Row:
    entry = payment.entry
    return Row(
        str(at),
        {
            "day": entry.booked.isoformat(),
            "amount": amount_cell(entry),
            "name": entry.name or "–",
            "reference": entry.reference or entry.id or "–",
            "where": f"{payment.statement}:{entry.line}",
            "request": ", ".join(f"R-{number}" for number in payment.redemptions) or "–",
            "found": StatusCell(*_finding(payment, matches)),
        },
    )
