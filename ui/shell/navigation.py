"""The panels at the left, and the history behind back and forward."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout

from ui.theme import icon, theme


@dataclass(frozen=True)
class Place:
    """One entry of the history."""

    panel: str
    state: dict[str, Any] = field(default_factory=dict)


class History:
    """Back and forward over places; going somewhere drops what was ahead."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._at = -1

    def visit(self, place: Place) -> None:
        """Go to a new place."""
        del self._places[self._at + 1 :]
        self._places.append(place)
        del self._places[:-100]
        self._at = len(self._places) - 1

    def keep(self, state: dict[str, Any]) -> None:
        """Remember how the present place looks."""
        if self._at >= 0:
            self._places[self._at] = Place(self._places[self._at].panel, state)

    def move(self, by: int) -> Place | None:
        """Back (-1) or forward (1); None at the end."""
        if not 0 <= self._at + by < len(self._places):
            return None
        self._at += by
        return self._places[self._at]


class NavItem(QToolButton):
    """One panel."""

    def __init__(self, panel: str, title: str, symbol: str, shortcut: str) -> None:
        super().__init__()
        self.setObjectName(f"nav.{panel}")
        self.setProperty("part", "nav")
        self.setAccessibleName(title)
        self.setText(title)
        self.title = title
        self._symbol = symbol
        self.setCheckable(True)
        self.setToolTip(f"{title}  {shortcut}".strip())
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(16, 16))
        self.setFixedHeight(theme.metric("navItem"))
        self.toggled.connect(self._tint)
        self._tint(False)

    def _tint(self, on: bool) -> None:
        self.setIcon(icon(self._symbol, "accent" if on else "text-2"))


class Navigation(QFrame):
    """Panels, then Jobs and Settings and the collapse button at the bottom."""

    chosen = Signal(str)
    collapse_asked = Signal()

    def __init__(self, panels: list[tuple[str, str, str, str, bool]]) -> None:
        super().__init__()
        self.setObjectName("navigation")
        self.setAccessibleName("Navigation")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(2)
        self._group = QButtonGroup(self)
        self._items: dict[str, NavItem] = {}
        bottom = [entry for entry in panels if entry[4]]
        for entry in [entry for entry in panels if not entry[4]]:
            self._add(column, *entry[:4])
        column.addStretch(1)
        for entry in bottom:
            self._add(column, *entry[:4])
        self.collapse = QToolButton()
        self.collapse.setObjectName("nav.collapse")
        self.collapse.setProperty("part", "nav")
        self.collapse.setAccessibleName("Collapse or expand the navigation")
        self.collapse.setText("Collapse")
        self.collapse.setToolTip("Collapse or expand  Ctrl+B")
        self.collapse.setIcon(icon("sidebar-simple"))
        self.collapse.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.collapse.setFixedHeight(theme.metric("navItem"))
        self.collapse.clicked.connect(self.collapse_asked)
        column.addWidget(self.collapse)
        self.set_collapsed(False)

    def _add(self, column: QVBoxLayout, panel: str, title: str, symbol: str, shortcut: str) -> None:
        item = NavItem(panel, title, symbol, shortcut)
        item.clicked.connect(lambda: self.chosen.emit(panel))
        self._group.addButton(item)
        self._items[panel] = item
        column.addWidget(item)

    def set_current(self, panel: str) -> None:
        """Mark the panel that is shown."""
        if panel in self._items:
            self._items[panel].setChecked(True)

    def set_collapsed(self, collapsed: bool) -> None:
        """48 pixels with icons only, or 184 with words."""
        self.collapsed = collapsed
        width = theme.metric("navCollapsed" if collapsed else "nav")
        self.setFixedWidth(width)
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if collapsed else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for item in [*self._items.values(), self.collapse]:
            item.setToolButtonStyle(style)
            item.setFixedWidth(width - 16)
