"""Who is paid: one of yours, a contact, somebody paid before, or any address; said while it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QSizePolicy

from app.core.errors import Invalid
from ui.widgets.identity import address_typed, identicon_icon
from ui.widgets.values import short_hex

if TYPE_CHECKING:
    from app.wallets.recipients import Book
    from ui.bridge import Bridge

MOST_PAID = 20  # of those paid before


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a recipient: a level (``info``, ``ok``, ``warn``, ``err``) and a sentence. ``compare``: enter it again."""

    level: str
    text: str
    compare: bool = False


class PartyCombo(QComboBox):
    """Accounts, contacts and recent recipients under their headings; any other address can be typed.

    Signals:
        judged: the choice is another; ask :meth:`said`.
        uri: a payment request was pasted.
    """

    judged = Signal()
    uri = Signal(str)

    def __init__(self, name: str, bridge: Bridge) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Recipient: an account, a contact or an address")
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(18)
        self.setMaxVisibleItems(16)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._book: Book | None = None
        self._wanted = ""
        edit = self.lineEdit()
        assert edit is not None
        edit.setPlaceholderText("0x…, a contact, or one of yours")
        edit.setAccessibleName("Recipient: an account, a contact or an address")
        completer = QCompleter(self.model(), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.setCompleter(completer)
        self.editTextChanged.connect(self._typed)
        bridge.run(lambda: bridge.console.wallets.book(), then=self._fill, owner=self)

    def _fill(self, book: Book) -> None:
        kept = self._wanted or self.currentText()
        self._book = book
        self.blockSignals(True)
        self.clear()
        contacts = [(one.address, one.label) for found in book.contacts.values() for one in found]
        paid = [(address, "") for address in book.paid if address not in book.own and address not in book.contacts]
        for heading, entries in (
            ("Contacts", sorted(contacts, key=lambda one: one[1].casefold())),
            ("Your accounts", list(book.own.items())),
            ("Paid before", paid[-MOST_PAID:]),
        ):
            if not entries:
                continue
            self.addItem(heading)
            self.setItemData(self.count() - 1, 0, Qt.ItemDataRole.UserRole - 1)  # a heading cannot be chosen
            for address, label in entries:
                self.addItem(identicon_icon(address), f"{label}  {short_hex(address)}".strip(), address)
                self.setItemData(self.count() - 1, address, Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(-1)
        self.setEditText("")
        self.blockSignals(False)
        if kept:
            self.set_address(kept)
        self.judged.emit()

    def set_address(self, address: str) -> None:
        """Choose an address, also before the others have come."""
        self._wanted = address
        for index in range(self.count()):
            if str(self.itemData(index) or "").lower() == address.lower():
                self.setCurrentIndex(index)
                return
        self.setCurrentIndex(-1)
        self.setEditText(address)

    def _typed(self, text: str) -> None:
        if text.strip().lower().startswith("ethereum:"):
            self.uri.emit(text.strip())
            return
        self._wanted = ""
        self.judged.emit()

    def address(self) -> str:
        """The chosen address; whoever plans with it checks its spelling.

        Raises:
            Invalid: nothing is chosen, or what was typed is neither known nor an address.
        """
        field = self.objectName().rpartition(".")[2]
        text = self.currentText().strip()
        index = self.currentIndex()
        if index >= 0 and text == self.itemText(index).strip() and self.itemData(index):
            return str(self.itemData(index))
        if not text:
            raise Invalid(
                "A transfer needs somebody to receive it. Nothing was planned.", "Choose or enter an address.", field=field
            )
        for at in range(self.count()):
            address = str(self.itemData(at) or "")
            label = self.itemText(at).rpartition("  ")[0]
            if address and text.lower() in (label.lower(), address.lower()):
                return address if text.lower() == label.lower() else text
        return address_typed(text, field)

    def said(self, network: str) -> Said | None:
        """What can be said of the recipient before anything is asked of the chain; None while it is not yet an address."""
        if self._book is None:
            return None
        try:
            address = self.address()
        except Invalid as error:
            text = self.currentText().strip()
            return Said("err", str(error)) if text.lower().startswith("0x") and len(text) > 42 else None
        from app.wallets.keys import parse_address

        try:
            address = parse_address(address, "recipient")
        except Invalid as error:
            return Said("err", str(error))
        book = self._book
        if not book.knows(address):
            alike = next(iter(book.look_alikes(address)), None)
            if alike is not None and alike.close:
                return Said("err", f"It is another address than {alike.name}, which it looks like: {alike.address}", compare=True)
            if alike is not None:
                return Said("warn", f"It is a little like {alike.name}. Compare every digit: {alike.address}")
            return Said("warn", "This address was never paid from this console. Compare every digit with its source.")
        contact = book.contact(address, network)
        if address in book.own:
            return Said("ok", f"Your own account {book.own[address]}")
        if contact is not None:
            if contact.network not in ("", network):
                return Said("warn", f"{contact.label} is a contact on another network.")
            return Said("ok", f"In your contacts as {contact.label}")
        return Said("info", f"Paid before by {book.paid[address]}; not in your contacts")

    def label(self) -> str:
        """How the recipient is called here, or empty."""
        try:
            return self._book.name(self.address()) if self._book is not None else ""
        except Invalid:
            return ""
