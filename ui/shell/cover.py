"""In a narrow window the plan sheet covers the page instead of pushing it; put away, it leaves a button in the page header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

if TYPE_CHECKING:
    from ui.shell.window import MainWindow

COVER_BELOW = 1240


class Cover(QObject):
    """Keeps the page as wide as without the sheet; what lies beyond the sheet's edge is covered by it."""

    def __init__(self, window: MainWindow, stack: QStackedWidget) -> None:
        super().__init__(window)
        self._window = window
        self.holder = QWidget()
        self._row = QHBoxLayout(self.holder)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(stack)

    def watch(self) -> None:
        """Follow the dock from now on."""
        self._window.dock.installEventFilter(self)

    @property
    def narrow(self) -> bool:
        """Whether the window has no room for page and sheet side by side."""
        return self._window.width() < COVER_BELOW

    def fit(self) -> None:
        """Give the page its width, and say in its header what the sheet holds while it is away."""
        window = self._window
        covered = window.dock.width() if self.narrow and window.dock.isVisible() else 0
        # A margin below zero: the page is laid out beyond its frame, where the sheet lies.
        self.holder.setContentsMargins(0, 0, -covered, 0)
        self.tell()

    def tell(self) -> None:
        """The button that brings the sheet back, in the header of the shown page."""
        window = self._window
        words = ""
        if self.narrow and not window.dock.isVisible() and window.sheet is not None:
            words = str(getattr(window.sheet, "left_open", ""))
        for panel in window.panels():
            panel.header.set_plan(words if panel.id == window.current_panel_id else "")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.Resize):
            self.fit()
        return False
