"""Drill: does the backup give the same accounts? Nothing of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QWidget

from app.core.errors import Invalid
from app.core.secret import Secret
from ui.panels.wallets.forms.form import WalletForm
from ui.panels.wallets.words import PhraseEntry
from ui.widgets import Field, KeyValue, Note, forget, password_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account, DrillReport
    from ui.shell.panel import Panel


class DrillForm(WalletForm):
    """The words or the key of a backup, against the accounts that are here."""

    title = "Restore drill"
    primary = "Compare"
    planned = False
    context = "Proves that a backup works; nothing of it is stored"
    stays = True

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self._hd = str(account.kind) == "hd"
        self.words: PhraseEntry | None = None
        self.key = password_edit("wallets.drill.key", "Private key of the backup")
        self.passphrase = password_edit("wallets.drill.passphrase", "Passphrase of the phrase")
        if self._hd:
            self.words = PhraseEntry("wallets.drill.words", self.bridge)
            self.words_field = Field("Recovery phrase of the backup", self.words, "From the paper, not from this console")
            self.add(self.words_field)
            self.field("Passphrase of the phrase", self.passphrase, "Only if the backup has one")
        else:
            self.field("Private key of the backup", self.key, "64 hexadecimal digits; never shown, never kept")
        self.answer = Note("info", "")
        self.answer.setObjectName("wallets.drill.answer")
        self.answer.hide()
        self.add(self.answer)
        self.rows = KeyValue([])
        self.rows.setObjectName("wallets.drill.rows")
        self.add(self.rows)
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        account, wallets = self._account, self.console.wallets
        if self.words is not None:
            if not self.words.words():
                raise Invalid("The recovery phrase is empty. Nothing was compared.", "Enter its words.", field="phrase")
            backup = self.words.phrase()
        else:
            backup = Secret(self.key.text().strip())
        passphrase = Secret(self.passphrase.text()) if self.passphrase.text() else None
        self.answer.hide()
        self.rows.set_pairs([])
        return lambda: wallets.drill(account.id, backup, passphrase)

    def finished(self, result: DrillReport) -> None:
        self._forget()
        self.answer.set_level("ok" if result.matches else "err")
        self.answer.set_text(result.text)
        self.answer.show()
        self.rows.set_pairs(
            (
                row.label,
                "the same address" if row.expected == row.derived else f"{row.expected} here, {row.derived} from the backup",
            )
            for row in result.rows
        )

    def show_error(self, error: Any) -> bool:
        if self.words is not None and error.field == "phrase":
            self.words_field.set_error(str(error))
            return True
        return super().show_error(error)

    def first_field(self) -> QWidget | None:
        return self.words.first() if self.words is not None else self.key

    def drop_secrets(self) -> None:
        """The console was locked: the backup must be entered again."""
        self._forget()

    def _forget(self) -> None:
        forget(self.key, self.passphrase)
        if self.words is not None:
            self.words.forget()

    def hideEvent(self, event: QHideEvent) -> None:
        self._forget()
        super().hideEvent(event)
