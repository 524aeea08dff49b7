"""What an account sent and received, newest first; what is still under way stands on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.panels.wallets.tabs.tab import Tab
from ui.widgets import AddressCell, Amount, Column, EmptyState, EvidenceCell, IconCell, Row, Table, TimeCell

if TYPE_CHECKING:
    from app.ledger import LedgerRow
    from ui.shell.panel import Panel

PAGE = 100


class ActivityTab(Tab):
    """Transfers of the account, each with its evidence."""

    name = "activity"
    title = "Activity"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.table = Table(
            [
                Column("time", "Time (UTC)", 130, kind="time"),
                Column("kind", "Kind", 120),
                Column("other", "Counterparty", 230, kind="address"),
                Column("amount", "AZR", 150, align="right", kind="amount"),
                Column("evidence", "Evidence", 140, kind="evidence"),
            ]
        )
        self.table.setObjectName("wallets.activity")
        self.table.setAccessibleName("Activity of the account")
        self.table.activated.connect(self._open)
        self.empty = EmptyState("scroll", "No activity is indexed", "The ledger lists what this account sent and received in AZR.")
        self.column.addWidget(self.empty, 1)
        self.column.addWidget(self.table, 1)

    def changed(self) -> None:
        self.table.set_rows([])

    def refresh(self) -> None:
        assert self.account is not None
        address, console = self.account.address, self.bridge.console

        async def read() -> tuple[str, list[LedgerRow], int]:
            from app.core.errors import ConsoleError
            from app.ledger import LedgerFilter

            network = console.networks.current
            if network is None or not network.genesis:
                return address, [], -1
            try:
                state = await console.ledger.state(network.id)
                page = await console.ledger.transactions(network.id, LedgerFilter(account=address), limit=PAGE)
            except ConsoleError:  # nothing is indexed, or no economy is deployed: the empty state says so
                return address, [], -1
            return address, list(page.rows), state.last

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[str, list[LedgerRow], int]) -> None:
        address, found, last = answer
        if not self.shows(address):
            return
        rows = []
        for index, row in enumerate(found):
            incoming = row.recipient == address
            other = row.sender if incoming else row.recipient
            zero = not int(other, 16)
            name = self.snapshot.label(other) or (("Mint" if incoming else "Zero address (burn)") if zero else "")
            kind = str(row.kind).replace("_", " ").capitalize()
            mark = "fire" if zero and not incoming else "arrow-down-left" if incoming else "arrow-up-right"
            rows.append(
                Row(
                    f"{row.tx_hash}:{index}",
                    {
                        "time": TimeCell(row.time * 1000),
                        "kind": IconCell(mark, kind),
                        "other": AddressCell(other, name, bare=bool(name)),
                        "amount": Amount(row.amount if incoming else -row.amount, 18, "", signed=True),
                        "evidence": EvidenceCell(row.evidence),
                    },
                )
            )
        self.table.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self.say(f"indexed to block {last:,}" if last >= 0 else "not indexed yet")

    def _open(self, row_id: str) -> None:
        self.panel.window_.registry.run("ledger.tx", ref=row_id.partition(":")[0])
