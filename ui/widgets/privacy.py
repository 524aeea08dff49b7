"""Whether amounts are in sight: one switch for the whole window, remembered in ``appearance.hide_amounts``."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from ui.widgets import values


class Privacy(QObject):
    """Tells whoever shows amounts that they were hidden or brought back."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._hidden = False

    @property
    def hidden(self) -> bool:
        """Amounts read as ``••••``."""
        return self._hidden

    def set_hidden(self, hide: bool) -> None:
        """Hide amounts, or show them again. What is copied stays exact."""
        if hide != self._hidden:
            self._hidden = hide
            values.hide_amounts(hide)
            self.changed.emit()


privacy = Privacy()
