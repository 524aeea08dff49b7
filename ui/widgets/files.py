"""Files and folders: a field for one with its button, and the system's dialogs. None of them blocks the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from ui.widgets.basics import Field, button, line_edit


class FileField(QWidget):
    """The path of a file that is there, typed or chosen.

    Args:
        name: object name of the line; the button is called the same with ``choose`` as its last part.
        label, hint: as of :class:`Field`.
        spoken: what a screen reader calls the line.
        title: of the dialog. ``pattern``: of its files, such as ``Lists (*.csv *.json)``.
    """

    def __init__(self, name: str, label: str, hint: str, spoken: str, *, title: str, pattern: str = "", icon: str = "file") -> None:
        super().__init__()
        self._title, self._pattern = title, pattern
        self.edit = line_edit(name, spoken)
        self.choose = button("Choose…", icon=icon)
        self.choose.setObjectName(f"{name.rpartition('.')[0]}.choose")
        self.choose.setAccessibleName(f"Choose {label.lower()}")
        self.choose.clicked.connect(self._ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(Field(label, self.edit, hint), 1)
        row.addWidget(self.choose, 0, Qt.AlignmentFlag.AlignVCenter)

    def path(self) -> Path | None:
        """The file, or None where nothing is entered."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None

    def _ask(self) -> None:
        ask_file(self, self._title, self._pattern, lambda path: self.edit.setText(str(path)))


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
    dialog.setObjectName("file.dialog")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: then(Path(path)))
    dialog.open()
