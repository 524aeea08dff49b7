"""The form that asks for everything a deployment of the AZR economy needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSpinBox, QVBoxLayout

from app.core.errors import Invalid
from app.core.money import parse_units
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.operations import Plan
    from ui.shell.panel import Panel


class DeployForm(PlanForm):
    """Deployer, attester, officer, epoch length and budget."""

    title = "Deploy the AZR economy"

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        self.deployer = AccountCombo("contracts.deploy.deployer", panel.bridge)
        self.attester = AccountCombo("contracts.deploy.attester", panel.bridge)
        self.officer = AccountCombo("contracts.deploy.officer", panel.bridge)
        self.epoch = QSpinBox()
        self.epoch.setRange(1, 365 * 86_400)
        self.epoch.setValue(3_600)
        self.epoch.setSuffix(" s")
        self.epoch.setObjectName("contracts.deploy.epoch_length")
        self.epoch.setAccessibleName("Epoch length in seconds")
        self.budget = line_edit("contracts.deploy.epoch_budget", "Epoch budget in AZR")
        self.budget.setText("36000")
        layout = QVBoxLayout(self)
        layout.addWidget(Field("Deployer and administrator", self.deployer, "Pays for everything and holds the admin role"))
        layout.addWidget(Field("Attester", self.attester, "Its signature makes a proof of value valid"))
        layout.addWidget(Field("Redemption officer", self.officer, "States that the bank has paid"))
        layout.addWidget(Field("Epoch length", self.epoch, "Seconds; the budget below starts anew with each epoch"))
        layout.addWidget(Field("Epoch budget", self.budget, "AZR that may be minted per epoch"))
        layout.addWidget(Note("info", "Four contracts and their roles, as one plan: the preview names every address beforehand."))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None:
            raise Invalid("No network is selected. Nothing was planned.", "Select or start one first.")
        deployer, attester, officer = self.deployer.address(), self.attester.address(), self.officer.address()
        budget = parse_units(self.budget.text(), 18, unit="AZR", field="epoch_budget")
        if not budget:
            raise Invalid(
                "With a budget of 0 nothing could ever be minted. Nothing was planned.", "Enter more.", field="epoch_budget"
            )
        length = self.epoch.value()
        return lambda: console.contracts.plan_deploy_economy(
            network.id, deployer, attester=attester, redemption_officer=officer, epoch_length=length, epoch_budget=budget
        )
