"""Contracts in use, over the demo's chain: a view and its evidence, a call as a plan, roles, the pause, an event opened."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox

from tests.ui.shell.desk import TREASURY, Shell

pytestmark = [pytest.mark.gui, pytest.mark.compiler, pytest.mark.node]


@pytest.fixture
def panel(shell: Shell, made: Any) -> Any:
    shell.window.open("contracts")
    shell.until(lambda: len(shell.panel.deployed.table.rows()) == 4)
    return shell.panel


def test_a_view_answers_with_its_block_and_a_wrong_block_is_said_at_its_field(shell: Shell, panel: Any, made: Any) -> None:
    panel.show_page("interact")
    page = panel.pages["interact"]
    shell.until(lambda: page.interface is not None and page.interface.name == "AzoraToken")
    page.functions.select("balanceOf(address)")
    page._show_function()
    page.form.fields["0"].widget.setEditText(dict(made.accounts)["Demo treasury"])
    page.go.click()
    shell.until(lambda: page.answer.count())
    assert "5000000000000000000" in page.answer.itemAt(0).widget().accessibleName()
    page.block.setText("999999999")
    page.go.click()
    shell.until(lambda: page.block_field.error())
    assert "does not exist yet" in page.block_field.error()
    page.block.setText("")


def test_a_call_opens_as_a_plan_with_its_effects(shell: Shell, panel: Any, made: Any) -> None:
    panel.show_page("interact")
    page = panel.pages["interact"]
    shell.until(lambda: page.interface is not None)
    page.tabs.set_value("write")
    page._show_tab()
    page.functions.select("approve(address,uint256)")
    page._show_function()
    accounts = dict(made.accounts)
    page.form.fields["0"].widget.setEditText(accounts["Demo officer"])
    page.form.fields["1"].widget.setText("7")
    page.sender.set_address(accounts["Demo treasury"])
    page.go.click()
    shell.until(lambda: shell.window.sheet is not None and shell.window.sheet.plan is not None, 60_000)
    plan = shell.window.sheet.plan
    assert plan.kind == "contracts.call" and [effect.kind for effect in plan.preview.effects] == ["allowance"]


def test_roles_say_who_and_where_the_key_is_and_a_pause_is_one_shortcut_from_its_preview(shell: Shell, panel: Any) -> None:
    panel.show_page("roles")
    page = panel.pages["roles"]
    shell.until(lambda: len(page.table.rows()) == 9, 60_000)
    held = {(row.contract, row.role): (row.party.label, row.party.where) for row in page.rows.values()}
    assert held["MintMine", "ATTESTER_ROLE"] == ("Demo attester", "in the keyring")
    assert held["AzoraToken", "MINTER_ROLE"] == ("Emission", "contract")
    shell.window.trigger("contracts.pause")
    shell.until(lambda: shell.window.sheet is not None and shell.window.sheet.plan is not None, 60_000)
    shell.until(lambda: shell.window.sheet.plan.title == "Pause AzoraToken")
    (effect,) = shell.window.sheet.plan.preview.effects
    assert (effect.kind, effect.before, effect.after) == ("paused", "running", "paused")


def test_of_several_contracts_that_can_be_paused_a_form_asks_which(shell: Shell, panel: Any, made: Any) -> None:
    books, key = shell.console.contracts.books, shell.console.networks.current.key.text
    verbs = tuple({"type": "function", "name": name, "inputs": [], "outputs": []} for name in ("pause", "unpause"))
    shell.ask(lambda: books.keep(key, TREASURY, "Vault", verbs))
    shell.window.trigger("contracts.pause")
    combo = shell.window.dock.findChild
    shell.until(lambda: combo(QComboBox, "contracts.pause.contract") is not None)
    choice = combo(QComboBox, "contracts.pause.contract")
    assert [choice.itemText(at).split()[0] for at in range(choice.count())] == ["AzoraToken", "Vault"]
    choice.setCurrentIndex(0)
    shell.window.sheet.preview.click()
    shell.until(lambda: shell.window.sheet.plan is not None, 60_000)
    assert shell.window.sheet.plan.title == "Pause AzoraToken"
    shell.ask(lambda: books.forget(key, TREASURY))


def test_an_event_leads_to_its_transaction(shell: Shell, panel: Any) -> None:
    panel.show_page("interact")
    page = panel.pages["interact"]
    shell.until(lambda: page.interface is not None)
    page.tabs.set_value("events")
    page._show_tab()
    shell.until(lambda: page.events.table.rows())
    transfer = next(row.id for row in page.events.table.rows() if row.cells["event"] == "Transfer")
    page.events.table.activated.emit(transfer)
    looked = panel.pages["transaction"]
    shell.until(lambda: looked.found is not None, 60_000)
    assert panel.tabs.value() == "transaction" and looked.found.hash == transfer.partition("#")[0]
