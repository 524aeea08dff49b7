"""A secret on its way out: shown for its backup, exported as a keystore file, or deleted with its account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QCheckBox, QWidget

from app.core.errors import Denied, Invalid
from app.core.secret import Secret
from ui.panels.wallets.forms.form import SecretPair, WalletForm, ask_save, write_private
from ui.widgets import Note, SecretView, Segmented, forget, line_edit, password_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account
    from ui.shell.panel import Panel

PARTS = {"phrase": "recovery phrase", "passphrase": "passphrase", "key": "private key"}


class GuardedForm(WalletForm):
    """Asks for the console passphrase, or, where none is set, for a word of its own."""

    planned = False
    stays = True

    def guard(self, name: str, confirm: str) -> None:
        """Add what stands before the secret."""
        self.passphrase = password_edit(f"wallets.{name}.passphrase", "Console passphrase")
        self.passphrase_field = self.field("Console passphrase", self.passphrase, "Asked for each time")
        self.confirmed = QCheckBox(confirm)
        self.confirmed.setObjectName(f"wallets.{name}.confirmed")
        self.unset = Note("warn", "No console passphrase is set: whoever sits here can do this. Set one in Settings.")
        self.add(self.unset, self.confirmed)
        known = self.console.access.passphrase_set
        self.passphrase_field.setVisible(known)
        self.confirmed.setVisible(not known)
        self.unset.setVisible(not known)

    def guards(self) -> tuple[Secret | None, bool]:
        """Passphrase and confirmation."""
        return (Secret(self.passphrase.text()) if self.passphrase.text() else None), self.confirmed.isChecked()

    def show_error(self, error: Any) -> bool:
        wrong = isinstance(error, Denied) and "passphrase" in str(error).lower() and self.console.access.passphrase_set
        if error.field == "passphrase" or wrong:
            self.clear_errors()
            forget(self.passphrase)
            self.passphrase_field.set_error(str(error))
            self.passphrase.setFocus()
            return True
        return super().show_error(error)


class RevealForm(GuardedForm):
    """The phrase or key of an account, behind dots until it is asked for."""

    title = "Reveal a secret"
    primary = "Get it from the keyring"

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self._secret: Secret | None = None
        self.context = f"Of {account.label}; every look is journalled"
        self.add(Note("warn", "Look around you, and at what shares your screen. Whoever sees it has all that it holds."))
        hd = str(account.kind) == "hd"
        choices = [("phrase", "Phrase"), ("passphrase", "Its passphrase"), ("key", "Key of this account")]
        self.part = Segmented(choices if hd else choices[2:])
        self.part.setObjectName("wallets.reveal.part")
        self.part.setAccessibleName("Which secret")
        self.part.setVisible(hd)
        self.part.changed.connect(lambda _: self._drop())
        self.add(self.part)
        self.guard("reveal", "Show it to me")
        self.view = SecretView("wallets.reveal.secret", "secret")
        self.view.hide()
        self.add(self.view)
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        passphrase, confirmed = self.guards()
        account, wallets, wanted = self._account, self.console.wallets, self.part.value()

        async def reveal() -> Secret:
            from app.wallets.guarding import Part

            secret: Secret = await wallets.reveal(account.id, passphrase, part=Part(wanted), confirmed=confirmed)
            return secret

        return reveal

    def finished(self, result: Secret) -> None:
        self._drop()
        forget(self.passphrase)
        self._secret = result
        self.view.set_what(PARTS[self.part.value()])
        self.view.set_secret(result)
        self.view.show()
        self.view.show_button.setFocus()

    def _drop(self) -> None:
        secret, self._secret = self._secret, None
        self.view.set_secret(None)
        self.view.hide()
        if secret is not None:
            secret.wipe()

    def drop_secrets(self) -> None:
        """The console was locked, or the form is left."""
        self._drop()
        forget(self.passphrase)

    def first_field(self) -> QWidget | None:
        return self.passphrase if self.console.access.passphrase_set else self.confirmed

    def hideEvent(self, event: QHideEvent) -> None:
        self.drop_secrets()
        super().hideEvent(event)


class ExportForm(GuardedForm):
    """A keystore file with the key of an account, under a password of its own."""

    title = "Export a keystore file"
    primary = "Export…"

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self.context = f"With the key of {account.label}; the export is journalled"
        self.password = SecretPair("wallets.export.password", "Password of the file", "At least 8 characters")
        self.add(self.password)
        self.guard("export", "Write the key into a file")
        self.add(Note("info", "Version 3 with scrypt, as geth and MetaMask read it. Deriving its key takes a moment."))
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        password = self.password.secret()
        if password is None:
            raise Invalid("The file needs a password. Nothing was exported.", "Choose one.", field="password")
        passphrase, confirmed = self.guards()
        account, wallets = self._account, self.console.wallets
        return lambda: wallets.export_keystore(account.id, password, passphrase, confirmed=confirmed)

    def finished(self, result: str) -> None:
        from app.wallets.keystore import file_name

        self.password.forget()
        forget(self.passphrase)

        def write(path: Path) -> None:
            try:
                write_private(path, result)
            except OSError as error:
                self.panel.window_.notify(f"The keystore file was not written: {error.strerror}.", "err")
            else:
                self.panel.window_.notify(f"The key of {self._account.label} is exported to {path}.", "ok")

        ask_save(self, "Export a keystore file", file_name(self._account.address), "Keystore files (*.json);;All files (*)", write)

    def drop_secrets(self) -> None:
        """The console was locked, or the form is left."""
        self.password.forget()
        forget(self.passphrase)

    def first_field(self) -> QWidget | None:
        return self.password.first

    def hideEvent(self, event: QHideEvent) -> None:
        self.drop_secrets()
        super().hideEvent(event)


class DeleteForm(WalletForm):
    """Names the account before anything is planned; the preview says what is lost."""

    title = "Delete an account"

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self.context = account.address
        keyed = str(account.kind) in ("hd", "imported")
        lost = "Its key leaves the keyring unless another account hangs on the same phrase." if keyed else "No key is lost."
        self.add(Note("err" if keyed else "warn", f"It leaves the list of this console. {lost} The chain keeps what it holds."))
        self.typed = line_edit("wallets.delete.typed_name", "Name of the account")
        self.typed.setPlaceholderText(account.label)
        self.field("Type the account's name", self.typed, "The preview then says exactly what is lost")
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        account, typed, wallets = self._account, self.typed.text(), self.console.wallets
        return lambda: wallets.plan_delete(account.id, typed)
