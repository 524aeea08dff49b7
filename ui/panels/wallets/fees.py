"""What the network shall be paid: slow, normal, fast, or one's own price under the ceiling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.errors import ConsoleError, Invalid
from app.core.money import parse_units
from ui.widgets import Field, Segmented, line_edit
from ui.widgets.values import Amount, masked, shown_text

if TYPE_CHECKING:
    from app.chain.fees import FeeLevels
    from ui.bridge import Bridge

GWEI = 9  # decimals
WORDS = {
    "slow": "May wait for some blocks when many want in",
    "normal": "Usually in one of the next blocks",
    "fast": "Outbids most of what waits",
}


class FeeChoice(QWidget):
    """Levels of the current network with what they would cost for some gas.

    Signals:
        changed: another choice.
    """

    changed = Signal()

    def __init__(self, name: str, bridge: Bridge, gas: int = 21_000) -> None:
        super().__init__()
        self.bridge = bridge
        self._gas = gas
        self._levels: FeeLevels | None = None
        self._symbol = "ETH"
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.choice = Segmented([("slow", "Slow"), ("normal", "Normal"), ("fast", "Fast"), ("custom", "Custom…")])
        self.choice.setObjectName(name)
        self.choice.setAccessibleName("Network fee")
        self.choice.set_value("normal")
        self.choice.changed.connect(lambda _: self._show())
        self.about = QLabel("")
        self.about.setObjectName(f"{name}_about")
        row.addWidget(self.choice)
        row.addStretch(1)
        row.addWidget(self.about)
        column.addLayout(row)
        self.hint = QLabel("")
        self.hint.setProperty("role", "fieldHint")
        self.hint.setWordWrap(True)
        column.addWidget(self.hint)
        self._own = QWidget()
        own = QHBoxLayout(self._own)
        own.setContentsMargins(0, 0, 0, 0)
        own.setSpacing(8)
        self.most = line_edit(f"{name}_most", "Maximum fee in gwei per gas")
        self.tip = line_edit(f"{name}_tip", "Tip in gwei per gas")
        self.most_field = Field("At most, gwei per gas", self.most, "")
        self.tip_field = Field("Tip, gwei per gas", self.tip, "")
        own.addWidget(self.most_field, 1)
        own.addWidget(self.tip_field, 1)
        self._own.hide()
        column.addWidget(self._own)
        for edit in (self.most, self.tip):
            edit.textChanged.connect(lambda _: self._show())
        self.read()

    def set_gas(self, gas: int) -> None:
        """What it would cost for another amount of gas."""
        self._gas = gas
        self._show()

    def read(self) -> None:
        """Ask the network for its prices."""

        async def read() -> tuple[Any, str] | None:
            console = self.bridge.console
            network = console.networks.current
            if network is None:
                return None
            chain = await console.networks.connect(network.id)
            return await console.fees.levels(chain), network.symbol

        def failed(error: ConsoleError) -> bool:
            self.hint.setText(str(error))
            return True

        self.bridge.run(read, then=self._read, fail=failed, owner=self)

    def _read(self, answer: tuple[Any, str] | None) -> None:
        if answer is None:
            return
        self._levels, self._symbol = answer
        levels = self._levels
        assert levels is not None
        self.tip_field.setVisible(not levels.legacy)
        self.most_field.label.setText("Gas price, gwei" if levels.legacy else "At most, gwei per gas")
        self.most_field.set_hint(f"Ceiling of this network: {levels.ceiling // 10**9:,}")
        if not self.most.text():
            self.most.setText(_gwei(levels.normal.max_fee_per_gas))
            self.tip.setText(_gwei(levels.normal.max_priority_fee_per_gas))
        self.choice.setEnabled(not levels.zero)
        self._show()

    def _show(self) -> None:
        level = self.choice.value()
        self._own.setVisible(level == "custom")
        levels = self._levels
        for field in (self.most_field, self.tip_field):
            field.set_error("")
        if levels is None:
            return
        if levels.zero:
            self.about.setText("nothing")
            self.hint.setText("This network charges no fees.")
        elif level == "custom":
            self._show_own()
        else:
            quote = levels.of(level)
            self._tell(quote.price, f"{WORDS[level]}; {_short(quote.price)} gwei per gas, at most {_short(quote.max_fee_per_gas)}")
        self.changed.emit()

    def _show_own(self) -> None:
        levels = self._levels
        assert levels is not None
        try:
            fee = self.params()
        except Invalid as error:
            (self.tip_field if (error.field or "").endswith("tip") else self.most_field).set_error(str(error))
            self.about.setText("")
            return
        most = int(fee["max_fee"])
        if most > levels.ceiling:
            self.most_field.set_error(f"Above the ceiling of {_gwei(levels.ceiling)} gwei that is set for this network.")
        elif most < levels.base_fee:
            self.most_field.set_error(f"Below the base fee of {_gwei(levels.base_fee)} gwei: it waits until the price falls.")
        self._tell(min(most, levels.base_fee + int(fee.get("tip", most))), "Your own price")

    def _tell(self, price: int, words: str) -> None:
        self.about.setText(masked(f"about {shown_text(Amount(price * self._gas, 18, self._symbol, shown=6))}"))
        self.hint.setText(words)

    def params(self) -> dict[str, str]:
        """What a plan carries: a level, or a price in wei per gas.

        Raises:
            Invalid: the own price is no number.
        """
        level = self.choice.value()
        if level != "custom":
            return {"level": level}
        name = self.choice.objectName().rpartition(".")[2]
        most = parse_units(self.most.text(), GWEI, unit="gwei", field=f"{name}_most")
        if self._levels is not None and self._levels.legacy:
            return {"max_fee": str(most)}
        tip = parse_units(self.tip.text() or "0", GWEI, unit="gwei", field=f"{name}_tip")
        if tip > most:
            raise Invalid("The tip is above the maximum, which includes it.", "Lower the tip.", field=f"{name}_tip")
        return {"max_fee": str(most), "tip": str(tip)}


def _short(wei: int) -> str:
    """Two decimals, as far as they say anything."""
    return f"{wei / 10**GWEI:,.2f}" if wei >= 10**7 or not wei else _gwei(wei)


def _gwei(wei: int) -> str:
    from app.chain.fees import gwei

    return gwei(wei)
