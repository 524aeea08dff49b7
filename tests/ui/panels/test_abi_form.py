"""The form out of an ABI: one field per argument, structs member by member, errors where they belong."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit

from app.contracts.values import read_values
from app.core.errors import Invalid
from tests.ui.shell.desk import TREASURY, Shell
from ui.panels.contracts.abi_form import AbiForm

pytestmark = pytest.mark.gui
INPUTS: list[dict[str, Any]] = [
    {
        "name": "proof",
        "type": "tuple",
        "internalType": "struct Mine.Proof",
        "components": [{"name": "who", "type": "address"}, {"name": "reward", "type": "uint256"}, {"name": "ok", "type": "bool"}],
    },
    {"name": "signatures", "type": "bytes[]"},
]


@pytest.fixture
def form(shell: Shell) -> Any:
    form = AbiForm(shell.window.bridge, "test.arg", "Arguments")
    form.set_inputs(INPUTS)
    form.show()
    yield form
    form.close()


def enter(form: AbiForm, texts: dict[str, str]) -> None:
    """Write into the fields, by path."""
    for path, text in texts.items():
        widget = form.fields[path].widget
        if isinstance(widget, QLineEdit):
            widget.setText(text)
        elif isinstance(widget, QComboBox):
            (widget.setEditText if widget.isEditable() else widget.setCurrentText)(text)


def test_a_struct_is_asked_member_by_member_and_a_list_as_json(shell: Shell, form: Any) -> None:
    assert list(form.fields) == ["0.who", "0.reward", "0.ok", "1"]
    enter(form, {"0.who": TREASURY, "0.reward": "0x10", "0.ok": "true", "1": '["0xab"]'})
    given = form.given()
    values = read_values(INPUTS, given)
    assert values[0][1:] == (16, True) and values[0][0].lower() == TREASURY.lower() and values[1] == [b"\xab"]


@pytest.mark.parametrize(
    ("path", "text"), [("0.reward", "1.5"), ("0.who", "0x12"), ("1", "0xab"), ("1", '["0xab", "xyz"]'), ("1", "")]
)
def test_an_error_stands_at_its_field_which_gets_the_focus(shell: Shell, form: Any, path: str, text: str) -> None:
    enter(form, {"0.who": TREASURY, "0.reward": "1", "1": "[]"} | {path: text})
    with pytest.raises(Invalid) as told:
        form.given()
    assert form.show_error(told.value)
    assert [each for each, field in form.fields.items() if field.error()] == [path]
    form.clear_errors()
    assert not any(field.error() for field in form.fields.values())


def test_every_field_has_a_name_and_is_reached_with_the_tab_key(shell: Shell, form: Any) -> None:
    spoken = [field.widget.accessibleName() for field in form.fields.values()]
    assert spoken == ["who, address", "reward, uint256", "ok, bool", "signatures, bytes[]"]
    assert all(field.widget.focusPolicy() & Qt.FocusPolicy.TabFocus for field in form.fields.values())
