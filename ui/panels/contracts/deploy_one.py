"""The form that asks what one contract of a project is created with: constructor, libraries, coins, salt."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.core.errors import Conflict, Invalid
from app.core.money import parse_units
from ui.panels.contracts.abi_form import AbiForm
from ui.plan_sheet import PlanForm
from ui.widgets import AccountCombo, Field, Note, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from PySide6.QtWidgets import QLineEdit

    from app.contracts import Artifact, Compilation
    from app.core.errors import ConsoleError
    from app.operations import Plan
    from ui.panels.contracts.panel import ContractsPanel


class DeployOneForm(PlanForm):
    """Which contract of the project in front, and a field for everything that it needs: ``contracts.deploy_one.<name>``."""

    title = "Deploy one contract"

    def __init__(self, panel: ContractsPanel, wanted: str = "") -> None:
        super().__init__()
        self._bridge = panel.bridge
        self._wanted = wanted or panel.build.artifacts.selected_id()
        self._built: dict[str, Artifact] = {}
        self._libraries: dict[str, QLineEdit] = {}
        self.state = Note("info", "Compiling the project…")
        self.contract = QComboBox()
        self.contract.setObjectName("contracts.deploy_one.contract")
        self.contract.setAccessibleName("Contract")
        self.arguments = AbiForm(panel.bridge, "contracts.deploy_one.argument", "Arguments of the constructor")
        self._links = QWidget()
        self._links_column = QVBoxLayout(self._links)
        self._links_column.setContentsMargins(0, 0, 0, 0)
        self._links_column.setSpacing(10)
        self.value = line_edit("contracts.deploy_one.value", "Coins for the constructor")
        self.value.setPlaceholderText("0")
        self.value_field = Field("Coins for the constructor", self.value, "In whole coins of the network")
        self.salt = line_edit("contracts.deploy_one.salt", "Salt of CREATE2")
        self.sender = AccountCombo("contracts.deploy_one.sender", panel.bridge)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.state)
        column.addWidget(Field("Contract", self.contract))
        column.addWidget(self.arguments)
        column.addWidget(self._links)
        column.addWidget(self.value_field)
        hint = "Any text, or 0x and 64 hex digits: the address then depends on salt and code alone. Empty: on the nonce"
        column.addWidget(Field("Salt (CREATE2)", self.salt, hint))
        column.addWidget(Field("Deployer", self.sender, "Pays and signs"))
        column.addStretch(1)
        self.contract.currentIndexChanged.connect(lambda _: self._show_contract())
        contracts, folder = panel.bridge.console.contracts, panel.sources.project()
        panel.bridge.run(
            lambda: contracts.compile(folder), then=self._compiled, fail=self._not_compiled, label="Compiling", owner=self
        )

    @property
    def chosen(self) -> Artifact | None:
        """The contract that is asked for, once the project is compiled."""
        return self._built.get(str(self.contract.currentData() or ""))

    def _compiled(self, result: Compilation) -> None:
        if result.errors:
            self._not_compiled(
                Conflict(f"The sources do not compile: {result.errors[0]}. Nothing can be deployed.", "Correct them.")
            )
            return
        made = sorted((each for each in result.contracts if len(each.bytecode) > 2), key=lambda each: (each.name, each.source))
        self._built = {f"{each.source}:{each.name}": each for each in made}
        self.contract.blockSignals(True)
        for key, artifact in self._built.items():
            self.contract.addItem(f"{artifact.name}  {PurePosixPath(artifact.source).name}", key)
            self.contract.setItemData(self.contract.count() - 1, artifact.source, Qt.ItemDataRole.ToolTipRole)
        self.contract.setCurrentIndex(max(0, self.contract.findData(self._wanted)))
        self.contract.blockSignals(False)
        self.state.setVisible(not made)
        self.state.set_text("No contract of this project has code of its own: there are only interfaces and abstract contracts.")
        self._show_contract()
        self.ready.emit(bool(made), "" if made else self.state.text())

    def _not_compiled(self, error: ConsoleError) -> bool:
        self.state.set_level("err")
        self.state.set_text(str(error))
        return True

    def _show_contract(self) -> None:
        artifact = self.chosen
        empty(self._links_column)
        self._libraries = {}
        self.arguments.set_inputs(artifact.parameters if artifact else [])
        for at, library in enumerate(artifact.libraries if artifact else ()):
            name = library.rpartition(":")[2]
            self._libraries[library] = edit = line_edit(f"contracts.deploy_one.library{at}", f"Address of the library {name}")
            edit.setPlaceholderText("0x…")
            self._links_column.addWidget(Field(f"Library {name}", edit, f"Where {library} is deployed"))
        self._links.setVisible(bool(self._libraries))
        constructor = next((e for e in artifact.abi if e.get("type") == "constructor"), {}) if artifact else {}
        self.value_field.setVisible(constructor.get("stateMutability") == "payable")
        self.value.clear()

    def show_error(self, error: ConsoleError) -> bool:
        return super().show_error(error) or self.arguments.show_error(error)

    def work(self) -> Callable[[], Awaitable[Plan]]:
        from app.contracts.singles import salt_of
        from app.contracts.systems import account

        console = self._bridge.console
        network, artifact = console.networks.current, self.chosen
        if artifact is None:
            raise Invalid(f"No contract is chosen. {self.state.text()} Nothing was planned.", "Choose one.", field="contract")
        if network is None:
            raise Invalid("No network is selected. Nothing was planned.", "Select or start one first.", field="contract")
        given = self.arguments.given()
        libraries = {name: account(edit.text(), f"library{at}") for at, (name, edit) in enumerate(self._libraries.items())}
        value = parse_units(self.value.text().strip() or "0", 18, unit=network.symbol, field="value")
        salt, sender, singles = salt_of(self.salt.text()), self.sender.address(), console.contracts.singles
        return lambda: singles.plan(network.id, sender, artifact, given, libraries=libraries, value=value, salt=salt)
