"""Approve: how much of a token a contract may take by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from app.core.errors import Invalid
from app.core.money import UINT256_MAX, parse_units
from ui.panels.wallets.fees import FeeChoice
from ui.panels.wallets.forms.form import WalletForm
from ui.panels.wallets.parties import PartyCombo
from ui.widgets import Field, Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.wallets import Account
    from app.wallets.tokens import TokenInfo
    from ui.shell.panel import Panel


class ApproveForm(WalletForm):
    """An allowance of an ERC-20 token."""

    title = "Approve a spender"

    def __init__(self, panel: Panel, account: Account) -> None:
        super().__init__(panel)
        self._account = account
        self.context = f"Of the tokens of {account.label}"
        self.token = QComboBox()
        self.token.setObjectName("wallets.approve.token")
        self.token.setAccessibleName("Token")
        self.field("Token", self.token)
        self.spender = PartyCombo("wallets.approve.spender", self.bridge)
        self.field("May be taken by", self.spender, "Usually a contract that you use")
        self.amount = line_edit("wallets.approve.amount", "At most")
        self.amount_field = self.field("At most", self.amount, "No more than is needed now; it can be raised at any time")
        self.unlimited = QCheckBox("Without a limit")
        self.unlimited.setObjectName("wallets.approve.unlimited")
        self.unlimited.toggled.connect(self._limit)
        self.add(self.unlimited)
        self.warning = Note("warn", "Without a limit the spender can take all the account holds, now and later.")
        self.warning.hide()
        self.add(self.warning)
        self.fee = FeeChoice("wallets.approve.fee", self.bridge, gas=55_000)
        self.add(Field("Fee", self.fee, ""))
        self.end()
        self.bridge.run(self._read, then=self._filled, owner=self)

    async def _read(self) -> list[TokenInfo]:
        network = self.console.networks.current
        found: list[TokenInfo] = await self.console.wallets.tokens(network.id) if network is not None else []
        return [token for token in found if token.address]

    def _filled(self, tokens: list[TokenInfo]) -> None:
        for token in tokens:
            self.token.addItem(token.symbol, (token.address, token.decimals))

    def _limit(self, without: bool) -> None:
        self.amount.setEnabled(not without)
        self.warning.setVisible(without)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network = self.network("token")
        if not self.token.count():
            raise Invalid("There is no token on this network. Nothing was planned.", "Add one first.", field="token")
        address, decimals = self.token.currentData()
        amount = (
            UINT256_MAX if self.unlimited.isChecked() else parse_units(self.amount.text(), decimals, unit=self.token.currentText())
        )
        spender, fee, wallets, owner = self.spender.address(), self.fee.params(), self.console.wallets, self._account.address
        return lambda: wallets.plan_approve(network.id, owner, address, spender, amount, fee)

    def first_field(self) -> QWidget | None:
        return self.spender
