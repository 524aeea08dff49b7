"""How one cell of a table is painted: by what it holds."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ui.theme import icon, theme
from ui.widgets.basics import STATE_ICONS
from ui.widgets.evidence import evidence_icon
from ui.widgets.identity import identicon
from ui.widgets.values import (
    AddressCell,
    Amount,
    Column,
    EvidenceCell,
    FaintCell,
    HashCell,
    IconCell,
    StatusCell,
    amounts_hidden,
    short_hex,
    shown_text,
    split_amount,
)

VALUE = Qt.ItemDataRole.UserRole
_PAD = 10
FITS_KEPT = 4_000  # texts whose width is known
# Plain numbers: a flag of Qt's costs more than the call it is given to.
_LEFT = (Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft).value
_RIGHT = (Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight).value
_SELECTED, _HOVERED = QStyle.StateFlag.State_Selected.value, QStyle.StateFlag.State_MouseOver.value


class CellDelegate(QStyledItemDelegate):
    """Paints values of :mod:`ui.widgets.values`; the focused row has the focus ring."""

    def __init__(self, columns: list[Column], dense: bool, view: QAbstractItemView) -> None:
        super().__init__(view)
        self._view = view
        self._columns = columns
        self._dense = dense
        self.dress()

    def dress(self) -> None:
        """Take the fonts of the theme again."""
        self._fits: dict[tuple[str, bool, int], tuple[str, int]] = {}
        self._font = theme.font("tableDense" if self._dense else "table")
        self._mono = theme.font("mono")

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        # A table asks for every cell that is in sight, so each call here counts some hundred times for one picture of it.
        rect: QRect = option.rect
        state: int = option.state.value
        at = index.column()
        if state & _SELECTED:
            painter.fillRect(rect, theme.color("select"))
            if at == 0:
                painter.fillRect(rect.x(), rect.y(), 3, rect.height(), theme.color("accent"))
        elif state & _HOVERED:
            painter.fillRect(rect, theme.color("surface-2"))
        painter.fillRect(rect.x(), rect.bottom(), rect.width(), 1, theme.color("border"))
        self._cell(painter, rect.adjusted(_PAD, 0, -_PAD, -1), index.data(VALUE), self._columns[at])
        view = self._view
        if view.hasFocus() and view.currentIndex().row() == index.row():
            self._ring(painter, rect, at == 0, at == len(self._columns) - 1)

    def _ring(self, painter: QPainter, rect: QRect, first: bool, last: bool) -> None:
        color = theme.color("focus")
        painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), 2), color)
        painter.fillRect(QRect(rect.left(), rect.bottom() - 1, rect.width(), 2), color)
        if first:
            painter.fillRect(QRect(rect.left(), rect.top(), 2, rect.height()), color)
        if last:
            painter.fillRect(QRect(rect.right() - 1, rect.top(), 2, rect.height()), color)

    def _cell(self, painter: QPainter, rect: QRect, value: object, column: Column) -> None:
        match value:
            case Amount():
                self._amount(painter, rect, value, column)
            case AddressCell():
                self._address(painter, rect, value)
            case StatusCell():
                name, color = STATE_ICONS.get(value.state, STATE_ICONS["idle"])
                ink = {"warn": "warn", "err": "err", "idle": "text-3"}.get(value.state, "text")
                self._with_icon(painter, rect, name, color, value.word, ink, self._font)
            case IconCell():
                self._with_icon(painter, rect, value.icon, value.color, value.word, value.ink, self._font)
            case EvidenceCell():
                self._chip(painter, rect, value)
            case HashCell():
                self._text(painter, rect, short_hex(value.value), "text-2", self._mono, column.align)
            case FaintCell():
                self._text(painter, rect, value.text, "text-3", self._mono if column.mono else self._font, column.align)
            case _:
                self._text(painter, rect, shown_text(value), "text", self._mono if column.mono else self._font, column.align)

    def _text(self, painter: QPainter, rect: QRect, text: str, color: str, font: QFont, align: str = "left") -> int:
        painter.setFont(font)
        painter.setPen(theme.color(color))
        shown, width = self._fitted(text, font is self._mono, rect.width())
        painter.drawText(rect, _RIGHT if align == "right" else _LEFT, shown)
        return width

    def _fitted(self, text: str, mono: bool, width: int) -> tuple[str, int]:
        """The text as far as it has room, and how wide that is; kept, since most cells look as they did."""
        key = (text, mono, width)
        found = self._fits.get(key)
        if found is None:
            if len(self._fits) >= FITS_KEPT:
                self._fits.clear()
            metrics = QFontMetrics(self._mono if mono else self._font)
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
            found = self._fits[key] = (shown, metrics.horizontalAdvance(shown))
        return found

    def _amount(self, painter: QPainter, rect: QRect, amount: Amount, column: Column) -> None:
        whole, rest = split_amount(amount)
        metrics = QFontMetrics(self._font)
        if metrics.horizontalAdvance(whole + rest) > rect.width():
            # Decimals go before digits that matter: an amount is never cut in the middle of its whole part unseen.
            rest = "…" if metrics.horizontalAdvance(whole + "…") <= rect.width() else ""
        width = metrics.horizontalAdvance(rest)
        incoming = amount.signed and amount.value > 0 and not amounts_hidden()
        if column.align == "right":
            self._text(painter, rect, rest, "ok" if incoming else "text-3", self._font, "right")
            self._text(painter, rect.adjusted(0, 0, -width, 0), whole, "ok" if incoming else "text", self._font, "right")
        else:
            left = self._text(painter, rect, whole, "ok" if incoming else "text", self._font)
            self._text(painter, rect.adjusted(left, 0, 0, 0), rest, "ok" if incoming else "text-3", self._font)

    def _address(self, painter: QPainter, rect: QRect, cell: AddressCell) -> None:
        side = 16
        if cell.address.startswith("0x"):
            ratio = painter.device().devicePixelRatioF()
            pixmap = identicon(cell.address, side, ratio)
            box = QRectF(rect.left(), rect.center().y() - side / 2 + 1, side, side)
            painter.drawPixmap(box, pixmap, QRectF(pixmap.rect()))
            rect = rect.adjusted(side + 6, 0, 0, 0)
        short = short_hex(cell.address)
        if cell.label and cell.label != cell.address:
            taken = self._text(painter, rect, cell.label, "text", self._font)
            rest = rect.adjusted(taken + 6, 0, 0, 0)
            if cell.bare:
                if cell.aside and rest.width() > 24:
                    self._text(painter, rest, cell.aside, "text-3", self._font)
            elif QFontMetrics(self._mono).horizontalAdvance(short) <= rest.width():
                self._text(painter, rest, short, "text-3", self._mono)
        else:
            self._text(painter, rect, short, "text", self._mono)

    def _chip(self, painter: QPainter, rect: QRect, cell: EvidenceCell) -> None:
        """Where the row comes from, in the shape of the chip that opens when it is asked for."""
        name, color = evidence_icon(cell.evidence)
        text, side = shown_text(cell), 12
        width = min(rect.width(), QFontMetrics(self._mono).horizontalAdvance(text) + side + 17)
        height = min(rect.height() - 4, 20)
        box = QRectF(rect.left() + 0.5, rect.center().y() - height / 2 + 0.5, width - 1, height)
        painter.setPen(QPen(theme.color("border")))
        painter.setBrush(theme.color("surface-2"))
        painter.drawRoundedRect(box, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        icon(name, color, side).paint(painter, QRect(rect.left() + 6, rect.center().y() - side // 2 + 1, side, side))
        self._text(
            painter, QRect(rect.left() + side + 10, rect.top(), width - side - 14, rect.height()), text, "text-2", self._mono
        )

    def _with_icon(self, painter: QPainter, rect: QRect, name: str, color: str, text: str, ink: str, font: QFont) -> None:
        side = 14
        painter.setPen(QPen())
        icon(name, color, side).paint(painter, QRect(rect.left(), rect.center().y() - side // 2 + 1, side, side))
        self._text(painter, rect.adjusted(side + 6, 0, 0, 0), text, ink, font)
