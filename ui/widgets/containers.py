"""What other widgets stand in: cards, panes, figures with their label, lists of facts, and what is shown instead of nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextOption
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.theme import theme
from ui.widgets.basics import IconLabel, Note, button, primary_button
from ui.widgets.identity import AmountLabel
from ui.widgets.privacy import privacy
from ui.widgets.values import Amount, masked, revealed, shown_anyway

Doing = tuple[str, Callable[[], object]]


def empty(layout: QLayout) -> None:
    """Take everything out of a layout and let the event loop delete it.

    The widgets stay their parent's until then: one without a parent belongs to Python, which deletes it with the last reference,
    perhaps in the middle of its own event, and Qt then works on memory that is gone.
    """
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget() if item else None
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def fit_words(row: QLayout, width: int) -> None:
    """Where the words of a row's buttons would squeeze the rest, their icons stand alone; tooltip and name keep the words.

    Args:
        width: pixels that the row has.
    """
    widgets = [item.widget() for item in map(row.itemAt, range(row.count())) if item is not None]
    buttons = [widget for widget in widgets if isinstance(widget, QPushButton) and not widget.icon().isNull()]
    for each in buttons:
        if not each.text():
            each.setText(str(each.property("words") or ""))
    if row.minimumSize().width() <= width:
        return
    for each in buttons:
        if words := each.text():
            each.setProperty("words", words)
            each.setAccessibleName(each.accessibleName() or words)
            each.setToolTip(each.toolTip() or words)
            each.setText("")


def scrolled(inner: QWidget, called: str) -> QScrollArea:
    """What is higher than its room, in an area that scrolls up and down and never sideways; a screen reader calls it ``called``."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setAccessibleName(called)
    area.setWidget(inner)
    return area


class _Headed(QFrame):
    """A heading with room for more widgets at its left and right, and a body."""

    def __init__(self, title: str, role: str, head_role: str, margins: tuple[int, int, int, int], spacing: int) -> None:
        super().__init__()
        self.setProperty("role", role)
        self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.__head = QFrame()
        self.__head.setProperty("role", head_role)
        self.__row = QHBoxLayout(self.__head)
        self.__row.setContentsMargins(margins[0] or 16, 4, margins[2] or 16, 4)
        self.__row.setSpacing(8)
        self.__title = QLabel(title)
        self.__title.setTextFormat(Qt.TextFormat.PlainText)
        self.__title.setProperty("role", "heading")
        self.__row.addWidget(self.__title)
        self.__row.addStretch(1)
        self.__left = 1
        outer.addWidget(self.__head)
        self.__head.setVisible(bool(title))
        self.body = QVBoxLayout()
        self.body.setContentsMargins(*margins)
        self.body.setSpacing(spacing)
        outer.addLayout(self.body, 1)
        theme.changed.connect(self.__size)
        self.__size()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        fit_words(self.__row, self.width())

    def __size(self) -> None:
        self.__head.setMinimumHeight(theme.metric("paneHeader"))

    def add_header(self, widget: QWidget, right: bool = False) -> None:
        """Put a widget beside the title, or at the right end of the heading."""
        if right:
            self.__row.addWidget(widget)
        else:
            self.__row.insertWidget(self.__left, widget)
            self.__left += 1
        self.__head.setVisible(True)

    def set_title(self, title: str) -> None:
        """Another title."""
        self.__title.setText(title)
        self.__head.setVisible(bool(title))
        self.setAccessibleName(title)

    def title(self) -> str:
        """The title."""
        return self.__title.text()


class Card(_Headed):
    """A box with a border; its body keeps 12 px to all sides."""

    def __init__(self, title: str = "") -> None:
        super().__init__(title, "card", "cardHead", (12, 12, 12, 12), 8)


class Pane(_Headed):
    """A part of a page under its heading; its body goes to the edges."""

    def __init__(self, title: str = "") -> None:
        super().__init__(title, "pane", "paneHead", (0, 0, 0, 0), 0)


