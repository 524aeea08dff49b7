"""A bug is told once, with a report that holds no secret: written into the home, shown before anyone copies it."""

from __future__ import annotations

import hashlib
import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from app import __version__
from ui.widgets import button, primary_button


def group_of(error: BaseException) -> str:
    """One id per kind of crash: the exception's type and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    place = f"{Path(last.filename).name}:{last.name}" if last else ""
    return hashlib.sha256(f"{type(error).__name__}:{place}".encode()).hexdigest()[:12]


def report_of(error: BaseException) -> str:
    """The report, without secrets and without the name of the home folder."""
    from app.core.logging import redact

    body = "".join(traceback.format_exception(error))
    if len(str(Path.home())) > 1:  # it names the person
        body = body.replace(str(Path.home()), "~")
    head = f"Azora Console {__version__}, Python {sys.version.split()[0]}, {platform.platform()}"
    return f"{head}\n{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\ngroup {group_of(error)}\n\n{redact(body)}"


def write_report(folder: Path, text: str) -> Path:
    """Keep a report, readable by its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.txt"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file


class CrashDialog(QDialog):
    """What happened, where the report lies, and its whole text."""

    def __init__(self, parent: QWidget, text: str, file: Path | None) -> None:
        super().__init__(parent)
        self.setObjectName("crash")
        self.setAccessibleName("Crash report")
        self.setWindowTitle("Something went wrong")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 460)
        column = QVBoxLayout(self)
        told = QLabel(
            "The console met a bug. What it was doing then may not have happened; plans are safe and say so themselves. "
            + (f"A report was written to {file}." if file else "The report could not be written.")
        )
        told.setWordWrap(True)
        column.addWidget(told)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setProperty("role", "code")
        self.text.setAccessibleName("The report, without secrets")
        column.addWidget(self.text, 1)
        row = QHBoxLayout()
        row.addStretch(1)
        copy = button("Copy report", icon="copy")
        copy.setObjectName("crash.copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        row.addWidget(copy)
        close = primary_button("Go on")
        close.setObjectName("crash.close")
        close.clicked.connect(self.accept)
        row.addWidget(close)
        column.addLayout(row)
