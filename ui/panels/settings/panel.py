"""Sections at the left, the chosen section's form at the right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QSplitter, QStackedWidget

from app.core.events import AccessChanged, NetworkChanged, SettingsChanged
from ui.panels.settings.appearance import AppearanceSection
from ui.panels.settings.networks import NetworksSection
from ui.panels.settings.security import SecuritySection
from ui.panels.settings.tools import ToolsSection
from ui.shell.panel import Panel
from ui.theme import icon


class SettingsPanel(Panel):
    """Networks, security, appearance, tools. Settings are edits: undone by setting them back, never plans."""

    id = "settings"
    title = "Settings"
    stale_on = (SettingsChanged, NetworkChanged, AccessChanged)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.sections = QListWidget()
        self.sections.setObjectName("settings.sections")
        self.sections.setAccessibleName("Sections of the settings")
        self.stack = QStackedWidget()
        self._sections: list[tuple[str, Any]] = []
        self.networks = NetworksSection(self)
        for key, word, symbol, section in (
            ("networks", "Networks", "globe-hemisphere-west", self.networks),
            ("security", "Lock, keyring and role", "lock", SecuritySection(self)),
            ("appearance", "Appearance", "palette", AppearanceSection(self)),
            ("tools", "Tools", "wrench", ToolsSection(self)),
        ):
            item = QListWidgetItem(icon(symbol), word)
            item.setData(Qt.ItemDataRole.UserRole, key)
            self.sections.addItem(item)
            self.stack.addWidget(section)
            self._sections.append((key, section))
        self.sections.currentRowChanged.connect(self._choose)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self.sections)
        split.addWidget(self.stack)
        split.setStretchFactor(1, 1)
        split.setSizes([204, 900])
        self.body.addWidget(split, 1)
        self.sections.setCurrentRow(0)

    def _choose(self, row: int) -> None:
        self.stack.setCurrentIndex(row)
        item = self.sections.item(row)
        self.header.set_context(item.text() if item else "")

    def refresh(self) -> None:
        for _, section in self._sections:
            section.refresh()

    def set(self, key: str, value: object) -> None:
        """Change one setting on the service loop; the source and a refusal are shown where it is."""
        console = self.bridge.console

        async def change() -> None:
            await console.change_setting(key, value)

        self.bridge.run(change, then=lambda _: self.refresh(), owner=self)

    def open(self, **arguments: Any) -> None:
        wanted = str(arguments.get("section") or arguments.get("ref") or "")
        for row, (key, _) in enumerate(self._sections):
            if key == wanted:
                self.sections.setCurrentRow(row)
        if wanted == "networks" and arguments.get("project"):
            self.networks.take_over(Path(str(arguments["project"])), str(arguments.get("network") or ""))

    def state(self) -> dict[str, Any]:
        return {"section": self.sections.currentRow()}

    def restore(self, state: dict[str, Any]) -> None:
        self.sections.setCurrentRow(int(state.get("section", 0)))
