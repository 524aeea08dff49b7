"""The form that asks for everything a declared system needs, made of its declaration."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import ConsoleError, Invalid
from app.core.money import exact_units
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, Note, ask_file, button, empty, line_edit

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
        self._files: dict[str, tuple[dict[str, Any], Path | None]] = {}  # of systems that files declare: what it says, its project
        self._inputs: dict[str, AccountCombo | QWidget] = {}
        self.system = QComboBox()
        self.system.setObjectName("contracts.deploy.system")
        self.system.setAccessibleName("What to deploy")
        for name, declared in self._systems.items():
            self.system.addItem(_short(declared.title), name)
        self.open_button = button("Open file…", icon="file-code")
        self.open_button.setObjectName("contracts.deploy.open")
        self.open_button.setToolTip("A system that a TOML file of a project declares")
        self.open_button.clicked.connect(lambda: ask_file(self, "Open the file of a system", "Systems (*.toml)", self.open_file))
        self._what = Field("What to deploy", self.system, "")
        what = QHBoxLayout()
        what.setSpacing(8)
        what.addWidget(self._what, 1)
        what.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(what)
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

    def open_file(self, file: Path) -> None:
        """Offer the system that a file declares, made of the contracts of the project in which it lies, and choose it."""
        self._what.set_error("")

        def read() -> tuple[System, dict[str, Any], Path | None]:
            from app.contracts.projects import project_around
            from app.contracts.systems import System, read_definition

            definition = read_definition(file)
            return System.parse(file.stem, definition), definition, project_around(file)

        def offer(answer: tuple[System, dict[str, Any], Path | None]) -> None:
            declared, definition, project = answer
            key = str(file)
            known = self.system.findData(key)
            self._systems[key], self._files[key] = declared, (definition, project)
            if known < 0:
                self.system.addItem(f"{_short(declared.title)} ({file.name})", key)
                known = self.system.count() - 1
            self._what.set_hint(f"Made of the contracts of {project.name if project else 'Azora'}")
            if self.system.currentIndex() == known:
                self._show()
            self.system.setCurrentIndex(known)

        def failed(error: ConsoleError) -> bool:
            self._what.set_error(str(error))
            return True

        self._panel.bridge.run(lambda: asyncio.to_thread(read), then=offer, fail=failed, owner=self)

    @property
    def chosen(self) -> System:
        """The system that is asked for."""
        return self._systems[str(self.system.currentData())]

    def _show(self) -> None:
        if str(self.system.currentData()) not in self._files:
            self._what.set_hint("")
        empty(self._fields)
        self._inputs = {}
        for parameter in self.chosen.parameters:
            if parameter.kind != "now":
                self._inputs[parameter.name] = self._input(parameter)
                self._fields.addWidget(Field(_label(parameter), self._inputs[parameter.name], parameter.hint))
        if self.chosen.about:
            self._fields.addWidget(Note("info", self.chosen.about))

    def _input(self, parameter: Parameter) -> AccountCombo | QWidget:
        name = f"contracts.deploy.{parameter.name}"
        if parameter.kind == "address":
            return AccountCombo(name, self._panel.bridge)
        edit = line_edit(name, _label(parameter))
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
        definition, project = self._files.get(str(self.system.currentData()), (None, None))
        return lambda: console.contracts.plan_deploy(network.id, system.id, values, definition, project=project, anew=anew)


def _label(parameter: Parameter) -> str:
    """A file need not give one; then it is the parameter's name."""
    return parameter.label or parameter.name.replace("_", " ").capitalize()


def _short(title: str) -> str:
    short = title.removeprefix("Deploy ").removeprefix("the ")
    return short[:1].upper() + short[1:]
