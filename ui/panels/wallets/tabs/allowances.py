"""Who may take tokens of the account, and how much; each can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QLabel, QMenu

from app.core.errors import ConsoleError
from ui.panels.wallets.tabs.tab import Tab
from ui.theme import icon
from ui.widgets import AddressCell, Amount, Column, EmptyState, EvidenceCell, Row, StatusCell, Table, button

if TYPE_CHECKING:
    from app.wallets.allowances import Allowance, AllowanceList
    from ui.shell.panel import Panel

FURTHER = 50_000  # blocks that one press looks further back


class AllowancesTab(Tab):
    """ERC-20 allowances above zero."""

    name = "allowances"
    title = "Allowances"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._rows: dict[str, Allowance] = {}
        self.table = _AllowanceTable(self)
        self.table.selected.connect(lambda _: self._enable())
        self.table.activated.connect(self.revoke)
        self.empty = EmptyState(
            "hand-coins", "Nobody may take tokens of this account", "An allowance is what a contract may take by itself."
        )
        self.error = self.add_table(self.table, self.empty)
        row = self.add_bar()
        self.revoke_button = button("Revoke…", icon="prohibit")
        self.revoke_button.setObjectName("wallets.allowances.revoke")
        self.revoke_button.clicked.connect(lambda: self.revoke(self.table.selected_id()))
        self.approve_button = button("Approve…", icon="hand-coins")
        self.approve_button.setObjectName("wallets.allowances.approve")
        self.approve_button.clicked.connect(lambda: self.panel.act("approve", self.account.address if self.account else ""))  # type: ignore[attr-defined]
        self.further = button("Look further back", icon="clock")
        self.further.setObjectName("wallets.allowances.further")
        self.further.clicked.connect(lambda: self._read(FURTHER))
        self.covered = QLabel("")
        self.covered.setProperty("role", "hint")
        self.covered.setObjectName("wallets.allowances.covered")
        for part in (self.revoke_button, self.approve_button, self.further):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.covered)
        self.further.hide()
        self._enable()

    def changed(self) -> None:
        self._rows = {}
        self.table.set_rows([])
        self.counted.emit(0)
        self.covered.setText("")
        self._enable()

    def refresh(self) -> None:
        self._read(0)

    def _read(self, further: int) -> None:
        assert self.account is not None
        address, wallets, network = self.account.address, self.bridge.console.wallets, self.snapshot.network
        if not network:
            self._show((address, None))
            return

        async def read() -> tuple[str, AllowanceList | None]:
            return address, await wallets.allowances(network, address, further)

        def failed(error: ConsoleError) -> bool:
            if self.shows(address):
                self.error.set_text(str(error))
                self._lay(bool(self._rows), failed=True)
            return True

        self.bridge.run(read, then=self._show, fail=failed, owner=self)

    def _show(self, answer: tuple[str, AllowanceList | None]) -> None:
        address, found = answer
        if not self.shows(address):
            return
        rows = list(found.rows) if found else []
        self._rows = {f"{row.token.address}:{row.spender}": row for row in rows}
        self.table.set_rows(
            [
                Row(
                    key,
                    {
                        "token": AddressCell(row.token.address, row.token.symbol, bare=True),
                        "spender": AddressCell(row.spender, row.spender_label),
                        "amount": StatusCell("warn", "Unlimited") if row.unlimited else Amount(row.amount, row.token.decimals, ""),
                        "block": row.last_set_block,
                        "evidence": EvidenceCell(row.evidence[0]) if row.evidence else "",
                    },
                )
                for key, row in self._rows.items()
            ]
        )
        if rows and not self.table.selected_id():
            self.table.select(next(iter(self._rows)))
        self.counted.emit(len(rows))
        self.covered.setText(found.text if found else "")
        self.covered.setToolTip(found.evidence.words if found else "")
        self.further.setVisible(bool(found and found.first > 0))
        self._lay(bool(rows))
        self._enable()

    def _lay(self, rows: bool, failed: bool = False) -> None:
        self.table.setVisible(rows)
        self.error.setVisible(failed and not rows)
        self.empty.setVisible(not rows and not failed)

    def _enable(self) -> None:
        chosen = self.table.selected_id() in self._rows
        self.revoke_button.setEnabled(chosen)
        self.revoke_button.setToolTip("" if chosen else "Choose an allowance first")

    def revoke(self, key: str) -> None:
        """Plan to take an allowance back."""
        row = self._rows.get(key)
        if row is None:
            return
        wallets, network = self.bridge.console.wallets, self.snapshot.network
        self.panel.window_.run_plan(
            lambda: wallets.plan_revoke(network, row.owner, row.token.address, row.spender), "Preparing to take it back"
        )


class _AllowanceTable(Table):
    """The menu of a row takes it back."""

    def __init__(self, tab: AllowancesTab) -> None:
        super().__init__(
            [
                Column("token", "Token", 140, kind="address"),
                Column("spender", "May be taken by", 250, kind="address"),
                Column("amount", "At most", 160, align="right", kind="amount"),
                Column("block", "Set in block", 110, align="right"),
                Column("evidence", "Evidence", 140, kind="evidence"),
            ]
        )
        self._tab = tab
        self.setObjectName("wallets.allowances")
        self.setAccessibleName("Allowances of the account")

    def context_menu(self) -> Any:
        """Take it back, then what every table offers."""
        menu: QMenu = super().context_menu()
        first = menu.actions()[0]
        revoke = menu.addAction(icon("prohibit"), "Revoke…")
        revoke.triggered.connect(lambda: self._tab.revoke(self.selected_id()))
        menu.insertAction(first, revoke)
        return menu