class KpiCell(QFrame):
    """A figure under its label, over what it is measured by."""

    def __init__(self, label: str, figure: str | Amount = "–", context: str = "") -> None:
        super().__init__()
        self.setProperty("role", "kpi")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(1)
        self._label = QLabel(label)
        self._label.setProperty("role", "label")
        self._figure = AmountLabel(0, 0, "", kind="figure")
        self._context = QLabel(context)
        self._context.setTextFormat(Qt.TextFormat.PlainText)
        self._context.setProperty("role", "hint")
        self._context.setVisible(bool(context))
        self._head = QHBoxLayout()
        self._head.setSpacing(6)
        self._head.addWidget(self._label, 1)
        self._aside: QWidget | None = None
        column.addLayout(self._head)
        for part in (self._figure, self._context):
            column.addWidget(part)
        column.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._whole_context = context
        self.set_figure(figure)
        privacy.changed.connect(self._look)

    def set_figure(self, figure: str | Amount) -> None:
        """A text, or an amount: cut in sight, exact in the tooltip."""
        if isinstance(figure, Amount):
            self._figure.set_value(figure)
        else:
            self._figure.set_text(figure)
        self._say()

    def set_aside(self, widget: QWidget | None) -> None:
        """What stands at the right of the label, such as the figure's evidence."""
        if self._aside is not None:
            self._aside.hide()
            self._aside.deleteLater()
        self._aside = widget
        if widget is not None:
            self._head.addWidget(widget)

    def set_context(self, text: str) -> None:
        """What stands below the figure."""
        self._whole_context = text
        self._look()

    def _look(self) -> None:
        self._context.setText(masked(self._whole_context))
        self._context.setVisible(bool(self._whole_context))
        self._say()

    def text(self) -> str:
        """The figure as shown."""
        return self._figure.text()

    def _say(self) -> None:
        self.setAccessibleName(", ".join(filter(None, (f"{self._label.text()} {self._figure.spoken()}", self._context.text()))))


class KpiStrip(QFrame):
    """Figures side by side over a page; ``strip[name]`` is a cell.

    Args:
        prefix: of the cells' object names: the cell ``rate`` of ``mining.work`` is called ``mining.work.rate``.
        least: pixels to which a cell can be narrowed; its context is cut then. 0 for as wide as its texts.
    """

    def __init__(self, prefix: str, cells: Iterable[tuple[str, str]], least: int = 0) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self.cells: dict[str, KpiCell] = {}
        for name, label in cells:
            cell = KpiCell(label, "–", "")
            cell.setObjectName(f"{prefix}.{name}")
            if least:
                cell.setMinimumWidth(least)
            self.cells[name] = cell
            row.addWidget(cell, 1)

    def __getitem__(self, name: str) -> KpiCell:
        return self.cells[name]


class KeyValue(QWidget):
    """Names at the left, values at the right: selectable, long ones break anywhere."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(5)
        self._grid.setColumnStretch(1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.pairs: list[tuple[str, str]] = []
        self._always = shown_anyway()
        self.set_pairs(pairs)
        privacy.changed.connect(self._look)

    def set_pairs(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Show other facts."""
        self.pairs = [(name, str(value)) for name, value in pairs]
        self._look()

    def _look(self) -> None:
        empty(self._grid)
        with revealed(self._always):
            shown_pairs = [(name, value, masked(value)) for name, value in self.pairs]
        for row, (name, whole, value) in enumerate(shown_pairs):
            label = QLabel(name)
            label.setProperty("role", "label")
            label.setMaximumWidth(150)
            label.setWordWrap(len(name) > 20)
            shown = QLabel(breakable(value))
            shown.setTextFormat(Qt.TextFormat.PlainText)
            shown.setWordWrap(True)
            shown.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
            shown.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            if value.startswith("0x"):
                shown.setFont(theme.font("mono"))
            shown.setAccessibleName(f"{name}: {value}")
            shown.setToolTip(value if len(value) > 24 else "")
            shown.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
            copy = shown.addAction(f"Copy {name.lower()}")
            copy.triggered.connect(lambda _=False, text=whole: QApplication.clipboard().setText(text))
            self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(shown, row, 1)
        self.setAccessibleName("; ".join(f"{name}: {value}" for name, _, value in shown_pairs))


class EmptyState(QWidget):
    """What is shown where nothing is: why, and what one can do about it; ``more`` are other ways to it."""

    def __init__(self, icon: str, title: str, text: str, action: Doing | None = None, more: Sequence[Doing] = ()) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(6)
        column.addStretch(1)
        column.addWidget(IconLabel(icon, "text-3", 24), 0, Qt.AlignmentFlag.AlignHCenter)
        self._title = QLabel(title)
        self._title.setProperty("role", "heading")
        self._title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._text = QLabel(text)
        self._text.setProperty("role", "hint")
        self._text.setWordWrap(True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._title)
        column.addWidget(self._text)
        self.button: QPushButton | None = None
        if action is not None:
            word, run = action
            self.button = primary_button(word)
            self.button.clicked.connect(lambda: run())
            column.addSpacing(4)
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addStretch(1)
            row.addWidget(self.button)
            for also, act in more:
                other = button(also)
                other.clicked.connect(lambda _=False, act=act: act())
                row.addWidget(other)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(1)
        self.setAccessibleName(f"{title}. {text}")

    def set_text(self, title: str, text: str) -> None:
        """Say something else."""
        self._title.setText(title)
        self._text.setText(text)
        self.setAccessibleName(f"{title}. {text}")


