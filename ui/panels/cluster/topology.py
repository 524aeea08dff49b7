"""The topology drawn: boxes in columns with their health, lines with their names; and the same as a table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPainterPathStroker,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsItem,
    QGraphicsScene,
    QGraphicsView,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QStyleOptionGraphicsItem,
    QVBoxLayout,
    QWidget,
)

from ui.panels.cluster.drawn import ICONS, INKS
from ui.panels.cluster.layering import Layout, Place, Route, Sizes, arrange, step
from ui.panels.cluster.picturing import COLUMNS, Picture, Spot, Tie, collapsed
from ui.theme import icon, theme
from ui.widgets import Column, Row, Segmented, Table, button

if TYPE_CHECKING:
    from app.cluster.objects import Key
    from app.cluster.topology import Topology
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Chosen

LEAST, MOST, READABLE = 0.25, 2.5, 0.7  # zoom; a picture that comes in is not made smaller than what can be read
NOTCH = 1.2  # zoom of one turn or press
BESIDE = 10  # pixels between a box and the name of a line: room for the arrow's head
ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
OPENS = "Enter or a double click opens it."
KEPT = "cluster.topology"  # what the window remembers of the switch


class _BoxItem(QGraphicsItem):
    """One object, one group, or who may connect."""

    def __init__(self, view: TopologyView, spot: Spot, place: Place) -> None:
        super().__init__()
        self._view = view
        self._rect = QRectF(0, 0, place.width, place.height)
        self.setPos(place.x, place.y)
        self.setZValue(3)
        self.show_spot(spot)

    def show_spot(self, spot: Spot) -> None:
        """What has become of it."""
        self.spot = spot
        self.setToolTip(f"{spot.words}. {OPENS}" if spot.key is not None or spot.several > 1 else f"{spot.words}.")

    def boundingRect(self) -> QRectF:
        return self._rect.adjusted(-5, -5, 5, 5)

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        spot, rect = self.spot, self._rect
        looked_at = spot.id == self._view.picture.start
        if spot.several > 1:  # a second sheet behind
            painter.setPen(QPen(theme.color("border-control"), 1))
            painter.setBrush(theme.color("surface-2"))
            painter.drawRoundedRect(rect.translated(4, 4).adjusted(0, 0, -1, -1), 6, 6)
        ink = INKS[spot.state] if spot.state in ("warn", "err") else "border-control"
        denied = spot.group == "denied"
        pen = QPen(theme.color("accent" if looked_at else "err" if denied else ink), 2.0 if looked_at else 1.2)
        if denied or spot.state == "idle":
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(theme.color("select" if looked_at else "surface-2"))
        painter.drawRoundedRect(rect, 6, 6)
        name, color = ("prohibit", "err") if denied else ("arrow-right", "ok") if spot.group == "allowed" else ("", "")
        if spot.state:
            name, color = ICONS[spot.state], INKS[spot.state]
        left = 10.0
        if name:
            side = theme.font("body").pixelSize()
            icon(name, color).paint(painter, int(left), int((rect.height() - side) / 2), side, side)
            left += side + 8
        room, eye = rect.width() - left - 8, 0
        if looked_at:
            eye = theme.font("hint").pixelSize() + 3
            icon("eye", "accent").paint(painter, int(rect.right()) - eye - 7, 7, eye, eye)
        under = ", ".join(part for part in (spot.kind, spot.note) if part)
        self._words(painter, theme.font("strong" if looked_at else "body"), "text", spot.title, left, room - eye, upper=True)
        self._words(painter, theme.font("hint"), "text-2" if looked_at else "text-3", under, left, room, upper=False)
        if spot.id == self._view.selected:
            focus = self._view.hasFocus()
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus" if focus else "text-3"), 2.0 if focus else 1.0))
            painter.drawRoundedRect(rect.adjusted(-3, -3, 3, 3), 8, 8)

    def _words(self, painter: QPainter, font: QFont, color: str, text: str, left: float, room: float, *, upper: bool) -> None:
        half = self._rect.height() / 2
        painter.setFont(font)
        painter.setPen(theme.color(color))
        shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideMiddle if upper else Qt.TextElideMode.ElideRight, room)
        side = Qt.AlignmentFlag.AlignBottom if upper else Qt.AlignmentFlag.AlignTop
        painter.drawText(QRectF(left, 0 if upper else half, room, half), side | Qt.AlignmentFlag.AlignLeft, shown)


class _LineItem(QGraphicsItem):
    """One line with its arrow; those of the selected box stand out."""

    def __init__(self, view: TopologyView, tie: Tie, route: Route, words: str) -> None:
        super().__init__()
        self._view, self._tie = view, tie
        points = [QPointF(*point) for point in route.points]
        self._path = QPainterPath(points[0])
        for index, (begin, end) in enumerate(pairwise(points)):
            if index % 2:  # through a column
                self._path.lineTo(end)
                continue
            turn = max(24.0, abs(end.x() - begin.x()) / 2) * (1 if end.x() > begin.x() else -1)
            self._path.cubicTo(begin + QPointF(turn, 0), end - QPointF(turn, 0), end)
        toward = 1 if points[-1].x() > points[-2].x() else -1
        self._head = QPolygonF([points[-1], points[-1] + QPointF(-7 * toward, -4), points[-1] + QPointF(-7 * toward, 4)])
        self.setZValue(1)
        self.setToolTip(words)

    def boundingRect(self) -> QRectF:
        return self._path.boundingRect().adjusted(-6, -6, 6, 6)

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(8)
        return stroker.createStroke(self._path)

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        near = self._view.selected in (self._tie.source, self._tie.target)
        self.setZValue(2 if near else 1)
        color = theme.color({"allowed": "ok", "denied": "err"}.get(self._tie.tone, "accent" if near else "text-3"))
        pen = QPen(color, 2.0 if near else 1.2)
        if self._tie.tone == "denied":
            pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(self._path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawPolygon(self._head)


class _TextItem(QGraphicsItem):
    """The name of a line, on the ground that it covers; or the head of a column."""

    def __init__(self, text: str, at: QPointF, color: str, side: int = 0) -> None:
        """``at``: half way up, where the text begins (``side`` 1 or 0) or ends (-1); 0 is a head."""
        super().__init__()
        self._text, self._color = text, color
        self._head = head = side == 0
        self._font = theme.font("tableHeader" if head else "hint")
        metrics = QFontMetricsF(self._font)
        width = metrics.horizontalAdvance(text) + 8
        left = at.x() if side == 0 else at.x() + BESIDE if side > 0 else at.x() - BESIDE - width
        self._rect = QRectF(left, at.y() - metrics.height() / 2, width, metrics.height())
        self.setZValue(4)

    def boundingRect(self) -> QRectF:
        return self._rect

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        if not self._head:
            painter.fillRect(self._rect, theme.color("surface"))
        painter.setFont(self._font)
        painter.setPen(theme.color(self._color))
        side = Qt.AlignmentFlag.AlignLeft if self._head else Qt.AlignmentFlag.AlignHCenter
        painter.drawText(self._rect, side | Qt.AlignmentFlag.AlignVCenter, self._text)


class TopologyView(QGraphicsView):
    """Arrow keys go from box to box, Enter opens; Ctrl with plus, minus, nought or the wheel zooms; dragging moves the picture."""

    opened = Signal(str, str, str)  # kind, namespace, name

    def __init__(self) -> None:
        super().__init__()
        self.picture = Picture("", (), ())
        self.selected = ""
        self._drawn = self.picture
        self._layout = Layout({}, (), {}, 0, 0)
        self._apart: set[str] = set()  # groups that were opened
        self._boxes: dict[str, _BoxItem] = {}
        self._shape: object = None  # of what stands: boxes, lines, and the size of text
        self._settled = True  # the view chooses zoom and place by itself
        self._scene = QGraphicsScene(self)
        self.setScene(self._scene)
        self.setObjectName("cluster.topology")
        self.setAccessibleName("Topology")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)  # one stop for the Tab key, with a name: the view itself
        self.setMinimumSize(120, 60)
        theme.changed.connect(self._dress)
        self._dress()

    def show_picture(self, picture: Picture) -> None:
        """Show a picture; zoom, place and selection stay while it is of the same object."""
        if picture == self.picture:
            return
        if picture.start != self.picture.start:
            self._apart.clear()
            self._settled = True
            self.selected = picture.start
        self.picture = picture
        self._build()

    def _dress(self) -> None:
        self.setBackgroundBrush(theme.color("surface"))
        self._build()  # text may have another size; colours are asked for when they are painted

    def _build(self) -> None:
        self._drawn = collapsed(self.picture, self._apart)
        grown = theme.scale / 100
        shape = (self._drawn.boxes, self._drawn.ties, grown)
        if shape == self._shape:  # only how they are has changed: nothing moves
            for spot in self._drawn.spots:
                self._boxes[spot.id].show_spot(spot)
            self._scene.update()
            self._say()
            return
        self._shape = shape
        sizes = Sizes(width=160 * grown, height=44 * grown, across=92 * grown, down=12 * grown, lane=16 * grown)
        self._layout = arrange(self._drawn.boxes, [tie.line for tie in self._drawn.ties], sizes)
        self._scene.clear()
        self._boxes = {}
        titles = {spot.id: f"{spot.kind} {spot.title}" for spot in self._drawn.spots}
        tones = {tie.line: tie for tie in self._drawn.ties}
        for route in self._layout.routes:
            tie = tones[route.line]
            words = f"{titles[tie.source]} {tie.label} {titles[tie.target]}"
            self._scene.addItem(_LineItem(self, tie, route, words))
            if route.label_at is not None:
                color = {"allowed": "ok", "denied": "err"}.get(tie.tone, "text-2")
                self._scene.addItem(_TextItem(tie.label, QPointF(*route.label_at), color, route.label_side))
        for column, left in self._layout.columns.items():
            self._scene.addItem(_TextItem(COLUMNS[column], QPointF(left, -18 * grown), "text-3"))
        for spot in self._drawn.spots:
            self._boxes[spot.id] = _BoxItem(self, spot, self._layout.places[spot.id])
            self._scene.addItem(self._boxes[spot.id])
        if self.selected not in self._boxes:
            self.selected = self.picture.start if self.picture.start in self._boxes else next(iter(self._boxes), "")
        self._scene.setSceneRect(QRectF(-16, -34 * grown, self._layout.width + 36, self._layout.height + 34 * grown + 20))
        self._settle()
        self._say()

    def _say(self) -> None:
        spot = self._spot(self.selected)
        if spot is None:
            self.setAccessibleDescription("Nothing is drawn")
            return
        titles = {each.id: each.title for each in self._drawn.spots}
        ties = [
            f"{tie.label} {titles[tie.target]}" if tie.source == spot.id else f"{titles[tie.source]} {tie.label} it"
            for tie in self._drawn.ties
            if spot.id in (tie.source, tie.target)
        ]
        self.setAccessibleDescription(". ".join([spot.words, *ties[:8]]))

    def _spot(self, name: str) -> Spot | None:
        return self._boxes[name].spot if name in self._boxes else None

    # moving

    def select(self, name: str) -> None:
        """Mark a box, and bring it into sight."""
        if name in self._boxes:
            self.selected = name
            self._say()
            self.ensureVisible(self._boxes[name], 30, 12)
            self._scene.update()

    def act(self) -> None:
        """Open what is marked: the object, or a group into its members."""
        spot = self._spot(self.selected)
        if spot is None:
            return
        if spot.several > 1:
            before = set(self._boxes)
            self._apart.add(spot.id)
            self._settled = False
            self._build()
            self.select(next((name for name in self._boxes if name not in before), self.selected))
        elif spot.key is not None:
            self.opened.emit(*spot.key)

    def zoom(self, factor: float) -> None:
        """Larger or smaller, within limits."""
        now = self.transform().m11()
        factor = min(MOST, max(LEAST, now * factor)) / now
        self._settled = False
        self.scale(factor, factor)

    def fit(self) -> None:
        """All of it at once."""
        self._settled = False
        self._show_all(LEAST)

    def _settle(self) -> None:
        """What comes in is shown whole where that can be read, else around the object that is looked at."""
        if self._settled:
            self._show_all(READABLE)

    def _show_all(self, least: float) -> None:
        rect, room = self._scene.sceneRect(), self.maximumViewportSize()  # what fits needs no scroll bars
        whole = min((room.width() - 2) / rect.width(), (room.height() - 2) / rect.height()) if not rect.isEmpty() else 1.0
        scale = min(1.0, max(least, whole))
        self.resetTransform()
        self.scale(scale, scale)
        box = self._boxes.get(self.picture.start)
        self.centerOn(rect.center() if whole >= scale or box is None else box.sceneBoundingRect().center())

    # hands

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = Qt.Key(event.key()), event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if held and key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(NOTCH)
        elif held and key == Qt.Key.Key_Minus:
            self.zoom(1 / NOTCH)
        elif held and key == Qt.Key.Key_0:
            self.fit()
        elif key in ARROWS and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.select(step(self._layout, self.selected, *ARROWS[key]))
        elif key == Qt.Key.Key_Home:
            self.select(self.picture.start)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.act()
        elif key == Qt.Key.Key_Backspace and self._apart:
            self._apart.clear()
            self._build()
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
            self.zoom(NOTCH if event.angleDelta().y() > 0 else 1 / NOTCH)
            self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
            event.accept()
        else:
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if (name := self._at(event)) and event.button() == Qt.MouseButton.LeftButton:
            self.select(name)
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._at(event):
            self.act()
        else:
            super().mouseDoubleClickEvent(event)

    def _at(self, event: QMouseEvent) -> str:
        found = self.items(event.position().toPoint())
        return next((item.spot.id for item in found if isinstance(item, _BoxItem)), "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._scene.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._scene.update()


class TopologyPane(QWidget):
    """Picture or table of what hangs together with the chosen object, and what is true of its traffic."""

    pointed = Signal(str, str, str)  # kind, namespace, name

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._topology: Topology | None = None
        self._key: Key | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.said = QLabel("")
        self.said.setProperty("role", "hint")
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.said.setWordWrap(True)
        self.said.setMinimumWidth(1)
        self.said.setToolTip("By the rules of the network policies. Whether the cluster's network enforces them cannot be seen.")
        row = QHBoxLayout()
        row.setContentsMargins(16, 4, 16, 4)
        row.setSpacing(6)
        row.addWidget(self.said, 1)
        self.view = TopologyView()
        self.view.opened.connect(self.pointed)
        self._zooms = []
        for how, text, symbol, words in (
            ("zoom out", "", "minus", "Zoom out  Ctrl+Minus"),
            ("fit", "Fit", "", "Show all of it  Ctrl+0"),
            ("zoom in", "", "plus", "Zoom in  Ctrl+Plus"),
        ):
            made = button(text, icon=symbol)
            made.setObjectName(f"cluster.topology.{how.replace(' ', '_')}")
            made.setAccessibleName(words.partition("  ")[0])
            made.setToolTip(words)
            made.clicked.connect(lambda _=False, how=how: self.zoom(how))
            self._zooms.append(made)
            row.addWidget(made)
        self.switch = Segmented([("picture", "Picture"), ("table", "Table")])
        self.switch.setObjectName("cluster.topology.switch")
        self.switch.set_value(str(panel.window_.kept.get(KEPT, "picture")))
        self.switch.changed.connect(self._switched)
        row.addWidget(self.switch)
        column.addLayout(row)
        self.table = Table([Column("from", "Object", 280), Column("does", "Does", 90), Column("to", "To", 300)], dense=True)
        self.table.setObjectName("cluster.related")
        self.table.setAccessibleName("What hangs together")
        self.table.activated.connect(lambda _index: self._point())
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.table)
        column.addWidget(self.stack, 1)
        self._choose()

    def show_chosen(self, chosen: Chosen) -> None:
        """Another reading of the chosen object."""
        self._key = chosen.key
        picture = chosen.picture or Picture("", (), ())
        self.view.show_picture(picture)
        self.said.setText(picture.said)
        if chosen.topology == self._topology:
            return
        self._topology = chosen.topology
        self.table.set_rows(
            [
                Row(
                    f"{edge.source}\n{edge.target}",
                    {
                        "from": f"{edge.source[0]} {edge.source[2]}",
                        "does": edge.relation,
                        "to": f"{edge.target[0]} {edge.target[2]}",
                    },
                )
                for edge in (chosen.topology.edges if chosen.topology is not None else ())
            ]
        )

    def zoom(self, how: str) -> None:
        """``zoom in``, ``zoom out`` or ``fit``."""
        if how == "fit":
            self.view.fit()
        else:
            self.view.zoom(NOTCH if how == "zoom in" else 1 / NOTCH)

    def _switched(self, value: str) -> None:
        self._panel.window_.kept[KEPT] = value
        self._choose()

    def _choose(self) -> None:
        picture = self.switch.value() == "picture"
        self.stack.setCurrentWidget(self.view if picture else self.table)
        for made in self._zooms:
            made.setVisible(picture)

    def _point(self) -> None:
        chosen = self.table.selected_id()
        for edge in self._topology.edges if self._topology is not None else ():
            if f"{edge.source}\n{edge.target}" == chosen:
                self.pointed.emit(*(edge.target if edge.target != self._key else edge.source))
