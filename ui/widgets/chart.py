"""Lines over two axes, painted by ourselves: no chart library before first use, and none for this."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.widgets.privacy import privacy
from ui.widgets.values import MASK, amounts_hidden, is_unit

Points = Sequence[tuple[float, float]]


class LineChart(QWidget):
    """Up to five series of (x, y); each has colour, dash and name, so that none hangs on colour alone."""

    def __init__(self) -> None:
        super().__init__()
        self._series: list[tuple[str, list[tuple[float, float]]]] = []
        self._x_title = self._y_title = ""
        self.setMinimumHeight(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Chart")
        theme.changed.connect(self.update)
        privacy.changed.connect(self._say)

    def set_series(self, series: Sequence[tuple[str, Points]], x_title: str = "", y_title: str = "") -> None:
        """Show these series."""
        self._series = [(name, sorted(points)) for name, points in series][:5]
        self._x_title, self._y_title = x_title, y_title
        self._say()

    def _say(self) -> None:
        said = []
        for name, points in self._series:
            if points:
                (x1, y1), (x2, y2) = points[0], points[-1]
                ends = self._label(y1), self._label(y2)
                said.append(f"{name}: {ends[0]} at {short(x1)} to {ends[1]} at {short(x2)} {self._x_title}".strip())
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def _label(self, value: float) -> str:
        """A value of the y axis; one of money is not shown while amounts are hidden."""
        return MASK if amounts_hidden() and is_unit(self._y_title) else short(value)

    def sizeHint(self) -> QSize:
        return QSize(420, 170)

    def paintEvent(self, event: QPaintEvent) -> None:
        every = [point for _, points in self._series for point in points]
        painter = QPainter(self)
        painter.setFont(theme.font("hint"))
        if not every:
            painter.setPen(theme.color("text-3"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No points yet")
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = min(x for x, _ in every), max(x for x, _ in every)
        ticks = nice_ticks(min(y for _, y in every), max(y for _, y in every))
        low, high = ticks[0], ticks[-1]
        metrics = painter.fontMetrics()
        margin = max(metrics.horizontalAdvance(self._label(tick)) for tick in ticks) + 10
        top = metrics.height() + 6
        plot = QRectF(margin, top, max(10, self.width() - margin - 10), max(10, self.height() - top - metrics.height() - 8))

        def place(x: float, y: float) -> QPointF:
            across = (x - left) / (right - left) if right > left else 0.5
            return QPointF(plot.left() + across * plot.width(), plot.bottom() - (y - low) / (high - low) * plot.height())

        for tick in ticks:
            at = place(left, tick).y()
            painter.setPen(theme.color("grid"))
            painter.drawLine(QPointF(plot.left(), at), QPointF(plot.right(), at))
            painter.setPen(theme.color("text-3"))
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, at - 8, margin - 6, 16), side, self._label(tick))
        below = QRectF(plot.left(), plot.bottom() + 4, plot.width(), metrics.height() + 2)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{left:,.0f}")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{right:,.0f}")
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._x_title)
        for index, (_, points) in enumerate(self._series):
            if not points:
                continue
            color, dash = theme.series(index)
            spots = [place(x, y) for x, y in points]
            line = QPolygonF(spots)
            if index == 0 and len(self._series) == 1 and len(points) > 1:
                area = QPolygonF(line)
                area.append(QPointF(spots[-1].x(), plot.bottom()))
                area.append(QPointF(spots[0].x(), plot.bottom()))
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.color("interval"))
                painter.drawPolygon(area)
            width = float(theme.tokens["chart"]["lineWidth"])
            pen = QPen(color, width)
            if dash:
                pen.setDashPattern([step / width for step in dash])
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPolyline(line)
            painter.setPen(QPen(color, width))
            painter.setBrush(theme.color("surface"))
            painter.drawEllipse(spots[-1], 3, 3)
        self._legend(painter, plot)
        painter.end()

    def _legend(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(theme.color("text-3"))
        painter.drawText(QPointF(0, painter.fontMetrics().ascent()), self._y_title)
        at = plot.right()
        for index in range(len(self._series) - 1, -1, -1):
            name = self._series[index][0]
            at -= painter.fontMetrics().horizontalAdvance(name)
            painter.setPen(theme.color("text-2"))
            painter.drawText(QPointF(at, painter.fontMetrics().ascent()), name)
            color, dash = theme.series(index)
            pen = QPen(color, 1.5)
            if dash:
                pen.setDashPattern([step / 1.5 for step in dash])
            painter.setPen(pen)
            painter.drawLine(QPointF(at - 22, 8), QPointF(at - 5, 8))
            at -= 36


def short(value: float) -> str:
    """An axis label: ``417.1 M``; small ones as they are."""
    for size, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            scaled = value / (1e3 if letter == " k" else size)
            return f"{scaled:.1f}".rstrip("0").rstrip(".") + letter
    return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round values that span from at or below ``low`` to at or above ``high``; never fewer than two."""
    if high - low < max(abs(low), abs(high), 1e-280) * 1e-12:  # one value, as far as floats can tell
        pad = abs(low) * 0.05 or 1.0
        low, high = low - pad if low else 0.0, high + pad
    import math

    raw = (high - low) / wanted
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, last + 1)]
