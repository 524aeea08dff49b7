"""Every control has a name that a screen reader can say, and is reached with the Tab key alone."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QLineEdit,
    QMenu,
    QScrollBar,
    QSpinBox,
    QWidget,
)

from tests.ui.shell.desk import Shell
from ui.application import PANELS

pytestmark = pytest.mark.gui
NAMES = [panel for panel, *_ in PANELS]
FORMS = ["wallets.new", "wallets.import", "wallets.watch", "wallets.rename", "wallets.send", "mining.submit", "mining.redeem"]
FORMS += ["contracts.deploy", "chains.new"]


def outside(widget: QWidget, within: QWidget) -> list[QWidget]:
    """The widgets around it, as far as ``within``."""
    around = []
    while (widget := widget.parentWidget()) is not None and widget is not within:
        around.append(widget)
    return around


def controls(within: QWidget) -> list[QWidget]:
    """What a person acts on; not the parts that Qt makes inside a control."""
    found = []
    for widget in within.findChildren(QWidget):
        inner = widget.objectName().startswith("qt_") or isinstance(widget, QScrollBar | QMenu)
        part = any(isinstance(outer, QComboBox | QAbstractItemView | QSpinBox | QLineEdit) for outer in outside(widget, within))
        if not (inner or part) and (isinstance(widget, QAbstractButton) or widget.focusPolicy() & Qt.FocusPolicy.TabFocus):
            found.append(widget)
    return found


def nameless(within: QWidget) -> list[str]:
    return [
        f"{type(widget).__name__} {widget.objectName()!r} in {type(widget.parent()).__name__}"
        for widget in controls(within)
        if not (widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text().strip("… ")))
    ]


def reachable(within: QWidget) -> list[QWidget]:
    """What Tab must reach: of buttons that exclude one another only the chosen one, the arrows do the rest."""
    wanted = []
    for widget in controls(within):
        if not (widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus):
            continue
        group = widget.group() if isinstance(widget, QAbstractButton) else None
        if group is not None and group.exclusive() and group.checkedButton() not in (None, widget):
            continue
        if widget.focusProxy() is None:
            wanted.append(widget)
    return wanted


def tabbed(shell: Shell, first: QWidget, key: Qt.Key = Qt.Key.Key_Tab, most: int = 250) -> list[QWidget]:
    """What has the focus, one after the other, until it is where it was."""
    first.setFocus()
    shell.until(lambda: shell.focus() is not None)
    seen: list[QWidget] = []
    for _ in range(most):
        focus: Any = shell.focus()
        if focus in seen:
            break
        seen.append(focus)
        shell.key(key)
    return seen


def said(widgets: list[QWidget]) -> list[str]:
    return [f"{type(widget).__name__} {widget.objectName() or widget.accessibleName()}" for widget in widgets]


def test_every_control_of_the_shell_has_a_name(shell: Shell) -> None:
    window = shell.window
    window.notify("With a button", "ok", "azora://ledger", ("Undo", lambda: None))
    window.palette.open()
    for part in (window.navigation, window.top, window.status, window.palette, *window.notifications._toasts):
        assert nameless(part) == []
    window.show_keymap()
    window.tell_bug(RuntimeError("for this test"))
    window._show_history()
    for dialog in (
        window.findChild(QWidget, "keymap"),
        window.findChild(QWidget, "crash"),
        window._popover,
        window.locking.screen(),
    ):
        assert dialog.accessibleName()
        assert nameless(dialog) == []


@pytest.mark.parametrize("panel", NAMES)
def test_every_control_of_a_panel_has_a_name(shell: Shell, panel: str) -> None:
    shell.window.open(panel)
    shell.ask(lambda: shell.console.wallets.list())  # what the panel asked first has been answered
    assert shell.panel.accessibleName() == shell.panel.title
    assert len(controls(shell.panel)) > 0
    assert nameless(shell.panel) == []


@pytest.mark.parametrize("action", FORMS)
def test_every_field_of_a_form_has_a_name(shell: Shell, action: str) -> None:
    shell.window.open("wallets")
    shell.until(lambda: shell.panel.table.rows())
    shell.window.trigger(action)
    assert shell.window.dock.isVisible()
    assert len(controls(shell.window.sheet)) > 3
    assert nameless(shell.window.sheet) == []


@pytest.mark.parametrize("panel", NAMES)
def test_tab_reaches_every_control_of_a_panel_and_goes_on(shell: Shell, panel: str) -> None:
    shell.window.open(panel)
    shell.ask(lambda: shell.console.wallets.list())
    shell.until(lambda: reachable(shell.panel))
    wanted = reachable(shell.panel)
    seen = tabbed(shell, wanted[0])
    assert said([widget for widget in wanted if widget not in seen]) == []
    assert any(shell.window.status.isAncestorOf(widget) for widget in seen), "the focus is caught in the panel"


@pytest.mark.parametrize("panel", NAMES)
def test_shift_tab_goes_the_same_way_back(shell: Shell, panel: str) -> None:
    shell.window.open(panel)
    shell.ask(lambda: shell.console.wallets.list())
    wanted = reachable(shell.panel)
    seen = tabbed(shell, wanted[-1], Qt.Key.Key_Backtab)
    assert said([widget for widget in wanted if widget not in seen]) == []


@pytest.mark.parametrize("action", FORMS)
def test_tab_reaches_every_field_of_a_form(shell: Shell, action: str) -> None:
    shell.window.open("wallets")
    shell.until(lambda: shell.panel.table.rows())
    shell.window.trigger(action)
    shell.ask(lambda: shell.console.wallets.list())
    wanted = reachable(shell.window.sheet)
    seen = tabbed(shell, wanted[0])
    assert said([widget for widget in wanted if widget not in seen]) == []


def test_tab_goes_through_the_header_first_and_then_down(shell: Shell) -> None:
    shell.window.open("wallets")
    shell.until(lambda: shell.panel.table.rows())
    wanted = reachable(shell.panel)
    seen = [widget for widget in tabbed(shell, wanted[0]) if widget in wanted]
    header = [shell.panel.header.isAncestorOf(widget) for widget in seen]
    assert header == sorted(header, reverse=True)
    assert seen.index(shell.panel.filter) < seen.index(shell.panel.table) < seen.index(shell.panel.detail.receive_button)
