"""The parts of a form out of an ABI: one value, a struct member by member, a list row by row or as JSON."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.contracts.values import array_of, called, members_of, read_value, template
from app.core.errors import Invalid
from ui.widgets import AccountCombo, Field, button, line_edit

Parameter = Mapping[str, Any]
MOST_ROWS = 50  # a longer list is written as JSON


class Part(ABC):
    """What asks for one argument, member or item.

    Attributes:
        widget: what stands in the form.
        path: the argument's place, then members and places in lists; errors name it.
    """

    widget: QWidget
    path = ""

    @abstractmethod
    def place(self, path: str, name: str) -> None:
        """Stand at this path, under this name; of an item of a list both change when one before it goes."""

    @abstractmethod
    def fields(self) -> dict[str, Field]:
        """The fields from above, by path."""

    @abstractmethod
    def given(self) -> object:
        """What is entered, for the encoder.

        Raises:
            Invalid: an account is none; ``field`` is its path.
        """

    @abstractmethod
    def raw(self) -> object:
        """What is entered, as it is written."""

    @abstractmethod
    def fill(self, value: object) -> None:
        """Show a value as :meth:`raw` gives it."""


class Value(Part):
    """One value: an account, true or false, or a line."""

    def __init__(self, bridge: Any, prefix: str, parameter: Parameter) -> None:
        self._prefix, self._kind = prefix, str(parameter["type"])
        if self._kind == "address":
            self._input: Any = AccountCombo(prefix, bridge, editable=True)
        elif self._kind == "bool":
            self._input = QComboBox()
            self._input.addItems(["false", "true"])
        else:
            self._input = line_edit(prefix, self._kind)
            self._input.setPlaceholderText(template(parameter))
        self.widget = self._field = Field(self._kind, self._input)

    def place(self, path: str, name: str) -> None:
        self.path = path
        self._input.setObjectName(f"{self._prefix}.{path}")
        self._input.setAccessibleName(f"{name}, {self._kind}")
        self._field.label.setText(f"{name}  {self._kind}")

    def fields(self) -> dict[str, Field]:
        return {self.path: self._field}

    def given(self) -> object:
        return _address(self._input, self.path) if isinstance(self._input, AccountCombo) else self.raw()

    def raw(self) -> object:
        if not isinstance(self._input, QComboBox):
            return self._input.text()
        known = self._input.currentData() if self._input.currentText() == self._input.itemText(self._input.currentIndex()) else None
        return str(known or self._input.currentText())

    def fill(self, value: object) -> None:
        if isinstance(self._input, AccountCombo):
            self._input.set_address(str(value))
        elif isinstance(self._input, QComboBox):
            self._input.setCurrentText(str(value).lower())
        else:
            self._input.setText(str(value))


class Struct(Part):
    """The members of a struct, each in its own way."""

    def __init__(self, make: Make, members: Sequence[Parameter]) -> None:
        self.widget, inner, self._heading = _card()
        self._members = {called(each, at): make(each) for at, each in enumerate(members)}
        for part in self._members.values():
            inner.addWidget(part.widget)

    def place(self, path: str, name: str) -> None:
        self.path = path
        self._heading.setText(f"{name}  struct")
        for member, part in self._members.items():
            part.place(f"{path}.{member}", member)

    def fields(self) -> dict[str, Field]:
        return {path: field for part in self._members.values() for path, field in part.fields().items()}

    def given(self) -> object:
        return {name: part.given() for name, part in self._members.items()}

    def raw(self) -> object:
        return {name: part.raw() for name, part in self._members.items()}

    def fill(self, value: object) -> None:
        in_order = value if isinstance(value, list) else []
        given = value if isinstance(value, Mapping) else dict(zip(self._members, in_order, strict=False))
        for name, part in self._members.items():
            part.fill(given.get(name, ""))


class _Rows(QFrame):
    """The frame of a list; says when it has other rows."""

    changed = Signal()


class Items(Part):
    """A list: a row for each item with what takes it out, and what adds one; or all of it as JSON, for pasting."""

    def __init__(self, make: Make, prefix: str, parameter: Parameter, element: Parameter, length: int | None) -> None:
        self._make, self._prefix, self._parameter, self._element, self._length = make, prefix, parameter, element, length
        self.frame = _Rows()
        self.widget, inner, self._heading = _card(self.frame)
        self._parts: list[Part] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        inner.addLayout(self._rows)
        self._json = QPlainTextEdit()
        self._json.setPlaceholderText(template(parameter))
        self._json.setTabChangesFocus(True)
        self._json.setFixedHeight(84)
        self._json.hide()
        inner.addWidget(self._json)
        self._bar = QWidget()
        row = QHBoxLayout(self._bar)
        row.setContentsMargins(0, 0, 0, 0)
        self._add = button("Add", icon="plus")
        self._add.clicked.connect(self.add)
        self._add.setVisible(length is None)
        self._switch = button("As JSON", icon="code")
        self._switch.setCheckable(True)
        self._switch.clicked.connect(self._switched)
        row.addWidget(self._add)
        row.addWidget(self._switch)
        row.addStretch(1)
        self._bar.setFocusProxy(self._switch if length is not None else self._add)
        said = "" if length is None else f"{length} items"
        self._field = Field("", self._bar, said)
        self._field.label.hide()
        inner.addWidget(self._field)
        if length is not None and length > MOST_ROWS:
            self._show_json(True)
        else:
            for _ in range(length or 0):
                self._append()

    def place(self, path: str, name: str) -> None:
        self.path = path
        kind = str(self._parameter["type"]).replace("tuple", "struct")
        self._heading.setText(f"{name}  {kind}")
        for widget, last, said in (
            (self._add, "add", f"Add an item to {name}"),
            (self._switch, "as_json", f"Write {name} as JSON"),
            (self._json, "json", f"{name}, {kind}, as JSON"),
        ):
            widget.setObjectName(f"{self._prefix}.{path}.{last}")
            widget.setAccessibleName(said)
        self._name = name
        for at, part in enumerate(self._parts):
            part.place(f"{path}.{at}", f"{name} {at + 1}")
            if (taker := self._taker(part)) is not None:
                taker.setAccessibleName(f"Take {name} {at + 1} out")

    def fields(self) -> dict[str, Field]:
        inner = {} if self._switch.isChecked() else {p: f for part in self._parts for p, f in part.fields().items()}
        return {**inner, self.path: self._field}

    def given(self) -> object:
        return self._json.toPlainText() if self._switch.isChecked() else [part.given() for part in self._parts]

    def raw(self) -> object:
        return self._json.toPlainText() if self._switch.isChecked() else [part.raw() for part in self._parts]

    def fill(self, value: object) -> None:
        items = value if isinstance(value, list) else []
        if len(items) > MOST_ROWS:
            self._json.setPlainText(json.dumps(items, ensure_ascii=False))
            self._show_json(True)
            return
        while len(self._parts) < len(items):
            self._append()
        while len(self._parts) > len(items) and self._length is None:
            self._take(self._parts[-1])
        for part, item in zip(self._parts, items, strict=False):
            part.fill(item)
        self._again()

    def add(self) -> None:
        """One more item, which gets the focus."""
        part = self._append()
        self._again()
        if (first := next(iter(part.fields().values()), None)) is not None:
            first.widget.setFocus()

    def _append(self) -> Part:
        part = self._make(self._element)
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(part.widget, 1)
        if self._length is None:
            taker = button("", icon="minus")
            taker.setObjectName("taker")
            taker.setToolTip("Take out")
            taker.clicked.connect(lambda: self._taken(part))
            line.addWidget(taker)
        self._rows.addWidget(row)
        row.show()  # now, not with the layout's next turn: it shall get the focus
        self._parts.append(part)
        return part

    def _taken(self, part: Part) -> None:
        at = self._parts.index(part)
        self._take(part)
        self._again()
        after = self._taker(self._parts[min(at, len(self._parts) - 1)]) if self._parts else None
        (after or self._add).setFocus()

    def _taker(self, part: Part) -> QPushButton | None:
        """The button that takes a row out; none in a list of fixed length."""
        around = part.widget.parentWidget().layout()
        last = around.itemAt(around.count() - 1).widget() if around is not None else None
        return last if isinstance(last, QPushButton) else None

    def _take(self, part: Part) -> None:
        self._parts.remove(part)
        row = part.widget.parentWidget()
        self._rows.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _again(self) -> None:
        self.place(self.path, self._name)
        self._add.setEnabled(len(self._parts) < MOST_ROWS)
        self._add.setToolTip("" if self._add.isEnabled() else f"A list of more than {MOST_ROWS} items is written as JSON")
        self._field.set_error("")
        self.frame.changed.emit()

    def _switched(self) -> None:
        if self._switch.isChecked():
            items = [part.raw() for part in self._parts]
            self._json.setPlainText(json.dumps(items, ensure_ascii=False) if items else "")
            self._show_json(True)
            self._json.setFocus()
            return
        text = self._json.toPlainText().strip()
        try:
            read_value(self._parameter, text or "[]", self.path)
            items = json.loads(text or "[]", parse_int=str, parse_float=str)
            if len(items) > MOST_ROWS:
                raise Invalid(f"{len(items):,} items are too many for rows.", "Leave them as JSON.", field=self.path)
        except Invalid as error:
            self._show_json(True)
            self._field.set_error(str(error))
            return
        self._show_json(False)
        self.fill(items)

    def _show_json(self, shown: bool) -> None:
        self._switch.setChecked(shown)
        self._json.setVisible(shown)
        self._add.setVisible(not shown and self._length is None)
        for part in self._parts:
            part.widget.parentWidget().setVisible(not shown)
        self._bar.setFocusProxy(self._json if shown else self._switch if self._length is not None else self._add)
        self.frame.changed.emit()


Make = Callable[[Parameter], Part]


def part_of(bridge: Any, prefix: str, parameter: Parameter, changed: Callable[[], object]) -> Part:
    """What asks for a parameter; ``changed`` hears of rows that came or went."""

    def make(each: Parameter) -> Part:
        return part_of(bridge, prefix, each, changed)

    if (element := array_of(parameter)) is not None:
        items = Items(make, prefix, parameter, *element)
        items.frame.changed.connect(changed)
        return items
    members = members_of(parameter)
    return Struct(make, members) if members is not None else Value(bridge, prefix, parameter)


def _card(box: QFrame | None = None) -> tuple[QFrame, QVBoxLayout, QLabel]:
    box = box or QFrame()
    box.setProperty("role", "card")
    inner = QVBoxLayout(box)
    inner.setContentsMargins(10, 8, 10, 10)
    inner.setSpacing(8)
    heading = QLabel()
    heading.setProperty("role", "label")
    inner.addWidget(heading)
    return box, inner, heading


def _address(combo: AccountCombo, path: str) -> str:
    """What was chosen or typed; the zero address may be typed, since a contract decides for itself what it means."""
    text = combo.currentText().strip()
    if text.lower() == "0x" + "0" * 40:
        return text
    try:
        return combo.address()
    except Invalid as error:
        raise Invalid(error.message, error.remedy, field=path) from error
