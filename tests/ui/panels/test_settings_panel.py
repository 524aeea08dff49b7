"""What is set in the panel is what the console uses; what cannot be used is told at its field and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton

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


def test_an_address_shows_its_key_only_while_it_is_edited(shell: Shell) -> None:
    shell.window.open("settings", section="networks")
    section = shell.panel.networks
    key = "https://me:hidden-word@node.example/v3/0123456789abcdef0123456789abcdef"
    section.url.set_address(key)
    section.name.setFocus()
    shell.until(lambda: section.name.hasFocus())
    assert section.url.text() == "https://…@node.example/v3/…" and section.url.address() == key
    section.url.setFocus()
    shell.until(lambda: section.url.text() == key)
    section.url.setText(key + "7")
    section.name.setFocus()
    shell.until(lambda: section.name.hasFocus())
    assert section.url.text() == "https://…@node.example/v3/…" and section.url.address() == key + "7"
    section.url.set_address("")
    assert section.url.address() == ""


def test_a_network_goes_from_the_list_unless_it_is_the_current_one(shell: Shell, made: Any) -> None:
    from app.core.errors import Conflict
    from app.core.settings import NetworkSetting

    networks = shell.console.networks
    demo = networks.get(made.network)
    again = NetworkSetting(id="again", name="Again", rpc_url=demo.rpc_url, chain_id=demo.chain_id, environment="local")
    shell.ask(lambda: networks.add(again))
    shell.ask(lambda: networks.select("again"))
    with pytest.raises(Conflict, match="current network"):
        shell.ask(lambda: networks.remove("again"))
    assert networks.get("again").name == "Again"
    shell.ask(lambda: networks.select(made.network))
    shell.window.open("settings", section="networks")
    shell.panel.networks.refresh()
    shell.until(lambda: "again" in shell.panel.networks._networks)
    shell.panel.networks._choose(made.network)
    assert not shell.panel.findChild(QPushButton, f"settings.networks.remove.{made.network}").isEnabled()
    shell.panel.networks._choose("again")
    shell.panel.findChild(QPushButton, "settings.networks.remove.again").click()
    shell.until(lambda: all(network.id != "again" for network in networks.list()))
