"""What is set in the panel is what the console uses; what cannot be used is told at its field and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.shell.desk import Shell

pytestmark = pytest.mark.gui


@pytest.fixture
def tools(shell: Shell) -> Any:
    shell.window.open("settings", section="tools")
    return shell.panel.stack.currentWidget()


@pytest.mark.parametrize("template", ["kate --line {line} {file}", "/opt/my editor/run '{file}'", ""])
def test_the_editor_is_kept(shell: Shell, tools: Any, template: str) -> None:
    tools.editor.setText(template)
    tools.editor.editingFinished.emit()
    shell.until(lambda: shell.console.settings.value.editor == template)
    assert tools.field.error() == ""


@pytest.mark.parametrize(("template", "why"), [("kate", "where the file goes"), ("kate '{file}", "cannot be read")])
def test_a_command_that_cannot_work_is_told_and_the_one_before_stays(shell: Shell, tools: Any, template: str, why: str) -> None:
    before = shell.console.settings.value.editor
    tools.editor.setText(template)
    tools.editor.editingFinished.emit()
    assert why in tools.field.error() and "Nothing was changed." in tools.field.error()
    assert shell.console.settings.value.editor == before
