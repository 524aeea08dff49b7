"""The main window: it holds the panels, the sheet and the bars together, and does nothing that a service does."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QWidget

from app.core.errors import ConsoleError
from ui.bridge import Bridge
from ui.shell.state import WindowState
from ui.theme.theme import MODES, theme
from ui.widgets.privacy import privacy

if TYPE_CHECKING:
    from PySide6.QtWidgets import QDockWidget, QStackedWidget

    from ui.actions import Registry
    from ui.shell.attention import Attention
    from ui.shell.bars import Bars
    from ui.shell.cover import Cover
    from ui.shell.locking import Locking
    from ui.shell.navigation import History, Navigation
    from ui.shell.notifications import Notifications
    from ui.shell.palette import Palette
    from ui.shell.panel import Panel
    from ui.shell.statusbar import StatusBar
    from ui.shell.topbar import TopBar

COLLAPSE_BELOW = 1320
STATUS_MS = 5_000
QUICK_KINDS = ("chain.", "wallets.create", "wallets.import", "wallets.add")
SENDING = ("chain.speed_up", "chain.cancel", "chain.repair")  # of the chain too, but what they send is somebody's money


class MainWindow(QMainWindow):
    """One window per home.

    Args:
        panels: (id, title, icon, shortcut, at the bottom) in order.
        paths: import path of each panel, ``module:Class``.
    """

    shown = Signal()  # painted for the first time
    registry: Registry
    navigation: Navigation
    top: TopBar
    status: StatusBar
    stack: QStackedWidget
    dock: QDockWidget
    cover: Cover
    notifications: Notifications
    bars: Bars
    attention: Attention
    locking: Locking
    _history: History

    def __init__(self, bridge: Bridge, home: Path, panels: list[tuple[str, str, str, str, bool]], paths: dict[str, str]) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("Azora Console")
        self.bridge = bridge
        self.console_ready = False
        self.composed = False
        self.last_notice = ""
        self._home = home
        self._state = WindowState(home)
        self._entries = panels
        self._paths = paths
        self._titles = {panel: title for panel, title, *_ in panels}
        self._panels: dict[str, Panel] = {}
        self.current_panel_id = ""
        self._crashes: set[str] = set()
        self._by_width = False
        self._seen = False
        self._closed = False
        self.sheet: Any = None
        self.palette_: Palette | None = None
        self.lock_screen: Any = None
        self._state.restore(self)
        look = self._state.values.get("look")
        if isinstance(look, list) and len(look) == 3 and look[0] in MODES and isinstance(look[1], int):
            theme.set_look(look[0], look[1], bool(look[2]))  # as it was, until the settings are read

    # building

    def compose(self) -> MainWindow:
        """Put everything into the frame; what is imported here is not needed to paint that frame."""
        from ui.actions import Registry
        from ui.shell import commands, layout
        from ui.shell.attention import Attention
        from ui.shell.bars import Bars
        from ui.shell.locking import Locking
        from ui.shell.navigation import History

        theme.apply(QApplication.instance())  # type: ignore[arg-type]
        self.registry = Registry()
        self._history = History()
        layout.parts(self, self._entries)
        self.bars = Bars(self)
        self.attention = Attention(self)
        self.locking = Locking(self)
        commands.register(self, self._entries)
        layout.shortcuts(self)
        layout.menus(self)
        self._connect()
        self.composed = True
        if self._state.values.get("collapsed"):
            self.navigation.set_collapsed(True)
        self._fit()
        if self.isVisible():
            self._open_first()
        return self

    @property
    def kept(self) -> dict[str, Any]:
        """What panels remember between sessions of how they look; written when the window closes."""
        return self._state.values

    @property
    def palette(self) -> Palette:  # type: ignore[override]
        """The command palette, made when it is first opened."""
        if self.palette_ is None:
            from ui.shell.palette import Palette

            self.palette_ = Palette(self)
        return self.palette_

    def _connect(self) -> None:
        from app.core.events import AccessChanged, HeadChanged, JobChanged, JournalGrew, NetworkChanged, Notice, SettingsChanged

        self.navigation.chosen.connect(lambda panel: self.open(panel))
        self.navigation.collapse_asked.connect(self.toggle_navigation)
        self.top.network_chosen.connect(self._select_network)
        self.top.role_chosen.connect(self.set_role)
        self.top.search_asked.connect(lambda: self.palette.open())
        self.top.lock_asked.connect(lambda: self.trigger("console.lock"))
        self.top.bell_asked.connect(self._show_history)
        self.top.settings_asked.connect(lambda: self.open("settings", section="networks"))
        self.status.asked.connect(self.bars.follow)
        self.notifications.changed.connect(lambda: self.top.show_unread(self.notifications.unread))
        self.bridge.ready.connect(self._console_ready)
        self.bridge.failed.connect(self._console_failed)
        self.bridge.problem.connect(self.tell_error)
        self.bridge.bug.connect(self.tell_bug)
        self.bridge.busy.connect(self.bars.show_busy)
        for kind in (NetworkChanged, SettingsChanged):
            self.bridge.on(kind, lambda _: self.bars.refresh(), self)
        self.bridge.on(SettingsChanged, lambda event: self._setting_changed(event.key), self)
        self.bridge.on(HeadChanged, lambda _: self.bars.refresh_status(), self)
        self.bridge.on(AccessChanged, lambda _: self.locking.access_changed(), self)
        self.bridge.on(JobChanged, lambda _: self.bars.show_jobs(), self)
        self.bridge.on(JournalGrew, lambda _: self.bars.show_journal(), self)
        self.bridge.on(Notice, lambda notice: self.notify(notice.text, notice.level, notice.link), self)
        self._timer = QTimer(self)
        self._timer.setInterval(STATUS_MS)
        self._timer.timeout.connect(self.bars.refresh_status)
        self.attention.touched.connect(self._touched)
        self.attention.back.connect(lambda: self.trigger("history.back"))
        self.attention.forward.connect(lambda: self.trigger("history.forward"))
        privacy.changed.connect(self._amounts_changed)

    # the console

    def _console_ready(self) -> None:
        from ui.shell import search

        self.console_ready = True
        search.register(self.registry, self.bridge.console)
        settings = self.bridge.console.settings
        appearance = settings.value.appearance
        theme.set_look(appearance.theme, appearance.text_scale, appearance.reduce_motion)
        privacy.set_hidden(appearance.hide_amounts)
        for notice in settings.notices:
            self.notify(notice, "warn")
        self.bars.refresh()
        self.locking.access_changed()
        self.bars.show_jobs()
        self.bars.show_journal()
        self._timer.start()
        for panel in self._panels.values():
            panel.console_ready()

    def _console_failed(self, error: object) -> None:
        if isinstance(error, ConsoleError):
            self.tell_error(error)
        elif isinstance(error, BaseException):
            self.tell_bug(error)

    def is_demo(self) -> bool:
        """Whether the current network is the demo economy's."""
        current = self.bridge.console.networks.current if self.console_ready else None
        return current is not None and current.demo

    # places

    def _load(self, name: str) -> Any:
        """Make a panel or the sheet, imported only now."""
        module, _, kind = self._paths[name].partition(":")
        return getattr(importlib.import_module(module), kind)(self)

    def panels(self) -> list[Panel]:
        """Those that were shown already."""
        return list(self._panels.values())

    def _panel(self, panel_id: str) -> Panel:
        panel = self._panels.get(panel_id)
        if panel is None:
            panel = self._load(panel_id)
            self._panels[panel_id] = panel
            panel.header.set_demo(self.is_demo())
            self.stack.addWidget(panel)
        return panel

    def open(self, panel_id: str, /, **arguments: Any) -> None:
        """Go to a panel, and let it follow ``arguments``."""
        if panel_id != self.current_panel_id:
            from ui.shell.navigation import Place

            self._keep()
            self._history.visit(Place(panel_id))
            self._show_panel(panel_id)
        if arguments:
            try:
                self._panel(panel_id).open(**arguments)
            except ConsoleError as error:
                self.tell_error(error)

    def _keep(self) -> None:
        if self.current_panel_id:
            self._history.keep(self._panel(self.current_panel_id).state())

    def _show_panel(self, panel_id: str) -> None:
        panel = self._panel(panel_id)
        self.current_panel_id = panel_id
        self.stack.setCurrentWidget(panel)
        self.navigation.set_current(panel_id)
        self.setWindowTitle(f"{panel.title} – Azora Console")
        self.cover.tell()

    def back(self) -> None:
        """The place before, as it was."""
        self._move(-1)

    def forward(self) -> None:
        """The place after, as it was."""
        self._move(1)

    def _move(self, by: int) -> None:
        self._keep()
        place = self._history.move(by)
        if place is not None:
            self._show_panel(place.panel)
            self._panel(place.panel).restore(place.state)

    def refresh_panel(self) -> None:
        """Read the shown panel again."""
        if self.current_panel_id and self.console_ready:
            self._panel(self.current_panel_id).refresh()

    @property
    def covered(self) -> bool:
        """Whether the lock screen lies over everything."""
        return self.lock_screen is not None and bool(self.lock_screen.isVisible())

    def trigger(self, action_id: str, /, **arguments: str) -> None:
        """Run an action; a reason why not is told."""
        if self.covered and action_id != "window.quit":
            return
        try:
            self.registry.run(action_id, **arguments)
        except ConsoleError as error:
            self.tell_error(error)

    def open_link(self, link: str) -> None:
        """Follow a deep link; a bad one is told, and one that comes while the console is locked is kept."""
        if self.covered:
            self.notify("A link came while the console was locked. It was not opened.", "warn", link)
            return
        try:
            self.registry.open_link(link)
        except ConsoleError as error:
            self.tell_error(error)

    def focus_filter(self) -> None:
        """Put the keyboard into the filter of the shown panel, or into its search, if it has one."""
        for field in self.stack.currentWidget().findChildren(QLineEdit):
            if field.objectName().endswith(("filter", ".search")) and field.isVisible():
                field.setFocus(Qt.FocusReason.ShortcutFocusReason)
                field.selectAll()
                return

    def copy_link(self) -> None:
        """The link to what is shown, into the clipboard."""
        QGuiApplication.clipboard().setText(f"azora://{self.current_panel_id}")
        self.notify(f"Copied azora://{self.current_panel_id}", "ok")

    def toggle_navigation(self) -> None:
        """Words or icons only."""
        self.navigation.set_collapsed(not self.navigation.collapsed)

    def next_region(self, by: int) -> None:
        """Move the focus among navigation, page, sheet and status bar."""
        regions = [w for w in (self.navigation, self.stack, self.dock, self.status) if w.isVisible()]
        focus = self.focusWidget()
        now = next((i for i, region in enumerate(regions) if focus is not None and region.isAncestorOf(focus)), -1)
        for step in range(1, len(regions) + 1):
            region = regions[(now + by * step) % len(regions)]
            inside = [
                w
                for w in region.findChildren(QWidget)
                if w.isVisible() and w.isEnabled() and w.focusPolicy() & Qt.FocusPolicy.TabFocus
            ]
            if inside:
                inside[0].setFocus(Qt.FocusReason.ShortcutFocusReason)
                return

    # the sheet

    def _sheet(self) -> Any:
        if self.sheet is None:
            self.sheet = self._load("sheet")
            self.sheet.closed.connect(self.dock.hide)
            self.dock.setWidget(self.sheet)
        if not self.dock.isVisible():
            self.dock.show()
            self.resizeDocks([self.dock], [theme.metric("planSheet")], Qt.Orientation.Horizontal)
        return self.sheet

    def set_sheet(self, widget: QWidget) -> None:
        """Put a widget into the dock at the right."""
        self.sheet = widget
        self.dock.setWidget(widget)

    def toggle_sheet(self) -> None:
        """Show or hide the sheet; hiding it cancels nothing."""
        if self.dock.isVisible():
            self.dock.hide()
        elif self.sheet is not None:
            self.dock.show()

    def open_form(self, form: Any) -> None:
        """Ask for a new plan in the sheet."""
        self._sheet().open_form(form)

    def open_plan(self, ref: str, on_done: Callable[[Any], object] | None = None) -> None:
        """Show a plan in the sheet, at the step where it was."""
        self._sheet().open_plan(ref, on_done)

    def is_quick(self, plan: Any) -> bool:
        """Whether a plan runs without the sheet: on a chain that this console started, and nothing that moves money."""
        wanted = self.bridge.console.settings.value.console.quick_plans
        kind = plan.kind.startswith(QUICK_KINDS) and plan.kind not in SENDING
        return bool(wanted and kind and plan.target.quick and plan.preview is not None and not plan.preview.blocked)

    def run_plan(self, work: Callable[[], Awaitable[Any]], label: str) -> None:
        """Prepare a plan; a quick one runs at once, any other opens in the sheet."""
        self.bridge.run(
            work,
            then=lambda plan: self.run_quick(plan) if self.is_quick(plan) else self.open_plan(plan.id),
            label=label,
            owner=self,
        )

    def run_quick(self, plan: Any) -> None:
        """Run a quick plan; its receipt comes as a notification."""
        operations = self.bridge.console.operations

        def ended(done: Any) -> None:
            link = f"azora://plans/{done.name}"
            if str(done.state) == "done":
                self.notify(f"{done.title}: done", "ok", link, self._undo_of(done))
            else:
                self.notify(f"{done.title}: {done.state}. {done.reason}", "warn", link)

        self.bridge.run(lambda: operations.execute(plan.id), then=ended, label=plan.title, owner=self)

    def _undo_of(self, done: Any) -> tuple[str, Callable[[], object]] | None:
        """The way back from a quick plan that kept the state before it."""
        result = done.steps[0].result if done.steps else {}
        chain, before = str(result.get("chain", "")), str(result.get("undo", ""))
        if not (chain and before):
            return None
        nodes = self.bridge.console.nodes
        return "Undo", lambda: self.run_plan(lambda: nodes.plan_restore(chain, before), f"Undoing {done.title}")

    # telling

    def notify(
        self, text: str, level: str = "info", link: str = "", action: tuple[str, Callable[[], object]] | None = None
    ) -> None:
        """Tell something that does not need an answer."""
        self.last_notice = text
        from ui.shell.notifications import Message

        self.notifications.show(Message(text, level, link, action))

    def tell_error(self, error: object) -> None:
        """An expected failure, with its way out."""
        self.notify(str(error), "err")

    def tell_bug(self, error: BaseException) -> None:
        """A bug: the report is written each time, shown once per kind."""
        from ui.shell import crash

        text = crash.report_of(error)
        try:
            file: Path | None = crash.write_report(self._home / "crash", text)
        except OSError:
            file = None
        group = crash.group_of(error)
        if group not in self._crashes and self.isVisible():  # a dialog of a closed window would keep the program alive
            self._crashes.add(group)
            crash.CrashDialog(self, text, file).open()

    def _show_history(self) -> None:
        from ui.shell.notifications import HistoryPopover

        popover = HistoryPopover(self.notifications, self.open_link)
        popover.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        corner = self.top.bell.mapToGlobal(self.top.bell.rect().bottomRight())
        popover.move(corner.x() - popover.width(), corner.y() + 4)
        popover.show()
        self._popover = popover
        self.notifications.read()

    def show_keymap(self) -> None:
        """Every shortcut there is."""
        from ui.shell.keymap import KeyboardMap

        KeyboardMap(self, self.registry).open()

    def verify_journal(self) -> None:
        """Recompute every hash of the journal and say what came out."""
        journal = self.bridge.console.journal

        def told(verdict: Any) -> None:
            if verdict.ok:
                self.notify(f"The journal is whole: {verdict.entries:,} entries, head {verdict.head_hash[:12]}…", "ok")
            else:
                self.notify(f"The journal does not verify. {verdict.problem}", "err")

        self.bridge.run(lambda: journal.verify(), then=told, label="Verifying the journal", owner=self)

    # access and settings

    def _select_network(self, network_id: str) -> None:
        networks = self.bridge.console.networks
        self.bridge.run(lambda: networks.select(network_id), owner=self)

    def set_role(self, role: str) -> None:
        """Act in another role."""
        access = self.bridge.console.access

        async def change() -> None:
            from app.access import Role

            await access.set_role(Role(role))

        self.bridge.run(change, owner=self)

    def set_theme(self, mode: str) -> None:
        """Another theme, remembered."""
        theme.set_mode(mode)
        if self.console_ready:
            console = self.bridge.console
            self.bridge.run(lambda: console.change_setting("appearance.theme", mode), owner=self)

    def toggle_amounts(self) -> None:
        """Hide every amount in the window, or bring them back; remembered."""
        hide = not privacy.hidden
        privacy.set_hidden(hide)
        if self.console_ready:
            console = self.bridge.console
            self.bridge.run(lambda: console.change_setting("appearance.hide_amounts", hide), owner=self)

    def _setting_changed(self, key: str) -> None:
        """Another process or the settings panel hid the amounts."""
        if key == "appearance.hide_amounts":
            privacy.set_hidden(self.bridge.console.settings.value.appearance.hide_amounts)

    def _amounts_changed(self) -> None:
        """What is text already is read again; tables and amounts repaint themselves."""
        for panel in self._panels.values():
            panel.console_ready()

    def why_no_lock(self) -> str:
        """Why the console cannot be locked now, or empty."""
        if not self.console_ready:
            return "the console is still starting."
        return "" if self.bridge.console.access.passphrase_set else "no console passphrase is set. Set one in Settings."

    def lock_console(self) -> None:
        """Drop what is unlocked and hide every figure."""
        access = self.bridge.console.access
        self.bridge.run(lambda: access.lock("by hand"), owner=self)

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.composed:
            self._open_first()

    def _open_first(self) -> None:
        if not self.current_panel_id:
            wanted = str(self._state.values.get("panel", "overview"))
            self.open(wanted if wanted in self._titles else "overview")

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.composed:  # the frame alone: where navigation and bars will be
            painter = QPainter(self)
            painter.fillRect(self.rect(), theme.color("surface"))
            painter.fillRect(0, 0, theme.metric("nav"), self.height(), theme.color("bg"))
            painter.end()
        super().paintEvent(event)
        if not self._seen:
            self._seen = True
            self.shown.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.composed:
            self._fit()

    def _fit(self) -> None:
        narrow = self.width() < COLLAPSE_BELOW
        if narrow and not self.navigation.collapsed:
            self.navigation.set_collapsed(True)
            self._by_width = True
        elif not narrow and self._by_width:
            self.navigation.set_collapsed(False)
            self._by_width = False
        self.notifications.place()
        self.cover.fit()
        if self.lock_screen is not None and self.lock_screen.isVisible():
            self.lock_screen.setGeometry(self.rect())

    def _touched(self) -> None:
        """Only what came from the person keeps the console open."""
        if self.console_ready:
            self.bridge.console.access.touch()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.composed:
            collapsed = self.navigation.collapsed and not self._by_width
            self._state.save(
                self, panel=self.current_panel_id, collapsed=collapsed, look=[theme.mode, theme.scale, theme.reduce_motion]
            )
            self._closed = True
            self.attention.stop()
            self._timer.stop()
        self.bridge.stop()
        super().closeEvent(event)
