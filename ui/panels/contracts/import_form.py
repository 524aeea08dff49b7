"""The form that keeps the interface of a contract of somebody else: an edit, no plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout

from app.core.errors import Invalid
from ui.plan_sheet import PlanForm
from ui.widgets import Field, FileField, Note, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.panels.contracts.panel import ContractsPanel


class ImportForm(PlanForm):
    """An address with its ABI, pasted or from a file."""

    title = "Import a contract"
    context = "An edit: it changes nothing on a chain"
    primary = "Import"
    planned = False

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__()
        self._panel = panel
        self.address = line_edit("contracts.import.address", "Address")
        self.name = line_edit("contracts.import.name", "Name")
        self.abi = QPlainTextEdit()
        self.abi.setObjectName("contracts.import.abi")
        self.abi.setTabChangesFocus(True)
        self.abi.setPlaceholderText('[{"type": "function", …}]')
        self.abi.setFixedHeight(160)
        self.file = FileField(
            "contracts.import.file",
            "Or a file",
            "A plain ABI, an artifact of Hardhat or Foundry, or an explorer's answer",
            "File with the ABI",
            title="File with the ABI",
            pattern="JSON (*.json)",
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(Field("Address", self.address, "0x and 40 digits; capital letters must satisfy EIP-55"))
        column.addWidget(Field("Name", self.name, "What the contract is called here"))
        column.addWidget(Field("ABI", self.abi, "Pasted as JSON"))
        column.addWidget(self.file)
        column.addWidget(Note("info", "What an ABI says is not checked against the contract: a wrong one gives wrong names."))
        column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        from app.contracts.books import read_abi, read_abi_file

        console, path = self._panel.bridge.console, self.file.path()
        network, text = console.networks.current, self.abi.toPlainText().strip()
        if network is None:
            raise Invalid("No network is selected. Nothing was kept.", "Select one first.", field="address")
        abi = read_abi(text) if text or path is None else read_abi_file(path)
        address, name = self.address.text().strip(), self.name.text()
        return lambda: console.contracts.books.keep(network.key.text, address, name, abi)

    def finished(self, result: Any) -> None:
        self._panel.window_.notify(f"{result.name} is in the address book.", "ok")
