"""Settings: networks, appearance, console lock, keyring, role. Each change is an edit and takes effect at once."""

from ui.panels.settings.panel import SettingsPanel

__all__ = ["SettingsPanel"]
