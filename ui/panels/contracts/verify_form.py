"""The form that asks against what a deployed contract is verified: a project, one of its contracts, and what was promised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.core.errors import Invalid
from ui.panels.contracts.one_contract import OneContract
from ui.plan_sheet import PlanForm
from ui.widgets import Field, ask_folder, button, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.core.errors import ConsoleError
    from ui.panels.contracts.verify import VerifyPage


class VerifyForm(PlanForm):
    """Nothing is sent: the answer is shown on the page."""

    title = "Verify against a source"
    context = "It reads: nothing is changed on the chain"
    primary = "Verify"
    planned = False

    def __init__(self, page: VerifyPage, address: str, name: str) -> None:
        super().__init__()
        self._page = page
        self.address = line_edit("contracts.verify_source.address", "Address of the contract")
        self.address.setText(address)
        self.project = QComboBox()
        self.project.setObjectName("contracts.verify_source.project")
        self.project.setAccessibleName("Project")
        self.other = button("Another folder…", icon="folder-open")
        self.other.setObjectName("contracts.verify_source.folder")
        self.other.clicked.connect(lambda: ask_folder(self, "Folder of a project", self.add_folder))
        self.of = OneContract(page.bridge, "contracts.verify_source", name)
        self.given = QCheckBox("The constructor must have been given this")
        self.given.setObjectName("contracts.verify_source.given")
        self.given.setToolTip("Otherwise what it was given, and what is linked, is read from the chain and shown.")
        self.given.toggled.connect(lambda _: self._show_promises())
        self.tx = line_edit("contracts.verify_source.tx", "Creating transaction")
        self.tx.setPlaceholderText("It is searched")
        which = QWidget()
        row = QHBoxLayout(which)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.project, 1)
        row.addWidget(self.other)
        which.setFocusProxy(self.project)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(Field("Address", self.address, "On the network that is selected"))
        column.addWidget(Field("Project", which))
        column.addWidget(self.given)
        column.addWidget(self.of)
        column.addWidget(Field("Creating transaction", self.tx, "0x and 64 hex digits, where it is known"))
        column.addStretch(1)
        self.of.changed.connect(self._show_promises)
        for known in page.bridge.console.contracts.projects.list():
            if known.project is not None:
                self.project.addItem(known.project.name, str(known.path))
        self.project.currentIndexChanged.connect(lambda _: self._compile())
        front = self.project.findData(str(page.panel.sources.project() or ""))
        self.project.setCurrentIndex(max(front, 0))
        self._compile()

    def add_folder(self, folder: Path) -> None:
        """Choose a project that is not in the list; it is not remembered."""
        self.project.addItem(folder.name, str(folder))
        self.project.setCurrentIndex(self.project.count() - 1)

    def _compile(self) -> None:
        self.of.compile(Path(str(self.project.currentData())) if self.project.currentIndex() > 0 else None)

    def _show_promises(self) -> None:
        artifact = self.of.chosen
        asks = bool(artifact and (artifact.parameters or artifact.libraries))
        self.given.setVisible(asks)
        self.of.show_promises(self.given.isChecked() and asks)
        self.ready.emit(artifact is not None, "" if artifact else self.of.state.text())

    def show_error(self, error: ConsoleError) -> bool:
        return super().show_error(error) or self.of.arguments.show_error(error)

    def work(self) -> Callable[[], Awaitable[Any]]:
        from app.contracts.systems import account
        from app.contracts.values import read_values

        console, artifact = self._page.bridge.console, self.of.chosen
        network, address = console.networks.current, account(self.address.text(), "address")
        if artifact is None:
            raise Invalid(f"No contract is chosen. {self.of.state.text()} Nothing was compared.", field="contract")
        if network is None:
            raise Invalid("No network is selected. Nothing was compared.", "Select one first.", field="address")
        given, libraries, tx = None, {}, self.tx.text().strip()
        if self.given.isChecked():
            given = read_values(artifact.parameters, self.of.arguments.given())
            libraries = dict(self.of.linked())

        async def verify() -> Any:
            found = await console.contracts.verification.verify(
                network.key.text, address, artifact, arguments=given, libraries=libraries, tx=tx
            )
            return found, artifact, network

        return verify

    def finished(self, result: Any) -> None:
        self._page.show_found(*result)
