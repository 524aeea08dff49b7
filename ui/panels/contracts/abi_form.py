"""A form out of an ABI: a field for each argument, structs member by member, lists as JSON, and errors at their field."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QComboBox, QFrame, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.contracts.values import array_of, called, members_of, read_value, template
from app.core.errors import ConsoleError, Invalid
from ui.widgets import AccountCombo, Field, empty, line_edit

Parameter = Mapping[str, Any]


class AbiForm(QWidget):
    """The arguments of one function.

    Args:
        prefix: object names of the fields are ``prefix.PATH``; a path is the argument's place, then members of structs.
        name: what a screen reader calls the form.
    """

    def __init__(self, bridge: Any, prefix: str, name: str) -> None:
        super().__init__()
        self._bridge = bridge
        self._prefix = prefix
        self._inputs: Sequence[Parameter] = ()
        self._given: list[Callable[[], object]] = []
        self.fields: dict[str, Field] = {}
        self.setAccessibleName(name)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)

    def set_inputs(self, inputs: Sequence[Parameter]) -> None:
        """Ask for these arguments; what was entered before is forgotten."""
        empty(self._column)
        self._inputs = inputs
        self.fields = {}
        self._given = [self._add(self._column, each, called(each, at), str(at)) for at, each in enumerate(inputs)]

    def given(self) -> list[object]:
        """The arguments as written, each checked against its type; the first that does not fit says so at its field.

        Raises:
            Invalid: one does not fit; ``field`` is its path.
        """
        self.clear_errors()
        written = [given() for given in self._given]
        for at, (parameter, value) in enumerate(zip(self._inputs, written, strict=True)):
            read_value(parameter, value, str(at))
        return written

    def show_error(self, error: ConsoleError) -> bool:
        """Put an error beside the field whose path it names, or the one that contains it; False when there is none."""
        path = error.field
        while path and path not in self.fields:
            path = path.rpartition(".")[0]
        field = self.fields.get(path)
        if field is None:
            return False
        field.set_error(str(error))
        field.widget.setFocus()
        return True

    def clear_errors(self) -> None:
        """Forget what was said about the fields."""
        for field in self.fields.values():
            field.set_error("")

    def first_field(self) -> QWidget | None:
        """The first field, for the focus."""
        return next((field.widget for field in self.fields.values()), None)

    def _add(self, column: QVBoxLayout, parameter: Parameter, name: str, path: str) -> Callable[[], object]:
        members = members_of(parameter)
        if members is None:
            return self._one(column, parameter, name, path)
        box = QFrame()
        box.setProperty("role", "card")
        inner = QVBoxLayout(box)
        inner.setContentsMargins(10, 8, 10, 10)
        inner.setSpacing(8)
        heading = QLabel(f"{name}  struct")
        heading.setProperty("role", "label")
        inner.addWidget(heading)
        column.addWidget(box)
        parts = {
            called(each, at): self._add(inner, each, called(each, at), f"{path}.{called(each, at)}")
            for at, each in enumerate(members)
        }
        return lambda: {key: given() for key, given in parts.items()}

    def _one(self, column: QVBoxLayout, parameter: Parameter, name: str, path: str) -> Callable[[], object]:
        kind, object_name = _type(parameter), f"{self._prefix}.{path}"
        given: Callable[[], object]
        if kind == "address":
            combo = AccountCombo(object_name, self._bridge, editable=True)
            widget, given = combo, lambda: _address(combo, path)
        elif kind == "bool":
            choice = QComboBox()
            choice.setObjectName(object_name)
            choice.addItems(["false", "true"])
            widget, given = choice, choice.currentText
        else:
            edit: QLineEdit = line_edit(object_name, name)
            edit.setPlaceholderText(template(parameter))
            widget, given = edit, edit.text
        hint = "A list as JSON" if array_of(parameter) is not None else ""
        self.fields[path] = field = Field(f"{name}  {kind}", widget, hint)
        widget.setAccessibleName(f"{name}, {kind}")
        column.addWidget(field)
        return given


def _type(parameter: Parameter) -> str:
    """The type as a developer knows it: of a struct its own name."""
    said = str(parameter.get("internalType") or parameter["type"])
    return said.removeprefix("struct ").rpartition(".")[2] if said.startswith("struct ") else str(parameter["type"])


def _address(combo: AccountCombo, path: str) -> str:
    """What was chosen or typed; the zero address may be typed, since a contract decides for itself what it means."""
    text = combo.currentText().strip()
    if text.lower() == "0x" + "0" * 40:
        return text
    try:
        return combo.address()
    except Invalid as error:
        raise Invalid(error.message, error.remedy, field=path) from error
