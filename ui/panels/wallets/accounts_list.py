"""The accounts: filter, kinds, groups and total over the table; every row has its menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QApplication, QComboBox, QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from ui.panels.wallets.reading import KEYS, KINDS, SIGNING, Snapshot, group_of
from ui.theme import icon
from ui.widgets import (
    AddressCell,
    Amount,
    AmountLabel,
    Column,
    EmptyState,
    HashCell,
    IconCell,
    Row,
    Segmented,
    Table,
    line_edit,
    privacy,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.wallets import Account

WORDS = (("", "All"), ("hd", "HD"), ("imported", "Imported"), ("external", "External"), ("watch", "Watch"))
NARROW = 720  # pixels below which the filter gives room to the kinds

MenuEntry = tuple[str, str, str, str, str]  # verb, icon, words, keys, why not (empty: can be done)


class AccountsTable(Table):
    """Ctrl+C copies the address; the menu is the panel's."""

    def __init__(self) -> None:
        super().__init__(
            [
                Column("label", "Label", 200, kind="address"),
                Column("type", "Type", 116),
                Column("address", "Address", 120, mono=True, kind="hash"),
                Column("native", "ETH", 100, align="right", kind="amount"),
                Column("azr", "AZR", 140, align="right", kind="amount"),
                Column("key", "Key", 165, kind="status"),
            ]
        )
        self.build_menu: Callable[[QMenu], None] = lambda menu: None
        self.setObjectName("wallets.table")
        self.setAccessibleName("Accounts")

    def copy_shown(self) -> None:
        """The whole address of the selected account."""
        if self.selected_id():
            QApplication.clipboard().setText(self.selected_id())

    def context_menu(self) -> QMenu:
        """What can be done with the account."""
        menu = QMenu(self)
        menu.setAccessibleName("Account")
        self.build_menu(menu)
        return menu


