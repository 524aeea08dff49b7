"""The sheet leads through five steps and never signs by accident."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.events import PlanChanged
from app.operations.plans import PlanState, StepRecord, StepSpec, StepState
from tests.ui.plan_sheet.sheet_world import TREASURY, finished, preview, transfer
from ui.widgets import CodeBlock, privacy
from ui.widgets.values import MASK

PREVIEW, CONFIRM, PROGRESS, RECEIPT = 1, 2, 3, 4


def to_confirm(sheet: Any) -> None:
    sheet.open_plan("plan-1")
    sheet.go_on.click()
    assert sheet.step == CONFIRM


def test_a_previewed_plan_opens_at_its_preview_and_nothing_is_signed(sheet: Any, world: Any) -> None:
    sheet.open_plan("plan-1")
    assert sheet.step == PREVIEW
    assert sheet.hint.text() == "Nothing is signed yet"
    assert not sheet.confirm.isVisible()
    assert world.operations.calls == []


@pytest.mark.parametrize("words", ["", "A check blocks it", "It would fail, so it cannot be confirmed"])
def test_what_hinders_has_room_at_every_width(sheet: Any, words: str) -> None:
    """Beside the buttons it stands on one line, and above them where it could not."""
    sheet.open_plan("plan-1")
    for width in range(460, 900, 20):
        sheet.resize(width, 700)
        sheet.set_hint(words)
        QApplication.processEvents()
        beside = sheet._footer_row.indexOf(sheet.hint) >= 0
        assert not beside or sheet.hint.width() >= sheet.hint.fontMetrics().horizontalAdvance(words), width
        assert beside or (sheet.hint.isVisible() and sheet.hint.width() > width - 60)


def test_confirm_hands_the_run_to_the_console_and_the_receipt_follows(sheet: Any, world: Any) -> None:
    to_confirm(sheet)
    assert sheet.confirm.text() == "Sign and send"
    sheet.confirm.click()
    assert world.operations.calls == ["confirm"]
    assert [title for title, _ in world.started] == ["Send AZR from Treasury"]
    assert sheet.step == PROGRESS
    world.operations.now = finished(world.operations.now)
    sheet.bridge.publish(PlanChanged("plan-1", "done"))
    assert sheet.step == RECEIPT
    assert sheet.findChild(QWidget, "plan.outcome").text() == "Sent and reconciled"


def test_a_recipient_that_nobody_here_knows_is_confirmed_by_its_whole_address(sheet: Any, world: Any) -> None:
    stranger = "0x" + "Ab" * 20
    world.operations.now = replace(world.operations.now, params={**world.operations.now.params, "recipient": stranger})
    to_confirm(sheet)
    whole = sheet.findChild(QLabel, "plan.to")
    assert whole.text() == stranger and whole.sizeHint().width() <= whole.width()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_and_ctrl_enter_never_press_the_button_that_signs(sheet: Any, world: Any, qtbot: Any, key: Qt.Key) -> None:
    to_confirm(sheet)
    sheet.confirm.setFocus()
    for target in (sheet, sheet.confirm):
        qtbot.keyClick(target, key)
        qtbot.keyClick(target, key, Qt.KeyboardModifier.ControlModifier)
    assert world.operations.calls == []


def test_a_simulation_that_changed_locks_confirm_until_it_was_read(sheet: Any, world: Any) -> None:
    to_confirm(sheet)
    world.operations.next_preview = preview(sent=9)
    sheet.confirm.click()
    assert world.operations.calls == ["confirm", "preview"]
    assert world.started == []
    assert sheet.step == PREVIEW
    assert sheet.findChild(QWidget, "plan.changed") is not None
    sheet.go_on.click()
    sheet.confirm.click()
    assert world.operations.calls[-1] == "confirm" and len(world.started) == 1


def test_production_asks_for_its_name_to_be_typed(sheet: Any, world: Any) -> None:
    world.operations.now = transfer("production")
    to_confirm(sheet)
    typed = sheet.findChild(QLineEdit, "plan.typed")
    assert not sheet.confirm.isEnabled()
    typed.setText("demo")
    assert not sheet.confirm.isEnabled()
    typed.setText("Demo")
    assert sheet.confirm.isEnabled()
    sheet.confirm.click()
    assert world.operations.statement == "Demo"


def test_the_passphrase_is_asked_for_only_when_one_is_set_and_forgotten_when_wrong(sheet: Any, world: Any) -> None:
    to_confirm(sheet)
    assert sheet.findChild(QLineEdit, "plan.passphrase") is None
    world.access.passphrase_set, world.operations.passphrase = True, "right"
    sheet.open_plan("plan-1")
    sheet._show(CONFIRM)
    field = sheet.findChildren(QLineEdit, "plan.passphrase")[-1]  # the one before goes with the next turn of the loop
    assert field.echoMode() == QLineEdit.EchoMode.Password and not sheet.confirm.isEnabled()
    field.setText("wrong")
    sheet.confirm.click()
    assert sheet.step == CONFIRM and field.text() == "" and world.started == []
    field.setText("right")
    sheet.confirm.click()
    assert len(world.started) == 1


def test_an_auditor_reads_the_preview_and_the_reason_why_not(sheet: Any, world: Any) -> None:
    world.why_not = "Auditors may plan and preview, but not confirm."
    sheet.open_plan("plan-1")
    assert not sheet.go_on.isEnabled()
    assert sheet.hint.text() == world.why_not


def test_a_preview_that_would_fail_cannot_be_confirmed(sheet: Any, world: Any) -> None:
    cause = "ERC20InsufficientBalance(sender: 0x12, balance: 7, needed: 8)"
    world.operations.now = transfer(preview=preview(error="Ann holds 7 AZR, and 8 AZR would be taken.", cause=cause))
    sheet.open_plan("plan-1")
    assert not sheet.go_on.isEnabled() and sheet.again.isVisible()
    assert sheet.findChild(CodeBlock, "plan.cause").text() == cause
    privacy.set_hidden(True)
    try:
        assert sheet.findChildren(CodeBlock, "plan.cause")[-1].text() == MASK  # the newest; the one before goes
    finally:
        privacy.set_hidden(False)


def test_closing_cancels_nothing_and_opening_again_shows_the_same_step(sheet: Any, world: Any) -> None:
    to_confirm(sheet)
    sheet.close_sheet()
    sheet.open_plan("plan-1")
    assert sheet.step == CONFIRM
    assert world.operations.calls == []


def test_alt_arrows_move_between_allowed_steps_only(sheet: Any, qtbot: Any) -> None:
    sheet.open_plan("plan-1")
    alt = Qt.KeyboardModifier.AltModifier
    qtbot.keyClick(sheet, Qt.Key.Key_Right, alt)
    assert sheet.step == CONFIRM
    qtbot.keyClick(sheet, Qt.Key.Key_Right, alt)
    assert sheet.step == CONFIRM
    qtbot.keyClick(sheet, Qt.Key.Key_Left, alt)
    assert sheet.step == PREVIEW


def test_a_failed_plan_says_what_failed_and_where(sheet: Any, world: Any) -> None:
    world.operations.now = transfer(state=PlanState.FAILED, reason="Nonce 4 was used elsewhere. This plan sent nothing.")
    sheet.open_plan("plan-1")
    assert sheet.step == PROGRESS
    assert "stopped here" in sheet.steps.tabs[PROGRESS].accessibleName()


def test_a_discarded_plan_did_none_of_its_steps_and_has_no_log(sheet: Any, world: Any) -> None:
    skipped = tuple(replace(record, state=StepState.SKIPPED) for record in world.operations.now.steps)
    world.operations.now = replace(world.operations.now, state=PlanState.STOPPED, steps=skipped, reason="Discarded.")
    world.operations.log = lambda plan_id: []
    sheet.open_plan("plan-1")
    said = [label.text() for label in sheet.findChildren(QLabel) if label.isVisible()]
    assert "0 of 1" in said and "Live log" not in said


def test_of_a_deployment_that_ended_early_the_rest_is_planned_not_all_of_it_again(sheet: Any, world: Any) -> None:
    names = ("Create AzoraToken", "Create Emission")
    steps = tuple(
        StepRecord(at, StepSpec("contracts.create", name, {"sender": TREASURY, "contract": name[7:]}), state=state)
        for at, (name, state) in enumerate(zip(names, (StepState.DONE, StepState.FAILED), strict=True))
    )
    reason = "Nonce 4 was used elsewhere. This step sent nothing."
    old = transfer(kind="contracts.deploy", state=PlanState.FAILED, reason=reason, steps=steps)
    asked: list[str] = []

    async def plan_rest(plan_id: str) -> Any:
        asked.append(plan_id)
        world.operations.now = transfer(kind="contracts.deploy", id="plan-2", steps=steps[1:])
        return world.operations.now

    world.operations.rest = plan_rest
    world.operations.now = old
    sheet.open_plan("plan-1")
    assert sheet.retry.isVisible() and sheet.retry.text() == "Plan the rest"
    sheet.retry.click()
    assert asked == ["plan-1"]
    assert sheet.step == PREVIEW and sheet.plan.id == "plan-2"

    world.operations.now = transfer(kind="contracts.deploy", state=PlanState.FAILED, reason=reason)
    sheet.open_plan("plan-1")
    assert sheet.retry.text() == "Preview again", "nothing of it was made"


def test_an_invalid_field_is_named_where_it_is_and_nothing_is_planned(sheet: Any, world: Any) -> None:
    from ui.plan_sheet import PlanForm
    from ui.widgets import Field, line_edit

    class Form(PlanForm):
        title = "Send"

        def __init__(self) -> None:
            super().__init__()
            self.amount = line_edit("wallets.send.amount", "Amount")
            self.field = Field("Amount", self.amount, "")
            QVBoxLayout(self).addWidget(self.field)

        def work(self) -> Any:
            if not self.amount.text():
                raise Invalid("No amount. Nothing was planned.", field="amount")

            async def plan() -> Any:
                return world.operations.now

            return plan

    form = Form()
    sheet.open_form(form)
    sheet.preview.click()
    assert sheet.step == 0 and not sheet.problem.isVisible()
    form.amount.setText("1")
    sheet.preview.click()
    assert sheet.step == PREVIEW
    sheet.back.click()
    assert sheet.step == 0 and form.amount.text() == "1"


def test_the_exported_receipt_tells_the_whole_plan_exactly(sheet: Any, world: Any, tmp_path: Any) -> None:
    world.operations.now = finished(transfer())
    sheet.open_plan("plan-1")
    sheet.export_to(tmp_path / "receipt.json")
    told = json.loads((tmp_path / "receipt.json").read_text())
    assert told["plan"] == "PLN-0427" and told["receipt"]["matches"] is True
    assert told["receipt"]["actual"][1]["after"] == str(12_500 * 10**18)
    assert told["receipt"]["evidence"][0]["status"] == "included"
