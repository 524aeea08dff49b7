"""A new wallet."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.secret import Secret
from ui.plan_sheet import PlanForm
from ui.theme import Theme
from ui.widgets import Field, Note, button, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.shell.panel import Panel

ASKED = 3  # words of the backup check


class NewWalletForm(PlanForm):
    """A new recovery phrase, hidden until asked for, whose copy is checked; or a phrase that exists already."""

    title = "New wallet"
    context = "The keys go into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        self._phrase: Secret | None = None
        self._words: list[QLabel] = []
        self._asked: list[tuple[int, QLineEdit]] = []
        self._shown = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.label = line_edit("wallets.new.label", "Label of the wallet")
        layout.addWidget(Field("Label", self.label, "What the wallet is called here"))
        self.accounts = QSpinBox()
        self.accounts.setRange(1, 20)
        self.accounts.setObjectName("wallets.new.accounts")
        self.accounts.setAccessibleName("Number of accounts")
        layout.addWidget(Field("Accounts", self.accounts, "Derived at m/44'/60'/0'/0/0 and on"))
        self.labels = line_edit("wallets.new.labels", "Labels of the accounts, separated by commas")
        layout.addWidget(Field("Labels of the accounts", self.labels, "Optional, separated by commas"))
        self.source = QComboBox()
        self.source.setObjectName("wallets.new.source")
        self.source.setAccessibleName("Recovery phrase")
        for word, value in (("New, 12 words", 12), ("New, 24 words", 24), ("I have a phrase", 0)):
            self.source.addItem(word, value)
        self.source.currentIndexChanged.connect(self._choose_source)
        layout.addWidget(Field("Recovery phrase", self.source, ""))
        layout.addWidget(self._build_new())
        self.phrase = line_edit("wallets.new.phrase", "Your recovery phrase")
        self.phrase.setEchoMode(QLineEdit.EchoMode.Password)
        self.restore = Field("Your recovery phrase", self.phrase, "12 to 24 words with a blank between")
        self.restore.hide()
        layout.addWidget(self.restore)
        layout.addStretch(1)
        self._choose_source()

    def _build_new(self) -> QWidget:
        self.fresh = QWidget()
        column = QVBoxLayout(self.fresh)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._grid_box = QWidget()
        self._grid = QGridLayout(self._grid_box)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        column.addWidget(self._grid_box)
        row = QHBoxLayout()
        self.reveal = button("Show the words", icon="eye")
        self.reveal.setObjectName("wallets.new.reveal")
        self.reveal.clicked.connect(self._toggle)
        row.addWidget(self.reveal)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(Note("warn", "Write the words on paper, in this order. Whoever has them has everything the wallet holds."))
        self._checks = QWidget()
        self._checks_layout = QHBoxLayout(self._checks)
        self._checks_layout.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._checks)
        return self.fresh

    def _choose_source(self) -> None:
        count = int(self.source.currentData())
        self.fresh.setVisible(bool(count))
        self.restore.setVisible(not count)
        self._phrase = None
        self._hide_words()
        if count:
            wallets = self._panel.bridge
            wallets.run(lambda: self._panel.bridge.console.wallets.new_phrase(count), then=self._hold, owner=self)

    def _hold(self, phrase: Secret) -> None:
        self._phrase = phrase
        count = len(str(phrase.reveal()).split())
        empty(self._grid)
        self._words = []
        per_column = count // 3
        for index in range(count):
            label = QLabel()
            label.setObjectName(f"wallets.new.word.{index + 1}")
            label.setFont(Theme.current().font("mono"))
            self._grid.addWidget(label, index % per_column, index // per_column)
            self._words.append(label)
        self._hide_words()
        empty(self._checks_layout)
        self._asked = []
        for place, at in enumerate(sorted(secrets.SystemRandom().sample(range(count), ASKED))):
            edit = line_edit(f"wallets.new.check.{place}", f"Word {at + 1}")
            edit.setProperty("word", at + 1)
            self._checks_layout.addWidget(Field(f"Word {at + 1}", edit, ""))
            self._asked.append((at, edit))

    def _toggle(self) -> None:
        if self._shown or self._phrase is None:
            self._hide_words()
            return
        self._shown = True
        self.reveal.setText("Hide the words")
        for index, word in enumerate(str(self._phrase.reveal()).split()):
            self._words[index].setText(f"{index + 1}. {word}")
            self._words[index].setAccessibleName(f"Word {index + 1}")

    def _hide_words(self) -> None:
        self._shown = False
        self.reveal.setText("Show the words")
        for index, label in enumerate(self._words):
            label.setText(f"{index + 1}. ••••••")
            label.setAccessibleName(f"Word {index + 1}, hidden")

    def hideEvent(self, event: Any) -> None:
        """Words never stay on a screen that is left."""
        self._hide_words()
        super().hideEvent(event)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label = self.label.text()
        if not label.strip():
            raise Invalid("A wallet needs a label. Nothing was created.", "Name it.", field="label")
        names = [name.strip() for name in self.labels.text().split(",") if name.strip()]
        count = self.accounts.value()
        if len(names) > count:
            raise Invalid(
                f"There are {len(names)} labels for {count} accounts. Nothing was created.", "Raise the number.", field="accounts"
            )
        phrase = self._phrase
        if int(self.source.currentData()) == 0:
            phrase = Secret(" ".join(self.phrase.text().split()))
            if not phrase.reveal():
                raise Invalid("The recovery phrase is empty. Nothing was created.", "Enter its words.", field="phrase")
        else:
            if phrase is None:
                raise Invalid("The new phrase is still being made. Nothing was created.", "Try again in a moment.")
            words = str(phrase.reveal()).split()
            for place, (at, edit) in enumerate(self._asked):
                if edit.text().strip().lower() != words[at]:
                    raise Invalid(f"This is not word {at + 1}. Nothing was created.", "Compare your copy.", field=f"{place}")
        kept, wallets = phrase, self._panel.bridge.console
        return lambda: wallets.wallets.plan_create(label, kept, accounts=count, labels=names)
