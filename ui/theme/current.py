"""The theme in force: which colours, which fonts, which sizes; one for the whole program."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from ui.theme.tokens import KEYS, tokens

_METRICS = {"row": "row", "row-dense": "rowDense", "control": "control", "header": "tableHeaderRow"}
_WEIGHTS = {400: QFont.Weight.Normal, 500: QFont.Weight.Medium, 600: QFont.Weight.DemiBold}
_MONO = ("mono",)


class Signals(QObject):
    """``changed`` fires after colours, fonts or sizes are others; everything drawn by hand draws again."""

    changed = Signal()


class Theme:
    """Colours, fonts and sizes as they are now.

    ``mode`` is what was asked for (``system``, ``light``, ``dark`` or ``high-contrast``), ``name`` what that means at present.
    """

    def __init__(self) -> None:
        self.tokens = tokens()
        self.signals = Signals()
        self.mode = "system"
        self.name = "dark"
        self.scale = 100
        self.reduce_motion = False
        self.hide_amounts = False
        self._colors: dict[str, QColor] = {}
        self._fonts: dict[str, QFont] = {}
        self._app: QApplication | None = None

    @staticmethod
    def current() -> Theme:
        """The one theme of the program."""
        return theme

    def start(self, app: QApplication) -> None:
        """Style the application and follow the system from now on."""
        from ui.theme.icons import load_icons

        load_icons()
        self._app = app
        app.setStyle("Fusion")
        hints = app.styleHints()
        hints.colorSchemeChanged.connect(lambda _: self._system_changed())
        accessibility = getattr(hints, "accessibility", None)
        if accessibility is not None:
            accessibility().contrastPreferenceChanged.connect(lambda _: self._system_changed())
        self.name = self._resolve()
        self._apply()

    def set_mode(self, mode: str) -> None:
        """Ask for ``system``, ``light``, ``dark`` or ``high-contrast``."""
        if mode not in ("system", *KEYS):
            raise ValueError(mode)
        if mode == self.mode:
            return
        self.mode = mode
        self._system_changed()

    def set_scale(self, percent: int) -> None:
        """Text size in percent, 85 to 150; rows and controls grow with it."""
        percent = max(85, min(150, int(percent)))
        if percent != self.scale:
            self.scale = percent
            self._apply()

    def set_motion(self, reduced: bool) -> None:
        """No slide, no turning ring."""
        if reduced != self.reduce_motion:
            self.reduce_motion = reduced
            self.signals.changed.emit()

    def set_hide_amounts(self, hidden: bool) -> None:
        """Show dots where amounts stand."""
        if hidden != self.hide_amounts:
            self.hide_amounts = hidden
            self.signals.changed.emit()

    def color(self, name: str) -> QColor:
        """A colour by its token name, such as ``text-2``."""
        known = self._colors.get(name)
        if known is None:
            known = self._colors[name] = QColor(self.tokens["color"][KEYS[self.name]][name])
        return QColor(known)

    def series(self) -> list[QColor]:
        """The colours of data series, in order."""
        return [QColor(value) for value in self.tokens["chart"]["series"][KEYS[self.name]]]

    def font(self, role: str = "body") -> QFont:
        """The font of a type role (``body``, ``mono``, ``figure``, ``table`` …), scaled, with tabular figures."""
        known = self._fonts.get(role)
        if known is None:
            known = self._fonts[role] = self._make_font(role)
        return QFont(known)

    def metric(self, name: str) -> int:
        """A size in logical pixels; heights of rows and controls grow with the text."""
        value = self.tokens["size"][_METRICS.get(name, name)]
        return self.scaled(int(value))

    def scaled(self, pixels: float) -> int:
        """A length that grows with the text, never below its own size."""
        return max(round(pixels), round(pixels * self.scale / 100))

    def points(self, role: str) -> float:
        """The size of a type role in points: stylesheets take fractions only there."""
        size = float(self.tokens["type"][role]["size"]) * self.scale / 100
        screen = QGuiApplication.primaryScreen()
        dpi = screen.logicalDotsPerInch() if screen is not None else 96.0
        return round(size * 72 / dpi, 3)

    def _make_font(self, role: str) -> QFont:
        kind = self.tokens["type"][role]
        font = QFont(self.tokens["font"]["mono" if role in _MONO else "ui"])
        font.setPointSizeF(self.points(role))
        font.setWeight(_WEIGHTS[kind["weight"]])
        font.setFeature(QFont.Tag("tnum"), 1)
        if role in _MONO:
            font.setStyleHint(QFont.StyleHint.Monospace)
            font.setFeature(QFont.Tag("calt"), 0)  # an address must not grow ligatures
        return font

    def _resolve(self) -> str:
        if self.mode != "system":
            return self.mode
        hints = QGuiApplication.styleHints()
        accessibility = getattr(hints, "accessibility", None)
        if accessibility is not None and accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
            return "high-contrast"
        return "light" if hints.colorScheme() == Qt.ColorScheme.Light else "dark"

    def _system_changed(self) -> None:
        name = self._resolve()
        if name != self.name:
            self.name = name
            self._apply()

    def _apply(self) -> None:
        self._colors.clear()
        self._fonts.clear()
        if self._app is not None:
            from ui.theme.stylesheet import stylesheet

            self._app.setPalette(self._palette())
            self._app.setFont(self.font("body"))
            self._app.setStyleSheet(stylesheet(self))
        self.signals.changed.emit()

    def _palette(self) -> QPalette:
        palette = QPalette()
        roles: dict[Any, str] = {
            QPalette.ColorRole.Window: "bg",
            QPalette.ColorRole.WindowText: "text",
            QPalette.ColorRole.Base: "field",
            QPalette.ColorRole.AlternateBase: "surface-2",
            QPalette.ColorRole.Text: "text",
            QPalette.ColorRole.PlaceholderText: "text-3",
            QPalette.ColorRole.Button: "surface",
            QPalette.ColorRole.ButtonText: "text",
            QPalette.ColorRole.BrightText: "err",
            QPalette.ColorRole.Highlight: "accent-fill",
            QPalette.ColorRole.HighlightedText: "on-accent",
            QPalette.ColorRole.Accent: "accent",
            QPalette.ColorRole.Link: "accent",
            QPalette.ColorRole.LinkVisited: "accent",
            QPalette.ColorRole.ToolTipBase: "surface-3",
            QPalette.ColorRole.ToolTipText: "text",
            QPalette.ColorRole.Light: "border-strong",
            QPalette.ColorRole.Midlight: "border",
            QPalette.ColorRole.Mid: "border-control",
            QPalette.ColorRole.Dark: "border",
            QPalette.ColorRole.Shadow: "bg",
        }
        for role, name in roles.items():
            palette.setColor(role, self.color(name))
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text-disabled"))
        return palette


theme = Theme()
