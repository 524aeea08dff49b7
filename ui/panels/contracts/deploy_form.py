"""The form that asks for everything a declared system needs, made of its declaration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QComboBox, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.money import exact_units
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, Note, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.contracts.systems import Parameter, System
    from app.operations import Plan
    from ui.shell.panel import Panel


class DeployForm(PlanForm):
    """Which system, and a field for each of its parameters: ``contracts.deploy.<name>``."""

    title = "Deploy"

    def __init__(self, panel: Panel, system_id: str = "azr") -> None:
        super().__init__()
        from app.contracts.systems import system, systems

        self._panel = panel
        self._systems: dict[str, System] = {name: system(name) for name in systems()}
        self._inputs: dict[str, AccountCombo | QWidget] = {}
        self.system = QComboBox()
        self.system.setObjectName("contracts.deploy.system")
        self.system.setAccessibleName("What to deploy")
        for name, declared in self._systems.items():
            short = declared.title.removeprefix("Deploy ").removeprefix("the ")
            self.system.addItem(short[:1].upper() + short[1:], name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(Field("What to deploy", self.system, ""))
        self._fields = QVBoxLayout()
        self._fields.setContentsMargins(0, 0, 0, 0)
        self._fields.setSpacing(10)
        column.addLayout(self._fields)
        self.anew = QCheckBox("Make all of it once more, beside what is there")
        self.anew.setObjectName("contracts.deploy.anew")
        self.anew.setToolTip("Otherwise what a finished deployment made, and would be made the same again, is kept.")
        column.addWidget(self.anew)
        column.addStretch(1)
        self.system.setCurrentIndex(self.system.findData(system(system_id).id))
        self.system.currentIndexChanged.connect(lambda _: self._show())
        self._show()

    @property
    def chosen(self) -> System:
        """The system that is asked for."""
        return self._systems[str(self.system.currentData())]

    def _show(self) -> None:
        empty(self._fields)
        self._inputs = {}
        for parameter in self.chosen.parameters:
            if parameter.kind != "now":
                self._inputs[parameter.name] = self._input(parameter)
                self._fields.addWidget(Field(parameter.label, self._inputs[parameter.name], parameter.hint))
        self._fields.addWidget(Note("info", self.chosen.about))

    def _input(self, parameter: Parameter) -> AccountCombo | QWidget:
        name = f"contracts.deploy.{parameter.name}"
        if parameter.kind == "address":
            return AccountCombo(name, self._panel.bridge)
        edit = line_edit(name, parameter.label)
        if parameter.default is not None:
            exact = exact_units(parameter.default, 18) if parameter.kind == "azr" else str(parameter.default)
            edit.setText(exact.rstrip("0").rstrip(".") if "." in exact else exact)
        return edit

    def work(self) -> Callable[[], Awaitable[Plan]]:
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None:
            raise Invalid("No network is selected. Nothing was planned.", "Select or start one first.", field="system")
        system, values = self.chosen, {}
        for parameter in system.parameters:
            if parameter.kind != "now":
                widget = self._inputs[parameter.name]
                typed = widget.address() if isinstance(widget, AccountCombo) else widget.text()  # type: ignore[attr-defined]
                values[parameter.name] = parameter.read(typed)
        anew = self.anew.isChecked()
        return lambda: console.contracts.plan_deploy(network.id, system.id, values, anew=anew)
