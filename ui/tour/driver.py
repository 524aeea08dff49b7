"""Clicking and typing as a person would, one act per turn of the event loop.

A script is a generator that yields what it waits for. Nothing here runs a nested loop: the driver looks at every tick whether the
wait is over, and goes on.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from PySide6.QtCore import QObject, QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QSpinBox, QTabBar, QTableView, QWidget

W = TypeVar("W", bound=QWidget)
TICK_MS = 15
STALL_MS = 50.0


class TourFailed(Exception):
    """Something that a person would have seen did not come."""


@dataclass(frozen=True)
class Wait:
    """What is waited for, in words, and how long at most (seconds)."""

    what: str
    over: Callable[[], bool]
    seconds: float = 60.0


Script = Generator[Wait, None, None]


class Hands:
    """Finds visible widgets by object name and acts on them."""

    def __init__(self, window: QWidget) -> None:
        self.window = window

    def find(self, name: str, kind: type[W] = QWidget) -> W | None:  # type: ignore[assignment]
        """The visible widget of that name in any of our windows, or None."""
        for top in QApplication.topLevelWidgets():
            for widget in [top, *top.findChildren(QWidget)]:
                if widget.objectName() == name and isinstance(widget, kind) and widget.isVisible():
                    return widget
        return None

    def need(self, name: str, kind: type[W] = QWidget) -> W:  # type: ignore[assignment]
        """The same, or the tour fails."""
        found = self.find(name, kind)
        if found is None:
            raise TourFailed(f"“{name}” is not on the screen")
        return found

    def ready(self, name: str) -> bool:
        """Whether it is there and can be used."""
        widget = self.find(name)
        return widget is not None and widget.isEnabled()

    def click(self, name: str) -> None:
        """One click in the middle."""
        widget = self.need(name)
        if not widget.isEnabled():
            raise TourFailed(f"“{name}” cannot be clicked: {widget.toolTip() or 'it is disabled'}")
        middle = QPoint(widget.width() // 2, widget.height() // 2)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)

    def type(self, name: str, text: str) -> None:
        """Replace the text of a field, key by key."""
        widget = self.need(name)
        edit = widget.lineEdit() if isinstance(widget, QComboBox | QSpinBox) else widget
        widget.setFocus(Qt.FocusReason.OtherFocusReason)
        if isinstance(edit, QLineEdit):
            edit.selectAll()
        for place, line in enumerate(text.split("\n")):
            if place:
                QTest.keyClick(edit or widget, Qt.Key.Key_Return)
            QTest.keyClicks(edit or widget, line)

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """One key to whatever has the focus."""
        if QApplication.activeWindow() is None:  # as a window manager would have done
            QApplication.setActiveWindow(self.window)
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifiers)

    def choose(self, name: str, text: str) -> None:
        """Pick the entry of a combo box that contains ``text``, with the arrow keys."""
        box = self.need(name, QComboBox)
        wanted = next((i for i in range(box.count()) if text.lower() in box.itemText(i).lower()), -1)
        if wanted < 0:
            raise TourFailed(f"“{name}” does not offer “{text}”; it offers {[box.itemText(i) for i in range(box.count())]}")
        box.setFocus(Qt.FocusReason.OtherFocusReason)
        for _ in range(box.count()):
            if box.currentIndex() == wanted:
                return
            QTest.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < wanted else Qt.Key.Key_Up)

    def click_row(self, name: str, row: int) -> None:
        """Click a row of a table; a negative number counts from the end."""
        table = self.need(name, QTableView)
        at = row if row >= 0 else table.model().rowCount() + row
        index = table.model().index(at, 0)
        table.scrollTo(index)
        QTest.mouseClick(
            table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, table.visualRect(index).center()
        )

    def click_tab(self, name: str, place: int) -> None:
        """Click a tab of a tab bar."""
        bar = self.need(name, QTabBar)
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, bar.tabRect(place).center())

    def text(self, name: str) -> str:
        """What a label or field says."""
        widget = self.need(name)
        said = getattr(widget, "text", None)
        return str(said()) if callable(said) else widget.accessibleName()


class Heartbeat(QObject):
    """Measures how long the event loop is away, and where it was at the worst."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []  # milliseconds beyond the interval
        self.worst = 0.0
        self.worst_stack: list[str] = []
        self._last = time.perf_counter()
        self._sampled: list[str] = []
        self._main = threading.get_ident()
        self._stop = threading.Event()
        self.paused = False
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(10)
        self._timer.timeout.connect(self._beat)
        self._timer.start()
        threading.Thread(target=self._watch, name="heartbeat", daemon=True).start()

    def _beat(self) -> None:
        now = time.perf_counter()
        gap = max(0.0, (now - self._last) * 1000 - 10)
        self._last = now
        if self.paused:
            return
        self.gaps.append(gap)
        if gap > self.worst:
            self.worst, self.worst_stack = gap, self._sampled
        self._sampled = []

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            if not self._sampled and (time.perf_counter() - self._last) * 1000 > STALL_MS:
                frame = sys._current_frames().get(self._main)
                if frame is not None:
                    self._sampled = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_stack(frame)[-12:]]

    def skip(self) -> None:
        """Do not count what the tour itself does (taking pictures)."""
        self._last = time.perf_counter()

    def report(self) -> dict[str, object]:
        """Counts and milliseconds."""
        self._stop.set()
        ordered = sorted(self.gaps)
        return {
            "beats": len(ordered),
            "stalls_over_50_ms": sum(gap > STALL_MS for gap in ordered),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2) if ordered else 0.0,
            "max_ms": round(self.worst, 2),
            "worst_stack": self.worst_stack,
        }


class Driver(QObject):
    """Runs a script to its end."""

    def __init__(self, script: Script, ended: Callable[[BaseException | None], None]) -> None:
        super().__init__()
        self._script = script
        self._ended = ended
        self._wait: Wait | None = None
        self._since = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin with the next turn of the loop."""
        self._timer.start()

    def _tick(self) -> None:
        try:
            if self._wait is not None and not self._wait.over():
                if time.monotonic() - self._since > self._wait.seconds:
                    raise TourFailed(f"{self._wait.what} did not come within {self._wait.seconds:.0f} s")
                return
            self._wait = next(self._script)
            self._since = time.monotonic()
        except StopIteration:
            self._finish(None)
        except Exception as error:
            self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        self._timer.stop()
        self._ended(error)
