"""One contract of a project is deployed out of a form made of its ABI; what does not fit is told at its field."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from app.core.settings import NetworkSetting
from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.node, pytest.mark.compiler]
SOURCE = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

library Sums {
    function add(uint256 a, uint256 b) external pure returns (uint256) { return a + b; }
}

interface Empty { function f() external; }

contract Box {
    uint256 public width;
    constructor(uint256 width_) payable { width = width_; }
}

contract Linked {
    function two() external pure returns (uint256) { return Sums.add(1, 1); }
}
"""
GUILD = Path(__file__).parents[2] / "data" / "guild"
SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"  # anvil's first


@pytest.fixture
def form(shell: Shell, node: Any, tmp_path: Path) -> Any:
    """The form over a project of three contracts, on the network of the tests."""
    if all(network.id != "bench" for network in shell.console.networks.list()):
        setting = NetworkSetting(id="bench", name="Bench", rpc_url=node.url, chain_id=1337, environment="local")
        shell.ask(lambda: shell.console.networks.add(setting))
        shell.ask(lambda: shell.console.wallets.watch("Deployer", SENDER))
    shell.ask(lambda: shell.console.networks.select("bench"))
    folder = tmp_path / "boxes"
    folder.mkdir()
    (folder / "Box.sol").write_text(SOURCE)
    shell.window.open("contracts")
    panel = shell.panel
    shell.until(lambda: panel.sources.tree.topLevelItemCount())
    known = panel.sources.tree.topLevelItemCount()
    panel.sources.add(str(folder))
    shell.until(lambda: panel.sources.tree.topLevelItemCount() == known + 1)
    panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(known))
    assert panel.sources.project() == folder
    shell.window.trigger("contracts.deploy_one")
    made = shell.window.sheet._form
    shell.until(lambda: made.of.contract.count(), 120_000)
    shell.until(lambda: made.sender.findData(SENDER) >= 0)
    made.sender.set_address(SENDER)
    return made


def fields(form: Any) -> dict[str, Any]:
    return form.of.arguments.fields


def test_a_contract_with_arguments_coins_and_salt_becomes_a_plan(shell: Shell, form: Any) -> None:
    assert [form.of.contract.itemText(at).split()[0] for at in range(form.of.contract.count())] == ["Box", "Linked", "Sums"]
    fields(form)["0"].widget.setText("wide")
    shell.window.sheet.preview.click()
    shell.until(lambda: fields(form)["0"].error())
    fields(form)["0"].widget.setText("7")
    form.value.setText("0.5")
    form.salt.setText("0x12")
    shell.window.sheet.preview.click()
    shell.until(lambda: any("64 hex digits" in each.error() for each in form.findChildren(type(form.value_field))))
    form.salt.setText("first")
    shell.window.sheet.preview.click()
    shell.until(lambda: shell.window.sheet.plan is not None, 60_000)
    plan = shell.window.sheet.plan
    assert plan.params["arguments"] == [["width_", "7"]] and plan.params["value"] == 5 * 10**17
    assert plan.params["name"] == "Box" and str(plan.params["salt"]).startswith("0x")


def test_a_library_without_address_is_told_at_its_field(shell: Shell, form: Any) -> None:
    form.of.contract.setCurrentIndex(1)
    assert form.value_field.isHidden() and not fields(form)
    (edit,) = form.of.libraries.values()
    shell.window.sheet.preview.click()
    shell.until(lambda: "is not an address" in edit.parentWidget().error())
    edit.setText(SENDER)
    shell.window.sheet.preview.click()
    shell.until(lambda: shell.window.sheet.plan is not None, 60_000)
    assert SENDER[2:].lower() in str(shell.window.sheet.plan.params["code"])


def test_a_system_of_a_project_is_deployed_from_its_file(shell: Shell, form: Any, tmp_path: Path) -> None:
    file = shutil.copytree(GUILD, tmp_path / "guild") / "guild.toml"
    broken = tmp_path / "broken.toml"
    broken.write_text("title = ")
    shell.window.trigger("contracts.deploy")
    asked = shell.window.sheet._form
    known = asked.system.count()
    asked.open_file(broken)
    shell.until(lambda: "cannot be read as a system" in asked._what.error())
    assert asked.system.count() == known
    asked.open_file(file)
    shell.until(lambda: asked.system.currentText() == "Guild (guild.toml)")
    assert asked._what.error() == "" and asked._what._hint_text == "Made of the contracts of guild"
    labels = [label.text() for label in asked.findChildren(QLabel) if label.isVisible()]
    assert {"Master", "Due"} <= set(labels), labels
    shell.until(lambda: asked._inputs["master"].findData(SENDER) >= 0)
    asked._inputs["master"].set_address(SENDER)
    asked._inputs["due"].setText("21")
    shell.window.sheet.preview.click()
    shell.until(lambda: shell.window.sheet.plan is not None and shell.window.sheet.plan.kind == "contracts.deploy", 120_000)
    plan = shell.window.sheet.plan
    assert plan.params["system"] == "guild" and int(str(plan.params["due"])) == 21
    assert [step.spec.title.split()[-1] for step in plan.steps[:3]] == ["Shares", "Guild", "Till"]
    asked.system.setCurrentIndex(0)
    assert asked._what._hint_text == "" and "master" not in asked._inputs
