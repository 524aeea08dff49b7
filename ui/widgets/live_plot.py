"""Lines that grow while one looks, by pyqtgraph: drawn ten times a second at a small share of a core.

pyqtgraph and numpy are imported with the first line that is shown. At most five lines are drawn in colours; each has a dash of
its own, and its name and last value stand at its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from ui.theme import theme

TOTAL, REST = 5, 6  # places of ink and grey among the series of the theme
ENDS_WIDTH = 176
APART = 15  # pixels between two names


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its place among the theme's series, seconds since 1970, and values; a value of None is a gap."""

    name: str
    series: int
    times: Sequence[float]
    values: Sequence[float | None]


class LivePlot(QWidget):
    """Lines over time of day (UTC).

    Args:
        unit: of the values, as it is spoken.
        called: what a screen reader calls the plot.
        nothing: what is said where no line is.
    """

    def __init__(self, unit: str, called: str, nothing: str = "No points yet") -> None:
        super().__init__()
        self._unit = unit
        self._graph: Any = None
        self._curves: list[Any] = []
        self._lines: list[Line] = []
        self._frame = (0, 0, 0.0)  # begin, end, top
        self.setAccessibleName(called)
        self.setMinimumHeight(130)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 4, 8, 4)
        self._row.setSpacing(0)
        self._nothing = QLabel(nothing)
        self._nothing.setProperty("role", "hint")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._ends = _Ends()
        self._row.addWidget(self._nothing, 1)
        self._row.addWidget(self._ends)
        self._ends.hide()
        theme.changed.connect(self._dress)

    @property
    def lines(self) -> list[Line]:
        """What is shown."""
        return list(self._lines)

    def show_lines(self, lines: Sequence[Line], begin: float, end: float) -> None:
        """Show these lines from ``begin`` to ``end`` (seconds since 1970)."""
        some = [line for line in lines if line.times]
        if some and self._graph is None:
            self._build()
        changed = [(line.name, line.series) for line in some] != [(line.name, line.series) for line in self._lines]
        self._lines = some
        self._nothing.setVisible(not some)
        self._ends.setVisible(bool(some))
        if self._graph is None:
            return
        self._graph.setVisible(bool(some))
        if changed:
            self._style()
        top = 0.0
        for curve, line in zip(self._curves, some, strict=False):
            known = [value for value in line.values if value is not None]
            top = max(top, *known) if known else top
            whole = len(known) == len(line.values)
            curve.setData(line.times, line.values if whole else [float("nan") if value is None else value for value in line.values])
        # Moved by whole seconds and scaled in steps: axes and grid are painted only when they say something else.
        frame = (math.floor(begin), math.ceil(end), _ceiling(top))
        if frame != self._frame:
            self._frame = frame
            self._graph.getViewBox().setRange(xRange=frame[:2], yRange=(0, frame[2]), padding=0)
        box = self._graph.getViewBox().geometry()
        self._ends.set_ends(
            [(line, last, box.y() + box.height() * (1 - last / frame[2])) for line in some if (last := _last(line)) is not None]
        )

    def say(self) -> None:
        """Tell a screen reader the last values; not with each drawing, for nobody can listen ten times a second."""
        said = "; ".join(f"{line.name} {last:,.2f} {self._unit}" for line in self._lines if (last := _last(line)) is not None)
        self.setAccessibleDescription(said)

    def sizeHint(self) -> QSize:
        return QSize(520, 200)

    def _build(self) -> None:
        import pyqtgraph

        class Times(pyqtgraph.AxisItem):
            def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
                form = "%H:%M:%S" if spacing < 60 else "%H:%M"
                return [datetime.fromtimestamp(value, UTC).strftime(form) for value in values]

            def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
                wanted = (high - low) / max(2, size / 110)
                sizes = (5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 21_600)
                return [(next((size for size in sizes if size >= wanted), 43_200), 0)]

        graph = pyqtgraph.PlotWidget(axisItems={"bottom": Times("bottom")})
        graph.setMenuEnabled(False)
        graph.setMouseEnabled(False, False)
        graph.hideButtons()
        graph.setAccessibleName(self.accessibleName())
        graph.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        graph.setFrameShape(graph.Shape.NoFrame)
        graph.showGrid(y=True, alpha=0.9)
        graph.getAxis("left").setWidth(44)
        graph.getViewBox().setDefaultPadding(0)
        self._graph = graph
        self._row.insertWidget(0, graph, 1)
        self._dress()

    def _style(self) -> None:
        import pyqtgraph

        for curve in self._curves:
            self._graph.removeItem(curve)
        self._curves = []
        for line in self._lines:
            color, dash = theme.series(line.series)
            pen = pyqtgraph.mkPen(color, width=1.5, dash=[step / 1.5 for step in dash] or None)
            curve = pyqtgraph.PlotCurveItem(pen=pen, connect="finite", antialias=False, skipFiniteCheck=False)
            self._graph.addItem(curve)
            self._curves.append(curve)

    def _dress(self) -> None:
        if self._graph is None:
            return
        self._graph.setBackground(theme.color("surface"))
        for side in ("left", "bottom"):
            axis = self._graph.getAxis(side)
            axis.setPen(theme.color("grid"))
            axis.setTextPen(theme.color("text-3"))
            axis.setStyle(tickFont=theme.font("hint"), tickLength=0)
        self._style()
        self._ends.update()


class _Ends(QWidget):
    """Names and last values at the lines' ends, moved apart where they would cover each other."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(ENDS_WIDTH)
        self._ends: list[tuple[Line, float, float]] = []

    def set_ends(self, ends: Sequence[tuple[Line, float, float]]) -> None:
        """Lines with their last values and heights in pixels."""
        self._ends = sorted(ends, key=lambda end: end[2])
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("hint"))
        metrics, before = painter.fontMetrics(), -float(APART)
        room = self.height() - APART * len(self._ends)
        for number, (line, value, height) in enumerate(self._ends):
            before = y = max(before + APART, min(height, room + APART * number))
            color, dash = theme.series(line.series)
            pen = QPen(QColor(color), 1.5)
            if dash:
                pen.setDashPattern([step / 1.5 for step in dash])
            painter.setPen(pen)
            painter.drawLine(QPointF(4, y), QPointF(22, y))
            painter.setPen(theme.color("text-2"))
            told = f"{value:,.2f}"
            wide = metrics.horizontalAdvance(told)
            name = metrics.elidedText(line.name, Qt.TextElideMode.ElideRight, self.width() - 34 - wide)
            box = QRectF(27, y - 8, self.width() - 27, 16)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, f"{name} {told}")
        painter.end()


def _last(line: Line) -> float | None:
    return line.values[-1] if line.values else None


def _ceiling(top: float) -> float:
    """A round value at least a twentieth above the highest."""
    if top <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(top * 1.05))
    return next(size * factor for factor in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if size * factor >= top * 1.05)