class AccountsList(QWidget):
    """Which accounts there are and what they hold.

    Signals:
        chosen: another account (its address).
        asked: a verb of the menu, and the address it is about.
        moved: an account shall stand at another place of the shown list (its id, the account it takes the place of).
    """

    chosen = Signal(str)
    asked = Signal(str, str)
    moved = Signal(str, str)
    hide_asked = Signal()

    def __init__(self, entries: Callable[[Account], list[MenuEntry | None]]) -> None:
        super().__init__()
        self._entries = entries
        self._snapshot = Snapshot()
        self._wanted = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._bar())
        self.table = AccountsTable()
        self.table.build_menu = self._fill_menu
        self.table.selected.connect(self._chosen)
        self.table.activated.connect(lambda address: self.asked.emit("send", address))
        self.table.set_movable(True)
        self.table.moved.connect(self._moved)
        column.addWidget(self.table, 1)
        self.nothing = EmptyState("funnel", "No account matches", "", ("Clear filters", self.clear_filters))
        self.nothing.setObjectName("wallets.nothing")
        self.nothing.hide()
        column.addWidget(self.nothing, 1)

    def _bar(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("role", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        self.filter = line_edit("wallets.filter", "Filter by label or address")
        self.filter.setPlaceholderText("Filter by label or address")
        self.filter.setClearButtonEnabled(True)
        self.filter.addAction(icon("funnel", "text-3"), self.filter.ActionPosition.LeadingPosition)
        self.filter.setMinimumWidth(130)
        self.filter.setMaximumWidth(220)
        self.filter.textChanged.connect(lambda _: self._fill())
        self.kinds = Segmented(WORDS)
        self.kinds.setObjectName("wallets.kinds")
        self.kinds.setAccessibleName("Kind of account")
        self.kinds.changed.connect(lambda _: self._fill())
        self.groups = QComboBox()
        self.groups.setObjectName("wallets.groups")
        self.groups.setAccessibleName("Group")
        self.groups.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.groups.setMaximumWidth(150)
        self.groups.currentIndexChanged.connect(lambda _: self._fill())
        self.groups.hide()
        self.total_label = QLabel("Total")
        self.total_label.setProperty("role", "hint")
        self.total = AmountLabel(0, 18, "AZR")
        self.total.setObjectName("wallets.total")
        self.eye = QToolButton()
        self.eye.setObjectName("wallets.eye")
        self.eye.setIconSize(QSize(16, 16))
        self.eye.setFixedSize(28, 28)
        self.eye.setAutoRaise(True)
        self.eye.clicked.connect(self.hide_asked)
        privacy.changed.connect(self._show_eye)
        self._show_eye()
        row.addWidget(self.filter, 1)
        row.addWidget(self.kinds)
        row.addWidget(self.groups)
        row.addStretch(1)
        row.addWidget(self.total_label)
        row.addWidget(self.total)
        row.addWidget(self.eye)
        return bar

    def _show_eye(self) -> None:
        words = "Show amounts" if privacy.hidden else "Hide amounts"
        self.eye.setIcon(icon("eye-slash" if privacy.hidden else "eye"))
        self.eye.setToolTip(f"{words} everywhere (Ctrl+Shift+H)")
        self.eye.setAccessibleName(words)

    # Showing

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Show what was read; the chosen account stays chosen."""
        self._snapshot = snapshot
        self.table.set_title("native", snapshot.symbol)
        for kind, word in WORDS:
            count = sum(not kind or str(account.kind) == kind for account in snapshot.accounts)
            self.kinds.set_text(kind, f"{word} {count}")
            self.kinds.button(kind).setVisible(kind != "external" or bool(count))
        self._show_groups(snapshot.groups())
        known = [held.azr for held in snapshot.balances.values() if held.azr is not None]
        self.total.setVisible(bool(known))
        self.total_label.setVisible(bool(known))
        self.total.set_amount(sum(known), 18, "AZR")
        self._fill()

    def _show_groups(self, names: list[str]) -> None:
        now = str(self.groups.currentData() or "")
        self.groups.blockSignals(True)
        self.groups.clear()
        self.groups.addItem("All groups", "")
        for name in names:
            self.groups.addItem(icon("folder-simple"), name, name)
        self.groups.setCurrentIndex(max(0, self.groups.findData(now)))
        self.groups.blockSignals(False)
        self.groups.setVisible(bool(names))

    def _fill(self) -> None:
        wanted, kind = self.filter.text().strip().lower(), self.kinds.value()
        group = str(self.groups.currentData() or "")
        rows = []
        for account in self._snapshot.accounts:
            said = f"{account.label} {account.address} {group_of(account)}".lower()
            if (kind and str(account.kind) != kind) or (group and group_of(account) != group) or (wanted and wanted not in said):
                continue
            rows.append(self._row(account, bool(group)))
        self.table.set_rows(rows)
        shown = bool(rows) or not self._snapshot.accounts
        self.table.setVisible(shown)
        self.nothing.setVisible(not shown)
        if not shown:
            count = sum((bool(wanted), bool(kind), bool(group)))
            self.nothing.set_text("No account matches", f"{count} {'filter is' if count == 1 else 'filters are'} on")
        if rows:
            chosen, self._wanted = self._wanted or self.table.selected_id(), ""
            if chosen not in {row.id for row in rows}:
                chosen = rows[0].id
            if chosen != self.table.selected_id():  # a refresh does not move the table
                self.table.select(chosen)
            self.chosen.emit(chosen)

    def _row(self, account: Account, in_group: bool) -> Row:
        held = self._snapshot.balances.get(account.address)
        symbol, word = KINDS.get(str(account.kind), ("question", str(account.kind)))
        mark, color, said, ink = KEYS.get(str(account.key_state), ("question", "text-3", str(account.key_state), "text"))
        return Row(
            account.address,
            {
                "label": AddressCell(account.address, account.label, bare=True, aside="" if in_group else group_of(account)),
                "type": IconCell(symbol, word, ink="text-2"),
                "address": HashCell(account.address),
                "native": Amount(held.native, 18, "") if held else "—",
                "azr": Amount(held.azr, 18, "") if held and held.azr is not None else "—",
                "key": IconCell(mark, said, color, ink),
            },
        )

    # Choosing

    def current(self) -> Account | None:
        """The chosen account."""
        return self._snapshot.account(self.table.selected_id()) if self.table.selected_id() else None

    def choose(self, address: str) -> None:
        """Choose an account, also before it is listed."""
        if address and self._snapshot.account(address) is not None and address.lower() not in self._shown():
            self.clear_filters()
        found = self._snapshot.account(address)
        self._wanted = found.address if found else address
        self._fill()

    def _shown(self) -> set[str]:
        return {row.id.lower() for row in self.table.rows()}

    def clear_filters(self) -> None:
        """Show every account."""
        self.filter.clear()
        self.kinds.set_value("")
        self.groups.setCurrentIndex(0)
        self._fill()

    def state(self) -> dict[str, str]:
        """What is chosen and filtered."""
        return {
            "chosen": self.table.selected_id(),
            "kind": self.kinds.value(),
            "filter": self.filter.text(),
            "group": str(self.groups.currentData() or ""),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self._wanted = str(state.get("chosen") or "")
        self.kinds.set_value(str(state.get("kind") or ""))
        self.groups.setCurrentIndex(max(0, self.groups.findData(str(state.get("group") or ""))))
        self.filter.setText(str(state.get("filter") or ""))
        self._fill()

    def _chosen(self, address: str) -> None:
        if address:
            self.chosen.emit(address)

    def _moved(self, address: str, place: int) -> None:
        account = self._snapshot.account(address)
        rows = self.table.rows()
        if account is not None and 0 <= place < len(rows):
            self.moved.emit(account.id, rows[place].id)

    # The menu

    def _fill_menu(self, menu: QMenu) -> None:
        account = self.current()
        if account is not None:
            fill_menu(menu, self._entries(account), lambda verb: self.asked.emit(verb, account.address))


def fill_menu(menu: QMenu, entries: list[MenuEntry | None], run: Callable[[str], object]) -> None:
    """Put entries into a menu; None is a line. What cannot be done now stays, and says why."""
    menu.setToolTipsVisible(True)
    for entry in entries:
        if entry is None:
            menu.addSeparator()
            continue
        verb, symbol, words, keys, why = entry
        act = menu.addAction(icon(symbol), words)
        act.setObjectName(f"wallets.menu.{verb}")
        if keys:
            act.setShortcut(QKeySequence(keys))
            act.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # shown here; who owns the keys is the panel
        act.setEnabled(not why)
        act.setToolTip(why or words.rstrip("…"))
        act.triggered.connect(lambda _=False, verb=verb: run(verb))


def may_send(account: Account) -> str:
    """Why this account cannot send, or empty. One without a key here may: another console signs by hand."""
    return may_sign(account) if str(account.key_state) != "watchOnly" else ""


def may_sign(account: Account) -> str:
    """Why this account cannot sign here, or empty."""
    return "" if str(account.key_state) in SIGNING else "There is no key for this account here."
