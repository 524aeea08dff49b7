"""A window as ``main.py run`` builds it, over a real console, with hands: only for tests."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QEventLoop, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

T = TypeVar("T")
TREASURY = "0x7a3f0000000000000000000000000000000091c2"
POOL = "0x2f8800000000000000000000000000000000b6e4"
START_MS = 60_000  # the first start of a process imports everything


def rest(ms: int) -> None:
    """Let the event loop run. QTest.qWait keeps the interpreter's lock while it sleeps, so the service thread would starve."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


class Shell:
    """A window with hands: keys go to whatever has the focus, as they would from a keyboard."""

    def __init__(self, window: Any) -> None:
        self.window = window

    def until(self, over: Callable[[], object], ms: int = 30_000) -> None:
        """Let the window live until ``over()``; the test fails when that does not come."""
        end = time.monotonic() + ms / 1000
        while not over():
            assert time.monotonic() < end, f"did not come within {ms} ms"
            rest(10)

    def ask(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run ``work()`` on the service loop and wait for its answer; what it raises is raised here."""
        told: list[tuple[Any, Any]] = []
        self.window.bridge.run(
            work, then=lambda answer: told.append((answer, None)), fail=lambda error: told.append((None, error)) or True
        )
        self.until(lambda: told)
        if told[0][1] is not None:
            raise told[0][1]
        return told[0][0]

    @property
    def console(self) -> Any:
        return self.window.bridge.console

    @property
    def panel(self) -> Any:
        """The panel on the screen."""
        return self.window.stack.currentWidget()

    @property
    def at(self) -> str:
        """The id of the panel on the screen."""
        return str(self.panel.id)

    def focus(self) -> QWidget | None:
        return QApplication.focusWidget()

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.focus() or self.window, key, modifiers)

    def ctrl(self, key: Qt.Key) -> None:
        self.key(key, Qt.KeyboardModifier.ControlModifier)

    def alt(self, key: Qt.Key) -> None:
        self.key(key, Qt.KeyboardModifier.AltModifier)

    def mouse(self, button: Qt.MouseButton, widget: QWidget | None = None, *, twice: bool = False) -> None:
        """As the system sends it: to the native window, which hands it to the widget below the pointer."""
        over = widget or self.panel
        place = over.mapTo(over.window(), QPoint(5, 5))
        act = QTest.mouseDClick if twice else QTest.mouseClick
        act(over.window().windowHandle(), button, Qt.KeyboardModifier.NoModifier, place)

    def active(self) -> None:
        """Bring it to the front, with its history, sheet, notifications and palette as a new window has them."""
        for top in QApplication.topLevelWidgets():
            if top is not self.window and top.isVisible() and not isinstance(top, QLabel):
                top.close()
        self.window.activateWindow()
        self.until(self.window.isActiveWindow)
        if self.window.palette_ is not None:
            self.window.palette_.close_palette()
        self.window.notifications.clear()
        self.window.dock.hide()

    def said(self) -> str:
        """The newest notification."""
        return self.window.notifications.history[-1].text if self.window.notifications.history else ""


def start(home: Path) -> Shell:
    """A started window; its console is ready."""
    from ui.application import build, make_application

    make_application()
    window = build(home)
    shell = Shell(window)
    window.show()
    window.bridge.start(home)
    shell.until(lambda: window.console_ready, START_MS)
    return shell
