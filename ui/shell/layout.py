"""What the window is built of, put in place after its frame was painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDockWidget, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from ui.shell import commands
from ui.shell.cover import Cover
from ui.shell.navigation import Navigation
from ui.shell.notifications import Notifications
from ui.shell.statusbar import StatusBar
from ui.shell.topbar import TopBar
from ui.theme import theme

if TYPE_CHECKING:
    from ui.shell.window import MainWindow


def parts(window: MainWindow, panels: list[tuple[str, str, str, str, bool]]) -> None:
    """Navigation, bars, pages and the dock of the sheet."""
    middle = QWidget()
    row = QHBoxLayout(middle)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    window.navigation = Navigation(panels)
    row.addWidget(window.navigation)
    line = QFrame()
    line.setProperty("role", "line")
    line.setFixedWidth(1)
    row.addWidget(line)
    column = QVBoxLayout()
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    window.top = TopBar()
    column.addWidget(window.top)
    window.stack = QStackedWidget()
    window.stack.setObjectName("page")
    window.cover = Cover(window, window.stack)
    column.addWidget(window.cover.holder, 1)
    row.addLayout(column, 1)
    outer = QWidget()
    whole = QVBoxLayout(outer)
    whole.setContentsMargins(0, 0, 0, 0)
    whole.setSpacing(0)
    whole.addWidget(middle, 1)
    window.status = StatusBar()
    whole.addWidget(window.status)
    window.setCentralWidget(outer)
    window.dock = QDockWidget(window)
    window.dock.setObjectName("sheet.dock")
    window.dock.setTitleBarWidget(QWidget())
    window.dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
    window.dock.setMinimumWidth(theme.metric("planSheet"))
    window.dock.setMaximumWidth(560)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, window.dock)
    window.dock.hide()
    window.cover.watch()
    window.notifications = Notifications(window, window.open_link)
    window.notifications.edge = lambda: (
        window.dock.x() if window.dock.isVisible() else window.width()
    )  # never over the sheet's buttons


def shortcuts(window: MainWindow) -> None:
    """Each action's keys, anywhere in the window."""
    for action in window.registry.all():
        for keys in action.shortcut.split(", "):
            if keys:
                QShortcut(QKeySequence(keys), window, lambda i=action.id: window.trigger(i))  # type: ignore[misc]
    QShortcut(QKeySequence("?"), window, lambda: window.trigger("help.keyboard"))


def menus(window: MainWindow) -> None:
    """The menu bar: the same actions, for who looks there."""
    bar = window.menuBar()
    groups = (
        ("File", ("window.link", "window.quit")),
        ("View", ("window.refresh", "window.collapse", "window.sheet", "window.amounts", "history.back", "history.forward")),
        ("Actions", tuple(entry[0] for entry in commands.PANEL_ACTIONS)),
        ("Appearance", ("theme.system", "theme.dark", "theme.light", "theme.high-contrast")),
        ("Tools", ("palette.open", "journal.verify", "console.lock")),
        ("Help", ("help.keyboard",)),
    )
    for title, ids in groups:
        menu = bar.addMenu(title)
        for action_id in ids:
            action = window.registry.get(action_id)
            words = f"{action.title}…" if action.changes else action.title
            # The shortcut itself is the window's QShortcut; here it is only shown.
            menu.addAction(f"{words}\t{action.shortcut}" if action.shortcut else words, lambda i=action_id: window.trigger(i))
