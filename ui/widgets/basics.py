"""Buttons, fields, notes and the small labels that say a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.theme import icon, theme
from ui.widgets.privacy import privacy
from ui.widgets.values import breakable, masked, revealed, shown_anyway

STATE_ICONS: dict[str, tuple[str, str]] = {
    state: (str(spec["icon"]), str(spec["color"])) for state, spec in theme.tokens["status"].items()
}
LEVEL_ICONS = {
    "ok": ("check-circle-fill", "ok"),
    "info": ("info", "accent"),
    "warn": ("warning-fill", "warn"),
    "err": ("x-square-fill", "err"),
}


def restyle(widget: QWidget) -> None:
    """Let the stylesheet look at a dynamic property again; a font that was set stays."""
    own = widget.font() if widget.testAttribute(Qt.WidgetAttribute.WA_SetFont) else None
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    if own is not None:
        widget.setFont(own)


class IconLabel(QWidget):
    """A small icon that follows the theme; ``circle-notch`` turns unless motion is reduced."""

    def __init__(self, name: str, color: str = "text-2", size: int = 16, description: str = "") -> None:
        super().__init__()
        self._size = size
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(75)
        self._timer.timeout.connect(self._turn)
        self.setFixedSize(QSize(size, size))
        self.set_icon(name, color, description)
        theme.changed.connect(self._changed)

    def set_icon(self, name: str, color: str, description: str = "") -> None:
        """Show another icon."""
        self._name, self._color = name, color
        self.setAccessibleName(description or name.removesuffix("-fill").replace("-", " "))
        self._changed()

    def _changed(self) -> None:
        if self._name == "circle-notch" and self.isVisible() and not theme.reduce_motion:
            self._timer.start()
        else:
            self._timer.stop()
            self._angle = 0
        self.update()

    def _turn(self) -> None:
        self._angle = (self._angle + 30) % 360
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            QTimer.singleShot(0, self, self._changed)
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._angle:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            middle = QPointF(self.width() / 2, self.height() / 2)
            painter.translate(middle)
            painter.rotate(self._angle)
            painter.translate(-middle)
        icon(self._name, self._color, self._size).paint(painter, self.rect())
        painter.end()


def letter_key(page: QWidget, keys: str, act: Callable[[], object]) -> None:
    """A key that belongs to one page alone; a field that has the keyboard keeps its letters."""
    shortcut = QShortcut(QKeySequence(keys), page, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
    shortcut.activated.connect(lambda: act())


def button(text: str, icon: str = "") -> QPushButton:
    """An ordinary button."""
    return _button(text, icon, "", "text-2")


def primary_button(text: str, icon: str = "") -> QPushButton:
    """The one button of a region that goes on."""
    return _button(text, icon, "primary", "on-accent")


def danger_button(text: str, icon: str = "", *, fill: bool = False) -> QPushButton:
    """A button that stops or destroys; ``fill`` for the last question before it."""
    return _button(text, icon, "dangerFill" if fill else "danger", "err")


def _button(text: str, name: str, role: str, color: str) -> QPushButton:
    made = QPushButton(text)
    made.setProperty("role", role)
    made.setAccessibleName(text)
    made.setAutoDefault(False)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    if name:
        made.setIcon(icon(name, color))
        made.setIconSize(QSize(16, 16))
    return made


def line_edit(object_name: str, accessible_name: str) -> QLineEdit:
    """A field for one line."""
    edit = QLineEdit()
    edit.setObjectName(object_name)
    edit.setAccessibleName(accessible_name)
    return edit


def password_edit(object_name: str, accessible_name: str) -> QLineEdit:
    """A field whose text is never shown, nor learned by input methods."""
    edit = line_edit(object_name, accessible_name)
    edit.setEchoMode(QLineEdit.EchoMode.Password)
    edit.setInputMethodHints(
        Qt.InputMethodHint.ImhHiddenText | Qt.InputMethodHint.ImhSensitiveData | Qt.InputMethodHint.ImhNoPredictiveText
    )
    return edit


class Field(QWidget):
    """A label over its widget, and below it a hint or what is wrong.

    Attributes:
        widget: the labelled widget.
    """

    def __init__(self, label: str, widget: QWidget, hint: str = "") -> None:
        super().__init__()
        self.widget = widget
        self._hint_text = hint
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.label = QLabel(label)
        self.label.setProperty("role", "label")
        self.label.setBuddy(widget)
        self._below = QLabel(hint)
        self._below.setTextFormat(Qt.TextFormat.PlainText)
        self._below.setProperty("role", "fieldHint")
        self._below.setWordWrap(True)
        self._below.setVisible(bool(hint))
        if not widget.accessibleName():
            widget.setAccessibleName(label)
        widget.setAccessibleDescription(hint)
        self._aside = QLabel("")
        self._aside.setTextFormat(Qt.TextFormat.PlainText)
        self._aside.setProperty("role", "fieldHint")
        self._aside.hide()
        self._whole_aside = ""
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.label)
        head.addStretch(1)
        head.addWidget(self._aside)
        column.addLayout(head)
        column.addWidget(widget)
        column.addWidget(self._below)
        privacy.changed.connect(self._look_aside)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def set_error(self, text: str) -> None:
        """Say what is wrong with the entry; empty brings the hint back."""
        self._below.setText(text or self._hint_text)
        self._below.setProperty("role", "fieldError" if text else "fieldHint")
        self._below.setVisible(bool(text or self._hint_text))
        self.widget.setProperty("invalid", bool(text))
        self.widget.setAccessibleDescription(text or self._hint_text)
        restyle(self._below)
        restyle(self.widget)

    def set_aside(self, text: str) -> None:
        """What stands at the right end of the label, such as what is free of a balance."""
        self._whole_aside = text
        self._look_aside()

    def _look_aside(self) -> None:
        self._aside.setText(masked(self._whole_aside))
        self._aside.setVisible(bool(self._whole_aside))

    def set_hint(self, text: str) -> None:
        """Another hint; what is wrong stays said."""
        self._hint_text = text
        if not self.error():
            self.set_error("")

    def error(self) -> str:
        """What is said to be wrong, or empty."""
        return self._below.text() if self._below.property("role") == "fieldError" else ""


class Segmented(QWidget):
    """Two to five choices side by side; arrow keys move."""

    changed = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        for index, (value, word) in enumerate(choices):
            one = QPushButton(word)
            one.setProperty("role", "segment")
            one.setProperty("place", "first" if index == 0 else "last" if index == len(choices) - 1 else "middle")
            one.setCheckable(True)
            one.setAutoDefault(False)
            one.setAccessibleName(word)
            one.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            one.clicked.connect(lambda _=False, chosen=value: self._choose(chosen))
            one.installEventFilter(self)
            self._group.addButton(one)
            self._buttons[value] = one
            row.addWidget(one)
        row.addStretch(1)
        self._value = ""
        if choices:
            self.set_value(choices[0][0])
            self.setFocusProxy(self._buttons[choices[0][0]])
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def value(self) -> str:
        """The chosen value."""
        return self._value

    def set_value(self, value: str) -> None:
        """Choose without a signal; an unknown value changes nothing."""
        if value in self._buttons:
            self._value = value
            self._buttons[value].setChecked(True)
            self.setFocusProxy(self._buttons[value])

    def set_text(self, value: str, word: str) -> None:
        """Another word for a choice, as when it counts something."""
        if value in self._buttons:
            self._buttons[value].setText(word)
            self._buttons[value].setAccessibleName(word)

    def button(self, value: str) -> QPushButton:
        """The button of a choice."""
        return self._buttons[value]

    def _choose(self, value: str) -> None:
        if value != self._value:
            self.set_value(value)
            self.changed.emit(value)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            step = {Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()), 0)
            if step:
                values = list(self._buttons)
                value = values[(values.index(self._value) + step) % len(values)]
                self._buttons[value].setFocus(Qt.FocusReason.OtherFocusReason)
                self._choose(value)
                return True
        return False


class StatusLabel(QWidget):
    """A state by shape, colour and word."""

    def __init__(self, state: str, word: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self._icon = IconLabel("circle", "idle", 14)
        self._word = QLabel()
        self._word.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(self._icon)
        row.addWidget(self._word)
        row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_state(state, word)

    def set_state(self, state: str, word: str) -> None:
        """``ok``, ``warn``, ``err``, ``pend``, ``run`` or ``idle``, and its word."""
        self.state, self.word = state, word
        name, color = STATE_ICONS.get(state, STATE_ICONS["idle"])
        self._icon.set_icon(name, color, state)
        self._word.setText(word)
        self._word.setProperty("role", state if state in ("warn", "err") else "hint" if state == "idle" else "")
        restyle(self._word)
        self.setAccessibleName(word)

    def text(self) -> str:
        """The word."""
        return self.word


class Note(QFrame):
    """A sentence with a level (``info``, ``ok``, ``warn``, ``err``) at its left edge."""

    def __init__(self, level: str, text: str) -> None:
        super().__init__()
        self.setProperty("role", "note")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 8, 10, 8)
        row.setSpacing(8)
        self._icon = IconLabel("info", "accent", 16)
        self._text = QLabel()
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._always = shown_anyway()
        self._whole = ""
        self.set_level(level)
        self.set_text(text)
        privacy.changed.connect(self._look)

    def set_text(self, text: str) -> None:
        """Another sentence."""
        self._whole = text
        self._look()

    def _look(self) -> None:
        with revealed(self._always):
            self._text.setText(breakable(masked(self._whole)))
            self.setAccessibleName(masked(self._whole))

    def set_level(self, level: str) -> None:
        """Another level."""
        self.level = level if level in LEVEL_ICONS else "info"
        self.setProperty("level", self.level)
        self._icon.set_icon(*LEVEL_ICONS[self.level], self.level)
        restyle(self)

    def text(self) -> str:
        """What it says, whole."""
        return self._whole


class BadgeLabel(QWidget):
    """LOCAL (dashed), TEST (outlined) or PRODUCTION (filled)."""

    def __init__(self, environment: str) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_environment(environment)
        theme.changed.connect(self._changed)

    def set_environment(self, environment: str) -> None:
        """``local``, ``test`` or ``production``."""
        known = theme.tokens["environment"]
        self.environment = environment if environment in ("local", "test", "production") else "test"
        self.word = str(known[self.environment]["word"])
        self.setAccessibleName(f"{self.word} environment")
        self._changed()

    def text(self) -> str:
        """The word."""
        return self.word

    def _changed(self) -> None:
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        font = theme.font("hint")
        font.setPixelSize(max(9, font.pixelSize() - 1))
        font.setWeight(font.Weight.DemiBold)
        self.setFont(font)
        return QSize(self.fontMetrics().horizontalAdvance(self.word) + 12, max(16, self.fontMetrics().height() + 3))

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        solid = self.environment == "production"
        pen = QPen(theme.color("text" if solid else "border-control"), 1)
        if self.environment == "local":
            pen.setStyle(Qt.PenStyle.CustomDashLine)
            pen.setDashPattern([3, 2])
        painter.setPen(pen)
        painter.setBrush(theme.color("text") if solid else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        painter.setPen(theme.color("bg" if solid else "text-3" if self.environment == "local" else "text-2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.word)
        painter.end()
