"""The focus ring: 2 px in the focus colour with a 1 px gap, which stylesheets cannot draw."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QWidget,
)

from ui.theme.current import theme

_RINGED = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox)
MARGIN = 3  # ring and gap
_MOVES = {QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.ParentChange, QEvent.Type.ZOrderChange}


class FocusRing(QWidget):
    """Follows the focused control as a ``QFocusFrame`` would, with a gap of its own; clipped by the area that scrolls it."""

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setObjectName("focus.ring")
        self._target: QWidget | None = None
        self._watched: list[QWidget] = []
        self.hide()
        theme.signals.changed.connect(self.update)

    def follow(self, widget: QWidget | None) -> None:
        """Draw around ``widget`` from now on; None hides the ring."""
        for watched in self._watched:
            try:
                watched.removeEventFilter(self)
            except RuntimeError:  # already deleted
                continue
        self._watched = []
        self._target = None
        if widget is None:
            self.hide()
            self.setParent(None)
            return
        holder = _holder(widget)
        if holder is widget or holder is None:
            self.hide()
            return
        self._target = widget
        step: QWidget | None = widget
        while step is not None and step is not holder:
            step.installEventFilter(self)
            self._watched.append(step)
            step = step.parentWidget()
        if self.parentWidget() is not holder:
            self.setParent(holder)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _MOVES and self._target is not None:
            self._place()
        elif event.type() == QEvent.Type.Destroy or event.type() == QEvent.Type.DeferredDelete:
            self.follow(None)
        return False

    def _place(self) -> None:
        target, holder = self._target, self.parentWidget()
        if target is None or holder is None:
            return
        if not target.isVisible() or not holder.isAncestorOf(target):
            self.hide()
            return
        corner = target.mapTo(holder, QPoint(0, 0))
        self.setGeometry(QRect(corner, target.size()).adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("focus"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)


class FocusWatcher(QObject):
    """Gives the ring to whatever has the focus, as long as it got there by keyboard or is typed into."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.ring: FocusRing | None = FocusRing()
        self.ring.destroyed.connect(self._gone)
        self._by_keyboard = False
        app.focusChanged.connect(self._moved)
        app.installEventFilter(self)

    def _gone(self) -> None:
        self.ring = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyPress:
            self._by_keyboard = True
        elif kind == QEvent.Type.MouseButtonPress:
            self._by_keyboard = False
        return False

    def _moved(self, old: QWidget | None, new: QWidget | None) -> None:
        if self.ring is None:  # the holder it sat in was deleted with it
            self.ring = FocusRing()
            self.ring.destroyed.connect(self._gone)
        wanted = new
        if wanted is not None:
            proxy = wanted.parentWidget()
            if isinstance(wanted, QLineEdit) and isinstance(proxy, (QAbstractSpinBox, QComboBox)):
                wanted = proxy
            typed = isinstance(wanted, (QLineEdit, QAbstractSpinBox)) or (isinstance(wanted, QComboBox) and wanted.isEditable())
            if not isinstance(wanted, _RINGED) or isinstance(wanted.window(), QMenu) or wanted.property("ring") is False:
                wanted = None
            elif not typed and not self._by_keyboard:
                wanted = None
        self.ring.follow(wanted)


def _holder(widget: QWidget) -> QWidget | None:
    """The innermost widget that scrolls or holds everything: rings sit there, above the rest and clipped with it."""
    step = widget
    while (parent := step.parentWidget()) is not None and not step.isWindow():
        grand = parent.parentWidget()
        if isinstance(grand, QAbstractScrollArea) and grand.viewport() is parent:
            return step
        step = parent
    return step
