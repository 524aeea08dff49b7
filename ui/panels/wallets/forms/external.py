"""An account that a signer elsewhere signs for: Web3Signer, Clef, Frame with a hardware wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QWidget

from app.core.errors import ConsoleError, Invalid
from ui.panels.wallets.forms.form import WalletForm, line
from ui.widgets import Note, StatusLabel, button, line_edit
from ui.widgets.identity import identicon_icon

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account
    from app.wallets.signers import SignerView
    from ui.shell.panel import Panel


class ExternalForm(WalletForm):
    """Its address, what answers there, and one of the accounts that it offers."""

    title = "Add an external signer"
    context = "An edit: no key comes here"
    primary = "Add account"
    planned = False

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._seen: SignerView | None = None
        self.url = line_edit("wallets.external.url", "Address of the signer")
        self.url.setPlaceholderText("http://127.0.0.1:1248")
        self.url.returnPressed.connect(self._look)
        self.url.textChanged.connect(lambda _: self._forget())
        self.url_field = self.field("Signer", self.url, "Web3Signer usually at :9000, Clef at :8550, Frame at :1248")
        self.look = button("Look", icon="magnifying-glass")
        self.look.setObjectName("wallets.external.look")
        self.look.clicked.connect(self._look)
        self.state = StatusLabel("idle", "Not asked yet")
        self.state.setObjectName("wallets.external.state")
        self.add(line(self.look, self.state))
        self.account = QComboBox()
        self.account.setObjectName("wallets.external.address")
        self.account.setAccessibleName("Account of the signer")
        self.account_field = self.field("Account", self.account, "Those that the signer offers")
        self.label = line_edit("wallets.external.label", "Label of the account")
        self.field("Label", self.label, "What the account is called here")
        self.add(Note("info", "Each signature is asked for there. What comes back is compared with what was asked, byte for byte."))
        self.end()
        self._forget()

    def _forget(self) -> None:
        self._seen = None
        self.account.clear()
        self.account_field.setEnabled(False)
        self.state.set_state("idle", "Not asked yet")
        self.url_field.set_error("")

    def _look(self) -> None:
        url, wallets = self.url.text().strip(), self.console.wallets
        self.state.set_state("run", "Asking; the signer may ask its person")
        self.look.setEnabled(False)

        def failed(error: ConsoleError) -> bool:
            self.look.setEnabled(True)
            self.state.set_state("err", "No signer")
            self.url_field.set_error(str(error))
            return True

        self.bridge.run(lambda: wallets.look_at_signer(url), then=self._show, fail=failed, owner=self)

    def _show(self, seen: SignerView) -> None:
        self.look.setEnabled(True)
        self._seen = seen
        count = len(seen.accounts)
        words = f"{seen.name} {seen.version}".strip()
        self.state.set_state("ok" if count else "warn", f"{words}, {count} account{'s' if count != 1 else ''}")
        self.account.clear()
        for address in seen.accounts:
            self.account.addItem(identicon_icon(address), address, address)
        self.account_field.setEnabled(bool(count))
        self.account_field.set_hint("Those that the signer offers" if count else "It offers none: select or load one there")

    def work(self) -> Callable[[], Awaitable[Any]]:
        if self._seen is None:
            raise Invalid("The signer was not asked yet. Nothing was added.", "Press Look first.", field="url")
        if not self.account.currentData():
            raise Invalid("The signer offers no account. Nothing was added.", "Select or load one there.", field="address")
        label, address, url, wallets = self.label.text(), str(self.account.currentData()), self._seen.url, self.console.wallets
        return lambda: wallets.add_external(label, address, url)

    def finished(self, result: Any) -> None:
        self.panel.window_.notify(f"{result.label} is listed; its signer is asked for every signature.", "ok")

    def first_field(self) -> QWidget | None:
        return self.url


class SignerForm(WalletForm):
    """Where the signer of an account is asked from now on."""

    title = "Change the signer"
    context = "An edit: the signer must offer the same account"
    primary = "Save signer"
    planned = False

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self.url = line_edit("wallets.signer.signer", "Address of the signer")
        self.url.setText(account.signer)
        self.url_field = self.field(f"Signer of {account.label}", self.url, account.address)
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        account, url, wallets = self._account, self.url.text().strip(), self.console.wallets
        return lambda: wallets.set_signer(account.id, url)

    def show_error(self, error: Any) -> bool:
        self.url_field.set_error(str(error))
        return True
