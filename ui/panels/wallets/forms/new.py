"""A new wallet: a phrase that is shown once it is asked for, and used only after its copy was checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QWidget

from app.core.errors import Invalid
from app.core.secret import Secret
from ui.panels.wallets.forms.form import More, SecretPair, WalletForm
from ui.panels.wallets.forms.paths import PathChoice
from ui.panels.wallets.words import PhraseView, WordEdit, load_lists
from ui.widgets import Field, Note, Segmented, button, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import BackupCheck
    from ui.shell.panel import Panel


class NewWalletForm(WalletForm):
    """The words are behind dots until asked for; three of them are asked for in return."""

    title = "New wallet"
    context = "The keys go into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._phrase: Secret | None = None
        self._check: BackupCheck | None = None
        self._asked: list[WordEdit] = []
        self.label = line_edit("wallets.new.label", "Label of the wallet")
        self.field("Label", self.label, "What the wallet is called here")
        self.count = Segmented([("12", "12 words"), ("24", "24 words")])
        self.count.setObjectName("wallets.new.source")
        self.count.changed.connect(lambda _: self._make())
        self.field("1. Write down the recovery phrase", self.count, "12 words are as safe as the keys they make; 24 are usual too")
        self.words = PhraseView("wallets.new")
        self.words.toggled.connect(lambda _: self._enable())
        self.add(self.words)
        self.add(
            Note("warn", "On paper, in this order. Whoever has the words has everything the wallet holds; no one can replace them.")
        )
        self._checks = QWidget()
        self._row = QHBoxLayout(self._checks)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.check_field = Field("2. Give three of them back", self._checks, "")
        self.add(self.check_field)
        self.accounts = QSpinBox()
        self.accounts.setRange(1, 100)
        self.accounts.setObjectName("wallets.new.accounts")
        self.accounts.setAccessibleName("Number of accounts")
        self.field("Accounts", self.accounts, "More can be added at any time")
        more = More("Labels, passphrase, path", "wallets.new.more")
        self.labels = line_edit("wallets.new.labels", "Labels of the accounts, separated by commas")
        more.column.addWidget(Field("Labels of the accounts", self.labels, "Optional, separated by commas"))
        self.passphrase = SecretPair(
            "wallets.new.passphrase",
            "Passphrase of the phrase",
            "Optional (BIP-39): with another one the same words make other accounts. A backup without it is worth nothing.",
        )
        more.column.addWidget(self.passphrase)
        self.path = PathChoice("wallets.new")
        more.column.addWidget(self.path)
        self.more = more
        self.add(more)
        another = button("Make another phrase", icon="arrows-clockwise")
        another.setObjectName("wallets.new.again")
        another.clicked.connect(self._make)
        self.column.addWidget(another, 0, Qt.AlignmentFlag.AlignLeft)
        self.end()
        load_lists(self.bridge, self)
        self._make()

    # The phrase

    def _make(self) -> None:
        self.drop_secrets()
        count = int(self.count.value())

        async def make() -> tuple[Secret, BackupCheck]:
            phrase = await self.console.wallets.new_phrase(count)
            return phrase, self.console.wallets.backup_check(phrase)

        self.bridge.run(make, then=self._hold, owner=self)

    def _hold(self, made: tuple[Secret, BackupCheck]) -> None:
        phrase, check = made
        if self._phrase is not None or len(phrase.reveal().split()) != int(self.count.value()):
            phrase.wipe()  # another one came first, or another length was chosen meanwhile
            return
        self._phrase, self._check = phrase, check
        self.words.set_phrase(phrase)
        self._ask(check.places)

    def _ask(self, places: tuple[int, ...]) -> None:
        for edit in self._asked:
            edit.forget()
        empty(self._row)
        self._asked = []
        for number, place in enumerate(places):
            edit = WordEdit(f"wallets.new.check.{number}", f"Word {place}")
            edit.setProperty("word", place)
            self._row.addWidget(Field(f"Word {place}", edit, ""))
            self._asked.append(edit)
        for first, second in zip(self._asked, self._asked[1:], strict=False):
            first.next_asked.connect(second.setFocus)
        self._enable()

    def _enable(self) -> None:
        """While the words can be read, giving them back would prove nothing."""
        for edit in self._asked:
            edit.setEnabled(not self.words.shown)
        self.check_field.set_hint("Hide the words first" if self.words.shown else "From your copy")

    # Planning

    def work(self) -> Callable[[], Awaitable[Any]]:
        label = self.label.text()
        if not label.strip():
            raise Invalid("A wallet needs a label. Nothing was created.", "Name it.", field="label")
        phrase, check = self._phrase, self._check
        if phrase is None or check is None:
            raise Invalid("The new phrase is still being made. Nothing was created.", "Try again in a moment.")
        names = [name.strip() for name in self.labels.text().split(",") if name.strip()]
        count = self.accounts.value()
        if len(names) > count:
            raise Invalid(
                f"There are {len(names)} labels for {count} accounts. Nothing was created.", "Raise the number.", field="accounts"
            )
        passphrase, path = self.passphrase.secret(), self.path.path()
        self.words.hide_words()
        if not check.answered:
            check.answer([Secret(edit.text().strip()) for edit in self._asked])
            for edit in self._asked:
                edit.forget()
        wallets = self.console.wallets
        return lambda: wallets.plan_create(
            label, phrase, accounts=count, labels=names, passphrase=passphrase, path=path, backup=check
        )

    def drop_secrets(self) -> None:
        """A phrase that nobody has used yet is wiped; after a lock, another one is made with the unlock."""
        self.words.hide_words()
        if self._phrase is not None:
            self._phrase.wipe()
        self._phrase = self._check = None
        self.words.set_phrase(None, int(self.count.value()))
        self._ask(())

    def _access_changed(self) -> None:
        super()._access_changed()
        if self._phrase is None and self.bridge.is_ready and not self.console.access.locked:
            self._make()

    def show_error(self, error: Any) -> bool:
        if error.field in ("passphrase_again", "path", "labels"):
            self.more.open()
        return super().show_error(error)

    def first_field(self) -> QWidget | None:
        return self.label

    def hideEvent(self, event: QHideEvent) -> None:
        """Words never stay on a screen that is left."""
        self.words.hide_words()
        for edit in self._asked:
            edit.forget()
        super().hideEvent(event)
