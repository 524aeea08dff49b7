"""A token that is looked at from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.panels.wallets.forms.form import WalletForm
from ui.widgets import Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.shell.panel import Panel


class TokenForm(WalletForm):
    """Its contract tells symbol and decimals."""

    title = "Add a token"
    context = "An edit: the token is listed on this network"
    primary = "Add token"
    planned = False

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.address = line_edit("wallets.token.token", "Address of the token's contract")
        self.field("Contract", self.address, "The address of the ERC-20 contract, from its issuer")
        self.add(Note("info", "Anyone can make a token with any name. What tells tokens apart is the address alone."))
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, address, wallets = self.network("token"), self.address.text().strip(), self.console.wallets
        return lambda: wallets.add_token(network.id, address)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{result.symbol} is listed on this network.", "ok")
        self.panel.refresh()

    def show_error(self, error: Any) -> bool:
        if error.field in ("address", "token"):
            self.clear_errors()
            from ui.widgets import Field

            for field in self.findChildren(Field):
                field.set_error(str(error))
            return True
        return super().show_error(error)
