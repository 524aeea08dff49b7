"""Programs that the console calls: the editor in which sources are opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.widgets import Field, line_edit

if TYPE_CHECKING:
    from ui.panels.settings.panel import SettingsPanel

HINT = "A command with {file}, and {line} and {column} where it takes them. Empty: $VISUAL, or the first known editor"


class ToolsSection(QWidget):
    """Takes effect with the next source that is opened."""

    def __init__(self, panel: SettingsPanel) -> None:
        super().__init__()
        self._panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        self.editor = line_edit("settings.editor", "Command that opens a source in an editor")
        self.editor.setPlaceholderText("code --goto {file}:{line}:{column}")
        self.editor.editingFinished.connect(self._set_editor)
        self.field = Field("Editor", self.editor, HINT)
        layout.addWidget(self.field)
        layout.addStretch(1)

    def _set_editor(self) -> None:
        from app.contracts.editor import command
        from app.core.errors import ConsoleError

        template = self.editor.text().strip()
        if template == self._panel.bridge.console.settings.value.editor:
            return
        try:
            if template:
                command(template, Path("Contract.sol"))
        except ConsoleError as error:
            self.field.set_error(error.message.replace("Nothing was opened.", "Nothing was changed."))
            return
        self.field.set_error("")
        self._panel.set("editor", template)

    def refresh(self) -> None:
        """Show the setting as it is."""
        if not self.editor.hasFocus():
            self.editor.setText(self._panel.bridge.console.settings.value.editor)
