"""Small edits of accounts: a watched address, another label, another group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.panels.wallets.forms.form import WalletForm
from ui.widgets import Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account
    from ui.shell.panel import Panel


class WatchForm(WalletForm):
    """An address without a key."""

    title = "Watch an address"
    context = "An edit: no key, no plan"
    primary = "Watch address"

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
