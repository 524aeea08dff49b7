"""Search and commands, the keyboard map, and links: one registry, three ways in."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPlainTextEdit

from tests.ui.shell.desk import Shell
from ui.widgets import Table

pytestmark = pytest.mark.gui
TX = "0x" + "a7" * 32


def entries(shell: Shell) -> list[str]:
    rows = shell.window.palette.list
    return [rows.item(row).text() for row in range(rows.count())]


def type_into_palette(shell: Shell, text: str) -> None:
    shell.ctrl(Qt.Key.Key_K)
    assert shell.focus() is shell.window.palette.input
    QTest.keyClicks(shell.focus(), text)


def test_the_global_search_finds_an_account_by_its_label_before_and_after_its_panel_was_made(shell: Shell) -> None:
    assert "wallets" not in shell.window._panels
    accounts = shell.ask(lambda: shell.console.wallets.list())
    for label in ("Rewards pool", "Treasury", "Rewards pool"):
        account = next(account for account in accounts if account.label == label)
        shell.window.open("overview")
        type_into_palette(shell, label[:5].lower())
        shell.until(lambda account=account: any(account.address in entry for entry in entries(shell)))
        place = next(i for i, entry in enumerate(entries(shell)) if account.address in entry)
        shell.window.palette.list.setCurrentRow(place)
        shell.key(Qt.Key.Key_Return)
        assert shell.at == "wallets"
        shell.until(lambda account=account: shell.panel.table.selected_id() == account.address)


class Editor(QLineEdit):
    """Wants every key for itself, as code editors do."""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)


@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit, Editor])
def test_ctrl_k_opens_from_a_text_field_and_leaves_its_text_alone(shell: Shell, kind: type) -> None:
    shell.window.open("ledger")
    edit: Any = kind("all of this", shell.panel)
    edit.show()
    edit.setFocus()
    shell.key(Qt.Key.Key_Home)
    shell.ctrl(Qt.Key.Key_K)
    assert shell.window.palette.isVisible()
    assert (
        edit.text() if isinstance(edit, QLineEdit) else edit.toPlainText()
    ) == "all of this"  # its own Ctrl+K deletes to the end
    shell.key(Qt.Key.Key_Escape)
    assert not shell.window.palette.isVisible()
    assert shell.focus() is edit
    edit.deleteLater()


def test_opened_twice_it_still_gives_the_focus_back(shell: Shell) -> None:
    shell.window.open("wallets")
    shell.until(lambda: shell.panel.table.rows())
    for widget in (shell.panel.filter, shell.panel.detail.receive_button, shell.panel.table, shell.window.navigation.collapse):
        if widget.isVisible():
            widget.setFocus()
            shell.ctrl(Qt.Key.Key_K)
            shell.ctrl(Qt.Key.Key_K)
            shell.key(Qt.Key.Key_Escape)
            assert shell.focus() is widget


def test_it_closes_when_what_had_the_focus_is_gone(shell: Shell) -> None:
    shell.window.open("settings")
    gone = QLineEdit(shell.panel)
    gone.show()
    gone.setFocus()
    shell.ctrl(Qt.Key.Key_K)
    gone.deleteLater()
    QTest.qWait(20)
    shell.key(Qt.Key.Key_Escape)
    assert not shell.window.palette.isVisible()


def test_words_in_any_order_find_a_command_and_enter_runs_it(shell: Shell) -> None:
    shell.window.open("overview")
    type_into_palette(shell, "chains go")
    assert entries(shell)[0].startswith("Go to Local Chains")
    shell.key(Qt.Key.Key_Return)
    assert (shell.at, shell.window.palette.isVisible()) == ("chains", False)


def test_the_arrows_choose_while_the_field_keeps_the_focus(shell: Shell) -> None:
    shell.window.open("overview")
    type_into_palette(shell, "go to")
    shell.key(Qt.Key.Key_Down)
    assert shell.focus() is shell.window.palette.input
    chosen = shell.window.palette.list.currentItem().text()
    assert chosen.startswith("Go to Wallets")
    shell.key(Qt.Key.Key_Enter)
    assert shell.at == "wallets"


def test_nonsense_finds_nothing_and_enter_does_nothing(shell: Shell) -> None:
    shell.window.open("overview")
    type_into_palette(shell, "qqqqq")
    assert entries(shell) == []
    shell.key(Qt.Key.Key_Return)
    assert shell.window.palette.isVisible()
    assert shell.at == "overview"


def test_a_command_that_cannot_run_says_why_in_the_list_and_when_it_is_run(shell: Shell) -> None:
    type_into_palette(shell, "lock the console")
    assert "no console passphrase is set" in entries(shell)[0]
    shell.key(Qt.Key.Key_Return)
    assert "no console passphrase is set" in shell.said()


def test_a_transaction_hash_is_found_in_the_ledger(shell: Shell) -> None:
    shell.window.open("overview")
    type_into_palette(shell, TX)
    shell.until(lambda: any("Transaction" in entry for entry in entries(shell)))
    shell.key(Qt.Key.Key_Return)
    assert (shell.at, shell.panel.filter_text.text()) == ("ledger", TX)
    shell.panel.filter_text.clear()


def test_answers_to_a_text_that_has_changed_are_not_shown(shell: Shell) -> None:
    type_into_palette(shell, "treas")
    shell.window.palette._search()  # its answer is on the way
    QTest.keyClicks(shell.focus(), "xyz")
    QTest.qWait(250)
    assert entries(shell) == []


@pytest.mark.parametrize("key", ["?", "F1"])
def test_the_keyboard_map_lists_every_shortcut_there_is(shell: Shell, key: str) -> None:
    window = shell.window
    window.open("settings")
    shell.panel.sections.setFocus()
    if key == "?":
        QTest.keyClick(shell.focus(), "?")  # what a keyboard's Shift makes of it is the platform's business
    else:
        shell.key(Qt.Key.Key_F1)
    shell.until(lambda: window.findChild(QDialog, "keymap") is not None)
    dialog: Any = window.findChild(QDialog, "keymap")
    listed = {part for row in dialog.findChild(Table).rows() for part in str(row.cells["keys"]).split(", ")}
    active = {shortcut.key().toString(QKeySequence.SequenceFormat.PortableText) for shortcut in window.findChildren(QShortcut)}
    assert {key for action in window.registry.all() for key in action.shortcut.split(", ") if key} <= listed
    assert {key for key in active if key and key != "?" and "." not in key} <= listed | {"Ctrl+C", "Return"}
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    shell.until(lambda: window.findChild(QDialog, "keymap") is None)


def test_a_question_mark_can_be_typed(shell: Shell) -> None:
    shell.window.open("ledger")
    edit = shell.panel.findChild(QLineEdit)
    edit.setFocus()
    QTest.keyClicks(edit, "a?")
    assert edit.text() == "a?"
    assert shell.window.findChild(QDialog, "keymap") is None
    edit.clear()


def test_no_two_actions_have_the_same_keys(shell: Shell) -> None:
    keys = [key for action in shell.window.registry.all() for key in action.shortcut.split(", ") if key]
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize(
    ("link", "panel"),
    [
        ("azora://overview", "overview"),
        ("azora://ledger", "ledger"),
        ("azora://ledger/", "ledger"),
        (f"azora://ledger/tx/{TX}", "ledger"),
        ("azora://settings?section=security", "settings"),
        ("azora://mining?tab=redemptions", "mining"),
        ("azora://chains/new", "chains"),
        ("azora://wallets/import", "wallets"),
        ("azora://jobs", "jobs"),
    ],
)
def test_a_good_link_leads_to_its_panel(shell: Shell, link: str, panel: str) -> None:
    shell.window.open("contracts")
    before = len(shell.window.notifications.history)
    shell.window.open_link(link)
    assert shell.at == panel
    assert shell.window.notifications.history[before:] == []


def test_a_link_carries_its_arguments(shell: Shell) -> None:
    shell.window.open_link("azora://settings?section=appearance")
    assert shell.panel.sections.currentItem().text() == "Appearance"
    shell.window.open_link(f"azora://ledger/tx/{TX}")
    assert shell.panel.filter_text.text() == TX
    shell.panel.filter_text.clear()
    shell.window.open_link("azora://chains/new")
    assert shell.window.dock.isVisible() and shell.window.sheet is not None


@pytest.mark.parametrize("link", ["azora://role/auditor", "azora://window/quit", "azora://overview/demo", "azora://theme/light"])
def test_a_link_never_runs_a_command(shell: Shell, link: str) -> None:
    role = shell.window.bridge.console.access.operator.role
    shell.window.open_link(link)
    assert "names a command" in shell.window.last_notice
    assert shell.window.isVisible() and shell.window.bridge.console.access.operator.role is role


@pytest.mark.parametrize(
    "link",
    ["https://ledger", "ledger", "", "azora://", "azora:ledger", "azora://nowhere", "azora://nowhere/at/all", "azora://[ledger"],
)
def test_a_bad_link_says_what_is_wrong_and_opens_nothing(shell: Shell, link: str) -> None:
    shell.window.open("contracts")
    shell.window.open_link(link)
    assert shell.at == "contracts"
    assert "Nothing was opened" in shell.said()
    assert link[:20] in shell.said()


def test_a_link_to_a_plan_that_is_not_there_is_told(shell: Shell) -> None:
    shell.window.open_link("azora://plans/PLN-9999")
    shell.until(lambda: shell.window.sheet.problem.isVisible())
    assert "PLN-9999" in shell.window.sheet.problem.accessibleName()


def test_a_reference_in_the_path_wins_over_one_in_the_query(shell: Shell) -> None:
    shell.window.open_link("azora://wallets/0x01?ref=0x02&panel_id=x&action_id=y")
    assert shell.at == "wallets"
    assert QApplication.activeModalWidget() is None  # no crash report
