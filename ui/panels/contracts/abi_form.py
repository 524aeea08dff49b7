"""A form out of an ABI: a field for each argument, structs member by member, lists row by row, and errors at their field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.contracts.values import called, read_value
from app.core.errors import ConsoleError
from ui.panels.contracts.abi_parts import Parameter, Part, part_of
from ui.widgets import Field, empty


class AbiForm(QWidget):
    """The arguments of one function.

    Args:
        prefix: object names of the fields are ``prefix.PATH``; a path is the argument's place, then members of structs and
            places in lists.
        name: what a screen reader calls the form.
    """

    def __init__(self, bridge: Any, prefix: str, name: str) -> None:
        super().__init__()
        self._bridge = bridge
        self._prefix = prefix
        self._inputs: Sequence[Parameter] = ()
        self._parts: list[Part] = []
        self.setAccessibleName(name)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)

    @property
    def fields(self) -> dict[str, Field]:
        """The fields as they stand now, by path; of a list in rows its own is that of its buttons."""
        return {path: field for part in self._parts for path, field in part.fields().items()}

    def set_inputs(self, inputs: Sequence[Parameter]) -> None:
        """Ask for these arguments; what was entered before is forgotten."""
        empty(self._column)
        self._inputs = inputs
        self._parts = [part_of(self._bridge, self._prefix, each, self._in_order) for each in inputs]
        for at, (part, each) in enumerate(zip(self._parts, inputs, strict=True)):
            part.place(str(at), called(each, at))
            self._column.addWidget(part.widget)

    def given(self) -> list[object]:
        """The arguments as written, each checked against its type; the first that does not fit says so at its field.

        Raises:
            Invalid: one does not fit; ``field`` is its path.
        """
        self.clear_errors()
        written = [part.given() for part in self._parts]
        for at, (parameter, value) in enumerate(zip(self._inputs, written, strict=True)):
            read_value(parameter, value, str(at))
        return written

    def show_error(self, error: ConsoleError) -> bool:
        """Put an error beside the field whose path it names, or the one that contains it; False when there is none."""
        path, fields = error.field, self.fields
        while path and path not in fields:
            path = path.rpartition(".")[0]
        field = fields.get(path)
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

    def _in_order(self) -> None:
        """Tab goes through the form from above, also through rows that came later."""
        places = sorted(
            (
                widget
                for widget in self.findChildren(QWidget)
                if isinstance(widget, QAbstractButton | QComboBox | QLineEdit | QPlainTextEdit)
                and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
                and not isinstance(widget.parentWidget(), QComboBox)
            ),
            key=self._way,
        )
        for before, after in pairwise(places):
            QWidget.setTabOrder(before, after)

    def _way(self, widget: QWidget) -> tuple[int, ...]:
        """Where a widget stands: its place in the layout of each widget around it, from the form inwards."""
        way: list[int] = []
        while widget is not self:
            around = widget.parentWidget()
            way.insert(0, _place(around.layout(), widget))
            widget = around
        return tuple(way)


def _place(layout: Any, widget: QWidget) -> int:
    """The number of a widget among all of a layout and those inside it."""
    count = 0
    waiting = [layout]
    while waiting:
        item = waiting.pop(0)
        if item is None:
            continue
        if item.widget() is widget:
            return count
        inner = item.layout()
        if inner is not None:
            waiting[:0] = [inner.itemAt(at) for at in range(inner.count())]
        count += 1
    return count
