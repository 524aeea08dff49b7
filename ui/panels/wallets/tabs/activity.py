"""What happened to an account: what waits stands on top, then what is in blocks, newest first, each with its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel

from app.core.errors import ConsoleError
from ui.panels.wallets.tabs.queue import STATES
from ui.panels.wallets.tabs.tab import Tab
from ui.widgets import AddressCell, Amount, Column, EmptyState, EvidenceCell, IconCell, Row, Table, TimeCell, button

if TYPE_CHECKING:
    from app.wallets.activity import ActivityPage, ActivityRow
    from ui.shell.panel import Panel

PAGE = 100
FURTHER = 50_000  # blocks that one press looks further back
DIRECTIONS = {"in": "arrow-down-left", "out": "arrow-up-right", "self": "arrows-left-right"}
KINDS = {
    "burn": "fire",
    "approval": "hand-coins",
    "create": "file-code",
    "call": "code",
    "internal": "code",
    "reward": "cube",
    "genesis": "cube",
    "unexplained": "question",
}
WORDS = {"unexplained": "Difference", "internal": "By a contract", "genesis": "First block", "create": "New contract"}
NAMES = {"mint": "Mint", "burn": "Zero address (burn)"}


class ActivityTab(Tab):
    """Coin, AZR and tokens in one list, a page at a time."""

    name = "activity"
    title = "Activity"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._rows: dict[str, ActivityRow] = {}
        self._next: str | None = None
        self._reading = False
        self._job = ""  # that reads blocks for the native coin
        self.table = Table(
            [
                Column("time", "Time (UTC)", 148, kind="time"),
                Column("kind", "Kind", 120),
                Column("other", "Counterparty", 180, kind="address"),
                Column("amount", "Amount", 150, align="right", kind="amount"),
                Column("fee", "Fee paid", 110, align="right", kind="amount"),
                Column("state", "State", 130),
                Column("evidence", "Evidence", 130, kind="evidence"),
            ]
        )
        self.table.setObjectName("wallets.activity")
        self.table.setAccessibleName("Activity of the account")
        self.table.activated.connect(self._open)
        self.table.load_more.connect(self._more)
        self.empty = EmptyState("scroll", "Nothing happened yet", "What this account sends and receives is listed here.")
        self.error = self.add_table(self.table, self.empty)
        row = self.add_bar()
        self.further = button("Look further back", icon="clock")
        self.further.setObjectName("wallets.activity.further")
        self.further.clicked.connect(lambda: self._read(None, FURTHER))
        self.covered = QLabel("")
        self.covered.setObjectName("wallets.activity.covered")
        self.covered.setProperty("role", "hint")
        self.covered.setWordWrap(True)
        self.stop = button("Stop reading", icon="stop")
        self.stop.setObjectName("wallets.activity.stop")
        self.stop.setToolTip("What was read stays; looking further back goes on from there")
        self.stop.clicked.connect(self._stop)
        self.stop.hide()
        row.addWidget(self.further)
        row.addWidget(self.stop)
        row.addWidget(self.covered, 1)

    def changed(self) -> None:
        self._rows, self._next = {}, None
        self.table.set_rows([])
        self.covered.setText("")
        self._job = ""
        self.stop.hide()
        self.counted.emit(0)

    def refresh(self) -> None:
        self._read(None, 0)

    def _more(self) -> None:
        if self._next is not None and not self._reading:
            self._read(self._next, 0)

    def _read(self, before: str | None, further: int) -> None:
        assert self.account is not None
        address, wallets, network = self.account.address, self.bridge.console.wallets, self.snapshot.network
        if not network:
            self._lay()
            return
        self._reading = True

        def failed(error: ConsoleError) -> bool:
            self._reading = False
            if self.shows(address):
                self.error.set_text(str(error))
                self.error.setVisible(not self._rows)
                self.empty.hide()
            return True

        def show(page: ActivityPage) -> None:
            self._reading = False
            if self.shows(address):
                self._show(page, more=before is not None)

        self.bridge.run(lambda: wallets.activity(network, address, before, PAGE, further), then=show, fail=failed, owner=self)

    def _show(self, page: ActivityPage, *, more: bool) -> None:
        if not more:
            self._rows = {}
        self._rows |= {row.id: row for row in page.rows}
        if more or self._next is None or len(self._rows) <= PAGE:
            self._next = page.next
        self.table.set_rows([self._row(row) for row in self._rows.values()])
        self.counted.emit(sum(row.pending for row in self._rows.values()))
        if not more:
            self._job = page.reading
            self.stop.setVisible(bool(page.reading))
            self.covered.setText("  ".join(page.coverage))
        self._lay()

    def _stop(self) -> None:
        job, jobs = self._job, self.bridge.console.jobs

        async def cancel() -> None:
            if job:
                jobs.cancel(job)

        self.bridge.run(cancel, then=lambda _: self.stop.hide(), owner=self)

    def _lay(self) -> None:
        self.error.hide()
        self.table.setVisible(bool(self._rows))
        self.empty.setVisible(not self._rows)

    def _row(self, row: ActivityRow) -> Row:
        kind = WORDS.get(row.kind) or row.kind.replace("_", " ").capitalize()
        mark = KINDS.get(row.kind) or DIRECTIONS.get(row.direction, "circle")
        state, color, word, ink = STATES.get(row.state, ("question", "text-3", row.state.capitalize(), "text"))
        if row.state == "failed":
            state, color, word, ink = "x-square-fill", "err", "Failed", "err"
        if row.warning:
            state, color, word, ink = "warning-fill", "warn", row.warning, "warn"
        sign = -1 if row.direction == "out" else 1
        label = row.label or (NAMES.get(row.kind, "") if row.counterparty and not int(row.counterparty, 16) else "")
        return Row(
            row.id,
            {
                "time": TimeCell(row.time),
                "kind": IconCell(mark, kind),
                "other": AddressCell(row.counterparty, label, bare=bool(label)) if row.counterparty else row.description,
                "amount": Amount(sign * row.amount, row.decimals, row.unit, signed=row.direction == "in")
                if row.amount or row.direction
                else "–",
                "fee": Amount(row.fee, 18) if row.fee else "",
                "state": IconCell(state, word, color, ink),
                "evidence": EvidenceCell(row.evidence[0]) if row.evidence else "",
            },
        )

    def _open(self, row_id: str) -> None:
        row = self._rows.get(row_id)
        if row is None:
            return
        if row.plan:
            self.panel.window_.open_plan(row.plan)
        elif row.tx_hash:
            self.panel.window_.registry.run("ledger.tx", ref=row.tx_hash)
