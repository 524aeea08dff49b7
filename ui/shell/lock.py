"""The lock screen: it covers everything, shows no figure, and asks for the console passphrase."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from ui.widgets import Field, IconLabel, password_edit, primary_button


class LockScreen(QFrame):
    """Over the whole window while the console is locked."""

    unlock_asked = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("lock")
        self.setProperty("role", "lock")
        self.setAccessibleName("The console is locked")
        self.setAutoFillBackground(True)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        box = QWidget()
        box.setFixedWidth(360)
        column = QVBoxLayout(box)
        column.setSpacing(12)
        column.addWidget(IconLabel("lock", "text-2", 32), 0, Qt.AlignmentFlag.AlignHCenter)
        title = QLabel("The console is locked")
        title.setProperty("role", "title")
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(title)
        told = QLabel("What was unlocked is dropped. Jobs that need no key go on.")
        told.setProperty("role", "hint")
        told.setWordWrap(True)
        told.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(told)
        self.passphrase = password_edit("lock.passphrase", "Console passphrase")
        self.field = Field("Console passphrase", self.passphrase, "The system keyring may ask for its own password after this.")
        column.addWidget(self.field)
        self.unlock = primary_button("Unlock")
        self.unlock.setObjectName("lock.unlock")
        self.unlock.clicked.connect(self._ask)
        self.passphrase.returnPressed.connect(self._ask)
        column.addWidget(self.unlock)
        outer.addWidget(box, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addStretch(2)
        self.hide()

    def _ask(self) -> None:
        self.field.set_error("")
        self.unlock_asked.emit(self.passphrase.text())
        self.passphrase.clear()

    def refuse(self, text: str) -> None:
        """The passphrase was wrong, or must wait."""
        self.field.set_error(text)
        self.passphrase.setFocus()

    def cover(self, then: Callable[[], object] | None = None) -> None:
        """Show it over all."""
        parent = self.parentWidget()
        self.setGeometry(0, 0, parent.width(), parent.height())
        self.show()
        self.raise_()
        self.passphrase.setFocus()
        if then is not None:
            then()
