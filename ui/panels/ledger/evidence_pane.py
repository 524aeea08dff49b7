"""The right side of the ledger: one row with everything that shows where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.core.money import exact_units
from ui.widgets import AmountLabel, EvidenceChip, KeyValue, Note, Pane, button, empty

if TYPE_CHECKING:
    from app.core.evidence import Figure
    from app.ledger import LedgerRow
    from ui.panels.ledger.panel import LedgerPanel


class EvidencePane(Pane):
    """Record, proof state and what the proof hangs on, for the selected row."""

    def __init__(self, panel: LedgerPanel) -> None:
        super().__init__("Evidence")
        self._panel = panel
        self._row: LedgerRow | None = None
        self._content = QWidget()
        self._layout = QVBoxLayout(self._content)
        self._layout.setContentsMargins(16, 12, 16, 12)
        self._layout.setSpacing(10)
        self.body.addWidget(self._content)
        self.setMinimumWidth(300)
        self.show_nothing()

    def show_nothing(self) -> None:
        empty(self._layout)
        self._layout.addWidget(Note("info", "Select a row to see where it comes from, and how far it is proven."))
        self._layout.addStretch(1)

    def show_row(self, row: LedgerRow) -> None:
        """Show a ledger row."""
        self._row = row
        empty(self._layout)
        if row.amount:
            self._layout.addWidget(AmountLabel(row.amount, 18, "AZR", hero=True))
        self._layout.addWidget(EvidenceChip(row.evidence))
        facts = [
            ("Type", str(row.kind).replace("_", " ").capitalize()),
            ("From", row.sender),
            ("To", row.recipient),
            ("Exact amount", exact_units(row.amount, 18) + " AZR"),
            ("Block", f"{row.block:,}"),
            ("Transaction", row.tx_hash),
            ("State", row.evidence.words),
            ("Check", row.evidence.check or "–"),
            ("Trust", row.evidence.trust.value),
        ]
        if row.proof:
            facts.insert(1, ("Proof", row.proof))
        self._layout.addWidget(KeyValue(facts))
        inspect = button("Inspect the transaction", icon="magnifying-glass")
        inspect.setObjectName("ledger.inspect")
        inspect.clicked.connect(lambda: self._panel.window_.trigger("contracts.inspect", ref=row.tx_hash))
        self._layout.addWidget(inspect)
        for address in dict.fromkeys((row.recipient, row.sender)):
            if address and int(address, 16):
                prove = button(f"Prove the balance of {address[:6]}…{address[-4:]}", icon="seal-check")
                prove.setObjectName(f"ledger.prove.{address}")
                prove.clicked.connect(lambda _=False, who=address: self._panel.prove_balance(who))
                self._layout.addWidget(prove)
        self._layout.addStretch(1)

    def show_figure(self, title: str, figure: Figure) -> None:
        """Show a proven figure with the full story of its proof."""
        empty(self._layout)
        evidence = figure.evidence[0]
        self._layout.addWidget(KeyValue([("What", title)]))
        amount = AmountLabel(int(figure.value), figure.decimals, figure.unit, hero=True)
        amount.setObjectName("ledger.proven")
        self._layout.addWidget(amount)
        self._layout.addWidget(EvidenceChip(evidence))
        self._layout.addWidget(
            KeyValue(
                [
                    ("Exact", exact_units(int(figure.value), figure.decimals) + f" {figure.unit}"),
                    ("State", evidence.words),
                    ("Check", evidence.check or "–"),
                    ("Block hash", evidence.block_hash or "–"),
                    ("Trust", evidence.trust.value),
                    ("Digest", evidence.digest or "–"),
                ]
            )
        )
        self._layout.addStretch(1)
