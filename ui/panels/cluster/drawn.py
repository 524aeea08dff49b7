"""Small widgets of the pages: the grid of pods, bars of shares, and a column that scrolls."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from ui.panels.cluster.reading import PodCell
from ui.theme import icon, theme
from ui.widgets import scrolled

CELL, GAP = 24, 4
INKS = {"ok": "ok", "warn": "warn", "err": "err", "run": "accent", "idle": "text-3"}
ICONS = {"ok": "check", "warn": "warning-fill", "err": "x", "run": "circle-notch", "idle": "question"}


class PodGrid(QWidget):
    """Pods of one node as squares; each has a shape and a word, not only a colour. Arrow keys move, Enter opens."""

    chosen = Signal(str, str)  # namespace, name

    def __init__(self) -> None:
        super().__init__()
        self._cells: tuple[PodCell, ...] = ()
        self._at = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(3 * (CELL + GAP))

    def set_cells(self, name: str, cells: Sequence[PodCell]) -> None:
        """Show other pods."""
        self._cells = tuple(cells)
        self._at = min(self._at, max(0, len(cells) - 1))
        bad = sum(cell.state not in ("ok", "run") for cell in cells)
        self.setAccessibleName(f"Pods of {name}: {len(cells)}, {bad} not well")
        self.setAccessibleDescription(cells[self._at].words if cells else "")
        self._fit()
        self.update()

    def _columns(self, width: int) -> int:
        return max(1, (width + GAP) // (CELL + GAP))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As high as its rows: a size that is set, since a layout would ask a method for it again and again."""
        rows = -(-max(1, len(self._cells)) // self._columns(self.width()))
        self.setFixedHeight(rows * (CELL + GAP))

    def _rect(self, index: int) -> QRect:
        columns = self._columns(self.width())
        return QRect((index % columns) * (CELL + GAP), (index // columns) * (CELL + GAP), CELL, CELL)

    def _under(self, at: QPoint) -> int:
        return next((index for index in range(len(self._cells)) if self._rect(index).contains(at)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        around = event.rect()
        for index, cell in enumerate(self._cells):
            rect = self._rect(index)
            if rect.intersects(around):
                painter.drawPixmap(rect, _square(cell.state, self.devicePixelRatioF()))
        if self.hasFocus() and self._cells:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("focus"), 2))
            painter.drawRoundedRect(self._rect(self._at).adjusted(1, 1, -2, -2), 4, 4)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self._under(event.position().toPoint())
        self.setToolTip(self._cells[index].words if index >= 0 else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._under(event.position().toPoint())
        if index >= 0:
            self._move_to(index)
            self.chosen.emit(*self._cells[index].key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: self._columns(self.width()),
            Qt.Key.Key_Up: -self._columns(self.width()),
        }
        if event.key() in step and self._cells:
            self._move_to(min(len(self._cells) - 1, max(0, self._at + step[Qt.Key(event.key())])))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cells:
            self.chosen.emit(*self._cells[self._at].key)
        else:
            super().keyPressEvent(event)

    def _move_to(self, index: int) -> None:
        self._at = index
        self.setAccessibleDescription(self._cells[index].words)
        self.update()


_squares: dict[tuple[str, str, float], QPixmap] = {}


def _square(state: str, ratio: float) -> QPixmap:
    """A pod's square, drawn once for each state and look: four hundred of them are then as many copies."""
    key = (state, theme.resolved, ratio)
    if key not in _squares:
        made = QPixmap(round(CELL * ratio), round(CELL * ratio))
        made.setDevicePixelRatio(ratio)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect, fill = QRect(0, 0, CELL, CELL), theme.color(INKS[state])
        fill.setAlphaF(0.14)
        painter.setBrush(fill)
        idle = state == "idle"
        painter.setPen(
            QPen(theme.color("border-control" if idle else INKS[state]), 1, Qt.PenStyle.DashLine if idle else Qt.PenStyle.SolidLine)
        )
        painter.drawRoundedRect(rect.adjusted(0, 0, -1, -1), 4, 4)
        icon(ICONS[state], INKS[state]).paint(painter, rect.adjusted(5, 5, -5, -5))
        painter.end()
        _squares[key] = made
    return _squares[key]


class ShareBar(QWidget):
    """Shares side by side, such as stable and canary; ``parts`` are share (0 … 1) and the token of a colour."""

    def __init__(self, height: int = 8) -> None:
        super().__init__()
        self._parts: tuple[tuple[float, str], ...] = ()
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_parts(self, parts: Sequence[tuple[float, str]], words: str) -> None:
        """Show other shares; ``words`` say the same."""
        self._parts = tuple(parts)
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface-3"))
        painter.drawRect(self.rect())
        x = 0.0
        for share, color in self._parts:
            width = share * self.width()
            painter.fillRect(
                QRect(round(x), 0, max(0, round(width) - (1 if len(self._parts) > 1 else 0)), self.height()), theme.color(color)
            )
            x += width


def scrolled_column(name: str, called: str) -> tuple[QScrollArea, QVBoxLayout]:
    """A column that scrolls up and down in its pane; a screen reader says ``called``."""
    inner = QWidget()
    column = QVBoxLayout(inner)
    column.setContentsMargins(16, 10, 16, 10)
    column.setSpacing(8)
    area = scrolled(inner, called)
    area.setObjectName(name)
    return area, column
