"""Settings: typed, repaired when broken, and honest about where each value came from.

Precedence: option > environment > ``.env`` > ``config.toml`` > default. A key that cannot be read falls back to its default, the
file is kept beside as ``config.toml.bak`` and a notice says so; a broken file never stops the program. Comments and order of the
file survive a change. No setting is a secret: a password in a database URL is taken from the environment only.
"""

from app.core.settings.sections import (
    NETWORK_ID,
    Appearance,
    ClusterSetting,
    ConsoleSetting,
    ContextSetting,
    DatabaseSetting,
    MiningSetting,
    NetworkSetting,
    ProjectSetting,
    Settings,
    TunnelSetting,
    default_networks,
    without_password,
)
from app.core.settings.store import SettingsStore, setting_keys

__all__ = [
    "Appearance",
    "ClusterSetting",
    "ConsoleSetting",
    "ContextSetting",
    "DatabaseSetting",
    "MiningSetting",
    "NETWORK_ID",
    "NetworkSetting",
    "ProjectSetting",
    "Settings",
    "SettingsStore",
    "TunnelSetting",
    "default_networks",
    "setting_keys",
    "without_password",
]
