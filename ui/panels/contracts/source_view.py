"""A source to read: highlighted, with its lines numbered, and opened in the reader's own editor at the line."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRegularExpression, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from ui.theme import theme

_WORDS = (
    "abstract anonymous as assembly break calldata case catch constant constructor continue contract default delete do else emit "
    "enum error event external fallback final for from function global if immutable import indexed interface internal is leave let "
    "library mapping memory modifier new override payable pragma private public pure receive return returns revert solidity "
    "storage struct super switch this throw try type unchecked unicode using view virtual while"
)
# In this order; a later rule wins over an earlier one on the same characters. Comments and strings come last.
_RULES = (
    (r"\b(?:" + "|".join(_WORDS.split()) + r")\b", "accent"),
    (r"\b(?:address|bool|string|bytes(?:[0-9]+)?|u?int(?:[0-9]+)?|mapping)\b", "pend"),
    (r"\b(?:0x[0-9a-fA-F]+|[0-9][0-9_]*(?:\.[0-9]+)?(?:e[0-9]+)?)\b", "warn"),
    (r"\b(?:true|false|wei|gwei|ether|seconds|minutes|hours|days|weeks)\b", "warn"),
    (r"\b(?:msg|block|tx|abi)(?=\.)", "pend"),
    (r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", "ok"),
    (r"//[^\n]*", "text-3"),
)
_IN_COMMENT = 1


class Highlighter(QSyntaxHighlighter):
    """Colours Solidity as far as words, numbers, strings and comments go; it does not parse."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._rules = [(QRegularExpression(pattern), color) for pattern, color in _RULES]
        theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        for pattern, color in self._rules:
            found = pattern.globalMatch(text)
            while found.hasNext():
                match = found.next()
                self.setFormat(match.capturedStart(), match.capturedLength(), self._format(color))
        self._comments(text)

    def _comments(self, text: str) -> None:
        """Comments that may go over lines: ``/* … */``."""
        self.setCurrentBlockState(0)
        start = 0 if self.previousBlockState() == _IN_COMMENT else text.find("/*")
        while start >= 0:
            end = text.find("*/", start)
            if end < 0:
                self.setCurrentBlockState(_IN_COMMENT)
                end = len(text)
            else:
                end += 2
            self.setFormat(start, end - start, self._format("text-3"))
            start = text.find("/*", end)

    def _format(self, color: str) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setForeground(theme.color(color))
        return made


class _Margin(QWidget):
    """The numbers of the lines; the text draws them."""

    def __init__(self, view: SourceView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self) -> QSize:
        return QSize(self._view.margin_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._view.paint_margin(self, event)


class SourceView(QPlainTextEdit):
    """One file, read-only."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.path: Path | None = None
        self.line = 0
        self.setObjectName(name)
        self.setProperty("role", "code")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName("Source")
        # A source is read with the keyboard as well: the caret shows where one is.
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard)
        self._highlighter = Highlighter(self.document())
        self._margin = _Margin(self)
        self.blockCountChanged.connect(lambda _: self._place())
        self.updateRequest.connect(self._moved)
        theme.changed.connect(self._dress)
        self._dress()

    def show_source(self, path: Path, text: str, line: int = 0) -> None:
        """Show a file, with ``line`` (from 1) marked and in the middle."""
        if self.path != path or self.toPlainText() != text:
            self.path = path
            self.setPlainText(text)
            self.setAccessibleName(f"Source {path.name}")
        self.go_to(line)

    def go_to(self, line: int) -> None:
        """Mark a line (from 1); 0 marks none."""
        self.line = line
        marks = []
        if line:
            block = self.document().findBlockByNumber(line - 1)
            cursor = QTextCursor(block)
            self.setTextCursor(cursor)
            self.centerCursor()
            mark = QTextEdit.ExtraSelection()
            mark.cursor = cursor  # type: ignore[attr-defined]
            mark.format.setBackground(theme.color("select"))  # type: ignore[attr-defined]
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)  # type: ignore[attr-defined]
            marks.append(mark)
        self.setExtraSelections(marks)

    # the margin

    def margin_width(self) -> int:
        """Room for the number of the last line."""
        return self.fontMetrics().horizontalAdvance("0") * (len(str(max(1, self.blockCount()))) + 2)

    def paint_margin(self, margin: QWidget, event: QPaintEvent) -> None:
        """Draw the numbers of the lines that are visible."""
        painter = QPainter(margin)
        painter.fillRect(event.rect(), theme.color("surface-2"))
        painter.setFont(self.font())
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        while block.isValid() and top <= event.rect().bottom():
            marked = block.blockNumber() + 1 == self.line
            color: QColor = theme.color("text" if marked else "text-3")
            painter.setPen(color)
            height = self.blockBoundingRect(block).height()
            room = QRect(0, int(top), margin.width() - self.fontMetrics().horizontalAdvance("0"), int(height))
            painter.drawText(room, Qt.AlignmentFlag.AlignRight, str(block.blockNumber() + 1))
            top += height
            block = block.next()
        painter.end()

    def _place(self) -> None:
        self.setViewportMargins(self.margin_width(), 0, 0, 0)
        inside = self.contentsRect()
        self._margin.setGeometry(QRect(inside.left(), inside.top(), self.margin_width(), inside.height()))

    def _moved(self, area: QRect, by: int) -> None:
        if by:
            self._margin.scroll(0, by)
        else:
            self._margin.update(0, area.y(), self._margin.width(), area.height())

    def _dress(self) -> None:
        self.setFont(theme.font("mono"))
        self._place()
        self.go_to(self.line)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
