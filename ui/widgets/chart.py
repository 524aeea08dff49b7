"""Lines over two axes, painted by ourselves: no chart library before first use, and none for this."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme import theme
from ui.widgets.privacy import privacy
from ui.widgets.values import MASK, amounts_hidden, is_unit, moment

Points = Sequence[tuple[float, float]]


class LineChart(QWidget):
    """Up to five series of (x, y); each has colour, dash and name, so that none hangs on colour alone.

    A y that is NaN is a gap: what stands before and after it is not joined.
    """

    def __init__(self) -> None:
        super().__init__()
        self._series: list[tuple[str, list[tuple[float, float]]]] = []
        self._x_title = self._y_title = ""
        self._clock: tuple[float, float] | None = None
        self.setMinimumHeight(120)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Chart")
        theme.changed.connect(self.update)
        privacy.changed.connect(self._say)

    def set_series(
        self,
        series: Sequence[tuple[str, Points]],
        x_title: str = "",
        y_title: str = "",
        *,
        clock: tuple[float, float] | None = None,
    ) -> None:
        """Show these series.

        Args:
            x_title: below the axis; of a clock its zone, beside the first time.
            clock: x is time in UTC milliseconds, and the axis goes from the one to the other, whatever was measured in between.
        """
        self._series = [(name, sorted(points, key=lambda point: point[0])) for name, points in series][:5]
        self._x_title, self._y_title, self._clock = x_title, y_title, clock
        self._say()

    def _say(self) -> None:
        said = []
        for name, points in self._series:
            pieces = runs(points)
            if pieces:
                (x1, y1), (x2, y2) = pieces[0][0], pieces[-1][-1]
                ends = self._label(y1), self._label(y2)
                words = f"{name}: {ends[0]} at {self._place(x1)} to {ends[1]} at {self._place(x2)} {self._x_title}".strip()
                gaps = len(pieces) - 1
                said.append(f"{words}, {gaps} {'gaps' if gaps > 1 else 'gap'}" if gaps else words)
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def _place(self, x: float) -> str:
        """A value of the x axis."""
        return short(x) if self._clock is None else moment(int(x))

    def _label(self, value: float) -> str:
        """A value of the y axis; one of money is not shown while amounts are hidden."""
        return MASK if amounts_hidden() and is_unit(self._y_title) else short(value)

    def sizeHint(self) -> QSize:
        return QSize(420, 170)

    def paintEvent(self, event: QPaintEvent) -> None:
        every = [point for _, points in self._series for piece in runs(points) for point in piece]
        painter = QPainter(self)
        painter.setFont(theme.font("hint"))
        if not every:
            painter.setPen(theme.color("text-3"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "No points yet")
            painter.end()
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right = self._clock or (min(x for x, _ in every), max(x for x, _ in every))
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
        if self._clock is None:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{left:,.0f}")
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{right:,.0f}")
            painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self._x_title)
        else:
            for number, (x, words) in enumerate(time_ticks(left, right, max(2, int(plot.width() / 80)))):
                if number == 0:
                    words = f"{words} {self._x_title}".strip()
                at = place(x, low).x()
                painter.setPen(theme.color("grid"))
                painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
                painter.setPen(theme.color("text-3"))
                painter.drawText(QRectF(at - 40, below.top(), 80, below.height()), Qt.AlignmentFlag.AlignHCenter, words)
        for index, (_, points) in enumerate(self._series):
            pieces = [[place(x, y) for x, y in piece] for piece in runs(points)]
            for spots in pieces:
                self._piece(painter, spots, index, plot.bottom())
            if pieces:
                self._dot(painter, pieces[-1][-1], index, 3)
        self._legend(painter, plot)
        painter.end()

    def _piece(self, painter: QPainter, spots: list[QPointF], index: int, bottom: float) -> None:
        """A line without a gap; a single point between two gaps is a dot."""
        if len(spots) == 1:
            self._dot(painter, spots[0], index, 1.5)
            return
        line = QPolygonF(spots)
        if index == 0 and len(self._series) == 1:
            area = QPolygonF(line)
            area.append(QPointF(spots[-1].x(), bottom))
            area.append(QPointF(spots[0].x(), bottom))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("interval"))
            painter.drawPolygon(area)
        color, dash = theme.series(index)
        width = float(theme.tokens["chart"]["lineWidth"])
        pen = QPen(color, width)
        if dash:
            pen.setDashPattern([step / width for step in dash])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(line)

    def _dot(self, painter: QPainter, spot: QPointF, index: int, radius: float) -> None:
        painter.setPen(QPen(theme.series(index)[0], float(theme.tokens["chart"]["lineWidth"])))
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(spot, radius, radius)

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


def runs(points: Points) -> list[list[tuple[float, float]]]:
    """Points in pieces without a gap."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if math.isnan(point[1]):
            pieces.append([])
        else:
            pieces[-1].append(point)
    return [piece for piece in pieces if piece]


MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
STEPS = (*(MINUTE * n for n in (1, 2, 5, 10, 15, 30)), *(HOUR * n for n in (1, 2, 3, 6, 12)), *(DAY * n for n in (1, 2, 7, 14, 28)))


def time_ticks(left: float, right: float, most: int) -> list[tuple[float, str]]:
    """Round times (UTC milliseconds) between two, at most ``most``, with their words: the time of day, or the day at midnight."""
    step = next((step for step in STEPS if (right - left) / step < most), STEPS[-1])
    times = [at for at in range(int(left) - int(left) % step, int(right) + 1, step) if at >= left]
    found = [(at, datetime.fromtimestamp(at / 1000, UTC)) for at in times]
    return [(float(at), when.strftime("%d %b" if at % DAY == 0 else "%H:%M")) for at, when in found]


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
    raw = (high - low) / wanted
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [number * step for number in range(first, last + 1)]
