"""Dialogs of the system for files and folders; none of them blocks the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget


def ask_folder(owner: QWidget, title: str, then: Callable[[Path], object]) -> None:
    """Let the person choose a folder."""
    dialog = QFileDialog(owner, title)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    _open(dialog, then)


def ask_file(owner: QWidget, title: str, pattern: str, then: Callable[[Path], object]) -> None:
    """Let the person choose a file to read."""
    dialog = QFileDialog(owner, title, "", pattern)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    _open(dialog, then)


def ask_save(owner: QWidget, title: str, name: str, pattern: str, then: Callable[[Path], object]) -> None:
    """Let the person choose where to write."""
    dialog = QFileDialog(owner, title, str(Path.home() / name), pattern)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
    _open(dialog, then)


def _open(dialog: QFileDialog, then: Callable[[Path], object]) -> None:
    dialog.setObjectName("contracts.file")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()
