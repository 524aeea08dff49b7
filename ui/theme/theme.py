"""The one theme of the process: which tokens hold now, and what Qt is told about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTemporaryDir, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from ui.theme.qss import draw_art, stylesheet

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
MODES = ("system", "dark", "light", "high-contrast")
SCALES = (85, 150)  # percent of the text size
_KEYS = {"dark": "dark", "light": "light", "high-contrast": "highContrast"}


class Theme(QObject):
    """Colours, metrics and fonts by the names of ``resources/tokens.json``.

    Attributes:
        tokens: the whole token file.
        mode: what was asked for, one of :data:`MODES`.
        resolved: what holds: ``dark``, ``light`` or ``high-contrast``.
        scale: text size in percent.
        reduce_motion: nothing turns or slides.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.tokens: dict[str, Any] = json.loads((RESOURCES / "tokens.json").read_text(encoding="utf-8"))
        self.mode = "system"
        self.resolved = "dark"
        self.scale = 100
        self.reduce_motion = False
        self._colors: dict[str, QColor] = {}
        self._families: dict[str, list[str]] = {}
        self._look: tuple[object, ...] = ()
        self._following = False
        self._art = QTemporaryDir()  # removed with the process
        self._read_colors()

    @staticmethod
    def current() -> Theme:
        """The theme of this process."""
        return theme

    @property
    def signals(self) -> Theme:
        """Where ``changed`` is found; the theme itself."""
        return self

    # Asking

    def color(self, name: str) -> QColor:
        """A colour of the theme that holds now, by its token, as in ``text-2``.

        Raises:
            KeyError: there is no such token.
        """
        return QColor(self._colors[name])

    def hex(self, name: str) -> str:
        """The same as ``#RRGGBB``."""
        return self._colors[name].name()

    def series(self, index: int) -> tuple[QColor, list[float]]:
        """Colour and dash pattern (pixels) of a chart's series."""
        chart = self.tokens["chart"]
        colors = chart["series"][_KEYS[self.resolved]]
        return QColor(colors[index % len(colors)]), list(chart["dash"][index % len(chart["dash"])])

    def metric(self, name: str) -> int:
        """A size in device-independent pixels: ``row``, ``radius.card``, ``space.4``; those that hold text grow with it."""
        group, _, key = name.rpartition(".")
        if group:
            return int(self.tokens[group][key])
        size = int(self.tokens["size"][name])
        return round(size * self.scale / 100) if name in _GROWING else size

    def font(self, name: str = "body") -> QFont:
        """A font of the type scale, with figures of equal width: ``body``, ``mono``, ``figure``, ``table`` …"""
        spec = self.tokens["type"].get(name) or self.tokens["type"]["body"]
        font = QFont(self._family("mono" if name == "mono" else "ui"))
        font.setPixelSize(max(9, round(spec["size"] * self.scale / 100)))
        font.setWeight(QFont.Weight(spec["weight"]))
        if name == "mono":
            font.setStyleHint(QFont.StyleHint.Monospace)
        font.setFeature(QFont.Tag("tnum"), 1)
        return font

    # Changing

    def set_mode(self, mode: str) -> None:
        """``system``, ``dark``, ``light`` or ``high-contrast``."""
        self.set_look(mode, self.scale, self.reduce_motion)

    def set_look(self, mode: str, scale: int, reduce_motion: bool) -> None:
        """All of it at once: every widget is dressed anew once."""
        if mode not in MODES:
            raise ValueError(f"no theme is called {mode}")
        self.mode = mode
        self.scale = min(SCALES[1], max(SCALES[0], int(scale)))
        self.reduce_motion = bool(reduce_motion)
        hints = QGuiApplication.styleHints()
        if self._following:
            # Window frames and native dialogs follow what the console shows.
            if mode == "system":
                hints.unsetColorScheme()
            else:
                hints.setColorScheme(Qt.ColorScheme.Light if mode == "light" else Qt.ColorScheme.Dark)
        self._refresh()

    def set_scale(self, percent: int) -> None:
        """Text size in percent, kept within 85 and 150."""
        self.set_look(self.mode, percent, self.reduce_motion)

    def set_reduce_motion(self, reduce: bool) -> None:
        """Let nothing move that need not."""
        self.set_look(self.mode, self.scale, reduce)

    def apply(self, app: QApplication) -> None:
        """Dress an application, and follow the system from now on."""
        app.setStyle("Fusion")
        if not self._following:
            self._following = True
            hints = app.styleHints()
            hints.colorSchemeChanged.connect(self._system_changed)
            contrast = getattr(hints, "accessibility", None)
            if contrast is not None:
                contrast().contrastPreferenceChanged.connect(self._system_changed)
        self.set_mode(self.mode)

    def _system_changed(self, _value: object = None) -> None:
        if self.mode == "system":
            self._refresh()

    def _resolve(self) -> str:
        if self.mode != "system":
            return self.mode
        if QGuiApplication.instance() is None:
            return "dark"
        hints = QGuiApplication.styleHints()
        accessibility = getattr(hints, "accessibility", None)
        if accessibility is not None and accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
            return "high-contrast"
        return "light" if hints.colorScheme() == Qt.ColorScheme.Light else "dark"

    def _read_colors(self) -> None:
        self._colors = {name: QColor(value) for name, value in self.tokens["color"][_KEYS[self.resolved]].items()}

    def _refresh(self) -> None:
        self.resolved = self._resolve()
        self._read_colors()
        app = QApplication.instance()
        look = (self.resolved, self.scale, self.reduce_motion, self._following)
        if look == self._look:
            return  # dressing every widget anew takes tens of milliseconds
        self._look = look
        if self._following and isinstance(app, QApplication):
            app.setFont(self.font("body"))
            app.setPalette(self.palette())
            app.setStyleSheet(stylesheet(self, draw_art(self, Path(self._art.path()))))
        self.changed.emit()

    def _family(self, kind: str) -> list[str]:
        """The families of the token file that this machine has, preferred first."""
        if kind not in self._families:
            have = set(QFontDatabase.families())
            wanted = [name for name in self.tokens["font"][kind] if name in have]
            if not wanted:
                system = QFontDatabase.SystemFont.FixedFont if kind == "mono" else QFontDatabase.SystemFont.GeneralFont
                wanted = [QFontDatabase.systemFont(system).family()]
            self._families[kind] = wanted
        return self._families[kind]

    def palette(self) -> QPalette:
        """What widgets without a rule of the stylesheet paint with."""
        palette = QPalette()
        roles = QPalette.ColorRole
        for role, name in (
            (roles.Window, "bg"),
            (roles.WindowText, "text"),
            (roles.Base, "field"),
            (roles.AlternateBase, "surface-2"),
            (roles.Text, "text"),
            (roles.PlaceholderText, "text-3"),
            (roles.Button, "surface-2"),
            (roles.ButtonText, "text"),
            (roles.BrightText, "err"),
            (roles.Highlight, "select"),
            (roles.HighlightedText, "text"),
            (roles.Accent, "accent-fill"),
            (roles.Link, "accent"),
            (roles.LinkVisited, "accent"),
            (roles.ToolTipBase, "surface-3"),
            (roles.ToolTipText, "text"),
            (roles.Light, "surface-3"),
            (roles.Midlight, "surface-3"),
            (roles.Mid, "border"),
            (roles.Dark, "border-strong"),
            (roles.Shadow, "bg"),
        ):
            palette.setColor(role, self.color(name))
        for role in (roles.WindowText, roles.Text, roles.ButtonText, roles.HighlightedText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text-disabled"))
        return palette


_GROWING = (
    "row", "rowDense", "tableHeaderRow", "control", "controlSmall", "navItem", "paneHeader", "tabBar", "menuBar", "statusBar",
    "pageHeader", "topBar",
)  # fmt: skip

theme = Theme()
