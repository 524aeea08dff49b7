"""Send: from, to, what and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout

from app.core.errors import Invalid
from app.core.money import exact_units, parse_units, short_units
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, Note, button, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.shell.panel import Panel

GAS_KEPT = 10**15  # wei left for the fee when Max of the native coin is asked


class SendForm(PlanForm):
    """From, to, what and how much."""

    title = "Send"

    def __init__(self, panel: Panel, sender: str = "", to: str = "") -> None:
        super().__init__()
        self._panel = panel
        self._held: dict[str, Any] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.sender = AccountCombo("wallets.send.sender", panel.bridge)
        self.recipient = AccountCombo("wallets.send.recipient", panel.bridge, editable=True)
        self.asset = QComboBox()
        self.asset.setObjectName("wallets.send.asset")
        self.asset.setAccessibleName("What to send")
        self.amount = line_edit("wallets.send.amount", "Amount")
        self.note = line_edit("wallets.send.note", "Note")
        self.max = button("Max")
        self.max.setObjectName("wallets.send.max")
        self.max.setEnabled(False)
        self.max.clicked.connect(self._take_all)
        self.keeps = Note("info", "Preview simulates the transfer on the newest block. It changes nothing and needs no key.")
        layout.addWidget(Field("From", self.sender, ""))
        layout.addWidget(Field("To", self.recipient, "One of yours, or any address"))
        layout.addWidget(Field("What", self.asset, ""))
        row = QHBoxLayout()
        row.addWidget(Field("Amount", self.amount, "All decimals are kept"), 1)
        row.addWidget(self.max)
        layout.addLayout(row)
        layout.addWidget(Field("Note", self.note, "Optional, kept with the plan, never on chain"))
        layout.addWidget(self.keeps)
        layout.addStretch(1)
        if sender:
            self.sender.set_address(sender)
        if to:
            self.recipient.set_address(to)
        panel.bridge.run(self._read, then=self._filled, owner=self)

    async def _read(self) -> tuple[str, str, str, dict[str, Any]]:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None or not network.genesis:
            return "", "", "", {}
        economy = await console.contracts.economy(network.key.text)
        addresses = [account.address for account in await console.wallets.list()]
        held = await console.wallets.balances(network.id, addresses)
        return network.symbol, economy.token if economy else "", economy.token_symbol if economy else "", held

    def _filled(self, answer: tuple[str, str, str, dict[str, Any]]) -> None:
        symbol, token, token_symbol, self._held = answer
        self.asset.clear()
        if token:
            self.asset.addItem(token_symbol, token)
        if symbol:
            self.asset.addItem(symbol, "")
        self.max.setEnabled(bool(symbol))

    def _balance(self) -> int | None:
        held = self._held.get(self.sender.address())
        if held is None:
            return None
        return held.azr if self.asset.currentData() else held.native

    def _take_all(self) -> None:
        balance = self._balance()
        if balance is None:
            return
        if not self.asset.currentData():
            balance = max(0, balance - GAS_KEPT)
        exact = exact_units(balance, 18)
        self.amount.setText(exact.rstrip("0").rstrip("."))

    def work(self) -> Callable[[], Awaitable[Any]]:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None or not self.asset.count():
            raise Invalid("No network is connected. Nothing was planned.", "Select or start one first.", field="asset")
        sender, recipient = self.sender.address(), self.recipient.address()
        if not recipient:
            raise Invalid(
                "A transfer needs somebody to receive it. Nothing was planned.", "Choose or enter an address.", field="recipient"
            )
        unit, token = self.asset.currentText(), str(self.asset.currentData() or "")
        amount = parse_units(self.amount.text(), 18, unit=unit)
        balance = self._balance()
        if balance is not None and amount > balance:
            raise Invalid(
                f"The account holds {short_units(balance, 18)} {unit}. Nothing was planned.", "Send less.", field="amount"
            )
        note = self.note.text().strip()

        async def plan() -> Any:
            from app.wallets import TransferDraft

            draft = TransferDraft(network_id=network.id, sender=sender, recipient=recipient, amount=amount, token=token, note=note)
            return await console.wallets.plan_transfer(draft)

        return plan
