"""What every panel is: a header, a body, and a way to be refreshed, opened with arguments, and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.theme import theme
from ui.widgets import button, fit_words, primary_button

if TYPE_CHECKING:
    from ui.shell.window import MainWindow


class PageHeader(QFrame):
    """Title, context, and the panel's actions at the right."""

    def __init__(self, window: MainWindow, title: str) -> None:
        super().__init__()
        self._window = window
        self.setProperty("role", "bar")
        self.setObjectName("page.header")
        self.setFixedHeight(theme.metric("pageHeader"))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 0, 16, 0)
        self._row.setSpacing(8)
        self._title = QLabel(title)
        self._title.setProperty("role", "title")
        self._row.addWidget(self._title)
        self._demo = QLabel("DEMO")
        self._demo.setProperty("role", "tag")
        self._demo.setObjectName("page.demo")
        self._demo.setToolTip("Of the demo economy: keys, chain and figures were made for it")
        self._demo.hide()
        self._row.addWidget(self._demo, 0, Qt.AlignmentFlag.AlignVCenter)
        self._context = QLabel("")
        self._context.setProperty("role", "hint")
        self._context.setObjectName("page.context")
        self._context.setMinimumWidth(1)  # what the page can be narrowed to does not hang on it
        self._row.addWidget(self._context)
        self._row.addStretch(1)
        self._plan = button("", icon="list-checks")
        self._plan.setObjectName("page.plan")
        self._plan.setToolTip("Bring the plan sheet back (Ctrl+P)")
        self._plan.clicked.connect(lambda: window.toggle_sheet())
        self._plan.hide()
        self._row.addWidget(self._plan)

    def set_context(self, text: str) -> None:
        """What the page shows right now: network, block, count."""
        self._context.setText(text)

    def set_plan(self, words: str) -> None:
        """The plan that waits in the sheet while that is put away; empty for none."""
        self._plan.setText(words)
        self._plan.setAccessibleName(f"Open the plan sheet: {words}")
        self._plan.setVisible(bool(words))

    def set_demo(self, demo: bool) -> None:
        """Mark everything below as of the demo economy."""
        self._demo.setVisible(demo)

    def add_action(self, action_id: str, primary: bool = False) -> QPushButton:
        """A button for a registered action."""
        action = self._window.registry.get(action_id)
        title = f"{action.title}…" if action.changes else action.title
        made = (primary_button if primary else button)(title, icon=action.icon)
        made.setObjectName(f"header.{action_id}")
        made.setAccessibleName(action.title)
        made.setToolTip(f"{action.title}  {action.shortcut}".strip())
        made.clicked.connect(lambda: self._window.trigger(action_id))
        self._row.addWidget(made)
        return made

    def add_widget(self, widget: QWidget) -> None:
        """Anything else at the right."""
        self._row.addWidget(widget)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        fit_words(self._row, self.width())


class Panel(QWidget):
    """A page of the window. Subclasses set ``id``, ``title`` and ``stale_on`` and override what they need."""

    id: ClassVar[str] = ""
    title: ClassVar[str] = ""
    stale_on: ClassVar[tuple[type, ...]] = ()

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self.window_ = window
        self.bridge = window.bridge
        self.setObjectName(f"panel.{self.id}")
        self.setAccessibleName(self.title)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.header = PageHeader(window, self.title)
        column.addWidget(self.header)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        column.addLayout(self.body, 1)
        self._stale = True
        for kind in self.stale_on:
            self.bridge.on(kind, self._mark, self)

    def _mark(self, _event: object) -> None:
        self._stale = True
        if self.isVisible():
            self._freshen()

    def _freshen(self) -> None:
        if self.bridge.is_ready:
            self._stale = False
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._freshen()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)

    def console_ready(self) -> None:
        """The console has come up (or is up already)."""
        self._stale = True
        if self.isVisible():
            self._freshen()

    def refresh(self) -> None:
        """Read anew what is shown."""

    def open(self, **arguments: Any) -> None:
        """Follow a link's arguments."""

    def state(self) -> dict[str, Any]:
        """Selection, filters and scroll, for the history."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
