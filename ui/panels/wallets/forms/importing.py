"""Import: one private key, or a keystore file with its password."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QLabel, QWidget

from app.core.errors import ConsoleError, Invalid
from app.core.secret import Secret
from ui.panels.wallets.forms.form import WalletForm, ask_file, line, read_file
from ui.widgets import Note, Segmented, button, forget, line_edit, password_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.shell.panel import Panel


class ImportForm(WalletForm):
    """The key goes into the keyring; the file stays where it is."""

    title = "Import a key"
    context = "The key goes into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._file: bytes = b""
        self.label = line_edit("wallets.import.label", "Label of the account")
        self.field("Label", self.label, "What the account is called here")
        self.source = Segmented([("key", "Private key"), ("file", "Keystore file")])
        self.source.setObjectName("wallets.import.source")
        self.source.setAccessibleName("What to import")
        self.source.changed.connect(lambda _: self._choose())
        self.add(self.source)
        self.key = password_edit("wallets.import.key", "Private key")
        self.key_field = self.field("Private key", self.key, "64 hexadecimal digits; never shown, never logged")
        self._choice = QWidget()
        open_file = button("Choose file…", icon="folder-open")
        open_file.setObjectName("wallets.import.open")
        open_file.clicked.connect(lambda: ask_file(self, "Keystore file", "All files (*)", self.load))
        self.name = QLabel("No file is chosen")
        self.name.setProperty("role", "hint")
        self._choice.setObjectName("wallets.import.keystore")
        self._choice.setLayout(line(open_file, self.name))
        self.file_field = self.field("Keystore file", self._choice, "Version 3, as geth, MetaMask and this console write it")
        self.password = password_edit("wallets.import.password", "Password of the file")
        self.password_field = self.field("Password of the file", self.password, "The one it was exported with")
        self.add(Note("info", "Whoever else has the key or the file can still use it. Delete copies that are not needed."))
        self.end()
        self._choose()

    def _choose(self) -> None:
        file = self.source.value() == "file"
        self.key_field.setVisible(not file)
        self.file_field.setVisible(file)
        self.password_field.setVisible(file)

    def load(self, path: Path) -> None:
        """Take a keystore file, and say what opening it takes."""
        self.file_field.set_error("")
        try:
            data = read_file(path, "keystore")
        except Invalid as error:
            self.file_field.set_error(str(error))
            return

        async def look() -> Any:
            from app.wallets import keystore

            return keystore.parse(data)

        def failed(error: ConsoleError) -> bool:
            self.file_field.set_error(str(error))
            return True

        def looked(found: Any) -> None:
            self._file = data
            self.name.setText(path.name)
            address = f"{found.address[:6]}…{found.address[-4:]}, " if found.address else ""
            self.file_field.set_hint(f"{address}opening it takes {found.cost}")
            self.password.setFocus()

        self.bridge.run(look, then=looked, fail=failed, owner=self)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, wallets = self.label.text(), self.console.wallets
        if self.source.value() == "file":
            if not self._file:
                raise Invalid("No keystore file is chosen. Nothing was imported.", "Choose one.", field="keystore")
            data, password = self._file, Secret(self.password.text())
            return lambda: wallets.plan_import_keystore(label, data, password)
        key = Secret(self.key.text().strip())
        return lambda: wallets.plan_import_key(label, key)

    def show_error(self, error: Any) -> bool:
        if error.field in ("keystore", "file", "text"):
            self.clear_errors()
            self.file_field.set_error(str(error))
            return True
        if error.field == "private_key":
            self.clear_errors()
            self.key_field.set_error(str(error))
            return True
        return super().show_error(error)

    def drop_secrets(self) -> None:
        """The console was locked: the key must be entered again."""
        forget(self.key, self.password)
        self._file = b""
        self.name.setText("No file is chosen")

    def hideEvent(self, event: QHideEvent) -> None:
        """Neither is kept in a field that nobody sees."""
        forget(self.key, self.password)
        super().hideEvent(event)
