"""A column of entries (signals, events, revisions) that changes in place, a few at a time.

Seventy of them are some four hundred widgets: made in one go, they would hold the window for a tenth of a second. They are plain
widgets of Qt without a method of Python's, so that a layout never waits for Python's lock while a cluster is judged beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ui.theme import icon, theme
from ui.widgets import button
from ui.widgets.basics import STATE_ICONS

BUDGET_S = 0.004  # of one turn of the event loop
SIDE = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry says; ``press`` is what its button does, when it has one."""

    state: str  # ok, warn, err, run, idle
    title: str
    second: str
    when: str
    tip: str = ""
    word: str = ""  # of its button; empty for none
    name: str = ""  # of its button, for tests and scripts
    spoken: str = ""  # of its button
    why_not: str = ""  # why its button is off
    press: Callable[[], object] | None = field(default=None, compare=False)


class Entries(QObject):
    """Shows entries in a column of its own below whatever the given column holds."""

    def __init__(self, parent: QWidget, column: QVBoxLayout) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout()
        self._column.setSpacing(column.spacing())
        column.addLayout(self._column)
        self._rows: list[_Row] = []
        self._wanted: Sequence[Entry] = ()
        self._at = 0
        self._turn = QTimer(self)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._go_on)
        theme.changed.connect(self._tint)

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these instead; the first ones at once, the rest in the next turns of the event loop."""
        self._wanted, self._at = tuple(entries), 0
        for row in self._rows[len(self._wanted) :]:
            row.hide()
        self._go_on()

    def _go_on(self) -> None:
        end = time.perf_counter() + BUDGET_S
        while self._at < len(self._wanted):
            if self._at == len(self._rows):
                self._rows.append(_Row())
                self._column.addWidget(self._rows[-1])
            self._rows[self._at].show_entry(self._wanted[self._at])
            self._at += 1
            if time.perf_counter() > end:
                break
        if self._at < len(self._wanted):
            self._turn.start()
        else:
            self._turn.stop()

    def _tint(self) -> None:
        for row in self._rows:
            row.tint()


class _Row(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.entry: Entry | None = None
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 2, 0, 2)
        line.setSpacing(8)
        self.shape = QLabel()
        self.shape.setFixedSize(QSize(SIDE, SIDE))
        line.addWidget(self.shape, 0, Qt.AlignmentFlag.AlignTop)
        self.words = QVBoxLayout()
        self.words.setSpacing(1)
        self.title, self.second, self.when = QLabel(), _hint(), _hint()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self.title, self.second):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            self.words.addWidget(label)
        line.addLayout(self.words, 1)
        self.when.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        line.addWidget(self.when, 0, Qt.AlignmentFlag.AlignTop)
        self.press: QPushButton | None = None

    def show_entry(self, entry: Entry) -> None:
        """Change what differs."""
        was, self.entry = self.entry, entry
        if was != entry:
            if was is None or was.state != entry.state:
                self.tint()
            self.title.setText(entry.title)
            self.second.setText(entry.second)
            self.when.setText(entry.when)
            self.setToolTip(entry.tip)
            self.setAccessibleDescription(entry.tip)
            self._show_button(entry)
        if self.isHidden():
            self.show()

    def _show_button(self, entry: Entry) -> None:
        if entry.word and self.press is None:
            self.press = button(entry.word)
            self.press.clicked.connect(self._pressed)
            self.words.addWidget(self.press, 0, Qt.AlignmentFlag.AlignLeft)
        if self.press is not None:
            self.press.setVisible(bool(entry.word))
            self.press.setText(entry.word)
            self.press.setObjectName(entry.name)
            self.press.setAccessibleName(entry.spoken)
            self.press.setEnabled(not entry.why_not)
            self.press.setToolTip(entry.why_not)

    def _pressed(self) -> None:
        if self.entry is not None and self.entry.press is not None:
            self.entry.press()

    def tint(self) -> None:
        """Draw the shape in the theme's colours."""
        if self.entry is not None:
            name, color = STATE_ICONS.get(self.entry.state, STATE_ICONS["idle"])
            self.shape.setPixmap(icon(name, color, SIDE).pixmap(QSize(SIDE, SIDE), self.devicePixelRatioF()))
            self.shape.setAccessibleName(name.removesuffix("-fill").replace("-", " "))


def _hint() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "hint")
    return label
