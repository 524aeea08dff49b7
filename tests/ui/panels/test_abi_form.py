"""The form out of an ABI: one field per argument, structs member by member, errors where they belong."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

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


def part(form: AbiForm, name: str) -> Any:
    """A control of the form, by the end of its object name."""
    return form.findChild(QWidget, f"test.arg.{name}")


def test_a_struct_is_asked_member_by_member_and_a_list_row_by_row(shell: Shell, form: Any) -> None:
    assert list(form.fields) == ["0.who", "0.reward", "0.ok", "1"]
    part(form, "1.add").click()
    assert list(form.fields) == ["0.who", "0.reward", "0.ok", "1.0", "1"]
    enter(form, {"0.who": TREASURY, "0.reward": "0x10", "0.ok": "true", "1.0": "0xab"})
    given = form.given()
    values = read_values(INPUTS, given)
    assert values[0][1:] == (16, True) and values[0][0].lower() == TREASURY.lower() and values[1] == [b"\xab"]


@pytest.mark.parametrize(("path", "text"), [("0.reward", "1.5"), ("0.who", "0x12"), ("1.1", "xyz"), ("1.0", "")])
def test_an_error_stands_at_its_field_which_gets_the_focus(shell: Shell, form: Any, path: str, text: str) -> None:
    for _ in range(2):
        part(form, "1.add").click()
    enter(form, {"0.who": TREASURY, "0.reward": "1", "1.0": "0x01", "1.1": "0x02"} | {path: text})
    with pytest.raises(Invalid) as told:
        form.given()
    assert form.show_error(told.value)
    assert [each for each, field in form.fields.items() if field.error()] == [path]
    form.clear_errors()
    assert not any(field.error() for field in form.fields.values())


def test_every_field_has_a_name_and_is_reached_with_the_tab_key(shell: Shell, form: Any) -> None:
    part(form, "1.add").click()
    spoken = [field.widget.accessibleName() for path, field in form.fields.items() if path != "1"]
    assert spoken == ["who, address", "reward, uint256", "ok, bool", "signatures 1, bytes"]
    assert part(form, "1.0").hasFocus() or part(form, "1.0") is form.focusWidget()
    part(form, "0.ok").setFocus()
    way = []
    for _ in range(4):
        form.focusNextPrevChild(True)
        way.append(form.focusWidget().accessibleName())
    assert way == ["signatures 1, bytes", "Take signatures 1 out", "Add an item to signatures", "Write signatures as JSON"]


def test_a_row_taken_out_leaves_the_others_with_their_entries(shell: Shell, form: Any) -> None:
    for at, text in enumerate(("0x01", "0x02", "0x03")):
        part(form, "1.add").click()
        enter(form, {f"1.{at}": text})
    enter(form, {"0.who": TREASURY, "0.reward": "1"})
    takers = [each for each in form.findChildren(QWidget, "taker") if each.accessibleName() == "Take signatures 2 out"]
    takers[0].click()
    assert form.given()[1] == ["0x01", "0x03"]
    assert form.fields["1.1"].label.text() == "signatures 2  bytes"


def test_a_list_is_pasted_as_json_and_is_rows_again_only_when_it_fits(shell: Shell, form: Any) -> None:
    enter(form, {"0.who": TREASURY, "0.reward": "1"})
    part(form, "1.as_json").click()
    part(form, "1.json").setPlainText('["0xab", "nothing"]')
    with pytest.raises(Invalid) as told:
        form.given()
    assert form.show_error(told.value) and form.fields["1"].error()
    part(form, "1.as_json").click()
    assert part(form, "1.as_json").isChecked() and form.fields["1"].error(), "what does not fit stays to be corrected"
    part(form, "1.json").setPlainText('["0xab", "0xcd"]')
    part(form, "1.as_json").click()
    assert form.given()[1] == ["0xab", "0xcd"] and form.fields["1.1"].widget.text() == "0xcd"


def test_lists_of_structs_and_lists_of_fixed_length(shell: Shell, form: Any) -> None:
    members = [{"name": "part", "type": "uint8"}, {"name": "tags", "type": "bytes1[2]"}]
    pairs = {"name": "shares", "type": "tuple[]", "components": members}
    form.set_inputs([pairs])
    part(form, "0.add").click()
    assert list(form.fields) == ["0.0.part", "0.0.tags.0", "0.0.tags.1", "0.0.tags", "0"]
    assert part(form, "0.0.tags.add").isHidden()
    enter(form, {"0.0.part": "300", "0.0.tags.0": "0x01", "0.0.tags.1": "0x02"})
    with pytest.raises(Invalid) as told:
        form.given()
    assert told.value.field == "0.0.part"
    enter(form, {"0.0.part": "3"})
    assert read_values([pairs], form.given()) == [[(3, [b"\x01", b"\x02"])]]
