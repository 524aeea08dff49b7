"""Receive: the address, and a payment request as a QR code (EIP-681)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QComboBox, QHBoxLayout

from app.core.errors import ConsoleError
from app.core.money import parse_units
from ui.panels.wallets.forms.form import WalletForm, ask_save, line
from ui.widgets import AddressLabel, CodeBlock, Note, QrCode, button, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account
    from ui.shell.panel import Panel


class ReceiveForm(WalletForm):
    """Nothing is planned: whoever pays does it elsewhere."""

    title = "Receive"
    context = "Nothing is signed; the one who pays signs"
    primary = "Done"
    planned = False

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self._assets: list[tuple[str, str, int]] = []  # symbol, token, decimals
        self._uri = ""
        self.who = AddressLabel(account.address, account.label)
        self.who.setObjectName("wallets.receive.who")
        self.add(self.who)
        self.qr = QrCode(236)
        self.qr.setObjectName("wallets.receive.qr")
        middle = QHBoxLayout()
        middle.addStretch(1)
        middle.addWidget(self.qr)
        middle.addStretch(1)
        self.add(middle)
        self.address = CodeBlock(account.address)
        self.address.setObjectName("wallets.receive.address")
        self.address.setAccessibleName("The whole address")
        self.add(self.address)
        self.asset = QComboBox()
        self.asset.setObjectName("wallets.receive.asset")
        self.asset.setAccessibleName("What to ask for")
        self.asset.addItem("Anything: the address alone", None)
        self.amount = line_edit("wallets.receive.amount", "Amount to ask for")
        self.field("What", self.asset, "A request names the chain, so that it is not paid on another one")
        self.amount_field = self.field("Amount", self.amount, "Empty leaves it to the one who pays")
        self.amount_field.setEnabled(False)
        self.request = Note("info", "The code holds the address alone.")
        self.add(self.request)
        copy = button("Copy address", icon="copy")
        copy.setObjectName("wallets.receive.copy")
        copy.clicked.connect(self._copy_address)
        self.copy_uri = button("Copy request", icon="link")
        self.copy_uri.setObjectName("wallets.receive.copy_uri")
        self.copy_uri.clicked.connect(self._copy_uri)
        self.copy_uri.setEnabled(False)
        save = button("Save picture…", icon="download-simple")
        save.setObjectName("wallets.receive.save")
        save.clicked.connect(
            lambda: ask_save(self, "Save the code", f"{account.label}.png", "Pictures (*.png *.svg)", self.save_to)
        )
        self.add(line(copy, self.copy_uri))
        self.add(line(save))
        self.end()
        self.asset.currentIndexChanged.connect(lambda _: self._encode())
        self.amount.textChanged.connect(lambda _: self._encode())
        self.bridge.run(self._read, then=self._filled, owner=self)
        self._encode()

    async def _read(self) -> list[tuple[str, str, int]]:
        console = self.console
        network = console.networks.current
        if network is None or not network.genesis:
            return []
        economy = await console.contracts.economy(network.key.text)
        assets = [(economy.token_symbol, economy.token, 18)] if economy else []
        return [*assets, (network.symbol, "", 18)]

    def _filled(self, assets: list[tuple[str, str, int]]) -> None:
        self._assets = assets
        for symbol, token, decimals in assets:
            self.asset.addItem(symbol, (token, decimals))

    def _encode(self) -> None:
        chosen = self.asset.currentData()
        self.amount_field.setEnabled(chosen is not None)
        self.amount_field.set_error("")
        self._uri = ""
        if chosen is not None:
            try:
                self._uri = self._request(*chosen)
            except ConsoleError as error:
                self.amount_field.set_error(str(error))
        self.copy_uri.setEnabled(bool(self._uri))
        if chosen is None or self._uri:
            self.qr.set_text(self._uri or self._account.address)
        else:
            self.qr.set_text("")
        self.request.set_text(self._uri or ("The code holds the address alone." if chosen is None else "There is no request yet."))

    def _request(self, token: str, decimals: int) -> str:
        text = self.amount.text().strip()
        amount = parse_units(text, decimals, unit=self.asset.currentText()) if text else None
        uri: str = self.console.wallets.receive_uri(self._account.address, self.network("asset").id, token, amount)
        return uri

    def _copy_address(self) -> None:
        QApplication.clipboard().setText(self._account.address)
        self.panel.window_.notify(f"The address of {self._account.label} is copied.", "ok")

    def _copy_uri(self) -> None:
        QApplication.clipboard().setText(self._uri)
        self.panel.window_.notify("The payment request is copied.", "ok")

    def save_to(self, path: Path) -> None:
        """Write the code as a picture."""
        try:
            self.qr.save(path)
        except OSError as error:
            self.panel.window_.notify(f"The picture was not written: {error.strerror}.", "err")
        else:
            self.panel.window_.notify(f"The code is written to {path}.", "ok")

    def work(self) -> Callable[[], Awaitable[Any]]:
        async def nothing() -> None:
            return None

        return nothing

    def first_field(self) -> Any:
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return self.asset
