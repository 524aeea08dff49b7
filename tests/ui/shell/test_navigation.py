"""Going from panel to panel: each is made when it is first shown, and back and forward bring a place back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QToolButton

from tests.ui.shell.desk import TREASURY, Shell, start
from ui.shell.navigation import History, Place

pytestmark = pytest.mark.gui
CTRL_DIGITS = {
    Qt.Key.Key_1: "overview",
    Qt.Key.Key_2: "wallets",
    Qt.Key.Key_3: "mining",
    Qt.Key.Key_4: "contracts",
    Qt.Key.Key_5: "ledger",
    Qt.Key.Key_6: "cluster",
    Qt.Key.Key_7: "chains",
    Qt.Key.Key_J: "jobs",
    Qt.Key.Key_Comma: "settings",
}


def test_only_the_shown_panel_is_made(shell: Shell) -> None:
    assert list(shell.window._panels) == ["overview"]
    shell.window.findChild(QToolButton, "nav.ledger").click()
    assert shell.at == "ledger"
    assert list(shell.window._panels) == ["overview", "ledger"]


def test_each_panel_has_its_keys_and_the_navigation_follows(shell: Shell) -> None:
    for key, panel in CTRL_DIGITS.items():
        shell.ctrl(key)
        assert shell.at == panel
        assert shell.window.findChild(QToolButton, f"nav.{panel}").isChecked()
        assert shell.window.windowTitle() == f"{shell.panel.title} – Azora Console"


def test_a_panel_that_was_left_is_the_same_when_it_comes_back(shell: Shell) -> None:
    shell.window.open("chains")
    first = shell.panel
    shell.window.open("jobs")
    shell.window.open("chains")
    assert shell.panel is first


@pytest.mark.parametrize(("back", "forward"), [("alt", "alt"), ("ctrl", "ctrl"), ("mouse", "mouse")])
def test_back_and_forward_by_keys_and_by_mouse(shell: Shell, back: str, forward: str) -> None:
    for panel in ("wallets", "mining", "jobs"):
        shell.window.open(panel)
    go = {
        "alt": (lambda: shell.alt(Qt.Key.Key_Left), lambda: shell.alt(Qt.Key.Key_Right)),
        "ctrl": (lambda: shell.ctrl(Qt.Key.Key_BracketLeft), lambda: shell.ctrl(Qt.Key.Key_BracketRight)),
        "mouse": (lambda: shell.mouse(Qt.MouseButton.BackButton), lambda: shell.mouse(Qt.MouseButton.ForwardButton)),
    }
    seen = []
    for step in (go[back][0], go[back][0], go[forward][1], go[forward][1], go[forward][1]):
        step()
        seen.append(shell.at)
    assert seen == ["mining", "wallets", "mining", "jobs", "jobs"]


def test_two_quick_presses_of_the_mouse_go_back_twice(shell: Shell) -> None:
    """Qt makes a double click of the second; it counts once all the same."""
    for panel in ("wallets", "mining", "jobs"):
        shell.window.open(panel)
    shell.mouse(Qt.MouseButton.BackButton, twice=True)
    assert shell.at == "wallets"


def test_going_elsewhere_drops_what_was_ahead(shell: Shell) -> None:
    for panel in ("wallets", "mining", "jobs"):
        shell.window.open(panel)
    shell.window.back()
    shell.window.open("ledger")
    shell.window.forward()
    assert shell.at == "ledger"
    shell.window.back()
    assert shell.at == "mining"


def test_the_history_ends_where_it_began() -> None:
    history = History()
    assert history.move(-1) is None
    for number in range(130):
        history.visit(Place(f"p{number}"))
    assert history.move(1) is None
    steps = 0
    while (place := history.move(-1)) is not None:
        steps, last = steps + 1, place.panel
    assert (steps, last) == (99, "p30")  # a hundred places are kept


def test_back_brings_selection_and_filter_of_the_accounts(shell: Shell) -> None:
    shell.window.open("wallets")
    panel: Any = shell.panel
    shell.until(lambda: len(panel.table.rows()) == 2)
    panel.table.select(treasury_of(shell))
    panel.filter.setText("Trea")
    panel.kinds.button("watch").click()
    shell.window.open("jobs")
    panel.filter.setText("")  # as if someone had come by another way
    panel.kinds.set_value("")
    shell.window.back()
    assert (panel.filter.text(), panel.kinds.value(), panel.table.selected_id()) == ("Trea", "watch", treasury_of(shell))
    assert [row.id for row in panel.table.rows()] == [treasury_of(shell)]
    panel.filter.clear()
    panel.kinds.button("").click()


def test_back_brings_the_place_where_a_long_table_was(shell: Shell) -> None:
    async def many() -> None:
        for number in range(60):
            await shell.console.wallets.watch(f"Account {number}", f"0x{number + 1:040x}")

    shell.window.open("wallets")
    panel: Any = shell.panel
    shell.ask(many)
    shell.until(lambda: len(panel.table.rows()) == 62)
    bar = panel.table.verticalScrollBar()
    shell.until(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum() // 2)
    place = bar.value()
    shell.window.open("jobs")
    shell.window.back()
    shell.ask(lambda: shell.console.wallets.list())  # a refresh has come by
    assert bar.value() == place


def test_back_brings_the_section_of_the_settings_and_the_tab_of_mining(shell: Shell) -> None:
    shell.window.open("settings", section="appearance")
    settings = shell.panel
    shell.window.open("mining", tab="redemptions")
    mining = shell.panel
    shell.window.open("jobs")
    settings.sections.setCurrentRow(0)
    mining.tabs.set_value("queue")
    shell.window.back()
    assert mining.tabs.value() == "redemptions"
    shell.window.back()
    assert settings.sections.currentItem().text() == "Appearance"


def test_the_navigation_folds_by_key_and_keeps_its_names(shell: Shell) -> None:
    wide = shell.window.navigation.width()
    shell.ctrl(Qt.Key.Key_B)
    shell.until(lambda: shell.window.navigation.width() < wide)
    assert shell.window.findChild(QToolButton, "nav.ledger").accessibleName() == "Ledger"
    shell.ctrl(Qt.Key.Key_B)
    shell.until(lambda: shell.window.navigation.width() == wide)


def test_f6_goes_round_navigation_page_and_status_bar(shell: Shell) -> None:
    window = shell.window
    window.open("settings")
    window.navigation.collapse.setFocus()
    regions = []
    for _ in range(3):
        shell.key(Qt.Key.Key_F6)
        focus = shell.focus()
        regions.append(next(name for name in ("navigation", "stack", "status") if getattr(window, name).isAncestorOf(focus)))
    assert regions == ["stack", "status", "navigation"]
    shell.key(Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert window.status.isAncestorOf(shell.focus())


def test_a_panel_asked_for_with_the_link_of_this_view_is_this_view(shell: Shell) -> None:
    from PySide6.QtWidgets import QApplication

    shell.window.open("ledger")
    shell.window.trigger("window.link")
    link = QApplication.clipboard().text()
    shell.window.open("jobs")
    shell.window.open_link(link)
    assert shell.at == "ledger"


def test_place_and_geometry_are_as_they_were_in_the_next_window(qapp: Any, tmp_path: Any) -> None:
    first = start(tmp_path)
    first.window.resize(1400, 820)
    first.window.move(60, 50)
    first.window.open("contracts")
    first.window.trigger("window.collapse")
    size = first.window.size()
    first.window.close()
    second = start(tmp_path)
    try:
        assert second.at == "contracts"
        assert second.window.navigation.collapsed
        second.until(lambda: second.window.size() == size)
    finally:
        second.window.close()


@pytest.mark.parametrize(
    "spoiled", ["", "not json", "[]", '{"panel": 7, "geometry": "%%%", "collapsed": "maybe"}', '{"panel": "gone"}']
)
def test_a_spoiled_memory_of_the_window_is_the_same_as_none(qapp: Any, tmp_path: Any, spoiled: str) -> None:
    from ui.application import build, make_application

    make_application()
    (tmp_path / "window.json").write_text(spoiled, encoding="utf-8")
    window = build(tmp_path)
    window.show()
    assert window.current_panel_id == "overview"
    window.close()


def treasury_of(shell: Shell) -> str:
    """The treasury's address as the console writes it (EIP-55)."""
    return next(a.address for a in shell.ask(lambda: shell.console.wallets.list()) if a.address.lower() == TREASURY)


def test_a_line_edit_keeps_its_own_arrow_keys(shell: Shell) -> None:
    shell.window.open("wallets")
    shell.window.open("ledger")
    edit = shell.panel.findChild(QLineEdit)
    edit.setFocus()
    edit.setText("abc")
    shell.key(Qt.Key.Key_Left)
    assert (shell.at, edit.cursorPosition()) == ("ledger", 2)
