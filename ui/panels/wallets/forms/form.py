"""What the forms of this panel share: one column of fields, the panel they belong to, and files by the system's dialog."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLayout, QVBoxLayout, QWidget

from app.core.errors import Invalid
from app.core.events import AccessChanged
from app.core.secret import Secret
from ui.plan_sheet import PlanForm
from ui.theme import icon
from ui.widgets import Field, button, forget, password_edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.shell.panel import Panel

LARGEST_FILE = 4 * 1024 * 1024  # bytes; nobody pays a hundred thousand people from a form


class WalletForm(PlanForm):
    """A column of fields over the panel's console."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self.panel = panel
        self.bridge = panel.bridge
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(10)
        self.bridge.on(AccessChanged, lambda _: self._access_changed(), self)

    def _access_changed(self) -> None:
        if self.bridge.is_ready and self.console.access.locked:
            self.drop_secrets()

    def drop_secrets(self) -> None:
        """The console was locked: whatever of a secret the form holds is wiped."""

    def field(self, label: str, widget: QWidget, hint: str = "") -> Field:
        """Add a labelled field."""
        made = Field(label, widget, hint)
        self.column.addWidget(made)
        return made

    def add(self, *parts: QWidget | QLayout) -> None:
        """Add widgets or layouts below."""
        for part in parts:
            if isinstance(part, QWidget):
                self.column.addWidget(part)
            else:
                self.column.addLayout(part)

    def end(self) -> None:
        """What is left stays empty."""
        self.column.addStretch(1)

    @property
    def console(self) -> Any:
        """The console."""
        return self.bridge.console

    def network(self, field: str = "") -> Any:
        """The network that is looked at.

        Raises:
            Invalid: there is none, or it was never reached.
        """
        network = self.console.networks.current
        if network is None or not network.genesis:
            raise Invalid("No network is connected. Nothing was planned.", "Select or start one first.", field=field)
        return network


def line(*parts: QWidget, stretch: bool = True) -> QHBoxLayout:
    """Widgets side by side."""
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for part in parts:
        row.addWidget(part)
    if stretch:
        row.addStretch(1)
    return row


def ask_file(owner: QWidget, title: str, pattern: str, then: Callable[[Path], object]) -> None:
    """Let the person choose a file to read."""
    dialog = QFileDialog(owner, title)
    dialog.setObjectName("wallets.file")
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(pattern)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()


def ask_save(owner: QWidget, title: str, name: str, pattern: str, then: Callable[[Path], object]) -> None:
    """Let the person choose where to write."""
    dialog = QFileDialog(owner, title, name, pattern)
    dialog.setObjectName("wallets.file")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; one that is there already stays until the new one is whole. Raises OSError."""
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_file(path: Path, field: str, most: int = LARGEST_FILE) -> bytes:
    """The bytes of a file that a person chose, ``most`` of them.

    Raises:
        Invalid: it cannot be read, or is too large to be what was asked for.
    """
    try:
        if path.stat().st_size > most:
            raise Invalid(f"{path.name} is larger than {most // 2**20} MiB. Nothing was read.", "Choose another file.", field=field)
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}.", "Choose another file.", field=field) from error


class More(QWidget):
    """Choices that most people leave as they are, behind one line."""

    def __init__(self, words: str, name: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.switch = button(words, icon="caret-right")
        self.switch.setObjectName(name)
        self.switch.setFlat(True)
        self.switch.setCheckable(True)
        self.switch.toggled.connect(self._toggled)
        column.addWidget(self.switch, 0, Qt.AlignmentFlag.AlignLeft)
        self._inside = QWidget()
        self.column = QVBoxLayout(self._inside)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(10)
        self._inside.hide()
        column.addWidget(self._inside)

    def _toggled(self, on: bool) -> None:
        self._inside.setVisible(on)
        self.switch.setIcon(icon("caret-down" if on else "caret-right"))

    def open(self) -> None:
        """Show what is behind it."""
        self.switch.setChecked(True)


class SecretPair(QWidget):
    """A passphrase that is entered twice, since nobody sees it."""

    def __init__(self, name: str, label: str, hint: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.first = password_edit(name, label)
        self.again = password_edit(f"{name}_again", f"{label}, again")
        self.field = Field(label, self.first, hint)
        self.again_field = Field(f"{label}, again", self.again, "")
        column.addWidget(self.field)
        column.addWidget(self.again_field)

    def secret(self) -> Secret | None:
        """What was entered, or None when nothing was.

        Raises:
            Invalid: the two are not the same.
        """
        if self.first.text() != self.again.text():
            name = self.again.objectName().rpartition(".")[2]
            raise Invalid("The two are not the same. Nothing was created.", "Enter it again.", field=name)
        return Secret(self.first.text()) if self.first.text() else None

    def forget(self) -> None:
        """Empty both."""
        forget(self.first, self.again)

    def hideEvent(self, event: QHideEvent) -> None:
        self.forget()
        super().hideEvent(event)
