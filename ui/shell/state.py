"""What the window remembers between sessions: geometry, panel, navigation, sheet. A JSON file in the home."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QRect
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

SIZE = (1440, 900)
SMALLEST = (1180, 720)


class WindowState:
    """Reads and writes ``window.json``. A broken file is the same as none."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "window.json"
        try:
            value = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            value = {}
        self.values: dict[str, Any] = value if isinstance(value, dict) else {}

    def restore(self, window: QMainWindow) -> None:
        """Put the window where it was, unless that is off every screen."""
        window.setMinimumSize(*SMALLEST)
        window.resize(*SIZE)
        geometry = self.values.get("geometry")
        if isinstance(geometry, str):
            window.restoreGeometry(QByteArray(base64.b64decode(geometry)))
        screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        if screens and not any(screen.intersects(QRect(window.pos(), window.size())) for screen in screens):
            window.move(screens[0].topLeft())

    def save(self, window: QMainWindow, **values: object) -> None:
        """Write geometry and ``values``; failing to is no reason to stop."""
        geometry = base64.b64encode(bytes(window.saveGeometry().data())).decode()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self._file.with_suffix(".part")
            unfinished.write_text(json.dumps({**self.values, **values, "geometry": geometry}), encoding="utf-8")
            unfinished.replace(self._file)
        except OSError:
            return
