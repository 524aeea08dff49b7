"""The part of a form that names one contract of a project: which one, its constructor's arguments, and its libraries."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.core.errors import Conflict, ConsoleError
from ui.panels.contracts.abi_form import AbiForm
from ui.widgets import Field, Note, empty, line_edit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from PySide6.QtWidgets import QLineEdit

    from app.contracts import Artifact, Compilation


class OneContract(QWidget):
    """Compiles a project and asks for one of its contracts.

    Args:
        prefix: object names are ``prefix.contract``, ``prefix.argument.PATH`` and ``prefix.libraryN``.
        wanted: the contract in front, as ``source:Name`` or as a name.

    Signals:
        changed: another contract is chosen, or the project turned out to have none.
    """

    changed = Signal()

    def __init__(self, bridge: Any, prefix: str, wanted: str = "") -> None:
        super().__init__()
        self._bridge, self._prefix, self._wanted = bridge, prefix, wanted
        self._built: dict[str, Artifact] = {}
        self._asked = 0
        self.libraries: dict[str, QLineEdit] = {}
        self.state = Note("info", "Compiling the project…")
        self.contract = QComboBox()
        self.contract.setObjectName(f"{prefix}.contract")
        self.contract.setAccessibleName("Contract")
        self.arguments = AbiForm(bridge, f"{prefix}.argument", "Arguments of the constructor")
        self._links = QWidget()
        self._links_column = QVBoxLayout(self._links)
        column = QVBoxLayout(self)
        for each in (column, self._links_column):
            each.setContentsMargins(0, 0, 0, 0)
            each.setSpacing(10)
        for part in (self.state, Field("Contract", self.contract), self.arguments, self._links):
            column.addWidget(part)
        self.contract.currentIndexChanged.connect(lambda _: self._show())

    @property
    def chosen(self) -> Artifact | None:
        """The contract that is asked for, once the project is compiled."""
        return self._built.get(str(self.contract.currentData() or ""))

    def linked(self) -> Mapping[str, str]:
        """The addresses of the libraries that were entered, by ``file:Name``.

        Raises:
            Invalid: one is none; ``field`` is ``libraryN``.
        """
        from app.contracts.systems import account

        entered = {name: (edit.text().strip(), f"library{at}") for at, (name, edit) in enumerate(self.libraries.items())}
        return {name: account(text, field) for name, (text, field) in entered.items()}

    def compile(self, folder: Path | None) -> None:
        """Ask for the contracts of another project; None: ours."""
        contracts = self._bridge.console.contracts
        self._asked = asked = self._asked + 1
        self.state.set_level("info")
        self.state.set_text("Compiling the project…")
        self.state.show()
        self._fill({})

        def compiled(result: Compilation) -> None:
            if asked == self._asked:  # else another project was chosen meanwhile
                self._compiled(result)

        def failed(error: ConsoleError) -> bool:
            return asked != self._asked or self._not_compiled(error)

        self._bridge.run(lambda: contracts.compile(folder), then=compiled, fail=failed, label="Compiling", owner=self)

    def _compiled(self, result: Compilation) -> None:
        if result.errors:
            self._not_compiled(Conflict(f"The sources do not compile: {result.errors[0]}. Nothing was done.", "Correct them."))
            return
        made = sorted((each for each in result.contracts if len(each.bytecode) > 2), key=lambda each: (each.name, each.source))
        self.state.setVisible(not made)
        self.state.set_text("No contract of this project has code of its own: there are only interfaces and abstract contracts.")
        self._fill({f"{each.source}:{each.name}": each for each in made})

    def _not_compiled(self, error: ConsoleError) -> bool:
        self.state.set_level("err")
        self.state.set_text(str(error))
        return True

    def _fill(self, built: dict[str, Artifact]) -> None:
        self._built = built
        self.contract.blockSignals(True)
        self.contract.clear()
        for key, artifact in built.items():
            self.contract.addItem(f"{artifact.name}  {PurePosixPath(artifact.source).name}", key)
            self.contract.setItemData(self.contract.count() - 1, artifact.source, Qt.ItemDataRole.ToolTipRole)
        keys = list(built)
        front = next((key for key in keys if self._wanted in (key, built[key].name)), keys[0] if keys else "")
        self.contract.setCurrentIndex(self.contract.findData(front))
        self.contract.blockSignals(False)
        self._show()

    def _show(self) -> None:
        artifact = self.chosen
        empty(self._links_column)
        self.libraries = {}
        self.arguments.set_inputs(artifact.parameters if artifact else [])
        for at, library in enumerate(artifact.libraries if artifact else ()):
            name = library.rpartition(":")[2]
            self.libraries[library] = edit = line_edit(f"{self._prefix}.library{at}", f"Address of the library {name}")
            edit.setPlaceholderText("0x…")
            self._links_column.addWidget(Field(f"Library {name}", edit, f"Where {library} is deployed"))
        self.show_promises(True)
        self.changed.emit()

    def show_promises(self, shown: bool) -> None:
        """Ask for arguments and libraries, or only for the contract."""
        self.arguments.setVisible(shown)
        self._links.setVisible(shown and bool(self.libraries))
