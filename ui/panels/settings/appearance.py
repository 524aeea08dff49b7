"""Theme, text size, motion and hidden amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QSpinBox, QVBoxLayout, QWidget

from ui.theme import theme
from ui.widgets import Field, Segmented

if TYPE_CHECKING:
    from ui.panels.settings.panel import SettingsPanel

_THEMES = (("system", "As the system"), ("dark", "Dark"), ("light", "Light"), ("high-contrast", "High contrast"))


class AppearanceSection(QWidget):
    """Takes effect while the window is open."""

    def __init__(self, panel: SettingsPanel) -> None:
        super().__init__()
        self._panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(16)
        self.theme = Segmented(_THEMES)
        self.theme.setObjectName("settings.theme")
        self.theme.setAccessibleName("Theme")
        self.theme.changed.connect(self._set_theme)
        layout.addWidget(Field("Theme", self.theme, "As the system follows dark, light and high contrast while it changes"))
        self.scale = QSpinBox()
        self.scale.setRange(85, 150)
        self.scale.setSingleStep(5)
        self.scale.setSuffix(" %")
        self.scale.setObjectName("settings.text_scale")
        self.scale.setAccessibleName("Text size in percent")
        self.scale.setMaximumWidth(120)
        self.scale.editingFinished.connect(self._set_scale)
        layout.addWidget(Field("Text size", self.scale, "85 to 150 percent; rows grow with it"))
        self.motion = QCheckBox("Reduce motion")
        self.motion.setObjectName("settings.reduce_motion")
        self.motion.clicked.connect(lambda on: panel.set("appearance.reduce_motion", on))
        layout.addWidget(self.motion)
        self.amounts = QCheckBox("Hide amounts (Ctrl+Shift+H)")
        self.amounts.setObjectName("settings.hide_amounts")
        self.amounts.setToolTip("Every amount in the window reads ••••. What you copy stays exact.")
        self.amounts.clicked.connect(lambda on: panel.set("appearance.hide_amounts", on))
        layout.addWidget(self.amounts)
        layout.addStretch(1)

    def _set_theme(self, mode: str) -> None:
        theme.set_mode(mode)
        self._panel.set("appearance.theme", mode)

    def _set_scale(self) -> None:
        theme.set_scale(self.scale.value())
        self._panel.set("appearance.text_scale", self.scale.value())

    def refresh(self) -> None:
        """Show the settings as they are."""
        appearance = self._panel.bridge.console.settings.value.appearance
        self.theme.set_value(appearance.theme)
        if not self.scale.hasFocus():
            self.scale.setValue(appearance.text_scale)
        self.motion.setChecked(appearance.reduce_motion)
        self.amounts.setChecked(appearance.hide_amounts)
