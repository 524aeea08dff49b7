"""The second tab of mint mining: redemption requests, and the story of the chosen one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.core.money import exact_units
from ui.panels.mining.forms import CancelForm, CompleteForm
from ui.panels.mining.statements import EXTERNAL, FINDINGS, StatementForm, summary
from ui.panels.mining.worker_forms import PricesForm
from ui.widgets import (
    AddressCell,
    Amount,
    Column,
    EmptyState,
    EvidenceChip,
    KeyValue,
    KpiStrip,
    Note,
    Pane,
    Row,
    StatusCell,
    Table,
    button,
    empty,
    primary_button,
)
from ui.widgets.values import know_unit

if TYPE_CHECKING:
    from app.mining import RedemptionRow
    from app.mining.matching import Match, Matching
    from ui.panels.mining.panel import MiningPanel

_STATES = {
    "open": ("pend", "To complete"),
    "requested": ("pend", "To complete"),
    "completed": ("ok", "Completed"),
    "cancelled": ("idle", "Cancelled"),
    "refunded": ("idle", "Refunded"),
}
OPEN = ("open", "requested")


class RedemptionsTab(QWidget):
    """Escrow, requests, and complete or cancel for the chosen one."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__()
        self._panel = panel
        self._rows: dict[str, RedemptionRow] = {}
        self._labels: dict[str, str] = {}
        self._matches: dict[int, Match] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.kpis = KpiStrip(
            "mining.redemptions",
            (("escrow", "In escrow"), ("completed", "Burned by redemption"), ("returned", "Returned to holders")),
        )
        column.addWidget(self.kpis)
        column.addWidget(self._build_bank())
        self.empty = EmptyState(
            "bank",
            "No redemption was requested",
            "A request moves AZR into escrow; it is burned when the bank has paid.",
            ("Request redemption…", lambda: panel.window_.registry.run("mining.redeem")),
        )
        column.addWidget(self.empty, 1)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.table = Table(
            [
                Column("id", "Request", 80),
                Column("account", "Holder", 150, kind="address"),
                Column("amount", "Escrow AZR", 120, align="right", kind="amount"),
                Column("reference", "Reference", 116, mono=True),
                Column("bank", "Bank reference", 126, mono=True),
                Column("block", "In block", 76, align="right", kind="number"),
                Column("state", "State", 126, kind="status"),
                Column("found", "Bank, external", 140, kind="status"),
            ]
        )
        self.table.setObjectName("mining.redemptions")
        self.table.setAccessibleName("Redemptions")
        self.table.selected.connect(self._select)
        self.split.addWidget(self.table)
        self.split.addWidget(self._build_detail())
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 1)
        column.addWidget(self.split, 1)

    def _build_bank(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        self.bank_text = QLabel("")
        self.bank_text.setObjectName("mining.bank.summary")
        self.bank_text.setProperty("role", "hint")
        self.bank_text.setWordWrap(True)
        row.addWidget(self.bank_text, 1)
        for name, word, form in (("prices", "Prices…", PricesForm), ("statements", "Bank statements…", StatementForm)):
            made = button(word, icon="coins" if name == "prices" else "bank")
            made.setObjectName(f"mining.bank.{name}")
            made.clicked.connect(lambda _=False, form=form: self._panel.window_.open_form(form(self._panel)))
            row.addWidget(made)
        return bar

    def _build_detail(self) -> QWidget:
        self.pane = Pane("Request")
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        self.facts = QVBoxLayout()
        layout.addLayout(self.facts)
        row = QHBoxLayout()
        self.complete = primary_button("Complete…")
        self.complete.setObjectName("mining.complete")
        self.complete.clicked.connect(lambda: self._open(CompleteForm))
        self.cancel = button("Cancel request…")
        self.cancel.setObjectName("mining.cancel")
        self.cancel.clicked.connect(lambda: self._open(CancelForm))
        row.addWidget(self.cancel)
        row.addWidget(self.complete)
        row.addStretch(1)
        layout.addLayout(row)
        layout.addStretch(1)
        self.pane.body.addWidget(inner, 1)
        self.pane.setMinimumWidth(300)
        return self.pane

    def show_rows(self, rows: list[RedemptionRow], labels: dict[str, str]) -> None:
        """Show the requests of a network, and ask what the bank statements say of them."""
        self._labels = labels
        self._fill(rows)
        console = self._panel.bridge.console
        network = console.networks.current

        async def read() -> tuple[int, Matching | None]:
            statements = await console.bank.statements()
            if not statements or network is None or not network.genesis:
                return len(statements), None
            return len(statements), await console.bank.match(network.id)

        def failed(error: Any) -> bool:
            self.show_matching(0, None)
            self.bank_text.setText(f"The statements were not compared. {error}")
            return True

        self._panel.bridge.run(read, then=lambda answer: self.show_matching(*answer), fail=failed, owner=self)

    def show_matching(self, statements: int, matching: Matching | None) -> None:
        """Show what bank statements say of the requests."""
        self._matches = {match.redemption: match for match in matching.matches} if matching else {}
        self.bank_text.setText(summary(statements, matching) if matching else "No bank statement is imported.")
        self._fill(list(self._rows.values()))

    def _fill(self, rows: list[RedemptionRow]) -> None:
        labels = self._labels
        self._rows = {str(row.id): row for row in rows}
        waiting = [row for row in rows if str(row.status) in OPEN]
        burned = [row for row in rows if str(row.status) == "completed"]
        back = [row for row in rows if str(row.status) in ("cancelled", "refunded")]
        for name, some, word in (
            ("escrow", waiting, "open"),
            ("completed", burned, "completed"),
            ("returned", back, "returned"),
        ):
            self.kpis[name].set_figure(Amount(sum(row.amount for row in some), 18, "AZR"))
            self.kpis[name].set_context(f"{len(some)} {word}")
        self.empty.setVisible(not rows)
        self.split.setVisible(bool(rows))
        chosen = self.table.selected_id()
        table = []
        for row in sorted(rows, key=lambda one: -one.id):
            state, word = _STATES.get(str(row.status), ("idle", str(row.status)))
            table.append(
                Row(
                    str(row.id),
                    {
                        "id": f"R-{row.id}",
                        "account": AddressCell(row.account, labels.get(row.account, "")),
                        "amount": Amount(row.amount, 18, ""),
                        "reference": _short(row.reference),
                        "bank": _short(row.bank_reference) or "–",
                        "block": row.requested_block,
                        "state": StatusCell(state, word),
                        "found": self._found(row.id),
                    },
                )
            )
        self.table.set_rows(table)
        if table:
            self.table.select(chosen if chosen in self._rows else table[0].id)
            self._select(self.table.selected_id() or table[0].id)

    def _found(self, redemption: int) -> StatusCell | str:
        match = self._matches.get(redemption)
        return StatusCell(*FINDINGS[str(match.finding)]) if match else "–"

    def current(self) -> RedemptionRow | None:
        """The chosen request."""
        return self._rows.get(self.table.selected_id() or "")

    def _select(self, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is None:
            return
        empty(self.facts)
        self.pane.set_title(f"R-{row.id}")
        until = datetime.fromtimestamp(row.refundable_at, UTC).strftime("%d %b %H:%M:%S UTC") if row.refundable_at else "–"
        facts = [
            ("Amount", f"{exact_units(row.amount, 18)} AZR"),
            ("Holder", row.account),
            ("Reference", row.reference),
            ("Requested in", f"block {row.requested_block:,}"),
            ("Transaction", row.tx_hash),
        ]
        if str(row.status) in OPEN:
            facts.append(("Refundable from", until))
        else:
            facts += [
                ("Bank reference", row.bank_reference or "–"),
                ("Closed in", f"block {row.closed_block:,}"),
                ("By", row.closed_tx),
            ]
        self.facts.addWidget(KeyValue(facts))
        for evidence in row.evidence[:3]:
            self.facts.addWidget(EvidenceChip(evidence), 0, Qt.AlignmentFlag.AlignLeft)
        match = self._matches.get(row.id)
        if match is not None:
            level = {"ok": "info", "idle": "info", "pend": "info"}.get(FINDINGS[str(match.finding)][0], "warn")
            know_unit(match.currency)
            self.facts.addWidget(Note(level, f"{match.text} {EXTERNAL}"))
            for evidence in match.evidence[:3]:
                self.facts.addWidget(EvidenceChip(evidence), 0, Qt.AlignmentFlag.AlignLeft)
        is_open = str(row.status) in OPEN
        for widget in (self.complete, self.cancel):
            widget.setEnabled(is_open)
            widget.setToolTip("" if is_open else "This request is closed.")

    def _open(self, form: type[CompleteForm] | type[CancelForm]) -> None:
        row = self.current()
        if row is not None:
            self._panel.window_.open_form(form(self._panel, row))


def _short(text: Any) -> str:
    value = str(text)
    return f"{value[:6]}…{value[-4:]}" if value.startswith("0x") and len(value) > 20 else value
