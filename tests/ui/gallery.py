"""One page with every widget in its states, to look at: ``python -m tests.ui.gallery FOLDER`` writes a picture per theme."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QHBoxLayout, QProgressBar, QSpinBox, QVBoxLayout, QWidget

from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from ui import widgets as w
from ui.theme import theme

AZR = 10**18
TREASURY = "0x7a3f0000000000000000000000000000000091c2"
POOL = "0x2f8800000000000000000000000000000000B6e4"
PROVEN = Evidence(
    EvidenceKind.BLOCK,
    "1,842,731",
    status=EvidenceStatus.INCLUDED,
    check="eth_getProof against the state root",
    trust=Trust.OWN_NODE,
)
CLAIMED = Evidence(EvidenceKind.TRANSACTION, "0x3c8e" + "0" * 56 + "11fa")


class StillBridge:
    """A bridge that answers at once with two accounts."""

    is_ready = True

    def run(self, work: Any, *, then: Any = None, **_: Any) -> None:
        then([SimpleNamespace(address=TREASURY, label="Treasury"), SimpleNamespace(address=POOL, label="Rewards pool")])


def _row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for part in parts:
        row.addWidget(part)
    row.addStretch(1)
    return row


def _off(widget: Any) -> Any:
    widget.setEnabled(False)
    return widget


def gallery() -> QWidget:
    """Every widget once."""
    page = QWidget()
    page.setObjectName("gallery")
    columns = QHBoxLayout(page)
    sides = [QVBoxLayout(), QVBoxLayout(), QVBoxLayout()]
    for at, side in enumerate(sides):
        columns.addLayout(side, 2 if at == 1 else 1)

    card = w.Card("Buttons and toggles")
    card.body.addLayout(
        _row(w.button("Default"), w.button("Copy", icon="copy"), _off(w.button("Disabled")), w.danger_button("Stop"))
    )
    page.focused = w.button("Focus")  # type: ignore[attr-defined]
    card.body.addLayout(_row(w.primary_button("Primary"), page.focused, w.danger_button("Delete chain", fill=True)))  # type: ignore[attr-defined]
    on = QCheckBox("On")
    on.setChecked(True)
    card.body.addLayout(_row(on, QCheckBox("Off"), w.Segmented([("a", "All 6"), ("b", "HD 4"), ("c", "Watch 2")])))
    sides[0].addWidget(card)

    card = w.Card("Fields")
    wrong = w.Field("Recipient", w.line_edit("gallery.to", "Recipient"), "")
    wrong.set_error("An address has 40 hex digits after 0x. This has 8.")
    amount = w.line_edit("gallery.amount", "Amount")
    amount.setText("12500")
    kind = QComboBox()
    kind.addItems(["Transfer", "Mint"])
    number = QSpinBox()
    number.setSuffix(" %")
    card.body.addWidget(w.Field("Amount", amount, "All decimals are kept"))
    card.body.addWidget(wrong)
    card.body.addWidget(w.Field("From", w.AccountCombo("gallery.from", StillBridge()), ""))
    card.body.addLayout(_row(kind, number, _off(QSpinBox())))
    sides[0].addWidget(card)

    card = w.Card("Status, badges, evidence")
    for some in (
        (("ok", "Healthy"), ("warn", "Degraded"), ("err", "Failed")),
        (("pend", "Waiting"), ("run", "Running"), ("idle", "Stopped")),
    ):
        card.body.addLayout(_row(*(w.StatusLabel(*one) for one in some)))
    card.body.addLayout(_row(*(w.BadgeLabel(name) for name in ("local", "test", "production"))))
    card.body.addLayout(_row(w.EvidenceChip(PROVEN), w.EvidenceChip(CLAIMED)))
    card.body.addWidget(w.AddressLabel(TREASURY, "Treasury"))
    card.body.addWidget(w.AddressLabel(POOL))
    card.body.addWidget(w.AmountLabel(12_500 * AZR, 18, "AZR", hero=True))
    sides[0].addWidget(card)
    sides[0].addStretch(1)

    pane = w.Pane("Accounts")
    pane.add_header(w.BadgeLabel("local"))
    pane.add_header(w.StatusLabel("ok", "Complete over blocks 0–42"), right=True)
    table = w.Table(
        [
            w.Column("time", "Time (UTC)", 120, kind="time"),
            w.Column("who", "Account", 190, kind="address"),
            w.Column("amount", "AZR", 120, align="right", kind="amount"),
            w.Column("key", "Key", 120, kind="status"),
            w.Column("proof", "Proof", 100, kind="evidence"),
        ]
    )
    states = [
        ("ok", "In keyring"),
        ("idle", "No key"),
        ("err", "Key missing"),
        ("run", "Running"),
        ("pend", "To review"),
        ("warn", "Locked"),
    ]
    table.set_rows(
        [
            w.Row(
                str(at),
                {
                    "time": w.TimeCell(1_795_000_000_000 + at * 60_000),
                    "who": w.AddressCell(TREASURY if at % 2 else POOL, "Treasury" if at % 2 else ""),
                    "amount": w.Amount((-1) ** at * 1_632_960 * AZR, 18, "", signed=True),
                    "key": w.StatusCell(*state),
                    "proof": w.EvidenceCell(PROVEN if at % 2 else CLAIMED),
                },
            )
            for at, state in enumerate(states)
        ]
    )
    table.select("2")
    table.setMinimumHeight(220)
    pane.body.addWidget(table)
    sides[1].addWidget(pane)
    card = w.Card("Supply and cap")
    card.body.addLayout(
        _row(w.KpiCell("Supply", w.Amount(417_145_222 * AZR, 18, "AZR"), "41.71 % of cap"), w.KpiCell("Burned", "–", "nothing yet"))
    )
    chart = w.LineChart()
    chart.set_series([("Supply", [(at, 400e6 + at * at * 1e5) for at in range(20)])], x_title="block", y_title="AZR")
    card.body.addWidget(chart)
    bar = QProgressBar()
    bar.setValue(40)
    bar.setTextVisible(False)
    bar.setFixedHeight(6)
    card.body.addWidget(bar)
    sides[1].addWidget(card)
    sides[1].addWidget(w.CodeBlock("AzoraToken.transfer\nto      0x2f88…b6e4  Rewards pool\namount  12500.000000000000000000"))

    card = w.Card("Notes")
    for level, text in (
        ("info", "Read-only. Auditors can plan and preview, not confirm."),
        ("ok", "Batch mint finished: 12 proofs, 964.1250 AZR, 11 s"),
        ("warn", "Showing data from 14:31:58. Reading again in 5 s."),
        ("err", "The database did not answer in 5 s. Data below is from 14:31:58."),
    ):
        card.body.addWidget(w.Note(level, text))
    sides[2].addWidget(card)
    card = w.Card("Facts")
    card.body.addWidget(
        w.KeyValue([("Exact", "417145222.250000000000000000 AZR"), ("Block hash", "0x" + "ab" * 32), ("Check", "Minted − burned")])
    )
    sides[2].addWidget(card)
    card = w.Card("Nothing here")
    card.body.addWidget(
        w.EmptyState("scroll", "No transfers match", "2 filters are on for Rewards pool", ("Clear filters", lambda: None))
    )
    card.body.addWidget(w.Skeleton())
    sides[2].addWidget(card)
    log = w.LogView()
    log.set_text("\n".join(f"eth_call {at}" for at in range(30)))
    log.setMaximumHeight(90)
    sides[2].addWidget(log)
    sides[2].addStretch(1)
    return page


def main() -> None:
    """Write the pictures."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app)
    page = gallery()
    page.resize(1440, 900)
    page.show()
    page.activateWindow()
    for mode in ("dark", "light", "high-contrast"):
        theme.set_mode(mode)
        page.focused.setFocus()  # type: ignore[attr-defined]
        app.processEvents()
        page.grab().save(str(folder / f"{mode}.png"))


if __name__ == "__main__":
    main()
