"""The rows of a payout in the sheet: each payment, where it is, and its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout

from app.operations import listed
from ui.plan_sheet.sections import Section, text
from ui.theme import theme
from ui.widgets import AddressCell, Amount, Column, EvidenceCell, IconCell, Row, StatusCell, Table, button, masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.operations.plans import Plan

KIND = "wallets.payout"
MOST_HIGH = 320  # pixels of the table; the rest is scrolled
STATES = {
    "planned": ("circle", "text-3", "Planned"),
    "signed": ("signature", "pend", "Signed"),
    "sent": ("paper-plane-tilt", "accent", "Sent"),
    "seen": ("eye", "accent", "Seen"),
    "mined": ("cube", "accent", "In a block"),
    "paid": ("check-circle-fill", "ok", "Paid"),
    "failed": ("x-square-fill", "err", "Failed"),
    "replaced": ("arrow-bend-up-right", "err", "Nonce taken"),
    "unpaid": ("circle", "text-3", "Not paid"),
    "loose": ("warning-fill", "warn", "May still happen"),
}
FIRST = ("failed", "replaced", "loose", "unpaid")  # what somebody has to look at comes first
UNSEEN = "Never paid from here"
ENDED = ("done", "failed", "stopped", "disowned")


class PlannedSection(Section):
    """The payments of a preview: each row with what its check says, those to look at first."""

    def __init__(self, plan: Plan) -> None:
        rows = listed(plan.params, "rows", dict)
        new, warned = (sum(not row.get("known") for row in rows), sum(bool(row.get("warning")) for row in rows))
        super().__init__("Payments", f"{len(rows):,} rows, {warned:,} to look at, {new:,} never paid from here")
        self.setObjectName("plan.planned")
        decimals = int(str(plan.params.get("decimals", 18)))
        self.table = Table(
            [
                Column("line", "Line", 48, align="right"),
                Column("who", "Recipient", 118, kind="address"),
                Column("amount", "Amount", 84, align="right", kind="amount"),
                Column("check", "Check", 160),
            ],
            dense=True,
        )
        self.table.setObjectName("plan.planned.rows")
        self.table.setAccessibleName("Payments and what their checks say")
        ordered = sorted(rows, key=lambda row: (not row.get("warning"), bool(row.get("known")), int(row["line"])))
        self.table.set_rows([self._row(row, decimals) for row in ordered])
        self.table.setFixedHeight(min(MOST_HIGH, (len(rows) + 2) * theme.metric("rowDense")))
        self.add(self.table)

    def _row(self, row: dict[str, Any], decimals: int) -> Row:
        warning, known, label = (str(row.get(name) or "") for name in ("warning", "known", "label"))
        state, said = ("warn", warning) if warning else ("ok", str(row.get("memo") or "Fine")) if known else ("idle", UNSEEN)
        return Row(
            str(row["line"]),
            {
                "line": int(row["line"]),
                "who": AddressCell(str(row["address"]), label, bare=bool(label)),
                "amount": Amount(int(str(row["amount"])), decimals),
                "check": StatusCell(state, masked(said) if warning else said),
            },
        )


class PayoutSection(Section):
    """A table of payments, kept while the plan goes on.

    Signals:
        export_asked: the rows are wanted as a file.
        rest_asked: what was not paid shall be planned again.
    """

    export_asked = Signal()
    rest_asked = Signal()

    def __init__(self) -> None:
        super().__init__("Payments")
        self.setObjectName("plan.payout")
        self.counts = text("", "hint", wrap=True)
        self.counts.setObjectName("plan.payout.counts")
        self.add(self.counts)
        self.table = Table(
            [
                Column("line", "Line", 48, align="right"),
                Column("who", "Recipient", 108, kind="address"),
                Column("amount", "Amount", 84, align="right", kind="amount"),
                Column("state", "State", 78),
                Column("evidence", "Evidence", 100, kind="evidence"),
            ],
            dense=True,
        )
        self.table.setObjectName("plan.payout.rows")
        self.table.setAccessibleName("Payments and what became of them")
        self.add(self.table)
        row = QHBoxLayout()
        row.setSpacing(8)
        export = button("Export rows…", icon="file-csv")
        export.setObjectName("plan.payout.export")
        export.clicked.connect(lambda: self.export_asked.emit())
        self.rest = button("Pay the rest…", icon="arrow-counter-clockwise")
        self.rest.setObjectName("plan.payout.rest")
        self.rest.clicked.connect(lambda: self.rest_asked.emit())
        self.rest.hide()
        row.addWidget(export)
        row.addWidget(self.rest)
        row.addStretch(1)
        self.body.addLayout(row)

    def show_rows(self, plan: Plan, rows: Sequence[Any]) -> None:
        """Show the payments as they stand."""
        decimals = int(str(plan.params.get("decimals", 18)))
        counts: dict[str, int] = {}
        for one in rows:
            counts[str(one.state)] = counts.get(str(one.state), 0) + 1
        said = [f"{count:,} {STATES.get(state, ('', '', state))[2].lower()}" for state, count in counts.items()]
        self.counts.setText(f"{len(rows):,} payments: {', '.join(said)}")
        ordered = sorted(rows, key=lambda one: (str(one.state) not in FIRST, one.line))
        self.table.set_rows([self._row(one, decimals) for one in ordered])
        self.table.setFixedHeight(min(MOST_HIGH, (len(rows) + 2) * theme.metric("rowDense")))
        left = any(str(one.state) in ("failed", "replaced", "unpaid") for one in rows)
        self.rest.setVisible(left and str(plan.state) in ENDED)

    def _row(self, one: Any, decimals: int) -> Row:
        mark, color, word = STATES.get(str(one.state), ("question", "text-3", str(one.state)))
        ink = "err" if str(one.state) in ("failed", "replaced") else "text"
        return Row(
            str(one.line),
            {
                "line": one.line,
                "who": AddressCell(one.address, one.label, bare=bool(one.label)),
                "amount": Amount(one.amount, decimals),
                "state": IconCell(mark, f"{word}: {one.error}" if one.error else word, color, ink),
                "evidence": EvidenceCell(one.evidence[0]) if one.evidence else "",
            },
        )
