"""Verify: did this address sign exactly this?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QPlainTextEdit, QWidget

from ui.panels.wallets.forms.form import WalletForm, line
from ui.panels.wallets.parties import PartyCombo
from ui.theme import theme
from ui.widgets import EvidenceChip, KeyValue, Note, Segmented, empty

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets.verifying import Verified
    from ui.shell.panel import Panel


class VerifyForm(WalletForm):
    """By the curve, and for contracts by asking them (EIP-1271)."""

    title = "Verify a signature"
    context = "Nothing is signed, no key is needed"
    primary = "Verify"
    planned = False
    stays = True

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.address = PartyCombo("wallets.verify.address", self.bridge)
        self.field("Signed by", self.address)
        self.form = Segmented([("message", "Message"), ("typed", "Typed data (EIP-712)")])
        self.form.setObjectName("wallets.verify.form")
        self.form.setAccessibleName("What was signed")
        self.add(self.form)
        self.text = QPlainTextEdit()
        self.text.setObjectName("wallets.verify.typed")
        self.text.setAccessibleName("What was signed, exactly")
        self.text.setTabChangesFocus(True)
        self.text.setMaximumHeight(150)
        self.field("Exactly this", self.text)
        self.signature = QPlainTextEdit()
        self.signature.setObjectName("wallets.verify.signature")
        self.signature.setAccessibleName("Signature")
        self.signature.setTabChangesFocus(True)
        self.signature.setFont(theme.font("mono"))
        self.signature.setMaximumHeight(76)
        self.field("Signature", self.signature, "0x and 130 hex digits, or 128 (EIP-2098)")
        self.ask = QCheckBox("Ask a contract too, on the current network")
        self.ask.setObjectName("wallets.verify.ask")
        self.ask.setToolTip("A contract's account has no key; it answers by itself (EIP-1271)")
        self.add(self.ask)
        self.answer = Note("info", "")
        self.answer.setObjectName("wallets.verify.answer")
        self.answer.hide()
        self.add(self.answer)
        self.facts = KeyValue([])
        self.add(self.facts)
        self._chips = line()
        self.add(self._chips)
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        address, text = self.address.address(), self.text.toPlainText()
        signature, wallets = "".join(self.signature.toPlainText().split()), self.console.wallets
        network = self.network("address").id if self.ask.isChecked() else ""
        self.answer.hide()
        self.facts.set_pairs([])
        empty(self._chips)
        if self.form.value() == "typed":
            return lambda: wallets.verify_typed(address, text, signature, network)
        return lambda: wallets.verify_message(address, text, signature, network)

    def finished(self, result: Verified) -> None:
        self.answer.set_level("ok" if result.valid else "err")
        self.answer.set_text(result.text)
        self.answer.show()
        facts = [("Digest", "0x" + result.digest.hex())]
        if result.signer:
            facts.append(("Recovered", result.signer))
        self.facts.set_pairs([*facts, ("Written as", result.form)])
        if result.evidence is not None:
            self._chips.addWidget(EvidenceChip(result.evidence))
            self._chips.addStretch(1)

    def show_error(self, error: Any) -> bool:
        if error.field in ("message", "content"):
            error.field = "typed"
        return super().show_error(error)

    def first_field(self) -> QWidget | None:
        return self.address
