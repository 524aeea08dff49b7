"""Local Chains: a chain is made by its form, snapshots are returned to by keys, and what is done can be undone."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QWidget

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
    found = chains.panel.log.text().splitlines()
    chains.panel.filter.clear()
    chains.until(lambda: len(chains.panel.log.text().splitlines()) > len(found))
    assert set(found) <= set(chains.panel.log.text().splitlines())


def opened(shell: Shell, action: str, name: str) -> Any:
    """The widget of a form that an action opens."""
    shell.window.registry.run(action)
    shell.until(lambda: shell.window.dock.findChild(QWidget, name) is not None)
    return shell.window.dock.findChild(QWidget, name)


def test_the_clock_goes_ahead_by_a_time_of_ones_own(chains: Shell) -> None:
    before = view(chains).chain_time
    opened(chains, "chains.warp", "chains.warp.time").setValue(90)
    unit = chains.window.dock.findChild(QWidget, "chains.warp.unit")
    unit.setCurrentIndex(unit.findText("Minutes"))
    submit(chains)
    chains.until(lambda: chains.said().startswith("Move the clock of lab ahead by 5,400 s: done"))
    assert view(chains).chain_time == before + 5_400


def test_the_last_blocks_are_replaced_to_the_depth_asked(chains: Shell) -> None:
    chains.ask(lambda: done(chains, chains.console.nodes.plan_mine("lab", 4)))
    chains.until(lambda: chains.panel._current().height == view(chains).height)
    before = [block(chains, view(chains).height - back) for back in range(4)]
    opened(chains, "chains.reorg", "chains.reorg.depth").setValue(2)
    submit(chains)
    chains.until(lambda: chains.said().startswith("Reorganise the last 2 of lab: done"))
    after = [block(chains, view(chains).height - back) for back in range(4)]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True, True]


def test_what_waits_in_the_pool_is_shown_and_dropped(chains: Shell) -> None:
    first, second = (each.address for each in view(chains).accounts[:2])
    chains.ask(lambda: done(chains, chains.console.nodes.plan_pace("lab", paused=True)))
    chains.ask(lambda: done(chains, chains.console.nodes.plan_impersonate("lab", first, second, 1)))
    chains.until(lambda: chains.panel.pool.isVisible() and len(chains.panel.pool.rows()) == 1)
    (waiting,) = view(chains).pending
    assert waiting.sender == first
    chains.panel.pool.select(waiting.hash)
    assert opened(chains, "chains.drop", "chains.drop.hash").currentData() == waiting.hash
    submit(chains)
    chains.until(lambda: chains.said().startswith("Drop ") and chains.said().split(": ")[1].startswith("done"))
    assert not view(chains).pending
    chains.until(lambda: not chains.panel.pool.isVisible())
    chains.ask(lambda: done(chains, chains.console.nodes.plan_pace("lab")))


def test_a_snapshot_goes_out_as_a_file_and_comes_in_again(chains: Shell, tmp_path: Path) -> None:
    file = tmp_path / "lab.azsnap"
    chains.panel.timeline.select(next(each.id for each in chains.panel._seen.snapshots if each.name == "genesis"))
    chains.window.registry.run("chains.export")
    dialog = chains.panel.findChild(QFileDialog, "file.dialog")
    dialog.fileSelected.emit(str(file))
    dialog.close()
    chains.until(lambda: chains.said().startswith("genesis of lab is written to"))
    opened(chains, "chains.import", "chains.import.file").setText(str(file))
    assert chains.window.dock.findChild(QWidget, "chains.import.name").text() == "lab"
    chains.window.dock.findChild(QWidget, "chains.import.snapshot").setText("brought")
    submit(chains)
    chains.until(lambda: "brought" in {each.name for each in chains.panel._seen.snapshots})


def test_accounts_have_a_dash_where_the_chain_has_no_token(chains: Shell) -> None:
    assert {row.cells["azr"] for row in chains.panel.accounts.rows()} == {"—"}


OWN = "legal winner thank year wave sausage worth useful legal winner thank yellow"  # of the vectors of BIP-39


def test_a_chain_begins_with_the_accounts_of_a_phrase_of_ones_own(chains: Shell) -> None:
    from app.core.secret import Secret
    from app.wallets.published import addresses_of

    phrase = opened(chains, "chains.new", "chains.new.phrase")
    assert OWN not in phrase.displayText()
    find = chains.window.dock.findChild
    find(QWidget, "chains.new.name").setText("own")
    find(QWidget, "chains.new.accounts").setValue(2)
    phrase.setText(OWN.replace("yellow", "thank"))
    submit(chains)
    chains.until(lambda: phrase.property("invalid"))
    assert all(node.name != "own" for node in chains.ask(chains.console.nodes.list))
    phrase.setText(OWN)
    submit(chains)
    chains.until(lambda: any(node.name == "own" and node.url for node in chains.ask(chains.console.nodes.list)))
    wanted = chains.ask(lambda: addresses_of(2, Secret(OWN)))
    assert tuple(each.address for each in chains.ask(lambda: chains.console.nodes.look("own")).accounts) == wanted
    written = [file for file in chains.console.home.path.rglob("*") if file.is_file()]
    assert written and not any(b"sausage worth useful" in file.read_bytes() for file in written)
    chains.ask(lambda: done(chains, chains.console.nodes.plan_stop("own")))
    chains.ask(lambda: done(chains, chains.console.nodes.plan_delete("own", "own")))


def test_a_stopped_chain_is_deleted_once_its_name_is_typed(chains: Shell) -> None:
    chains.ask(lambda: done(chains, chains.console.nodes.plan_create("spare", 1400)))
    button = chains.panel.findChild
    chains.until(lambda: button(QWidget, "chains.card.spare.restart") is not None)
    chains.ask(lambda: done(chains, chains.console.nodes.plan_stop("spare")))
    chains.until(lambda: button(QWidget, "chains.card.spare.delete") is not None)
    button(QWidget, "chains.card.spare.delete").click()
    form = chains.window.dock.findChild
    chains.until(lambda: form(QWidget, "chains.delete.typed") is not None)
    submit(chains)
    chains.until(lambda: form(QWidget, "chains.delete.typed").property("invalid"))
    form(QWidget, "chains.delete.typed").setText("spare")
    submit(chains)
    chains.until(lambda: button(QWidget, "chains.card.spare.start") is None)
    assert [node.name for node in chains.ask(chains.console.nodes.list)] == ["lab"]


def block(shell: Shell, number: int) -> str:
    """The hash of a block of “lab”."""

    async def read() -> str:
        async with shell.console.nodes.control("lab") as node:
            return (await node.block(hex(number))).hash

    return shell.ask(read)


async def done(shell: Shell, planned: Awaitable[Any]) -> None:
    plan = await planned
    assert (await shell.console.operations.execute(plan.id)).state.value == "done", plan.title


async def take(shell: Shell, name: str) -> None:
    await done(shell, shell.console.nodes.plan_snapshot("lab", name))
