"""The snapshots of a chain as a tree along its blocks, painted by ourselves; the arrow keys go through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ui.theme import theme

if TYPE_CHECKING:
    from app.chain import Snapshot

ROW = 44  # pixels between branches
LEAST = 84  # pixels between neighbours of one row
SIDE = 44
DOT = 6


class TimelineView(QWidget):
    """Diamonds are snapshots that somebody named, squares those taken by themselves, the dot is where the chain is now.

    Signals:
        chosen: another snapshot was chosen (its id).
        activated: Enter or a double click on a snapshot (its id).
    """

    chosen = Signal(str)
    activated = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._snapshots: list[Snapshot] = []
        self._rows: dict[str, int] = {}
        self._base, self._height, self._selected = "", 0, ""
        self.setObjectName("chains.timeline")
        self.setAccessibleName("Snapshots")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.changed.connect(self.update)

    def show_tree(self, snapshots: Sequence[Snapshot], rows: dict[str, int], base: str, height: int) -> None:
        """Show these, oldest first, each in its row; ``base`` is where the present blocks descend from, ``height`` their last."""
        self._snapshots, self._rows, self._base, self._height = list(snapshots), rows, base, height
        if self._selected not in rows:
            self._selected = base if base in rows else ""
        self._say()
        self.setMinimumSize(self.sizeHint())
        self.updateGeometry()
        self.update()

    @property
    def selected(self) -> str:
        """The id of the chosen snapshot, or empty."""
        return self._selected

    def select(self, snapshot_id: str) -> None:
        """Choose a snapshot."""
        if snapshot_id in self._rows and snapshot_id != self._selected:
            self._selected = snapshot_id
            self._say()
            self.update()
            self.chosen.emit(snapshot_id)

    def _say(self) -> None:
        if not self._snapshots:
            self.setAccessibleDescription("No snapshots")
            return
        branches = len(set(self._rows.values()))
        chosen = next((self._told(each) for each in self._snapshots if each.id == self._selected), "none")
        base = next((each.name for each in self._snapshots if each.id == self._base), "none of them")
        self.setAccessibleDescription(
            f"{len(self._snapshots)} snapshots on {branches} branch{'es' if branches > 1 else ''}; "
            f"the chain is at block {self._height:,} and descends from {base}. Chosen: {chosen}"
        )

    def _told(self, each: Snapshot) -> str:
        kind = ", automatic" if each.automatic else ""
        parent = next((other.name for other in self._snapshots if other.id == each.parent), "")
        after = f", after {parent}" if parent else ""
        return f"{each.name}, block {each.height:,}, {each.size / 1000:,.0f} kB{kind}{after}"

    # where things are

    def _places(self) -> dict[str, QPointF]:
        """The middle of each snapshot, in the order of time along its row, and of the head (empty id)."""
        column: dict[str, int] = {}
        for each in self._snapshots:
            column[each.id] = column.get(each.parent, -1) + 1
        column[""] = column.get(self._base, -1) + 1
        last = max(column.values(), default=0)
        step = max(LEAST, min(220, (self.width() - 2 * SIDE) / max(last, 1)))
        rows = {**self._rows, "": self._rows.get(self._base, 0)}
        if any(each.parent == self._base and rows[each.id] == rows[""] for each in self._snapshots):
            rows[""] = max(self._rows.values(), default=-1) + 1
        return {key: QPointF(SIDE + column[key] * step, 30 + rows[key] * ROW) for key in column}

    def sizeHint(self) -> QSize:
        places = self._places()
        wide = max((column.x() for column in places.values()), default=0)
        deepest = max((place.y() for place in places.values()), default=0)
        columns = 0
        depth: dict[str, int] = {"": -1}
        for each in self._snapshots:
            depth[each.id] = depth.get(each.parent, -1) + 1
            columns = max(columns, depth[each.id] + 1)
        return QSize(int(min(wide, SIDE * 2 + columns * LEAST)) + SIDE, int(deepest) + 34)

    def _at(self, point: QPointF) -> str:
        near = [(key, place) for key, place in self._places().items() if key]
        hit = [key for key, place in near if abs(place.x() - point.x()) < LEAST / 2 and abs(place.y() - point.y()) < ROW / 2]
        return hit[0] if hit else ""

    # acting

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.select(self._at(event.position()))
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position())
        if found:
            self.activated.emit(found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected:
            self.activated.emit(self._selected)
        elif key == Qt.Key.Key_Left:
            self.select(next((each.parent for each in self._snapshots if each.id == self._selected), ""))
        elif key == Qt.Key.Key_Right:
            self.select(next((each.id for each in self._snapshots if each.parent == self._selected), ""))
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            ids = [each.id for each in sorted(self._snapshots, key=lambda each: (self._rows[each.id], each.created_at))]
            at = ids.index(self._selected) if self._selected in ids else 0
            to = at + (1 if key == Qt.Key.Key_Down else -1)
            if 0 <= to < len(ids):
                self.select(ids[to])
        else:
            super().keyPressEvent(event)

    def event(self, event: object) -> bool:
        """What a snapshot is, as a tip."""
        if isinstance(event, QHelpEvent):
            found = self._at(QPointF(event.pos()))
            told = next((self._told(each) for each in self._snapshots if each.id == found), "")
            QToolTip.showText(event.globalPos(), told, self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("hint"))
        places = self._places()
        for each in self._snapshots:
            if each.parent in self._rows:
                self._edge(painter, places[each.parent], places[each.id], now=False)
        if self._base in self._rows:
            self._edge(painter, places[self._base], places[""], now=True)
        for each in self._snapshots:
            self._mark(painter, each, places[each.id])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(places[""], DOT - 1, DOT - 1)
        self._label(painter, places[""], f"Now, {self._height:,}", "text")
        painter.end()

    def _edge(self, painter: QPainter, begin: QPointF, end: QPointF, *, now: bool) -> None:
        pen = QPen(theme.color("accent") if now or begin.y() == end.y() else theme.color("warn"), 2)
        if begin.y() != end.y() and not now:
            pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        path = QPainterPath(begin)
        if begin.y() == end.y():
            path.lineTo(end)
        else:
            turn = min(36.0, (end.x() - begin.x()) / 2)
            path.cubicTo(QPointF(begin.x() + turn, begin.y()), QPointF(begin.x(), end.y()), QPointF(begin.x() + turn, end.y()))
            path.lineTo(end)
        painter.drawPath(path)

    def _mark(self, painter: QPainter, each: Snapshot, at: QPointF) -> None:
        painter.setPen(QPen(theme.color("warn" if each.automatic else "accent"), 2))
        chosen = each.id == self._selected
        painter.setBrush(theme.color("accent" if chosen else "bg"))
        size = DOT - 1 if each.automatic else DOT + 1
        if each.automatic:
            painter.drawRect(QRectF(at.x() - size, at.y() - size, 2 * size, 2 * size))
        else:
            corners = [at + QPointF(0, -size), at + QPointF(size, 0), at + QPointF(0, size), at + QPointF(-size, 0)]
            painter.drawPolygon(QPolygonF(corners))
        if chosen and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 2))
            painter.drawRoundedRect(QRectF(at.x() - 12, at.y() - 12, 24, 24), 4, 4)
        self._label(painter, at, each.name.removeprefix("before "), "text" if chosen else "text-2")

    def _label(self, painter: QPainter, at: QPointF, text: str, color: str) -> None:
        metrics = painter.fontMetrics()
        painter.setPen(theme.color(color))
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, LEAST - 6)
        painter.drawText(QRectF(at.x() - LEAST / 2, at.y() - 28, LEAST, 18), Qt.AlignmentFlag.AlignCenter, shown)
