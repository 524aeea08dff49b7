"""What the account holds of each coin and token: confirmed, newest, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel

from app.core.errors import ConsoleError
from ui.panels.wallets.tabs.tab import Tab
from ui.widgets import AddressCell, Amount, Column, EmptyState, EvidenceCell, Row, Table, button

if TYPE_CHECKING:
    from app.wallets.holdings import Holding
    from ui.shell.panel import Panel


class AssetsTab(Tab):
    """Native coin, AZR and every token that was added."""

    name = "assets"
    title = "Assets"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._rows: dict[str, Holding] = {}
        self.table = Table(
            [
                Column("token", "Asset", 200, kind="address"),
                Column("confirmed", "Confirmed", 160, align="right", kind="amount"),
                Column("newest", "Newest", 160, align="right", kind="amount"),
                Column("waiting", "Waiting", 150, align="right", kind="amount"),
                Column("evidence", "Evidence", 140, kind="evidence"),
            ]
        )
        self.table.setObjectName("wallets.assets")
        self.table.setAccessibleName("Assets of the account")
        self.table.selected.connect(lambda _: self._enable())
        self.empty = EmptyState("coins", "Nothing is read yet", "The network has not told what this account holds.")
        self.error = self.add_table(self.table, self.empty)
        row = self.add_bar()
        add = button("Add token…", icon="plus")
        add.setObjectName("wallets.assets.add")
        add.clicked.connect(lambda: self.panel.act("token"))  # type: ignore[attr-defined]
        self.remove = button("Do not list", icon="eye-slash")
        self.remove.setObjectName("wallets.assets.remove")
        self.remove.clicked.connect(self._remove)
        self.blocks = QLabel("")
        self.blocks.setProperty("role", "hint")
        row.addWidget(add)
        row.addWidget(self.remove)
        row.addStretch(1)
        row.addWidget(self.blocks)
        self._enable()

    def changed(self) -> None:
        self._rows = {}
        self.table.set_rows([])
        self.blocks.setText("")

    def refresh(self) -> None:
        assert self.account is not None
        address, wallets, network = self.account.address, self.bridge.console.wallets, self.snapshot.network
        if not network:
            return

        async def read() -> tuple[str, list[Holding]]:
            return address, await wallets.assets(network, [address])

        def failed(error: ConsoleError) -> bool:
            if self.shows(address):
                self.error.set_text(str(error))
                self.error.setVisible(not self._rows)
                self.empty.hide()
            return True

        self.bridge.run(read, then=self._show, fail=failed, owner=self)

    def _show(self, answer: tuple[str, list[Holding]]) -> None:
        address, found = answer
        if not self.shows(address):
            return
        self._rows = {one.token.address or "native": one for one in found}
        rows = []
        for key, one in self._rows.items():
            decimals = one.token.decimals
            change = sum(each.change for each in one.waiting)
            rows.append(
                Row(
                    key,
                    {
                        "token": AddressCell(one.token.address or "", one.token.symbol, bare=True, aside=one.token.name),
                        "confirmed": "not known" if one.confirmed is None else Amount(one.confirmed, decimals),
                        "newest": "not known" if one.newest is None else Amount(one.newest, decimals),
                        "waiting": Amount(change, decimals, signed=True) if one.waiting else "–",
                        "evidence": EvidenceCell(one.evidence[0]) if one.evidence else "",
                    },
                )
            )
        self.table.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self.error.hide()
        if found:
            self.blocks.setText(f"confirmed at block {found[0].block:,}, newest at {found[0].head:,}")
        self._enable()

    def _enable(self) -> None:
        row = self._rows.get(self.table.selected_id())
        own = row is not None and bool(row.token.address)
        self.remove.setEnabled(own)
        self.remove.setToolTip("" if own else "Choose a token that was added")

    def _remove(self) -> None:
        row = self._rows.get(self.table.selected_id())
        if row is None:
            return
        wallets, network, window = self.bridge.console.wallets, self.snapshot.network, self.panel.window_
        token = row.token

        def back() -> None:
            self.bridge.run(lambda: wallets.add_token(network, token.address), then=lambda _: self.refresh(), owner=self)

        def removed(_: object) -> None:
            self.refresh()
            window.notify(
                f"{token.symbol} is not listed any more.",
                "ok",
                action=("Undo", back),
            )

        self.bridge.run(lambda: wallets.remove_token(network, token.address), then=removed, owner=self)
