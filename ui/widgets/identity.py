"""Who and how much: identicons, addresses, amounts, and the choice of an account."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QKeySequence, QPainter, QPaintEvent, QPixmap, QShortcut
from PySide6.QtWidgets import QApplication, QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.core.money import exact_units
from ui.theme import theme
from ui.widgets.privacy import privacy
from ui.widgets.values import MASK, Amount, amounts_hidden, masked, revealed, short_hex, shown_anyway, split_amount

if TYPE_CHECKING:
    from collections.abc import Sequence

_identicons: dict[tuple[str, int, str], QPixmap] = {}
KEPT = 2_000  # identicons


def identicon(address: str, size: int, ratio: float = 1.0) -> QPixmap:
    """Five by five squares, mirrored, in two muted colours that a hash of the lower-case address chooses."""
    pixels = max(5, round(size * ratio))
    key = (address.lower(), pixels, theme.resolved)
    found = _identicons.get(key)
    if found is None:
        digest = hashlib.sha256(address.lower().encode()).digest()
        light = theme.resolved == "light"
        first = QColor.fromHsl(digest[0] * 360 // 256, 105, 105 if light else 150)
        second = QColor.fromHsl(digest[1] * 360 // 256, 70, 160 if light else 95)
        found = QPixmap(pixels, pixels)
        found.fill(theme.color("surface-3"))
        painter = QPainter(found)
        side = pixels / 5
        for column in range(3):
            for row in range(5):
                bits = digest[2 + column * 5 + row]
                if bits & 1:
                    for at in {column, 4 - column}:
                        painter.fillRect(QRectF(at * side, row * side, side, side), second if bits & 6 == 6 else first)
        painter.end()
        if len(_identicons) >= KEPT:
            _identicons.clear()
        _identicons[key] = found
    return found


def identicon_icon(address: str) -> QIcon:
    """The same for lists to choose from."""
    return QIcon(identicon(address, 16))


class Identicon(QWidget):
    """The picture of an address. It helps to recognise, never to verify."""

    def __init__(self, address: str, size: int = 16) -> None:
        super().__init__()
        self._side = size
        self.setFixedSize(QSize(size, size))
        self.set_address(address)
        theme.changed.connect(self.update)

    def set_address(self, address: str) -> None:
        """Another address."""
        self.address = address
        self.setAccessibleName(f"Picture of {address}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.address:
            painter = QPainter(self)
            pixmap = identicon(self.address, self._side, self.devicePixelRatioF())
            painter.drawPixmap(QRectF(self.rect()), pixmap, QRectF(pixmap.rect()))
            painter.end()


class AddressLabel(QWidget):
    """Identicon, label and short address; copying gives the whole address in EIP-55 spelling."""

    def __init__(self, address: str, label: str = "") -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self._picture = Identicon(address, 16)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setProperty("role", "strong")
        self._short = QLabel()
        for part in (self._picture, self._label, self._short):
            row.addWidget(part)
        row.addStretch(1)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = self.addAction("Copy address")
        copy.triggered.connect(self.copy)
        QShortcut(QKeySequence.StandardKey.Copy, self, self.copy, context=Qt.ShortcutContext.WidgetShortcut)
        theme.changed.connect(self._dress)
        self.set_address(address, label)

    def set_address(self, address: str, label: str = "") -> None:
        """Another address."""
        self.address = address
        named = bool(label) and label != address
        self._picture.set_address(address)
        self._picture.setVisible(bool(address))
        self._label.setText(label if named else "")
        self._label.setVisible(named)
        self._short.setText(short_hex(address))
        self._short.setProperty("role", "hint" if named else "")
        self.setToolTip(address)
        self.setAccessibleName(f"{label} {address}".strip() or "No address")
        self._dress()

    def copy(self) -> None:
        """The whole address to the clipboard."""
        QApplication.clipboard().setText(self.address)

    def _dress(self) -> None:
        self._short.setFont(theme.font("mono"))
        self._short.style().polish(self._short)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(theme.color("focus"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
            painter.end()


class AmountLabel(QWidget):
    """An amount: whole units in the colour of text, decimals and unit fainter; copying gives all decimals."""

    def __init__(self, value: int, decimals: int, unit: str, hero: bool = False, kind: str = "") -> None:
        super().__init__()
        self._kind = kind or ("hero" if hero else "strong")
        self._parts = ("", "")
        self._exact = ""
        self._shown: Amount | str = ""
        self._always = shown_anyway()
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = self.addAction("Copy amount, all decimals")
        copy.triggered.connect(self.copy)
        theme.changed.connect(self._changed)
        privacy.changed.connect(self._look)
        self.set_amount(value, decimals, unit)

    def set_amount(self, value: int, decimals: int, unit: str) -> None:
        """Another amount in the smallest unit."""
        self.set_value(Amount(value, decimals, unit))

    def set_value(self, amount: Amount) -> None:
        """Another amount."""
        self._shown, self._exact = amount, exact_units(amount.value, amount.decimals)
        self._look()

    def set_text(self, text: str) -> None:
        """A text in the place of an amount."""
        self._shown, self._exact = text, text
        self._look()

    def _look(self) -> None:
        with revealed(self._always):
            if isinstance(self._shown, Amount):
                self._parts = split_amount(self._shown)
                number = "hidden amount" if amounts_hidden() else self._exact
                self._spoken = f"{number} {self._shown.unit}".strip()
                self.setToolTip(MASK if amounts_hidden() else self._spoken)
            else:
                self._parts, self._spoken = (masked(self._shown), ""), masked(self._shown)
                self.setToolTip("")
        self.setAccessibleName(self._spoken)
        self._changed()

    def text(self) -> str:
        """As shown."""
        return "".join(self._parts)

    def spoken(self) -> str:
        """Exact, with its unit."""
        return self._spoken

    def copy(self) -> None:
        """All decimals to the clipboard."""
        QApplication.clipboard().setText(self._exact)

    def _changed(self) -> None:
        self.setFont(theme.font(self._kind))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text()) + 2, metrics.height() + 2)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        whole, rest = self._parts
        painter.setPen(theme.color("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(self.rect(), middle, whole)
        painter.setPen(theme.color("text-3"))
        painter.drawText(self.rect().adjusted(self.fontMetrics().horizontalAdvance(whole), 0, 0, 0), middle, rest)
        painter.end()


class AccountCombo(QComboBox):
    """One of the accounts of this console, or with ``editable`` any address."""

    def __init__(self, object_name: str, bridge: Any, editable: bool = False) -> None:
        super().__init__()
        self.setObjectName(object_name)
        self.setAccessibleName("Account or address" if editable else "Account")
        self.setEditable(editable)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(18)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._wanted = ""
        edit = self.lineEdit()
        if edit is not None:
            edit.setPlaceholderText("0x… or one of yours")
            edit.setAccessibleName("Account or address")
        self._bridge = bridge
        if bridge.is_ready:
            self.reload()

    def reload(self) -> None:
        """Read the accounts again, where the field outlives a change of them; what is chosen stays."""
        self._bridge.run(lambda: self._bridge.console.wallets.list(), then=self._fill, owner=self)

    def _fill(self, accounts: Sequence[Any]) -> None:
        kept = (self.currentText() if self.isEditable() else str(self.currentData() or "")) or self._wanted
        self.clear()
        for account in accounts:
            self.addItem(identicon(account.address, 16), f"{account.label}  {short_hex(account.address)}", account.address)
            self.setItemData(self.count() - 1, account.address, Qt.ItemDataRole.ToolTipRole)
        if self.isEditable():
            self.setCurrentIndex(-1)
            self.setEditText("")
        if kept:
            self.set_address(kept)

    def set_address(self, address: str) -> None:
        """Choose an address, also before the accounts have come."""
        self._wanted = address
        for index in range(self.count()):
            if str(self.itemData(index)).lower() == address.lower():
                self.setCurrentIndex(index)
                return
        if self.isEditable():
            self.setEditText(address)

    def address(self) -> str:
        """The chosen address, as it was stored or typed; whoever plans with it checks its EIP-55 spelling.

        Raises:
            Invalid: nothing is chosen, or what was typed is neither an account nor an address.
        """
        from app.core.errors import Invalid

        field = self.objectName().rpartition(".")[2]
        index = self.currentIndex()
        text = self.currentText().strip()
        if index >= 0 and (not self.isEditable() or text == self.itemText(index).strip()):
            return str(self.itemData(index))
        if not text:
            raise Invalid("No account is chosen. Nothing was planned.", "Choose an account.", field=field)
        for at in range(self.count()):
            label = self.itemText(at).rpartition("  ")[0]
            if text.lower() in (label.lower(), str(self.itemData(at)).lower()):
                return str(self.itemData(at))
        return address_typed(text, field)


def address_typed(text: str, field: str) -> str:
    """``text`` when it has the form of an address; its EIP-55 spelling is checked by whoever plans with it.

    Args:
        field: of the form, named by the error.

    Raises:
        Invalid: it has another form.
    """
    from app.core.errors import Invalid

    digits = text[2:]
    if not text.lower().startswith("0x") or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise Invalid(f"“{text[:60]}” is nobody known here and no address. Nothing was planned.", "Begin with 0x.", field=field)
    if len(digits) != 40:
        raise Invalid(
            f"An address has 40 hex digits after 0x. This has {len(digits)}. Nothing was planned.",
            "Copy the whole address.",
            field=field,
        )
    return text
