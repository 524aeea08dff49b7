"""Local Chains: a chain is made by its form, snapshots are returned to by keys, and what is done can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from tests.ui.shell.desk import Shell

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def chains(module_window: Shell) -> Iterator[Shell]:
    """The panel with a running chain “lab” of two snapshots; its node is stopped afterwards."""
    shell = module_window
    shell.window.resize(1440, 900)
    shell.window.open("chains")
    shell.until(lambda: shell.at == "chains")
    shell.window.registry.run("chains.new")
    form = shell.window.dock.findChild
    shell.until(lambda: form(QWidget, "chains.new.name") is not None)
    form(QWidget, "chains.new.name").setText("lab")
    submit(shell)
    shell.until(lambda: shell.panel.chosen == "lab" and shell.panel.accounts.rows())
    yield shell
    for node in shell.ask(shell.console.nodes.list):
        shell.ask(lambda name=node.name: shell.console.nodes.stop(name))


def submit(shell: Shell) -> None:
    """Press the sheet's primary button."""
    sheet = shell.window.dock.findChild(QWidget, "plan.sheet")
    shell.until(lambda: sheet.preview.isEnabled())
    sheet.preview.click()


def view(shell: Shell) -> Any:
    return shell.ask(lambda: shell.console.nodes.look("lab"))


def test_a_chain_of_the_form_has_its_test_accounts(chains: Shell) -> None:
    assert len(view(chains).accounts) == 10
    assert "chains.card.lab.stop" in {child.objectName() for child in chains.panel.findChildren(QWidget)}
    assert "genesis" in chains.panel.timeline.accessibleDescription()


def test_mining_moves_the_card_and_undo_takes_it_back(chains: Shell) -> None:
    before = view(chains).height
    chains.panel.controls.blocks.setValue(3)
    chains.panel.controls.mine_button.click()
    chains.until(lambda: chains.said().startswith("Mine 3 blocks on lab: done"))
    assert view(chains).height == before + 3
    message = chains.window.notifications.history[-1]
    assert message.action is not None and message.action[0] == "Undo"
    message.action[1]()
    chains.until(lambda: chains.said().startswith("Return lab to"))
    assert view(chains).height == before


def test_keys_go_through_the_tree_and_enter_asks_to_return(chains: Shell) -> None:
    panel = chains.panel
    chains.ask(lambda: take(chains, "first"))
    chains.until(lambda: "first" in {each.name for each in panel._seen.snapshots})
    tree = panel.timeline
    wanted = next(each.id for each in panel._seen.snapshots if each.name == "genesis")
    first = next(each for each in panel._seen.snapshots if each.name == "first")
    tree.select(first.id)
    for _ in range(len(panel._seen.snapshots)):
        QTest.keyClick(tree, Qt.Key.Key_Left)
    assert tree.selected == wanted
    assert "Chosen: genesis" in tree.accessibleDescription()
    QTest.keyClick(tree, Qt.Key.Key_Return)
    chains.until(lambda: chains.window.dock.findChild(QWidget, "chains.return.snapshot") is not None)
    assert chains.window.dock.findChild(QWidget, "chains.return.snapshot").currentData() == wanted
    submit(chains)
    chains.until(lambda: chains.said().startswith("Return lab to genesis: done"))
    assert chains.console.nodes.get("lab").base == wanted


def test_the_log_can_be_filtered(chains: Shell) -> None:
    chains.panel.filter.setText("block number")
    chains.until(lambda: chains.panel.log.text() and all("Block Number" in line for line in chains.panel.log.text().splitlines()))
    chains.panel.filter.clear()


async def take(shell: Shell, name: str) -> None:
    plan = await shell.console.nodes.plan_snapshot("lab", name)
    await shell.console.operations.execute(plan.id)
