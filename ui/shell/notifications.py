"""Messages that come and go at the lower right, and their history behind the bell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QToolButton, QVBoxLayout, QWidget

from ui.theme import icon
from ui.widgets import EmptyState, IconLabel, button, masked

SECONDS = 6
MOST_SHOWN = 2
ICONS = {
    "info": ("info", "accent"),
    "ok": ("check-circle-fill", "ok"),
    "warn": ("warning-fill", "warn"),
    "err": ("x-square-fill", "err"),
}


@dataclass(frozen=True)
class Message:
    """One notification; ``action`` is a button's text and what it does."""

    text: str
    level: str = "info"
    link: str = ""
    action: tuple[str, Callable[[], object]] | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Toast(QFrame):
    """One message on the screen; it stays while the mouse is over it."""

    gone = Signal(object)

    def __init__(self, message: Message, follow: Callable[[str], object]) -> None:
        super().__init__()
        self.setProperty("role", "popover")
        self.setObjectName("toast")
        self.setAccessibleName(f"Notification: {masked(message.text)}")
        self.setFixedWidth(380)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 8, 10)
        row.setSpacing(8)
        name, color = ICONS.get(message.level, ICONS["info"])
        row.addWidget(IconLabel(name, color, 16), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        text = QLabel(masked(message.text))
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(text)
        buttons = QHBoxLayout()
        if message.action is not None:
            word, act = message.action
            made = button(word)
            made.clicked.connect(lambda: (act(), self.leave()))
            buttons.addWidget(made)
        if message.link:
            shown = button("Open")
            shown.clicked.connect(lambda: (follow(message.link), self.leave()))
            buttons.addWidget(shown)
        buttons.addStretch(1)
        if message.action is not None or message.link:
            column.addLayout(buttons)
        column.addStretch(1)  # the text begins beside the icon, however high the room is
        row.addLayout(column, 1)
        away = QToolButton()
        away.setIcon(icon("x"))
        away.setAutoRaise(True)
        away.setAccessibleName("Dismiss")
        away.setToolTip("Dismiss")
        away.clicked.connect(self.leave)
        row.addWidget(away, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._maybe_leave)
        self._timer.start((SECONDS if message.level != "err" else 4 * SECONDS) * 1000)

    def _maybe_leave(self) -> None:
        if self.rect().contains(self.mapFromGlobal(QCursor.pos())) and self.window().isActiveWindow():
            self._timer.start(SECONDS * 500)  # somebody reads it
        else:
            self.leave()

    def leave(self) -> None:
        """Take it away."""
        self._timer.stop()
        self.gone.emit(self)


class Notifications(QObject):
    """Shows messages over a window, and keeps them."""

    changed = Signal()

    def __init__(self, window: QWidget, follow: Callable[[str], object]) -> None:
        super().__init__(window)
        self._window = window
        self._follow = follow
        self.edge: Callable[[], int] = window.width  # the right edge of what they may cover
        self._toasts: list[Toast] = []
        self.history: list[Message] = []
        self.unread = 0
        self._quiet = False

    def show(self, message: Message) -> None:
        """Show and keep a message; equal ones in a row are shown once."""
        if self._toasts and self.history and (self.history[-1].text, self.history[-1].level) == (message.text, message.level):
            return
        self.history.append(message)
        del self.history[:-200]
        self.unread += 1
        if self._quiet:
            self.changed.emit()
            return
        while len(self._toasts) >= MOST_SHOWN:
            self._gone(self._toasts[0])
        toast = Toast(message, self._follow)
        toast.setParent(self._window)
        toast.gone.connect(self._gone)
        self._toasts.append(toast)
        toast.show()
        self.place()
        self.changed.emit()

    def _gone(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            toast.hide()
            toast.deleteLater()
            self.place()

    def place(self) -> None:
        """Stack the messages above the status bar."""
        bottom = self._window.height() - 38
        right = self.edge() - 16
        for toast in reversed(self._toasts):
            toast.adjustSize()
            bottom -= toast.height()
            toast.move(QPoint(right - toast.width(), bottom))
            toast.raise_()
            bottom -= 8

    def set_quiet(self, quiet: bool) -> None:
        """While the console is locked, messages are kept and none is on the screen."""
        self._quiet = quiet
        if quiet:
            self.clear()

    def clear(self) -> None:
        """Take away what is on the screen."""
        for toast in list(self._toasts):
            self._gone(toast)

    def read(self) -> None:
        """The history was looked at."""
        self.unread = 0
        self.changed.emit()


class HistoryPopover(QFrame):
    """The messages so far, newest first."""

    def __init__(self, notifications: Notifications, follow: Callable[[str], object]) -> None:
        super().__init__(None, Qt.WindowType.Popup)
        self.setProperty("role", "popover")
        self.setObjectName("notifications.history")
        self.setAccessibleName("Notifications")
        self.setFixedSize(420, 440)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        heading = QLabel("Notifications")
        heading.setProperty("role", "heading")
        column.addWidget(heading)
        if not notifications.history:
            column.addWidget(EmptyState("bell", "Nothing yet", "What finishes, waits or fails is told here.", None), 1)
            return
        inner = QWidget()
        rows = QVBoxLayout(inner)
        rows.setContentsMargins(0, 0, 0, 0)
        for message in reversed(notifications.history):
            line = QHBoxLayout()
            name, color = ICONS.get(message.level, ICONS["info"])
            line.addWidget(IconLabel(name, color, 14), 0, Qt.AlignmentFlag.AlignTop)
            text = QLabel(f"{message.at:%H:%M:%S} UTC  {masked(message.text)}")
            text.setWordWrap(True)
            line.addWidget(text, 1)
            if message.link:
                shown: QPushButton = button("Open")
                shown.clicked.connect(lambda _=False, link=message.link: (self.hide(), follow(link)))
                line.addWidget(shown)
            rows.addLayout(line)
        rows.addStretch(1)
        area = QScrollArea()
        area.setAccessibleName("Notifications, newest first")
        area.setWidgetResizable(True)
        area.setWidget(inner)
        column.addWidget(area, 1)
