"""The queue of an account: every transaction signed here, by nonce, from signed to final."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu

from app.core.clock import now_ms
from app.core.errors import ConsoleError
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus
from ui.panels.wallets.tabs.tab import Tab
from ui.theme import icon
from ui.widgets import Column, EmptyState, EvidenceCell, IconCell, Note, Row, Table, TimeCell, button

if TYPE_CHECKING:
    from app.chain.queue import QueuedTransaction
    from ui.shell.panel import Panel

NEWEST = 200  # beside all that wait
WAITING = ("signed", "sent", "seen")
# state: icon, colour, word, ink
STATES = {
    "signed": ("signature", "pend", "Signed, not sent", "text"),
    "sent": ("paper-plane-tilt", "accent", "Sent", "text"),
    "seen": ("eye", "accent", "In the pool", "text"),
    "mined": ("cube", "accent", "In a block", "text"),
    "final": ("check-circle-fill", "ok", "Final", "text"),
    "replaced": ("arrow-bend-up-right", "text-3", "Replaced", "text-3"),
    "dropped": ("x-square-fill", "err", "Dropped", "err"),
}


class QueueTab(Tab):
    """Pending first; what can be done about a transaction that waits stands below."""

    name = "queue"
    title = "Queue"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._rows: dict[str, QueuedTransaction] = {}
        self.gap = Note("warn", "")
        self.gap.setObjectName("wallets.queue.gap")
        self._gap_row = QFrame()
        gap_row = QHBoxLayout(self._gap_row)
        gap_row.setContentsMargins(16, 8, 16, 8)
        gap_row.setSpacing(8)
        gap_row.addWidget(self.gap, 1)
        self.repair = button("Repair…", icon="wrench")
        self.repair.setObjectName("wallets.queue.repair")
        self.repair.clicked.connect(self._repair)
        gap_row.addWidget(self.repair)
        self._gap_row.hide()
        self.column.addWidget(self._gap_row)
        self.table = _QueueTable(self)
        self.table.selected.connect(lambda _: self._enable())
        self.table.activated.connect(self._open)
        self.empty = EmptyState(
            "list-checks",
            "Nothing was signed here yet",
            "Transactions are kept here from their signature to their block.",
        )
        self.column.addWidget(self.empty, 1)
        self.column.addWidget(self.table, 1)
        self.table.hide()
        row = self.add_bar()
        self.speed_button = button("Speed up…", icon="fast-forward")
        self.speed_button.setObjectName("wallets.queue.speed")
        self.speed_button.clicked.connect(lambda: self.speed_up(self.table.selected_id()))
        self.cancel_button = button("Cancel…", icon="prohibit")
        self.cancel_button.setObjectName("wallets.queue.cancel")
        self.cancel_button.clicked.connect(lambda: self.cancel(self.table.selected_id()))
        self.counts = QLabel("")
        self.counts.setObjectName("wallets.queue.counts")
        self.counts.setProperty("role", "hint")
        row.addWidget(self.speed_button)
        row.addWidget(self.cancel_button)
        row.addStretch(1)
        row.addWidget(self.counts)
        self._enable()

    def changed(self) -> None:
        self._rows = {}
        self.table.set_rows([])
        self._gap_row.hide()
        self.counts.setText("")
        self.counted.emit(0)
        self._enable()

    # Reading

    def refresh(self) -> None:
        assert self.account is not None
        address, console = self.account.address, self.bridge.console

        async def read() -> tuple[str, list[QueuedTransaction], int, Any]:
            network = console.networks.current
            if network is None or not network.genesis:
                return address, [], 0, None
            rows, total = await console.transactions.queue.overview(network.key.text, address, NEWEST)
            try:
                report = await console.transactions.nonces(network.key.text, address)
            except ConsoleError:  # the rows are of the store; what the chain counts is said when it answers
                report = None
            return address, rows, total, report

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[str, list[QueuedTransaction], int, Any]) -> None:
        address, found, total, report = answer
        if not self.shows(address):
            return
        found.sort(key=lambda row: (str(row.state) not in WAITING, -row.nonce, -row.created_at))
        self._rows = {row.hash: row for row in found}
        self.table.set_rows([self._row(row) for row in found])
        if found and not self.table.selected_id():
            self.table.select(found[0].hash)
        self.table.setVisible(bool(found))
        self.empty.setVisible(not found)
        self.counted.emit(sum(str(row.state) in WAITING for row in found))
        self._gap_row.setVisible(bool(report is not None and report.gaps))
        told = [f"{len(found):,} of {total:,} shown"] if total > len(found) else []
        if report is not None:
            if report.gaps:
                self.gap.set_text(report.advice)
            told.append(f"next nonce {report.next:,}, {report.latest:,} in blocks, {report.pending:,} with the pool")
        self.counts.setText("; ".join(told))
        self._enable()

    def _row(self, row: QueuedTransaction) -> Row:
        mark, color, word, ink = STATES.get(str(row.state), ("question", "text-3", str(row.state), "text"))
        if row.succeeded is False:
            mark, color, word, ink = "x-square-fill", "err", f"{word}, reverted", "err"
        started = row.sent_at or row.created_at
        age = _age(now_ms() - started) if str(row.state) in WAITING and started else ""
        price = f"{row.max_fee_per_gas / 10**9:,.2f} gwei"
        if not row.legacy:
            price += f", tip {row.max_priority_fee_per_gas / 10**9:,.2f}"
        status = EvidenceStatus.CLAIMED if row.block else EvidenceStatus.UNAVAILABLE
        return Row(
            row.hash,
            {
                "nonce": row.nonce,
                "state": IconCell(mark, word, color, ink),
                "what": row.description + (f" ({row.note})" if row.note else ""),
                "fee": price,
                "age": age or TimeCell(started),
                "evidence": EvidenceCell(
                    Evidence(
                        EvidenceKind.TRANSACTION,
                        row.hash,
                        network=row.network,
                        block_hash=row.block_hash,
                        read_at=row.updated_at,
                        status=status,
                        check=f"in block {row.block:,}" if row.block else "not in a block yet",
                    )
                ),
            },
        )

    # Acting

    def chosen(self) -> QueuedTransaction | None:
        """The transaction that is selected."""
        return self._rows.get(self.table.selected_id())

    def why_not(self, row: QueuedTransaction | None) -> str:
        """Why nothing can be done about a transaction, or empty."""
        if row is None:
            return "Choose a transaction that waits"
        return "" if str(row.state) in WAITING else "It does not wait any more"

    def _enable(self) -> None:
        why = self.why_not(self.chosen())
        for part in (self.speed_button, self.cancel_button):
            part.setEnabled(not why)
            part.setToolTip(why)

    def speed_up(self, tx_hash: str) -> None:
        """Ask for the price of the same transaction again."""
        self._replace(tx_hash, "speed_up")

    def cancel(self, tx_hash: str) -> None:
        """Ask for the price of a transaction of nothing in its place."""
        self._replace(tx_hash, "cancel")

    def _replace(self, tx_hash: str, verb: str) -> None:
        from ui.panels.wallets.forms.replacing import ReplaceForm

        row = self._rows.get(tx_hash)
        if row is not None and not self.why_not(row):
            self.panel.window_.open_form(ReplaceForm(self.panel, row, verb))

    def _repair(self) -> None:
        assert self.account is not None
        console, sender = self.bridge.console, self.account.address
        network = console.networks.current
        if network is not None:
            self.panel.window_.run_plan(lambda: console.transactions.plan_repair(network.key.text, sender), "Preparing the repair")

    def _open(self, tx_hash: str) -> None:
        row = self._rows.get(tx_hash)
        if row is not None and row.plan_id:
            self.panel.window_.open_plan(row.plan_id)


class _QueueTable(Table):
    """The menu of a row speeds it up or cancels it."""

    def __init__(self, tab: QueueTab) -> None:
        super().__init__(
            [
                Column("nonce", "Nonce", 70, align="right"),
                Column("state", "State", 150),
                Column("what", "What", 240),
                Column("fee", "At most per gas", 180),
                Column("age", "Age or time", 150),
                Column("evidence", "Evidence", 140, kind="evidence"),
            ]
        )
        self._tab = tab
        self.setObjectName("wallets.queue")
        self.setAccessibleName("Transactions of the account")

    def context_menu(self) -> Any:
        """What can be done about it, then what every table offers."""
        menu: QMenu = super().context_menu()
        menu.actions()[0].setText("Open plan")
        first = menu.actions()[1] if len(menu.actions()) > 1 else menu.actions()[0]
        why = self._tab.why_not(self._tab.chosen())
        for symbol, words, act in (
            ("fast-forward", "Speed up…", self._tab.speed_up),
            ("prohibit", "Cancel…", self._tab.cancel),
        ):
            made = menu.addAction(icon(symbol), words)
            made.setEnabled(not why)
            made.setToolTip(why)
            made.triggered.connect(lambda _=False, act=act: act(self.selected_id()))
            menu.insertAction(first, made)
        menu.setToolTipsVisible(True)
        return menu


def _age(milliseconds: int) -> str:
    seconds = max(0, milliseconds) // 1000
    if seconds < 120:
        return f"waits {seconds} s"
    return f"waits {seconds // 60} min" if seconds < 7200 else f"waits {seconds // 3600} h"
