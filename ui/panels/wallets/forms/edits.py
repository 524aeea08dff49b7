"""Small edits of accounts: a watched address, another label, another group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox

from ui.panels.wallets.forms.form import WalletForm
from ui.widgets import Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.wallets import Account
    from ui.shell.panel import Panel


class WatchForm(WalletForm):
    """An address without a key."""

    title = "Watch an address"
    context = "An edit: no key, no plan"
    primary = "Watch address"
    planned = False

    def __init__(self, panel: Panel, address: str = "") -> None:
        super().__init__(panel)
        self.label = line_edit("wallets.watch.label", "Label of the address")
        self.address = line_edit("wallets.watch.address", "Address")
        self.address.setText(address)
        self.field("Label", self.label, "What the address is called here")
        self.field("Address", self.address, "0x and 40 digits; capital letters must satisfy EIP-55")
        self.add(Note("info", "A watched address can be looked at and proven. Its transactions can be signed on another console."))
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, address, console = self.label.text(), self.address.text().strip(), self.console
        return lambda: console.wallets.watch(label, address)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{result.label} is watched.", "ok")


class RenameForm(WalletForm):
    """Another label for an account."""

    title = "Edit the label"
    context = "An edit: it changes nothing on a chain"
    primary = "Save label"
    planned = False

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self.label = line_edit("wallets.rename.label", "Label")
        self.label.setText(account.label)
        self.label.selectAll()
        self.field("Label", self.label, account.address)
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, account, console = self.label.text(), self._account, self.console
        return lambda: console.wallets.label(account.id, label)


class GroupForm(WalletForm):
    """Another group for an account, or none."""

    title = "Move to group"
    context = "An edit: groups only order the list"
    primary = "Move"
    planned = False

    def __init__(self, panel: Panel, account: Account, groups: Sequence[str] = ()) -> None:
        super().__init__(panel)
        self._account = account
        self.group = QComboBox()
        self.group.setObjectName("wallets.group.group")
        self.group.setAccessibleName("Group")
        self.group.setEditable(True)
        self.group.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.group.addItems(list(groups))
        self.group.setEditText(account.group)
        self.field(f"Group of {account.label}", self.group, "A name that is there, a new one, or empty for none")
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        name, account, console = self.group.currentText(), self._account, self.console
        return lambda: console.wallets.set_group(account.id, name)
