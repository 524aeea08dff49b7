"""What is told, stays told; what is told of a bug holds no secret; and a theme is changed while everything is open."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QPushButton, QToolButton

from app.core.errors import Conflict
from app.core.secret import Secret
from tests.ui.shell.desk import Shell
from ui.shell import crash
from ui.shell.notifications import MOST_SHOWN, Message, Notifications, Toast
from ui.theme import theme

pytestmark = pytest.mark.gui
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def toasts(shell: Shell) -> list[Toast]:
    return [toast for toast in shell.window.findChildren(Toast) if toast.isVisible()]


def shown_in(widget: Any) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def test_messages_come_go_and_stay_behind_the_bell(shell: Shell) -> None:
    window = shell.window
    window.notifications.read()
    for number in range(MOST_SHOWN + 2):
        window.notify(f"Message {number}")
    assert len(toasts(shell)) == MOST_SHOWN
    assert window.top.bell.accessibleName() == f"Notifications, {MOST_SHOWN + 2} unread"
    toasts(shell)[0].findChild(QToolButton).click()
    assert len(toasts(shell)) == MOST_SHOWN - 1
    window.top.bell.click()
    told = shown_in(window._popover)
    assert all(f"Message {number}" in told for number in range(MOST_SHOWN + 2))
    assert told.index(f"Message {MOST_SHOWN + 1}") < told.index("Message 0")  # newest first
    assert window.top.bell.accessibleName() == "Notifications"


def test_messages_lie_inside_the_window_and_never_over_one_another(shell: Shell) -> None:
    shell.window.notify("Short")
    shell.window.notify("A longer one that needs more than one line, since it says all that happened, and what to do now. " * 2)
    places = [toast.geometry() for toast in toasts(shell)]
    assert not places[0].intersects(places[1])
    assert all(shell.window.rect().contains(place) for place in places)


def test_a_message_with_a_link_leads_there_also_from_the_history(shell: Shell) -> None:
    window = shell.window
    window.open("overview")
    window.notify("Indexed", "ok", "azora://ledger")
    next(toast for toast in toasts(shell)).findChild(QPushButton).click()
    assert shell.at == "ledger"
    window.open("overview")
    window._show_history()
    window._popover.findChild(QPushButton).click()
    assert shell.at == "ledger"


def test_the_same_message_twice_in_a_row_is_one(shell: Shell) -> None:
    before = len(shell.window.notifications.history)
    shell.window.notify("Twice", "warn")
    shell.window.notify("Twice", "warn")
    assert len(shell.window.notifications.history) == before + 1


def test_two_hundred_messages_are_kept(qtbot: Any) -> None:
    from PySide6.QtWidgets import QWidget

    window = QWidget()
    qtbot.addWidget(window)
    told = Notifications(window, lambda link: None)
    for number in range(230):
        told.show(Message(f"{number}"))
    assert [message.text for message in told.history] == [str(number) for number in range(30, 230)]


def test_an_error_stands_with_its_way_out(shell: Shell) -> None:
    def fails() -> Any:
        async def work() -> None:
            raise Conflict("Nonce 1 was used by another transaction. This plan sent nothing.", "Preview again.")

        return work()

    shell.window.bridge.run(fails)
    shell.until(lambda: "Nonce 1" in shell.said())
    assert "Preview again." in shell.said()


# bugs


def raised(text: str) -> BaseException:
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


def test_a_crash_report_holds_no_secret_and_keeps_what_helps() -> None:
    key, password = secrets.token_hex(32), secrets.token_urlsafe(24)
    living = Secret(key)
    home = str(Path.home())
    text = crash.report_of(
        raised(
            f"key {key} and 0x{key}, words {PHRASE}, passphrase={password}, http://me:{password}@node, in {home}/azora, tx 0xabc"
        )
    )
    assert living.reveal() == key
    for hidden in (key, password, PHRASE, "sausage"):
        assert hidden not in text
    assert "RuntimeError" in text and "tx 0xabc" in text and "test_telling.py" in text


def test_a_crash_report_names_no_home_folder() -> None:
    assert str(Path.home()) not in crash.report_of(raised(f"cannot open {Path.home()}/azora/settings.toml"))


def test_a_private_key_that_no_secret_holds_is_hidden_where_it_is_called_so() -> None:
    key = "0x" + secrets.token_hex(32)
    assert key not in crash.report_of(raised(f"private_key={key}"))
    assert key not in crash.report_of(raised(f"{{'private_key': '{key}'}}"))


def test_a_bug_is_written_each_time_and_shown_once_per_kind(shell: Shell) -> None:
    folder = shell.window._home / "crash"
    before = len(list(folder.glob("*.txt")))
    for _ in range(3):
        shell.window.tell_bug(raised("the same"))
    files = sorted(folder.glob("*.txt"))
    assert len(files) == before + 3
    assert files[-1].stat().st_mode & 0o777 == 0o600
    dialogs = shell.window.findChildren(QDialog, "crash")
    assert len(dialogs) == 1
    assert dialogs[0].text.toPlainText() == files[before].read_text(encoding="utf-8")
    dialogs[0].findChild(QPushButton, "crash.close").click()
    shell.until(lambda: not shell.window.findChildren(QDialog, "crash"))


def test_a_bug_in_a_service_comes_to_the_window(shell: Shell) -> None:
    async def work() -> None:
        raise ZeroDivisionError("in a service")

    shell.window.bridge.run(work)
    shell.until(lambda: shell.window.findChild(QDialog, "crash") is not None)
    assert "ZeroDivisionError" in shell.window.findChild(QDialog, "crash").text.toPlainText()


# theme


def pixel(shell: Shell, widget: Any, at: QPoint) -> str:
    ratio = widget.devicePixelRatioF()
    return str(widget.grab().toImage().pixelColor(round(at.x() * ratio), round(at.y() * ratio)).name())


def test_a_theme_is_changed_live_and_remembered(shell: Shell) -> None:
    window = shell.window
    seen = {}
    for mode in ("dark", "light", "high-contrast"):
        window.trigger(f"theme.{mode}")
        QTest.qWait(30)
        assert theme.resolved == mode
        window.open("jobs")
        corner = pixel(shell, window, QPoint(window.width() - 3, window.height() - 3))
        image = window.findChild(QToolButton, "nav.overview").icon().pixmap(16, 16).toImage()
        ink = max((image.pixelColor(x, y) for x in range(16) for y in range(16)), key=lambda color: color.alpha())
        wanted = theme.color("text-2")  # thin lines are never quite opaque, so their colour is rounded
        assert max(abs(ink.red() - wanted.red()), abs(ink.green() - wanted.green()), abs(ink.blue() - wanted.blue())) < 8
        seen[mode] = corner
        shell.until(lambda mode=mode: shell.console.settings.value.appearance.theme == mode)
    assert len(set(seen.values())) == 3
    window.trigger("theme.system")
    shell.until(lambda: shell.console.settings.value.appearance.theme == "system")


def test_no_panel_and_no_dialog_breaks_under_another_theme(shell: Shell) -> None:
    """Panels are all open, and Qt has nothing to complain about (a warning fails the test)."""
    for panel in shell.window._titles:
        shell.window.open(panel)
    shell.window.show_keymap()
    for mode in ("light", "high-contrast", "dark", "system"):
        theme.set_mode(mode)
        QTest.qWait(20)
        for panel in shell.window._titles:
            shell.window.open(panel)
            assert not shell.panel.grab().isNull()
