"""Speed up and cancel: what a replacement of a transaction that waits shall be paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from ui.panels.wallets.fees import FeeChoice
from ui.panels.wallets.forms.form import WalletForm
from ui.widgets import Field, Note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.chain.transactions import QueuedTransaction
    from ui.shell.panel import Panel

EMPTY_GAS = 21_000  # of a transaction that moves nothing


class ReplaceForm(WalletForm):
    """The price of a transaction in the place of another; ``verb`` is speed_up or cancel."""

    def __init__(self, panel: Panel, row: QueuedTransaction, verb: str) -> None:
        from app.chain.fees import gwei
        from app.chain.nonces import bumped

        self.title = "Speed up a transaction" if verb == "speed_up" else "Cancel a transaction"
        super().__init__(panel)
        self._row, self._verb = row, verb
        self.context = f"“{row.description}”, nonce {row.nonce:,}"
        least, tip = bumped(row.max_fee_per_gas, 0), bumped(row.max_priority_fee_per_gas, 0)
        told = f"Nodes take a replacement for {gwei(least)} gwei per gas or more"
        told += "" if row.legacy else f", with a tip of {gwei(tip)} or more"
        self.add(Note("info", f"{told}: ten percent above the one that waits. A level below that offers exactly that."))
        self.fee = FeeChoice("wallets.replace.fee", self.bridge, gas=row.gas_limit if verb == "speed_up" else EMPTY_GAS)
        self.fee.most.setText(gwei(least))
        self.fee.tip.setText(gwei(tip))
        self.add(Field("Fee", self.fee, ""))
        self.end()

    def work(self) -> Callable[[], Awaitable[Any]]:
        fee, transactions, tx_hash = self.fee.params(), self.console.transactions, self._row.hash
        make = transactions.plan_speed_up if self._verb == "speed_up" else transactions.plan_cancel
        most, tip = (int(fee[name]) if name in fee else None for name in ("max_fee", "tip"))
        return lambda: make(tx_hash, most, tip, fee.get("level", "normal"))

    def first_field(self) -> QWidget | None:
        return self.fee.choice
