"""The operator's own words about an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout

from ui.panels.wallets.tabs.tab import Tab
from ui.widgets import Field, button

if TYPE_CHECKING:
    from app.core.errors import ConsoleError
    from app.wallets import Account
    from ui.shell.panel import Panel

LENGTH = 500


class NotesTab(Tab):
    """Text that is saved as an edit."""

    name = "notes"
    title = "Notes"

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        inside = QVBoxLayout()
        inside.setContentsMargins(16, 12, 16, 12)
        inside.setSpacing(8)
        self.text = QPlainTextEdit()
        self.text.setObjectName("wallets.notes.note")
        self.text.setAccessibleName("Note")
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText("What this account is for, who asked for it, when to look at it again")
        self.field = Field("Note", self.text, "Kept here, never on a chain. No recovery phrase, key or password belongs here.")
        self.field.setMaximumWidth(720)
        inside.addWidget(self.field)
        row = QHBoxLayout()
        self.save = button("Save note")
        self.save.setObjectName("wallets.notes.save")
        self.save.clicked.connect(self._save)
        self.left = QLabel("")
        self.left.setProperty("role", "hint")
        row.addWidget(self.save)
        row.addWidget(self.left)
        row.addStretch(1)
        inside.addLayout(row)
        inside.addStretch(1)
        self.column.addLayout(inside, 1)
        self.text.textChanged.connect(self._typed)
        self.text.installEventFilter(self)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """Ctrl+Enter presses the primary button of the region that has the focus."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._save()
                return True
        return False

    def changed(self) -> None:
        assert self.account is not None
        self.text.setPlainText(self.account.note)
        self.field.set_error("")
        self._typed()

    def refresh(self) -> None:
        """Nothing is read: the note came with the account. What is being typed stays."""
        assert self.account is not None
        if not self.text.document().isModified():
            self.changed()

    def _typed(self) -> None:
        note = self.text.toPlainText().strip()
        same = self.account is None or note == self.account.note
        self.save.setEnabled(not same and len(note) <= LENGTH)
        self.left.setText("Saved" if same and note else f"{LENGTH - len(note)} characters left" if len(note) > LENGTH - 100 else "")

    def _save(self) -> None:
        if self.account is None or not self.save.isEnabled():
            return
        account, note, console = self.account, self.text.toPlainText(), self.bridge.console

        def failed(error: ConsoleError) -> bool:
            self.field.set_error(str(error))
            return True

        def saved(kept: Account) -> None:
            self.field.set_error("")
            self.text.document().setModified(False)
            if self.shows(kept.address):
                self.account = kept
                self._typed()

        self.bridge.run(lambda: console.wallets.set_note(account.id, note), then=saved, fail=failed, owner=self)
