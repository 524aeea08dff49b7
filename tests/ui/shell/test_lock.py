"""While the console is locked nothing of it is seen or reached; the passphrase, and only it, brings everything back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.core.secret import Secret
from tests.access.desktop import Login
from tests.ui.shell.desk import Shell
from ui.shell.notifications import Toast

pytestmark = pytest.mark.gui
PASSPHRASE = "a long walk by the river"


@pytest.fixture
def locked(shell: Shell) -> Iterator[Shell]:
    """A window with the accounts on the screen, locked by its key."""
    access = shell.console.access
    if not access.passphrase_set:
        shell.ask(lambda: access.set_passphrase(None, Secret(PASSPHRASE)))
    shell.window.open("wallets")
    shell.until(lambda: shell.panel.table.rows())
    shell.ctrl(Qt.Key.Key_L)
    shell.until(lambda: shell.window.covered)
    yield shell
    if shell.window.bridge.is_ready and access.locked:
        unlock(shell)


def unlock(shell: Shell, passphrase: str = PASSPHRASE) -> None:
    """As a person would: type and press Enter, and again when a wrong one before makes it wait."""
    screen = shell.window.lock_screen
    for _ in range(8):
        screen.passphrase.setFocus()
        QTest.keyClicks(screen.passphrase, passphrase)
        QTest.keyClick(screen.passphrase, Qt.Key.Key_Return)
        shell.until(lambda: not shell.window.covered or "not looked at" in screen.field.error())
        if not shell.window.covered:
            return
        QTest.qWait(1000)
    raise AssertionError("it did not unlock")


def colours(shell: Shell) -> set[int]:
    """Colours on the screen where the accounts were."""
    image = shell.window.grab().toImage()
    return {image.pixel(x, y) for x in range(10, 600, 3) for y in range(60, image.height() // 4, 3)}


def test_the_lock_screen_covers_every_figure(locked: Shell) -> None:
    window = locked.window
    assert window.lock_screen.geometry() == window.rect()
    assert len(colours(locked)) == 1  # one even surface: nothing shines through
    window.resize(window.width() - 60, window.height() - 40)
    QTest.qWait(50)
    assert window.lock_screen.geometry() == window.rect()


def test_keys_mouse_links_and_commands_reach_nothing_behind_it(locked: Shell) -> None:
    window = locked.window
    places = list(window._panels)
    for _ in range(6):
        locked.key(Qt.Key.Key_Tab)
        assert window.lock_screen.isAncestorOf(locked.focus())
    locked.ctrl(Qt.Key.Key_K)
    locked.ctrl(Qt.Key.Key_5)
    locked.alt(Qt.Key.Key_Left)
    locked.mouse(Qt.MouseButton.BackButton, window.lock_screen)
    window.open_link("azora://ledger")
    assert window.current_panel_id == "wallets"
    assert window.palette_ is None or not window.palette_.isVisible()
    assert list(window._panels) == places
    kept = window.notifications.history[-1]
    assert (kept.link, "was not opened" in kept.text) == ("azora://ledger", True)


def test_windows_of_their_own_are_closed_by_the_lock(shell: Shell, locked: Shell) -> None:
    unlock(locked)
    shell.window.notify("Sent 12,500 AZR", "ok")
    shell.window.show_keymap()
    shell.window._show_history()
    assert shell.window._popover.isVisible()
    locked.ask(lambda: locked.console.access.lock("by hand"))
    locked.until(lambda: locked.window.covered)
    QTest.qWait(20)
    seen = [top for top in QApplication.topLevelWidgets() if top.isVisible() and top is not locked.window]
    assert seen == []
    assert locked.window.findChild(QDialog, "keymap") is None


def test_what_happens_meanwhile_is_kept_and_not_shown(locked: Shell) -> None:
    locked.window.notify("Sent 12,500 AZR: done", "ok")
    assert [toast for toast in locked.window.findChildren(Toast) if toast.isVisible()] == []
    unlock(locked)
    assert locked.said() == "Sent 12,500 AZR: done"
    assert locked.window.top.bell.text() == str(locked.window.notifications.unread)


def test_the_lock_of_the_screen_covers_the_window(locked: Shell) -> None:
    """A screen saver on the session's own bus says that it is active, as GNOME's does when the lid is closed."""
    unlock(locked)
    watch = locked.console.access._leaving
    locked.until(lambda: watch._listeners[1].listening.is_set())
    saver = Login(os.environ["DBUS_SESSION_BUS_ADDRESS"], "org.gnome.ScreenSaver")
    saver.say("/org/gnome/ScreenSaver", "org.gnome.ScreenSaver", "ActiveChanged", "b", True)
    locked.until(lambda: locked.window.covered)
    assert locked.console.access.locked
    saver.close()


def test_only_the_persons_own_input_keeps_it_open(locked: Shell) -> None:
    unlock(locked)
    access, table = locked.console.access, locked.panel.table
    access._touched = idle_since = access._touched - 60_000
    pressed = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, "a")
    QApplication.sendEvent(table, pressed)  # what the program sends to itself
    assert access._touched == idle_since
    table.setFocus()
    locked.key(Qt.Key.Key_Down)
    assert access._touched > idle_since
    access._touched = idle_since
    QTest.mouseMove(table, table.rect().center())
    locked.until(lambda: access._touched > idle_since)


def test_a_wrong_passphrase_is_told_and_forgotten(locked: Shell) -> None:
    screen = locked.window.lock_screen
    QTest.keyClicks(screen.passphrase, "not this one")
    screen.unlock.click()
    locked.until(lambda: screen.field.error())
    assert "passphrase is wrong" in screen.field.error()
    assert screen.passphrase.text() == ""
    assert locked.window.covered and locked.console.access.locked
    assert screen.passphrase.hasFocus()


def test_the_right_one_brings_back_the_same_place(locked: Shell) -> None:
    window = locked.window
    panel = window.stack.currentWidget()
    unlock(locked)
    assert not locked.console.access.locked
    assert window.stack.currentWidget() is panel and window.centralWidget().isEnabled()
    assert window.lock_screen.passphrase.text() == "" and window.lock_screen.field.error() == ""
    locked.ctrl(Qt.Key.Key_5)
    assert locked.at == "ledger"


def test_the_passphrase_is_never_readable_on_the_screen(locked: Shell) -> None:
    edit: Any = locked.window.lock_screen.passphrase
    QTest.keyClicks(edit, "abc")
    assert edit.displayText() != "abc"
    edit.selectAll()
    edit.copy()
    assert QApplication.clipboard().text() != "abc"
    edit.clear()


def test_it_starts_locked_when_it_was_left_with_a_passphrase(locked: Shell) -> None:
    from ui.application import build

    locked.window.close()
    again = Shell(build(locked.window._home))
    again.window.show()
    again.window.bridge.start(again.window._home)
    again.until(lambda: again.window.covered)
    assert not again.window.findChild(QWidget, "page").isEnabled()
    unlock(again)
    again.window.close()
