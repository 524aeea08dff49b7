"""Stacked bars side by side with a line for what they may reach, painted by ourselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.theme import theme
from ui.widgets.chart import nice_ticks, short
from ui.widgets.privacy import privacy
from ui.widgets.values import MASK, amounts_hidden, is_unit

WIDEST = 28  # pixels of a bar
GREY = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its parts from below, and what it may reach (0: nothing is said). ``open`` ones still grow."""

    name: str
    parts: tuple[float, ...]
    most: float = 0.0
    open: bool = False


class BarChart(QWidget):
    """Bars of equal width; parts have the colours of the theme's series and their names above."""

    def __init__(self, called: str) -> None:
        super().__init__()
        self._bars: list[Bar] = []
        self._names: tuple[str, ...] = ()
        self._limit, self._unit = "", ""
        self._places: list[tuple[QRectF, Bar]] = []
        self.setMinimumHeight(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(called)
        theme.changed.connect(self.update)
        privacy.changed.connect(self._say)

    def set_bars(self, bars: Sequence[Bar], names: Sequence[str], unit: str, limit: str = "") -> None:
        """Show these bars; ``names`` of their parts from below, ``limit`` of what they may reach."""
        self._bars, self._names, self._unit, self._limit = list(bars), tuple(names), unit, limit
        self._say()

    def _say(self) -> None:
        if self._bars:
            last = self._bars[-1]
            self.setAccessibleDescription(
                f"{len(self._bars)} bars, {self._bars[0].name} to {last.name}; the last: {self._told(last)}"
            )
        else:
            self.setAccessibleDescription("Nothing yet")
        self.update()

    def _label(self, value: float) -> str:
        return MASK if amounts_hidden() and is_unit(self._unit) else short(value)

    def _told(self, bar: Bar) -> str:
        said = [f"{name} {self._label(value)}" for name, value in zip(self._names, bar.parts, strict=False) if value]
        if bar.most:
            said.append(f"{self._limit} {self._label(bar.most)}")
        return f"{bar.name}: {', '.join(said) or 'nothing'} {self._unit}"

    def event(self, event: object) -> bool:
        """The figures of the bar below the pointer, as a tip."""
        if isinstance(event, QHelpEvent):
            under = next((bar for box, bar in self._places if box.contains(QPointF(event.pos()))), None)
            QToolTip.showText(event.globalPos(), self._told(under) if under else "", self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def sizeHint(self) -> QSize:
        return QSize(360, 170)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("hint"))
        self._places = []
        if not self._bars:
            painter.setPen(theme.color("text-3"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Nothing yet")
            painter.end()
            return
        metrics = painter.fontMetrics()
        highest = max(max(sum(bar.parts), bar.most) for bar in self._bars)
        ticks = nice_ticks(0.0, highest or 1.0, 3)
        margin = max(metrics.horizontalAdvance(self._label(tick)) for tick in ticks) + 10
        top = metrics.height() + 8
        plot = QRectF(margin, top, max(10, self.width() - margin - 8), max(10, self.height() - top - metrics.height() - 6))
        for tick in ticks:
            at = plot.bottom() - tick / ticks[-1] * plot.height()
            painter.setPen(theme.color("grid"))
            painter.drawLine(QPointF(plot.left(), at), QPointF(plot.right(), at))
            painter.setPen(theme.color("text-3"))
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, at - 8, margin - 6, 16), side, self._label(tick))
        each = min(plot.width() / len(self._bars), WIDEST + 4)
        painter.setPen(Qt.PenStyle.NoPen)
        for place, bar in enumerate(self._bars):
            left, below = plot.left() + place * each, plot.bottom()
            for part, value in enumerate(bar.parts):
                high = value / ticks[-1] * plot.height()
                color = theme.series(GREY if bar.open and len(bar.parts) == 1 else part)[0]
                painter.fillRect(QRectF(left + 1, below - high, max(1.0, each - 3), high), color)
                below -= high
            self._places.append((QRectF(left, plot.top(), each, plot.height()), bar))
        self._limits(painter, plot, each, ticks[-1])
        painter.setPen(theme.color("text-3"))
        under = QRectF(plot.left(), plot.bottom() + 3, plot.width(), metrics.height() + 2)
        painter.drawText(under, Qt.AlignmentFlag.AlignLeft, self._bars[0].name)
        if len(self._bars) > 1:
            end = under.adjusted(0, 0, min(0, each * len(self._bars) - plot.width()), 0)
            wide = metrics.horizontalAdvance(self._bars[0].name) + metrics.horizontalAdvance(self._bars[-1].name) + 12
            if end.width() > wide:
                painter.drawText(end, Qt.AlignmentFlag.AlignRight, self._bars[-1].name)
        self._legend(painter, plot)
        painter.end()

    def _limits(self, painter: QPainter, plot: QRectF, each: float, highest: float) -> None:
        pen = QPen(theme.series(3)[0], 1.5)
        pen.setDashPattern([4, 3])
        painter.setPen(pen)
        for place, bar in enumerate(self._bars):
            if bar.most:
                at = plot.bottom() - bar.most / highest * plot.height()
                painter.drawLine(QPointF(plot.left() + place * each, at), QPointF(plot.left() + (place + 1) * each - 1, at))

    def _legend(self, painter: QPainter, plot: QRectF) -> None:
        metrics = painter.fontMetrics()
        at = plot.left()
        named = [(name, theme.series(number)[0]) for number, name in enumerate(self._names)]
        for name, color in [*named, *([(self._limit, theme.series(3)[0])] if self._limit else [])]:
            painter.fillRect(QRectF(at, 5, 9, 9 if name != self._limit else 2), color)
            painter.setPen(theme.color("text-2"))
            painter.drawText(QPointF(at + 13, metrics.ascent()), name)
            at += 13 + metrics.horizontalAdvance(name) + 14