class ErrorState(QWidget):
    """What went wrong, what was not done, and a way to try again."""

    def __init__(self, text: str, retry: Callable[[], object] | None = None) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        self._note = Note("err", text)
        column.addWidget(self._note)
        row = QHBoxLayout()
        if retry is not None:
            again = button("Try again", icon="arrows-clockwise")
            again.clicked.connect(lambda: retry())
            row.addWidget(again)
        copy = button("Copy details", icon="copy")
        copy.clicked.connect(lambda: QApplication.clipboard().setText(self._note.text()))
        row.addWidget(copy)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)
        self.setAccessibleName(text)

    def set_text(self, text: str) -> None:
        """Another error."""
        self._note.set_text(text)
        self.setAccessibleName(text)


class Skeleton(QWidget):
    """Grey bars in the place of rows that are being read."""

    def __init__(self, rows: int = 3, text: str = "Reading") -> None:
        super().__init__()
        self._rows = rows
        self.setAccessibleName(text)
        self.setMinimumHeight(rows * 30)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(300, self._rows * 30)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("surface-3"))
        width = self.width() - 32
        for row in range(self._rows):
            top = row * 30 + 11
            long = (0.42, 0.32, 0.5)[row % 3]
            for left, part in ((0.0, 0.05), (0.1, long), (1 - long / 2, long / 2)):
                painter.drawRoundedRect(QRectF(16 + left * width, top, part * width, 8), 3, 3)
        painter.end()


class CodeBlock(QPlainTextEdit):
    """Text of a program or a call: mono, read-only, as high as its lines up to a limit."""

    def __init__(self, text: str = "", max_lines: int = 14) -> None:
        super().__init__()
        self._max_lines = max_lines
        self.setProperty("role", "code")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName("Code")
        self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._dress)
        self.setPlainText(text)
        self._dress()

    def set_text(self, text: str) -> None:
        """Show another text."""
        self.setPlainText(text)
        self._fit()

    def text(self) -> str:
        """The text."""
        return self.toPlainText()

    def _dress(self) -> None:
        self.setFont(theme.font("mono"))
        self._fit()

    def _fit(self) -> None:
        # The document lays itself out lazily in lines of the viewport; the height of one line times their number is enough.
        per_line = max(1, (self.viewport().width() - 12) // max(1, self.fontMetrics().horizontalAdvance("0")))
        lines = sum(max(1, -(-len(line) // per_line)) for line in self.toPlainText().split("\n"))
        height = min(lines, self._max_lines) * self.fontMetrics().lineSpacing() + 22
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._fit()


class LogView(QPlainTextEdit):
    """Lines that come by themselves: it follows the end unless the reader scrolled up."""

    KEPT = 5_000  # lines

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "code")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.setMaximumBlockCount(self.KEPT)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName("Log")
        self._text = ""
        theme.changed.connect(self._dress)
        self._dress()

    def set_text(self, text: str) -> None:
        """Show this text; what is already shown of it is not laid out again."""
        if text == self._text:
            return
        bar = self.verticalScrollBar()
        at_end, place = bar.value() >= bar.maximum() - 2, bar.value()
        if self._text and text.startswith(self._text + "\n"):
            self.appendPlainText(text[len(self._text) + 1 :])
        else:
            self.setPlainText(text)
        self._text = text
        bar.setValue(bar.maximum() if at_end else min(place, bar.maximum()))

    def append(self, line: str) -> None:
        """Add a line."""
        self.set_text(f"{self._text}\n{line}" if self._text else line)

    def text(self) -> str:
        """What was shown last."""
        return self._text

    def _dress(self) -> None:
        self.setFont(theme.font("mono"))


def breakable(text: str) -> str:
    """Let long words break: a zero-width space after each eight characters of a hash."""
    words = text.split(" ")
    return " ".join("\u200b".join(w[at : at + 8] for at in range(0, len(w), 8)) if len(w) > 24 else w for w in words)
