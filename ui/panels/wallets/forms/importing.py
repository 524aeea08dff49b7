"""One private key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QLineEdit, QVBoxLayout

from app.core.secret import Secret
from ui.plan_sheet import PlanForm
from ui.widgets import Field, forget, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ui.shell.panel import Panel


class ImportForm(PlanForm):
    """One private key."""

    title = "Import a key"
    context = "The key goes into the system keyring"

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        self.label = line_edit("wallets.import.label", "Label of the account")
        self.key = line_edit("wallets.import.key", "Private key")
        self.key.setEchoMode(QLineEdit.EchoMode.Password)
        layout.addWidget(Field("Label", self.label, "What the account is called here"))
        layout.addWidget(Field("Private key", self.key, "64 hexadecimal digits; never shown, never logged"))
        layout.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        label, key, console = self.label.text(), Secret(self.key.text().strip()), self._panel.bridge.console
        return lambda: console.wallets.plan_import_key(label, key)

    def hideEvent(self, event: Any) -> None:
        """The key is not kept in a field that nobody sees."""
        super().hideEvent(event)
        forget(self.key)
