"""The list of accounts over the detail of the chosen one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from app.core.events import AccountsChanged, HeadChanged, LedgerChanged, NetworkChanged
from ui.panels.wallets.forms import ImportForm, NewWalletForm, RenameForm, SendForm, WatchForm
from ui.shell.panel import Panel
from ui.widgets import (
    AddressCell,
    AddressLabel,
    Amount,
    AmountLabel,
    Column,
    EmptyState,
    EvidenceCell,
    Pane,
    Row,
    Segmented,
    StatusCell,
    Table,
    TimeCell,
    button,
    line_edit,
    primary_button,
)

if TYPE_CHECKING:
    from app.ledger import LedgerRow
    from app.wallets import Account, Balances

_KINDS = {"hd": "HD", "imported": "Imported", "watch": "Watch-only"}
_KEYS = {
    "inKeyring": ("ok", "In keyring"),
    "watchOnly": ("idle", "No key (watch-only)"),
    "missing": ("err", "Key missing"),
    "unknown": ("warn", "Keyring locked"),
}
ACTIVITY = 100


class WalletsPanel(Panel):
    """Accounts with key state and balances; every change opens the plan sheet."""

    id = "wallets"
    title = "Wallets"
    stale_on = (AccountsChanged, NetworkChanged, HeadChanged, LedgerChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._accounts: list[Account] = []
        self._balances: dict[str, Balances] = {}
        self._wanted = ""
        self.header.add_action("wallets.import")
        self.header.add_action("wallets.watch")
        self.new_button = self.header.add_action("wallets.new")
        self.filter_bar = self._build_filters()
        self.body.addWidget(self.filter_bar)
        self.empty = EmptyState(
            "wallet",
            "No account yet",
            "A wallet is a recovery phrase whose keys live in the system keyring. You can also watch an address without a key.",
            ("New wallet…", lambda: self.window_.registry.run("wallets.new")),
        )
        self.body.addWidget(self.empty, 1)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.table = Table(
            [
                Column("label", "Label", 220, kind="address"),
                Column("type", "Type", 110),
                Column("address", "Address", 130, mono=True, kind="hash"),
                Column("native", "ETH", 120, align="right", kind="amount"),
                Column("azr", "AZR", 160, align="right", kind="amount"),
                Column("key", "Key", 170, kind="status"),
            ]
        )
        self.table.setObjectName("wallets.table")
        self.table.setAccessibleName("Accounts")
        self.table.selected.connect(self._select)
        self.table.activated.connect(lambda _: self.send())
        self.split.addWidget(self.table)
        self.split.addWidget(self._build_detail())
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 4)
        self.body.addWidget(self.split, 1)

    def _build_filters(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 9, 16, 9)
        self.filter = line_edit("wallets.filter", "Filter by label or address")
        self.filter.setPlaceholderText("Filter by label or address")
        self.filter.setClearButtonEnabled(True)
        self.filter.setFixedWidth(220)
        self.filter.textChanged.connect(lambda _: self._fill())
        self.kinds = Segmented([("", "All"), ("hd", "HD"), ("imported", "Imported"), ("watch", "Watch")])
        self.kinds.setObjectName("wallets.kinds")
        self.kinds.changed.connect(lambda _: self._fill())
        self.total_label = QLabel("Total")
        self.total_label.setProperty("role", "hint")
        self.total = AmountLabel(0, 18, "AZR")
        self.total.setObjectName("wallets.total")
        row.addWidget(self.filter)
        row.addWidget(self.kinds)
        row.addStretch(1)
        row.addWidget(self.total_label)
        row.addWidget(self.total)
        return bar

    def _build_detail(self) -> QWidget:
        detail = QWidget()
        column = QVBoxLayout(detail)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QFrame()
        head.setProperty("role", "bar")
        row = QHBoxLayout(head)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(10)
        self.who = AddressLabel("", "")
        self.who.setObjectName("wallets.detail.address")
        self.path = QLabel("")
        self.path.setProperty("role", "tag")
        self.path.setObjectName("wallets.detail.path")
        row.addWidget(self.who)
        row.addWidget(self.path)
        row.addStretch(1)
        figures = QVBoxLayout()
        figures.setSpacing(0)
        self.at_block = QLabel("")
        self.at_block.setProperty("role", "hint")
        self.at_block.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.balance = AmountLabel(0, 18, "AZR")
        self.balance.setObjectName("wallets.detail.balance")
        figures.addWidget(self.at_block)
        figures.addWidget(self.balance, 0, Qt.AlignmentFlag.AlignRight)
        row.addLayout(figures)
        self.rename = button("Edit label…", icon="pencil-simple")
        self.rename.setObjectName("wallets.rename")
        self.rename.clicked.connect(lambda: self.window_.registry.run("wallets.rename"))
        self.send_button = primary_button("Send…")
        self.send_button.setObjectName("wallets.send")
        self.send_button.clicked.connect(lambda: self.send())
        row.addWidget(self.rename)
        row.addWidget(self.send_button)
        column.addWidget(head)
        pane = Pane("Activity")
        self.activity_context = QLabel("")
        self.activity_context.setProperty("role", "hint")
        pane.add_header(self.activity_context)
        self.activity = Table(
            [
                Column("time", "Time (UTC)", 130, kind="time"),
                Column("kind", "Kind", 120),
                Column("other", "Counterparty", 230, kind="address"),
                Column("amount", "AZR", 150, align="right", kind="amount"),
                Column("evidence", "Evidence", 150, kind="evidence"),
            ]
        )
        self.activity.setObjectName("wallets.activity")
        self.activity.setAccessibleName("Activity of the account")
        self.activity.activated.connect(self._open_row)
        self.no_activity = EmptyState(
            "scroll", "No activity is indexed", "The ledger lists what this account sent and received in AZR."
        )
        pane.body.addWidget(self.no_activity, 1)
        pane.body.addWidget(self.activity, 1)
        column.addWidget(pane, 1)
        self.detail = detail
        return detail

    # Reading

    def refresh(self) -> None:
        async def read() -> tuple[list[Account], dict[str, Balances], str, str]:
            console = self.bridge.console
            accounts = await console.wallets.list()
            network = console.networks.current
            balances: dict[str, Balances] = {}
            problem = "" if network else "No network selected"
            if network is not None and accounts:
                from app.core.errors import ConsoleError

                try:
                    balances = await console.wallets.balances(network.id, [account.address for account in accounts])
                except ConsoleError as error:
                    problem = error.message
            return accounts, balances, network.symbol if network else "ETH", problem

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[list[Account], dict[str, Balances], str, str]) -> None:
        self._accounts, self._balances, symbol, problem = answer
        keys = sum(str(account.key_state) == "inKeyring" for account in self._accounts)
        context = f"{keys} {'key' if keys == 1 else 'keys'} in the system keyring" if self._accounts else ""
        self.header.set_context(", ".join(part for part in (context, problem) if part))
        self.table.set_title("native", symbol)
        self.empty.setVisible(not self._accounts)
        self.split.setVisible(bool(self._accounts))
        self.filter_bar.setVisible(bool(self._accounts))
        for kind, word in (("", "All"), ("hd", "HD"), ("imported", "Imported"), ("watch", "Watch")):
            count = sum(not kind or str(account.kind) == kind for account in self._accounts)
            self.kinds.set_text(kind, f"{word} {count}")
        known = [held.azr for held in self._balances.values() if held.azr is not None]
        self.total.setVisible(bool(known))
        self.total_label.setVisible(bool(known))
        self.total.set_amount(sum(known), 18, "AZR")
        self._fill()

    def _fill(self) -> None:
        wanted, kind = self.filter.text().strip().lower(), self.kinds.value()
        rows = []
        for account in self._accounts:
            if (kind and str(account.kind) != kind) or (wanted and wanted not in f"{account.label} {account.address}".lower()):
                continue
            held = self._balances.get(account.address)
            state, word = _KEYS.get(str(account.key_state), ("idle", str(account.key_state)))
            rows.append(
                Row(
                    account.address,
                    {
                        "label": AddressCell(account.address, account.label),
                        "type": _KINDS.get(str(account.kind), str(account.kind)),
                        "address": f"{account.address[:6]}…{account.address[-4:]}",
                        "native": Amount(held.native, 18, "") if held else "—",
                        "azr": Amount(held.azr, 18, "") if held and held.azr is not None else "—",
                        "key": StatusCell(state, word),
                    },
                )
            )
        self.table.set_rows(rows)
        if rows:
            wanted, self._wanted = self._wanted or self.table.selected_id(), ""
            if wanted not in {row.id for row in rows}:
                wanted = rows[0].id
            if wanted != self.table.selected_id():  # a refresh does not move the table
                self.table.select(wanted)
            self._select(wanted)

    def _current(self) -> Account | None:
        chosen = self.table.selected_id()
        return next((account for account in self._accounts if account.address == chosen), None)

    def _select(self, address: str) -> None:
        account = next((account for account in self._accounts if account.address == address), None)
        if account is None:
            return
        self.who.set_address(account.address, account.label)
        self.path.setText(f"HD {account.path}" if account.path else _KINDS.get(str(account.kind), ""))
        held = self._balances.get(account.address)
        self.at_block.setText(f"Balance at block {held.block:,}" if held else "Balance not read")
        if held is not None and held.azr is not None:
            self.balance.set_amount(held.azr, 18, "AZR")
        elif held is not None:
            self.balance.set_amount(held.native, 18, "ETH")
        self.balance.setVisible(held is not None)
        able = str(account.key_state) in ("inKeyring", "unknown")
        self.send_button.setEnabled(able)
        self.send_button.setToolTip("" if able else "There is no key for this account here.")
        self._read_activity(account.address)

    def _read_activity(self, address: str) -> None:
        async def read() -> tuple[str, list[LedgerRow], int]:
            from app.core.errors import ConsoleError
            from app.ledger import LedgerFilter

            console = self.bridge.console
            network = console.networks.current
            if network is None or not network.genesis:
                return address, [], -1
            try:
                state = await console.ledger.state(network.id)
                page = await console.ledger.transactions(network.id, LedgerFilter(account=address), limit=ACTIVITY)
            except ConsoleError:  # nothing is indexed, or no economy is deployed: the empty state says so
                return address, [], -1
            return address, list(page.rows), state.last

        self.bridge.run(read, then=self._show_activity, owner=self)

    def _show_activity(self, answer: tuple[str, list[LedgerRow], int]) -> None:
        address, found, last = answer
        if address != self.table.selected_id():
            return
        labels = {account.address: account.label for account in self._accounts}
        rows = []
        for index, row in enumerate(found):
            incoming = row.recipient == address
            other = row.sender if incoming else row.recipient
            zero = not int(other, 16)
            name = labels.get(other, "") or (("Mint" if incoming else "Zero address (burn)") if zero else "")
            rows.append(
                Row(
                    f"{row.tx_hash}:{index}",
                    {
                        "time": TimeCell(row.time * 1000),
                        "kind": str(row.kind).replace("_", " ").capitalize(),
                        "other": AddressCell(other, name),
                        "amount": Amount(row.amount if incoming else -row.amount, 18, "", signed=True),
                        "evidence": EvidenceCell(row.evidence),
                    },
                )
            )
        self.activity.set_rows(rows)
        self.activity.setVisible(bool(rows))
        self.no_activity.setVisible(not rows)
        self.activity_context.setText(f"indexed to block {last:,}" if last >= 0 else "not indexed yet")

    # Acting

    def send(self, to: str = "", sender: str = "") -> None:
        """Ask for a transfer from the chosen account."""
        account = self._current()
        self.window_.open_form(SendForm(self, sender or (account.address if account else ""), to))

    def _open_row(self, row_id: str) -> None:
        self.window_.registry.run("ledger.tx", ref=row_id.partition(":")[0])

    def open(self, **arguments: Any) -> None:
        form = arguments.get("form")
        if form == "new":
            self.window_.open_form(NewWalletForm(self))
        elif form == "import":
            self.window_.open_form(ImportForm(self))
        elif form == "watch":
            self.window_.open_form(WatchForm(self))
        elif form == "send":
            self.send(str(arguments.get("to", "")), str(arguments.get("sender", "")))
        elif form == "rename":
            account = self._current()
            if account is not None:
                self.window_.open_form(RenameForm(self, account))
        elif arguments.get("ref"):
            self._wanted = str(arguments["ref"])
            self._fill()

    def state(self) -> dict[str, Any]:
        return {"chosen": self.table.selected_id(), "kind": self.kinds.value(), "filter": self.filter.text()}

    def restore(self, state: dict[str, Any]) -> None:
        self._wanted = str(state.get("chosen") or "")
        self.kinds.set_value(str(state.get("kind") or ""))
        self.filter.setText(str(state.get("filter") or ""))
        self._fill()
