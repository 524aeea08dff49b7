"""Secrets on a screen: hidden until asked for, gone after half a minute, when the window is left, and when the console locks.

Python and Qt copy texts as they like, so nothing here can promise that no trace is in memory. What it promises is that no widget
shows or holds a secret longer than a person looks at it, and that the clipboard loses what was put there.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QHideEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from app.core.urls import shown_url
from ui.theme import theme
from ui.widgets.basics import button

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.core.secret import Secret

SHOWN_MS = 30_000
CLIPBOARD_MS = 30_000
DOTS = "••••••"


def forget(*edits: QLineEdit) -> None:
    """Empty fields and their undo history: ``clear`` alone could be undone."""
    for edit in edits:
        edit.setText("")


class AddressEdit(QLineEdit):
    """An address of an endpoint: whole while it is edited, and without its keys while it is not."""

    def __init__(self, object_name: str, accessible_name: str) -> None:
        super().__init__()
        self.setObjectName(object_name)
        self.setAccessibleName(accessible_name)
        self._whole = self._masked = ""

    def address(self) -> str:
        """The whole address."""
        text = self.text()
        return (self._whole if text == self._masked else text).strip()

    def set_address(self, url: str) -> None:
        """Fill it in; shown whole only while it has the focus."""
        self._whole, self._masked = url, shown_url(url) if url else ""
        self.setText(url if self.hasFocus() else self._masked)
        self.setCursorPosition(0)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.setText(self.address())
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.set_address(self.address())


class ClipboardGuard(QObject):
    """Puts a secret into the clipboard and takes it out again, unless somebody has copied something else meanwhile."""

    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._digest = b""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.clear)

    def copy(self, secret: Secret) -> None:
        """Copy, and clear after :data:`CLIPBOARD_MS`. Clipboard managers that know the hint keep no history of it."""
        text = secret.reveal()
        data = QMimeData()
        data.setText(text)
        data.setData("x-kde-passwordManagerHint", b"secret")
        QApplication.clipboard().setMimeData(data)
        self._digest = hashlib.sha256(text.encode()).digest()
        self._timer.start(CLIPBOARD_MS)

    @property
    def holds(self) -> bool:
        """Whether a secret of ours waits to be cleared."""
        return bool(self._digest)

    def clear(self) -> None:
        """Take our secret out of the clipboard now; what others put there stays."""
        self._timer.stop()
        if self._digest:
            now = hashlib.sha256(QApplication.clipboard().text().encode()).digest()
            if now == self._digest:
                QApplication.clipboard().clear()
            self._digest = b""
            self.cleared.emit()


clipboard_guard = ClipboardGuard()


class Watchful(QObject):
    """Calls ``leave`` when a widget is left: its window loses the focus, it is hidden, or it is disabled by the lock."""

    def __init__(self, widget: QWidget, leave: Callable[[], Any]) -> None:
        super().__init__(widget)
        self._widget = widget
        self._leave = leave
        self._window: QWidget | None = None
        widget.installEventFilter(self)
        self._follow()

    def _follow(self) -> None:
        window = self._widget.window()
        if window is not self._window:
            if self._window is not None and self._window is not self._widget:
                with contextlib.suppress(RuntimeError):  # it is gone already
                    self._window.removeEventFilter(self)
            self._window = window
            if window is not self._widget:
                window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._widget:
            if kind in (QEvent.Type.ParentChange, QEvent.Type.Show):
                self._follow()
            if kind == QEvent.Type.Hide or (kind == QEvent.Type.EnabledChange and not self._widget.isEnabled()):
                self._leave()
        if kind == QEvent.Type.WindowDeactivate:
            self._leave()
        return False


class SecretView(QWidget):
    """A secret behind dots, with a button that shows it for a while and one that copies it for a while."""

    def __init__(self, object_name: str, what: str) -> None:
        super().__init__()
        self.setObjectName(object_name)
        self._what = what
        self._secret: Secret | None = None
        self._open = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self.text = QLabel(DOTS)
        self.text.setObjectName(f"{object_name}.text")
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setProperty("role", "secret")
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        column.addWidget(self.text)
        self.left = QProgressBar()
        self.left.setTextVisible(False)
        self.left.setFixedHeight(3)
        self.left.setAccessibleName("Time until it is hidden again")
        self.left.hide()
        column.addWidget(self.left)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.show_button = button(f"Show the {what}", icon="eye")
        self.show_button.setObjectName(f"{object_name}.show")
        self.show_button.clicked.connect(self.toggle)
        self.copy_button = button("Copy for 30 s", icon="copy")
        self.copy_button.setObjectName(f"{object_name}.copy")
        self.copy_button.setToolTip("The clipboard is cleared after 30 seconds")
        self.copy_button.clicked.connect(self.copy)
        row.addWidget(self.show_button)
        row.addWidget(self.copy_button)
        row.addStretch(1)
        column.addLayout(row)
        self._clock = QTimer(self)
        self._clock.setInterval(250)
        self._clock.timeout.connect(self._tick)
        self._watch = Watchful(self, self.hide_secret)
        theme.changed.connect(self._dress)
        self._dress()
        self.set_secret(None)

    def set_secret(self, secret: Secret | None) -> None:
        """Hold another secret, hidden; ``None`` forgets it."""
        self._secret = secret
        self.hide_secret()
        for part in (self.show_button, self.copy_button):
            part.setEnabled(secret is not None)

    def set_what(self, what: str) -> None:
        """What kind of secret it is, for its buttons."""
        self._what = what
        self.hide_secret()

    @property
    def shown(self) -> bool:
        """Whether it is readable now."""
        return self._open

    def toggle(self) -> None:
        """Show it, or hide it."""
        if self._open or self._secret is None:
            self.hide_secret()
            return
        self._open = True
        self.text.setText(self._secret.reveal())
        self.text.setAccessibleName(f"The {self._what}, shown")
        self.show_button.setText(f"Hide the {self._what}")
        self.left.setRange(0, SHOWN_MS)
        self.left.setValue(SHOWN_MS)
        self.left.show()
        self._clock.start()

    def hide_secret(self) -> None:
        """Dots again."""
        self._open = False
        self._clock.stop()
        self.left.hide()
        self.text.setText(DOTS)
        self.text.setAccessibleName(f"The {self._what}, hidden")
        self.show_button.setText(f"Show the {self._what}")

    def copy(self) -> None:
        """Into the clipboard, for half a minute."""
        if self._secret is not None:
            clipboard_guard.copy(self._secret)

    def _tick(self) -> None:
        self.left.setValue(max(0, self.left.value() - self._clock.interval()))
        if self.left.value() <= 0:
            self.hide_secret()

    def _dress(self) -> None:
        self.text.setFont(theme.font("mono"))

    def hideEvent(self, event: QHideEvent) -> None:
        self.hide_secret()
        super().hideEvent(event)
