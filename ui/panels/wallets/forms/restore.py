"""Restore: the words of a backup, checked while they are typed, and the accounts that a chain knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QCheckBox, QLabel, QSpinBox, QVBoxLayout, QWidget

from app.core.errors import ConsoleError, Invalid
from app.core.secret import Secret
from ui.panels.wallets.assets import found_text
from ui.panels.wallets.forms.form import More, WalletForm, line
from ui.panels.wallets.forms.paths import PathChoice
from ui.panels.wallets.words import PhraseEntry
from ui.widgets import Field, Note, StatusLabel, button, empty, forget, line_edit, masked, password_edit
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.wallets import Discovered
    from ui.shell.panel import Panel

MOST_SHOWN = 40


class RestoreForm(WalletForm):
    """A wallet from the words of its backup."""

    title = "Restore a wallet"
    context = "The keys go into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._found: list[tuple[QCheckBox, Discovered]] = []
        self.label = line_edit("wallets.restore.label", "Label of the wallet")
        self.field("Label", self.label, "What the wallet is called here")
        self.words = PhraseEntry("wallets.restore.words", self.bridge)
        self.words.changed.connect(self._words_changed)
        self.phrase_field = Field("Recovery phrase", self.words, "Word by word, or paste all of it into the first field")
        self.add(self.phrase_field)
        more = More("Passphrase, path", "wallets.restore.more")
        self.passphrase = password_edit("wallets.restore.passphrase", "Passphrase of the phrase")
        more.column.addWidget(
            Field(
                "Passphrase of the phrase",
                self.passphrase,
                "Only if the backup has one; with a wrong one you get other, empty accounts",
            )
        )
        self.path = PathChoice("wallets.restore")
        self.path.choice.currentIndexChanged.connect(lambda _: self._clear_found())
        more.column.addWidget(self.path)
        self.passphrase.textChanged.connect(lambda _: self._clear_found())
        self.more = more
        self.add(more)
        self.look = button("Find used accounts", icon="magnifying-glass")
        self.look.setObjectName("wallets.restore.discover")
        self.look.clicked.connect(self._discover)
        self.looking = StatusLabel("idle", "")
        self.looking.setObjectName("wallets.restore.looking")
        self.looking.hide()
        self.add(line(self.look, self.looking))
        self._list = QWidget()
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(4)
        self._list.hide()
        self.add(self._list)
        self.accounts = QSpinBox()
        self.accounts.setRange(1, 100)
        self.accounts.setObjectName("wallets.restore.accounts")
        self.accounts.setAccessibleName("Number of accounts")
        self.accounts_field = self.field("Accounts", self.accounts, "From the first on; or find the used ones on the chain")
        self.add(Note("info", "The words are checked here and go nowhere but into the keyring of this computer."))
        self.end()
        self._words_changed()

    # Finding

    def _words_changed(self) -> None:
        ready = self.words.complete()
        self.look.setEnabled(ready)
        self.look.setToolTip("Ask the network which of the accounts were used" if ready else "The phrase must be complete first")
        self.phrase_field.set_error("")
        if self._found:
            self._clear_found()

    def _clear_found(self) -> None:
        self._found = []
        empty(self._rows)
        self._list.hide()
        self.looking.hide()
        self.accounts_field.show()

    def _discover(self) -> None:
        try:
            network = self.network("words")
        except ConsoleError as error:
            self._tell(error)
            return
        phrase, path = self.words.phrase(), self.path.path()
        passphrase = Secret(self.passphrase.text()) if self.passphrase.text() else None
        wallets = self.console.wallets
        self.looking.set_state("run", f"Looking on {network.name}")
        self.looking.show()
        self.look.setEnabled(False)

        def failed(error: ConsoleError) -> bool:
            self._tell(error)
            return True

        self.bridge.run(
            lambda: wallets.discover(network.id, phrase, passphrase, path), then=self._show_found, fail=failed, owner=self
        )

    def _tell(self, error: ConsoleError) -> None:
        self.look.setEnabled(self.words.complete())
        self.looking.hide()
        self.phrase_field.set_error(str(error))

    def _show_found(self, found: Sequence[Discovered]) -> None:
        self.look.setEnabled(self.words.complete())
        empty(self._rows)
        self._found = []
        used = sum(row.used for row in found)
        symbol = self.network().symbol
        for row in found[:MOST_SHOWN]:
            amount = found_text(row, symbol)
            box = QCheckBox(f"{row.path}   {short_hex(row.address)}   {amount}" + (f"   here as {row.label}" if row.label else ""))
            box.setObjectName(f"wallets.restore.found.{row.index}")
            box.setToolTip(f"{row.address}, {row.nonce:,} transactions sent")
            box.setChecked(row.used or (not used and row.index == 0))
            self._rows.addWidget(box)
            self._found.append((box, row))
        if len(found) > MOST_SHOWN:
            rest = QLabel(f"and {len(found) - MOST_SHOWN} more; add them later")
            rest.setProperty("role", "hint")
            self._rows.addWidget(rest)
        self._list.show()
        self.accounts_field.hide()
        words = f"{used} used account{'s' if used != 1 else ''} found" if used else "None was used on this network"
        self.looking.set_state("ok" if used else "idle", masked(words))

    # Planning

    def work(self) -> Callable[[], Awaitable[Any]]:
        label = self.label.text()
        if not label.strip():
            raise Invalid("A wallet needs a label. Nothing was created.", "Name it.", field="label")
        if not self.words.words():
            raise Invalid("The recovery phrase is empty. Nothing was created.", "Enter its words.", field="words")
        phrase, path, wallets = self.words.phrase(), self.path.path(), self.console.wallets
        passphrase = Secret(self.passphrase.text()) if self.passphrase.text() else None
        indexes = [row.index for box, row in self._found if box.isChecked()] if self._found else None
        if indexes == []:
            raise Invalid("No account is chosen. Nothing was created.", "Choose at least one of those found.", field="words")
        count = self.accounts.value()
        return lambda: wallets.plan_create(label, phrase, accounts=count, passphrase=passphrase, path=path, indexes=indexes)

    def show_error(self, error: Any) -> bool:
        if error.field in ("phrase", "words"):
            self.clear_errors()
            self.phrase_field.set_error(str(error))
            self.words.first().setFocus(Qt.FocusReason.OtherFocusReason)
            return True
        if error.field == "path":
            self.more.open()
        return super().show_error(error)

    def drop_secrets(self) -> None:
        """The console was locked: the words must be entered again."""
        forget(self.passphrase)
        self.words.forget()

    def first_field(self) -> QWidget | None:
        return self.label

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing of a phrase stays in fields that nobody sees."""
        forget(self.passphrase)
        self.words.forget()
        super().hideEvent(event)
