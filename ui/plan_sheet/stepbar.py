"""The header of the sheet: five steps, which one is shown, and which can be gone to."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from ui.plan_sheet import words
from ui.theme import Theme, icon


class StepTab(QAbstractButton):
    """One step: done (check), current (filled number, underline), to come (ring), stopped (red square)."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__()
        self._number = number
        self.state = "later"
        self.setText(name)
        self.setObjectName(f"plan.tab.{name.lower()}")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_state("later", False)

    def set_state(self, state: str, reachable: bool) -> None:
        """``done``, ``now``, ``later`` or ``stopped``; and whether it can be gone to."""
        self.state = state
        self.setEnabled(reachable or state in ("now", "stopped"))
        said = {"done": "done", "now": "current", "later": "to come", "stopped": "stopped here"}[state]
        self.setAccessibleName(f"Step {self._number}, {self.text()}, {said}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 30, 34)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 22, 34)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        current = self.state in ("now", "stopped")
        ink = theme.color({"now": "text", "done": "text-2", "later": "text-3", "stopped": "err"}[self.state])
        font = theme.font("body")
        font.setPointSizeF(font.pointSizeF() * 12 / 13) if font.pointSizeF() > 0 else font.setPixelSize(12)
        font.setWeight(font.Weight.Medium)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(self.text())
        left = (self.width() - width - 22) / 2
        middle = (self.height() - 2) / 2
        disc = QRectF(left, middle - 8, 16, 16)
        if self.state == "done":
            icon("check-circle-fill", "ok", 14).paint(painter, disc.adjusted(1, 1, -1, -1).toRect())
        elif self.state == "stopped":
            icon("x-square-fill", "err", 14).paint(painter, disc.adjusted(1, 1, -1, -1).toRect())
        else:
            painter.setPen(QPen(theme.color("accent-fill" if current else "border-control"), 1))
            painter.setBrush(theme.color("accent-fill") if current else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(disc.adjusted(0.5, 0.5, -0.5, -0.5))
            small = theme.font("body")
            small.setPixelSize(10)
            painter.setFont(small)
            painter.setPen(theme.color("on-accent") if current else ink)
            painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(self._number))
            painter.setFont(font)
        painter.setPen(ink)
        painter.drawText(QRectF(left + 22, 0, width + 2, self.height() - 2), Qt.AlignmentFlag.AlignVCenter, self.text())
        if current:
            painter.fillRect(
                QRectF(0, self.height() - 2, self.width(), 2), theme.color("err" if self.state == "stopped" else "accent")
            )
        if self.hasFocus():
            painter.setPen(QPen(theme.color("focus"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(3, 3, -3, -4), 4, 4)
        painter.end()


class StepBar(QWidget):
    """The five tabs in a row."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 1, 0, 1)
        layout.setSpacing(0)
        self.tabs: list[StepTab] = []
        for index, name in enumerate(words.STEPS):
            tab = StepTab(index + 1, name)
            tab.clicked.connect(lambda _=False, at=index: self.chosen.emit(at))
            layout.addWidget(tab, 1)
            self.tabs.append(tab)
        Theme.current().signals.changed.connect(self.update)

    def show_step(self, current: int, reached: int, reachable: set[int], *, stopped: bool) -> None:
        """Mark ``current``; steps before ``reached`` are done."""
        for index, tab in enumerate(self.tabs):
            if index == current:
                state = "stopped" if stopped and index == reached else "now"
            elif stopped and index == reached:
                state = "stopped"
            else:
                state = "done" if index < reached else "later"
            tab.set_state(state, index in reachable)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = Theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface-2"))
        painter.setPen(theme.color("border"))
        painter.drawLine(0, 0, self.width(), 0)
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        painter.end()
