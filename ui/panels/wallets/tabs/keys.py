"""Where the key of an account lives, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from ui.panels.wallets.reading import KEYS, KINDS
from ui.panels.wallets.tabs.tab import Tab
from ui.widgets import AddressLabel, KeyValue, Note, button, danger_button, empty
from ui.widgets.values import moment

if TYPE_CHECKING:
    from app.wallets import Account, Wallet
    from ui.shell.panel import Panel

BESIDE = 1_000  # pixels from which the other accounts have room beside the facts
_WHERE = {
    "hd": "Derived from a recovery phrase in the system keyring of this computer",
    "imported": "A private key in the system keyring of this computer",
    "external": "In a signer elsewhere, which is asked for every signature",
    "watch": "Not here: only the address is known",
}


class KeysTab(Tab):
    """Facts at the left, verbs below them, the other accounts of the phrase at the right, or below where that is too narrow."""

    name = "keys"
    title = "Signing keys"
    asked = Signal(str)
    account_asked = Signal(str)

    def __init__(self, panel: Panel, verbs: tuple[tuple[str, str, str, tuple[str, ...]], ...]) -> None:
        super().__init__(panel)
        self._verbs = verbs
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setAccessibleName("The key of the account")
        inside = QWidget()
        row = self._parts = QHBoxLayout(inside)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(32)
        left = QVBoxLayout()
        left.setSpacing(10)
        self.facts = KeyValue([])
        self.facts.setObjectName("wallets.keys.facts")
        left.addWidget(self.facts)
        self.note = Note("info", "")
        self.note.setObjectName("wallets.keys.note")
        self.note.hide()
        left.addWidget(self.note)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(8)
        left.addLayout(self._buttons)
        left.addStretch(1)
        row.addLayout(left, 3)
        self.others = QWidget()
        right = QVBoxLayout(self.others)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(6)
        heading = QLabel("Other accounts of this phrase")
        heading.setProperty("role", "heading")
        right.addWidget(heading)
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        right.addLayout(self._list)
        right.addStretch(1)
        row.addWidget(self.others, 2)
        scroll.setWidget(inside)
        self.column.addWidget(scroll, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = event.size().width() >= BESIDE
        self._parts.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)

    def changed(self) -> None:
        self.facts.set_pairs([])
        self.note.hide()
        self._fill_buttons()
        empty(self._list)
        self.others.hide()

    def _fill_buttons(self) -> None:
        empty(self._buttons)
        assert self.account is not None
        kind = str(self.account.kind)
        for verb, symbol, words, kinds in self._verbs:
            if kind not in kinds:
                continue
            made: Any = danger_button(words, icon=symbol) if verb == "delete" else button(words, icon=symbol)
            made.setObjectName(f"wallets.keys.{verb}")
            made.clicked.connect(lambda _=False, verb=verb: self.asked.emit(verb))
            self._buttons.addWidget(made)
        self._buttons.addStretch(1)

    def refresh(self) -> None:
        assert self.account is not None
        account, console = self.account, self.bridge.console

        async def read() -> tuple[Account, Wallet | None, str]:
            wallets = await console.wallets.sources()
            wallet = next((one for one in wallets if one.id == account.wallet_id), None)
            return account, wallet, (await console.vault.state()).backend

        self.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[Account, Wallet | None, str]) -> None:
        account, wallet, backend = answer
        if not self.shows(account.address):
            return
        kind = str(account.kind)
        _, _, state, _ = KEYS.get(str(account.key_state), ("", "", str(account.key_state), ""))
        facts = [("Kind", KINDS.get(kind, ("", kind))[1]), ("Key", state), ("Where it lives", _WHERE.get(kind, ""))]
        if wallet is not None:
            facts.append(("Keyring", backend))
            facts.append(("Wallet", wallet.label))
        if account.path:
            facts.append(("Path (BIP-32)", account.path))
        if account.signer:
            facts.append(("Signer", account.signer))
        if wallet is not None:
            facts.append(("Backup drilled", f"{moment(wallet.drilled_at)} UTC" if wallet.drilled_at else "never"))
            facts.append(("Here since", f"{moment(wallet.created_at)} UTC"))
        self.facts.set_pairs(facts)
        self._say(account, wallet)
        others = [one for one in self.snapshot.accounts if account.wallet_id and one.wallet_id == account.wallet_id]
        empty(self._list)
        for one in others:
            if one.id != account.id:
                line = QWidget()
                row = QHBoxLayout(line)
                row.setContentsMargins(0, 0, 0, 0)
                who = QVBoxLayout()
                who.setSpacing(0)
                who.addWidget(AddressLabel(one.address, one.label))
                path = QLabel(one.path)
                path.setProperty("role", "hint")
                path.setContentsMargins(22, 0, 0, 0)  # below the label, beside the picture
                who.addWidget(path)
                row.addLayout(who, 1)
                go = button("Show")
                go.setAccessibleName(f"Show {one.label}")
                go.clicked.connect(lambda _=False, address=one.address: self.account_asked.emit(address))
                row.addWidget(go)
                self._list.addWidget(line)
        self.others.setVisible(kind == "hd" and len(others) > 1)

    def _say(self, account: Account, wallet: Wallet | None) -> None:
        state = str(account.key_state)
        said = ("", "")
        if state == "missing":
            said = (
                "err",
                "Its secret is not in this keyring. Restore it from its backup to sign again.",
            )
        elif state == "unknown":
            said = ("warn", "The system keyring is locked or does not answer, so nobody can tell whether the key is there.")
        elif wallet is not None and not wallet.drilled_at:
            said = ("warn", "Nobody has shown yet that the backup of this key works. A drill takes a minute and stores nothing.")
        self.note.setVisible(bool(said[1]))
        if said[1]:
            self.note.set_level(said[0])
            self.note.set_text(said[1])
