"""Hears a person's keys and pointer without a filter over all events.

A Python filter over the application is asked about widgets while Qt makes or destroys them. PySide then wraps each as what it is
at that moment (a bare ``QWidget``, when its own constructor has not run yet) and hands out that wrapper ever after: later a header
is no header (“'QWidget' object has no attribute 'setSectionResizeMode'”), or the process ends in a segmentation fault. So only two
kinds of finished objects are watched: the widget that has the focus, for keys, and native windows, for all that a person does.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QWindow
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

_INPUT = (
    QEvent.Type.KeyPress,
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.Wheel,
    QEvent.Type.TouchBegin,
    QEvent.Type.TabletPress,
)


class Attention(QObject):
    """Tells that a person is there, and hears keys and buttons that mean the same everywhere."""

    touched = Signal()  # a key, click or movement that came from the person, not from the program
    back = Signal()
    forward = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._focus: QWidget | None = None
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_moved)
        application.focusWindowChanged.connect(self._watch)
        self._focus_moved(None, QApplication.focusWidget())
        self._watch(QGuiApplication.focusWindow())

    def stop(self) -> None:
        """Hear nothing any more."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.disconnect(self._focus_moved)
        application.focusWindowChanged.disconnect(self._watch)
        self._focus_moved(None, None)

    def _focus_moved(self, _old: QWidget | None, new: QWidget | None) -> None:
        # A field of a dialog that Qt is just deleting loses the focus before it tells that it is gone.
        if self._focus is not None and isValid(self._focus):
            self._focus.removeEventFilter(self)
            self._focus.destroyed.disconnect(self._gone)
        self._focus = new
        if new is not None:
            new.installEventFilter(self)
            new.destroyed.connect(self._gone)

    def _gone(self) -> None:
        self._focus = None

    def _watch(self, window: QWindow | None) -> None:
        """Installed twice, a filter is moved, not doubled: windows that have been watched once stay so."""
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # Text fields take Ctrl+K for themselves (delete to the end); here it opens the palette everywhere.
            if event.key() == Qt.Key.Key_K and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
                event.ignore()
                return True
            return False
        if kind in _INPUT and event.spontaneous():
            self.touched.emit()
        if kind == QEvent.Type.MouseButtonPress and isinstance(watched, QWindow) and isinstance(event, QMouseEvent):
            if event.button() == Qt.MouseButton.BackButton:
                self.back.emit()
                return True
            if event.button() == Qt.MouseButton.ForwardButton:
                self.forward.emit()
                return True
        return False
