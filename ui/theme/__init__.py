"""How the console looks: design tokens, palette, stylesheet, fonts and icons.

Knows nothing of what is shown. Everything that paints by itself asks ``theme`` for its colours at paint time and repaints on
``theme.changed``, so a theme can change while the window is open.
"""

from ui.theme.icons import icon
from ui.theme.theme import MODES, Theme, theme

__all__ = ["MODES", "Theme", "icon", "theme"]
