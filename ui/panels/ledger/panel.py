"""Filters, the equation of supply, the rows, and the evidence of the selected one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFileDialog, QFrame, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.core.clock import now_ms
from app.core.events import LedgerChanged, NetworkChanged
from ui.panels.ledger.evidence_pane import EvidencePane
from ui.shell.panel import Panel
from ui.widgets import (
    AddressCell,
    Amount,
    Column,
    EmptyState,
    EvidenceCell,
    HashCell,
    KpiCell,
    Row,
    StatusLabel,
    Table,
    TimeCell,
    line_edit,
)

if TYPE_CHECKING:
    from app.core.evidence import Figure
    from app.ledger import LedgerRow, Page, Reconciliation, Supply

PAGE = 200
WORDS = {
    "mint": "Mint",
    "burn": "Burn",
    "transfer": "Transfer",
    "redemption_request": "Requested",
    "redemption_complete": "Paid out",
    "redemption_cancel": "Cancelled",
    "redemption_refund": "Refunded",
    "approval": "Approval",
    "role_granted": "Role granted",
    "role_revoked": "Role revoked",
}


class LedgerPanel(Panel):
    """Reads only. Indexing is a job; nothing here needs a plan."""

    id = "ledger"
    title = "Ledger"
    stale_on = (LedgerChanged, NetworkChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._rows: dict[str, LedgerRow] = {}
        self._labels: dict[str, str] = {}
        self._next: str | None = None
        self.index_button = self.header.add_action("ledger.index")
        self.reconcile_button = self.header.add_action("ledger.reconcile")
        self.export_button = self.header.add_action("ledger.bundle", primary=True)
        self.body.addWidget(self._build_filters())
        self.body.addWidget(self._build_equation())
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        self.table = Table(
            [
                Column("time", "Time (UTC)", 122, kind="time"),
                Column("block", "Block", 64, align="right", kind="number"),
                Column("tx", "Transaction", 102, kind="hash"),
                Column("kind", "Type", 88),
                Column("from", "From", 142, kind="address"),
                Column("to", "To", 142, kind="address"),
                Column("amount", "Amount AZR", 104, align="right", kind="amount"),
                Column("evidence", "Proof", 76, kind="evidence"),
            ],
            dense=True,
        )
        self.table.setObjectName("ledger.table")
        self.table.setAccessibleName("Ledger rows")
        self.table.selected.connect(self._select)
        self.table.load_more.connect(self._more)
        self.empty = EmptyState(
            "scroll",
            "The ledger is empty",
            "Index the network to read every block and keep what concerns AZR.",
            ("Index now", lambda: self.window_.registry.run("ledger.index")),
        )
        left = QWidget()
        stack = QVBoxLayout(left)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.addWidget(self.empty, 1)
        stack.addWidget(self.table, 1)
        split.addWidget(left)
        self.evidence = EvidencePane(self)
        split.addWidget(self.evidence)
        split.setStretchFactor(0, 1)
        split.setSizes([940, 310])
        self.body.addWidget(split, 1)
        self.body.addWidget(self._build_foot())

    def _build_filters(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        self.filter_text = line_edit("ledger.filter", "Filter by address, label or transaction")
        self.filter_text.setPlaceholderText("Address, label or transaction")
        self.filter_text.setClearButtonEnabled(True)
        self.filter_text.setMaximumWidth(360)
        self.filter_text.editingFinished.connect(self.refresh)
        self.filter_kind = QComboBox()
        self.filter_kind.setObjectName("ledger.kind")
        self.filter_kind.setAccessibleName("Type of row")
        self.filter_kind.addItem("All", "")
        for value, word in WORDS.items():
            self.filter_kind.addItem(word, value)
        self.filter_kind.currentIndexChanged.connect(self.refresh)
        self.count = QLabel("")
        self.count.setProperty("role", "hint")
        row.addWidget(self.filter_text, 1)
        row.addWidget(self.filter_kind)
        row.addStretch(1)
        row.addWidget(self.count)
        return bar

    def _build_equation(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(12)
        self.minted = KpiCell("Minted", "–", "")
        self.burned = KpiCell("Burned", "–", "")
        self.expected = KpiCell("Expected supply", "–", "")
        self.on_chain = KpiCell("Supply on chain", "–", "")
        for index, (cell, sign) in enumerate(((self.minted, "−"), (self.burned, "="), (self.expected, ""), (self.on_chain, ""))):
            cell.setObjectName(f"ledger.equation.{index}")
            row.addWidget(cell)
            if sign:
                row.addWidget(QLabel(sign))
        row.addStretch(1)
        self.verdict = StatusLabel("idle", "Not reconciled yet")
        self.verdict.setObjectName("ledger.verdict")
        row.addWidget(self.verdict)
        return bar

    def _build_foot(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 16, 6)
        self.complete = StatusLabel("idle", "Not indexed")
        self.complete.setObjectName("ledger.complete")
        row.addStretch(1)
        row.addWidget(self.complete)
        return bar

    # reading

    def refresh(self) -> None:
        wanted_text, wanted_kind = self.filter_text.text().strip(), str(self.filter_kind.currentData() or "")

        async def read() -> tuple[Any, ...]:
            from app.ledger import LedgerFilter

            console = self.bridge.console
            network = console.networks.current
            accounts = {account.address: account.label for account in await console.wallets.list()}
            if network is None or not network.genesis:
                return network, accounts, None, None, None
            state = await console.ledger.state(network.id)
            text = next((address for address, label in accounts.items() if label.lower() == wanted_text.lower()), wanted_text)
            page = await console.ledger.transactions(network.id, LedgerFilter(text=text, kind=wanted_kind), limit=PAGE)
            economy = await console.contracts.economy(network.key.text)
            if economy is not None:
                names = ("token", "AzoraToken"), ("emission", "Emission"), ("mint_mine", "MintMine"), ("redemption", "Redemption")
                accounts |= {str(getattr(economy, field)): name for field, name in names}
            supply = await console.ledger.supply(network.id) if economy is not None and state.last >= 0 else None
            return network, accounts, state, page, supply

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[Any, ...]) -> None:
        network, self._labels, state, page, supply = answer
        if network is None:
            self.header.set_context("No network selected")
        else:
            indexed = f", indexed to block {state.last:,}" if state is not None and state.last >= 0 else ", not indexed yet"
            self.header.set_context(f"{network.name} {network.chain_id}{indexed}")
        self._rows = {}
        self.table.set_rows([])
        if page is not None:
            self._append(page)
        empty = not self._rows
        self.empty.setVisible(empty)
        self.table.setVisible(not empty)
        if state is not None and state.last >= 0 and state.complete:
            self.complete.set_state("ok", f"Complete over blocks {state.first:,}–{state.last:,}")
        else:
            self.complete.set_state("idle", "Not indexed" if state is None or state.last < 0 else "Not complete")
        self._show_supply(supply)

    def _row(self, row: LedgerRow) -> Row:
        zero = "Mint" if str(row.kind) == "mint" else "Zero address (burn)"

        def party(address: str) -> AddressCell:
            return AddressCell(address, self._labels.get(address) or ("" if int(address, 16) else zero))

        return Row(
            row.id,
            {
                "time": TimeCell(row.time * 1000),
                "block": row.block,
                "tx": HashCell(row.tx_hash),
                "kind": WORDS[str(row.kind)],
                "from": party(row.sender),
                "to": party(row.recipient),
                "amount": Amount(row.amount, 18, "AZR") if row.amount else None,
                "evidence": EvidenceCell(row.evidence),
            },
        )

    def _append(self, page: Page) -> None:
        self._next = page.next
        for row in page.rows:
            self._rows[row.id] = row
        self.table.set_rows([self._row(row) for row in self._rows.values()])
        self.count.setText(f"{len(self._rows):,} entries" + (" and more" if self._next else ""))

    def _more(self) -> None:
        network = self.bridge.console.networks.current
        if self._next is None or network is None:
            return
        before, text, kind = self._next, self.filter_text.text().strip(), str(self.filter_kind.currentData() or "")
        self._next = None

        async def read() -> Page:
            from app.ledger import LedgerFilter

            return await self.bridge.console.ledger.transactions(
                network.id, LedgerFilter(text=text, kind=kind), before=before, limit=PAGE
            )

        self.bridge.run(read, then=self._append, owner=self)

    def _show_supply(self, supply: Supply | None) -> None:
        if supply is None:
            for cell in (self.minted, self.burned, self.expected, self.on_chain):
                cell.set_figure("–")
            return
        self.minted.set_figure(Amount(int(supply.minted.value), 18, ""))
        self.burned.set_figure(Amount(int(supply.burned.value), 18, ""))
        self.expected.set_figure(Amount(int(supply.minted.value) - int(supply.burned.value), 18, "AZR"))
        self.on_chain.set_figure(Amount(int(supply.supply.value), 18, "AZR"))

    def _select(self, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is not None:
            self.evidence.show_row(row)

    # acting

    def index(self) -> None:
        """Read the chain to its head."""
        network = self.bridge.console.networks.current
        if network is None:
            self.window_.notify("No network is selected. Nothing was indexed.", "warn")
            return
        ledger = self.bridge.console.ledger
        self.bridge.run(lambda: ledger.index(network.id), then=lambda _: self.refresh(), label="Indexing", owner=self)

    def reconcile(self) -> None:
        """Check the equation of supply at the indexed head."""
        network = self.bridge.console.networks.current
        if network is None:
            return
        ledger = self.bridge.console.ledger
        self.verdict.set_state("run", "Reconciling")
        self.bridge.run(
            lambda: ledger.reconcile(network.id),
            then=self._show_reconciled,
            fail=self._not_reconciled,
            label="Reconciling",
            owner=self,
        )

    def _not_reconciled(self, _error: object) -> bool:
        self.verdict.set_state("err", "Could not be reconciled")
        return False

    def _show_reconciled(self, result: Reconciliation) -> None:
        bad = [check for check in result.checks if not check.ok]
        if result.ok:
            self.verdict.set_state("ok", f"Reconciled at block {result.block:,}")
            self.window_.notify(f"Reconciled: {len(result.checks)} checks hold at block {result.block:,}", "ok")
        else:
            self.verdict.set_state("err", f"{len(bad)} of {len(result.checks)} checks fail")
            self.window_.notify("; ".join(f"{check.name}: {check.detail}" for check in bad), "err")
        self.verdict.setToolTip(
            "\n".join(f"{'ok' if check.ok else 'FAILED'}  {check.name}: {check.detail}" for check in result.checks)
        )

    def prove_balance(self, address: str) -> None:
        """Prove one balance by eth_getProof and show how."""
        network = self.bridge.console.networks.current
        if network is None:
            return
        ledger = self.bridge.console.ledger
        name = self._labels.get(address) or address

        def shown(figure: Figure) -> None:
            self.evidence.show_figure(f"Balance of {name}", figure)

        self.bridge.run(lambda: ledger.prove_balance(network.id, address), then=shown, label="Proving the balance", owner=self)

    def prove_supply(self) -> None:
        """Prove the total supply by eth_getProof and show how."""
        network = self.bridge.console.networks.current
        if network is None:
            return
        ledger = self.bridge.console.ledger

        def shown(figure: Figure) -> None:
            self.evidence.show_figure("Total supply", figure)

        self.bridge.run(lambda: ledger.prove_supply(network.id), then=shown, label="Proving the supply", owner=self)

    def export_bundle(self) -> None:
        """Ask for a file and write the evidence bundle of what is shown."""
        dialog = QFileDialog(
            self, "Export evidence bundle", str(Path.home() / f"azora-evidence-{now_ms()}.zip"), "Evidence bundle (*.zip)"
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("zip")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._export_to)
        dialog.open()

    def _export_to(self, path: str) -> None:
        network = self.bridge.console.networks.current
        if network is None:
            return
        ledger = self.bridge.console.ledger
        accounts = sorted({a for row in self._rows.values() for a in (row.sender, row.recipient) if int(a, 16)})[:50]

        def written(where: Path) -> None:
            self.window_.notify(f"Evidence bundle written: {where}. Anyone can check it with app/audit/verifier.py", "ok")

        self.bridge.run(
            lambda: ledger.export_bundle(network.id, Path(path), accounts), then=written, label="Writing the bundle", owner=self
        )

    def open(self, **arguments: Any) -> None:
        match arguments.get("do"):
            case "index":
                self.index()
            case "reconcile":
                self.reconcile()
            case "prove":
                self.prove_supply()
            case "bundle":
                self.export_bundle()
        reference = str(arguments.get("ref") or "")
        if reference:
            self.filter_text.setText(reference)
            self.refresh()

    def state(self) -> dict[str, Any]:
        return {"text": self.filter_text.text(), "kind": self.filter_kind.currentIndex(), "row": self.table.selected_id()}

    def restore(self, state: dict[str, Any]) -> None:
        self.filter_text.setText(str(state.get("text", "")))
        self.filter_kind.setCurrentIndex(int(state.get("kind", 0)))
        self.table.select(str(state.get("row") or ""))
