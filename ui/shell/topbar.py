"""Network with its environment, block and age; search; role; console lock; notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from ui.theme import icon, theme
from ui.widgets import BadgeLabel

if TYPE_CHECKING:
    from app.chain import Network, NetworkStatus

NARROW = 860  # pixels
ROLES = (
    ("administrator", "Administrator", "user-gear"),
    ("auditor", "Auditor", "eye"),
    ("developer", "Developer", "code"),
)


def tool(name: str, described: str, symbol: str = "", text: str = "") -> QToolButton:
    """A flat button of the bars."""
    made = QToolButton()
    made.setObjectName(name)
    made.setProperty("part", "bar")
    made.setAccessibleName(described)
    made.setToolTip(described)
    made.setAutoRaise(True)
    made.setIconSize(QSize(16, 16))
    made.setFixedHeight(28)
    if symbol:
        made.setIcon(icon(symbol))
    if text:
        made.setText(text)
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly)
    return made


class TopBar(QFrame):
    """44 pixels of where one is and who one is."""

    network_chosen = Signal(str)
    role_chosen = Signal(str)
    search_asked = Signal()
    lock_asked = Signal()
    bell_asked = Signal()
    settings_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("top")
        self.setProperty("role", "bar")
        self.setFixedHeight(theme.metric("topBar"))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        self.network = tool("top.network", "Network: choose another", "plugs", "No network")
        self.network.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._networks = QMenu(self.network)
        self.network.setMenu(self._networks)
        self.network.setProperty("menu", "true")
        row.addWidget(self.network)
        self._badge_place = QHBoxLayout()
        row.addLayout(self._badge_place)
        self.block = QLabel("")
        self.block.setObjectName("top.block")
        self.block.setAccessibleName("Newest block")
        row.addWidget(self.block)
        self.sync = QLabel("")
        self.sync.setObjectName("top.sync")
        self.sync.setProperty("role", "hint")
        self.sync.setAccessibleName("State of the network")
        row.addWidget(self.sync)
        row.addStretch(1)
        self.search = tool(
            "top.search", "Search or run a command  Ctrl+K", "magnifying-glass", "Search or run a command      Ctrl K"
        )
        self.search.setProperty("part", "search")
        self.search.clicked.connect(self.search_asked)
        row.addWidget(self.search)
        row.addStretch(1)
        self.role = tool("top.role", "Role: choose another", "user", "Role")
        self.role.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.role)
        for role, word, symbol in ROLES:
            menu.addAction(icon(symbol), word, lambda role=role: self.role_chosen.emit(role))
        self.role.setMenu(menu)
        self.role.setProperty("menu", "true")
        row.addWidget(self.role)
        self.lock = tool("top.lock", "Lock the console  Ctrl+L", "lock-open", "Not locked")
        self.lock.clicked.connect(self.lock_asked)
        row.addWidget(self.lock)
        self.bell = tool("top.bell", "Notifications", "bell")
        self.bell.clicked.connect(self.bell_asked)
        row.addWidget(self.bell)
        self._badge: QWidget | None = None

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < NARROW  # beside an open sheet
        self.search.setText("Search      Ctrl K" if narrow else "Search or run a command      Ctrl K")
        self.search.setMinimumWidth(0 if narrow else 300)
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if narrow else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for each in (self.role, self.lock):
            each.setToolButtonStyle(style)

    def open_networks(self) -> None:
        """The list of networks, below its button."""
        self._networks.popup(self.network.mapToGlobal(self.network.rect().bottomLeft()))

    def show_networks(self, networks: list[Network], current: Network | None) -> None:
        """The networks to choose from, and which is current."""
        self._networks.clear()
        for network in networks:
            words = f"{network.name}  {network.chain_id}  {network.environment.upper()}"
            act = self._networks.addAction(words, lambda i=network.id: self.network_chosen.emit(i))
            act.setCheckable(True)
            act.setChecked(current is not None and current.id == network.id)
        self._networks.addSeparator()
        self._networks.addAction("Networks in Settings…", self.settings_asked.emit)
        self.network.setText(f"{current.name}  {current.chain_id}" if current is not None else "No network")
        if self._badge is not None:
            self._badge_place.removeWidget(self._badge)
            self._badge.deleteLater()
            self._badge = None
        if current is not None:
            self._badge = BadgeLabel(current.environment)
            self._badge_place.addWidget(self._badge)
        else:
            self.block.setText("")
            self.sync.setText("")

    def show_status(self, status: NetworkStatus, age: int) -> None:
        """Newest block and whether it can be believed; ``age`` in seconds."""
        if status.problem:
            self.network.setIcon(icon("x-square-fill", "err"))
            self.block.setText("")
            self.sync.setText("Refused" if status.reachable else "Not reachable")
            self.sync.setToolTip(status.problem)
            return
        self.network.setIcon(icon("check-circle-fill", "ok"))
        self.block.setText(f"Block {status.block:,}")
        self.sync.setText("Syncing" if status.syncing else f"{_age(age)} old")
        self.sync.setToolTip(f"Client {status.client}. Latency {status.latency_ms:.1f} ms.")

    def show_access(self, access: Any) -> None:
        """Role and lock."""
        role = access.operator.role.value
        word, symbol = next((word, symbol) for known, word, symbol in ROLES if known == role)
        self.role.setText(word)
        self.role.setIcon(icon(symbol))
        if access.passphrase_set:
            self.lock.setText("Locked" if access.locked else "Lock")
            self.lock.setIcon(icon("lock" if access.locked else "lock-open"))
        else:
            self.lock.setText("No lock set")
            self.lock.setIcon(icon("lock-open"))

    def show_unread(self, count: int) -> None:
        """How many notifications were not looked at."""
        self.bell.setText(str(count) if count else "")
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if count else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.bell.setToolButtonStyle(style)
        self.bell.setAccessibleName(f"Notifications, {count} unread" if count else "Notifications")


def _age(seconds: int) -> str:
    if seconds < 120:
        return f"{max(0, seconds)} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
