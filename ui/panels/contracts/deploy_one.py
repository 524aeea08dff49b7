"""The form that asks what one contract of a project is created with: constructor, libraries, coins, salt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout

from app.core.errors import Invalid
from app.core.money import parse_units
from ui.panels.contracts.one_contract import OneContract
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.core.errors import ConsoleError
    from app.operations import Plan
    from ui.panels.contracts.panel import ContractsPanel


class DeployOneForm(PlanForm):
    """Which contract of the project in front, and a field for everything that it needs: ``contracts.deploy_one.<name>``."""

    title = "Deploy one contract"

    def __init__(self, panel: ContractsPanel, wanted: str = "") -> None:
        super().__init__()
        self._bridge = panel.bridge
        self.of = OneContract(panel.bridge, "contracts.deploy_one", wanted or panel.build.artifacts.selected_id())
        self.value = line_edit("contracts.deploy_one.value", "Coins for the constructor")
        self.value.setPlaceholderText("0")
        self.value_field = Field("Coins for the constructor", self.value, "In whole coins of the network")
        self.salt = line_edit("contracts.deploy_one.salt", "Salt of CREATE2")
        self.sender = AccountCombo("contracts.deploy_one.sender", panel.bridge)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.of)
        column.addWidget(self.value_field)
        hint = "Any text, or 0x and 64 hex digits: the address then depends on salt and code alone. Empty: on the nonce"
        column.addWidget(Field("Salt (CREATE2)", self.salt, hint))
        column.addWidget(Field("Deployer", self.sender, "Pays and signs"))
        column.addStretch(1)
        self.of.changed.connect(self._show_contract)
        self.of.compile(panel.sources.project())

    def _show_contract(self) -> None:
        artifact = self.of.chosen
        constructor = next((e for e in artifact.abi if e.get("type") == "constructor"), {}) if artifact else {}
        self.value_field.setVisible(constructor.get("stateMutability") == "payable")
        self.value.clear()
        self.ready.emit(artifact is not None, "" if artifact else self.of.state.text())

    def show_error(self, error: ConsoleError) -> bool:
        return super().show_error(error) or self.of.arguments.show_error(error)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        from app.contracts.systems import salt_of

        console = self._bridge.console
        network, artifact = console.networks.current, self.of.chosen
        if artifact is None:
            raise Invalid(f"No contract is chosen. {self.of.state.text()} Nothing was planned.", "Choose one.", field="contract")
        if network is None:
            raise Invalid("No network is selected. Nothing was planned.", "Select or start one first.", field="contract")
        given, libraries = self.of.arguments.given(), self.of.linked()
        value = parse_units(self.value.text().strip() or "0", 18, unit=network.symbol, field="value")
        salt, sender, singles = salt_of(self.salt.text()), self.sender.address(), console.contracts.singles
        return lambda: singles.plan(network.id, sender, artifact, given, libraries=libraries, value=value, salt=salt)
