"""Python's garbage, collected where Qt allows it.

Python runs its cycle collector in whatever thread happens to allocate, and in the middle of whatever that thread does. A cycle that
holds a widget would then be destroyed by the service thread, or while Qt walks over all widgets to apply a stylesheet; both end the
process with a segmentation fault. So the automatic collector is off while a window is open, and a timer of the window's own event
loop collects instead: between events, in the thread that owns the widgets.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 500
THRESHOLDS = (5_000, 20, 20)  # objects, young collections, middle collections


class Collector(QObject):
    """Collects cycles from the event loop of the thread that made it, as long as it lives."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        gc.freeze()  # what the imports made stays; looking at it again and again would cost pauses for nothing
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the oldest generation that is due, if one is."""
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > THRESHOLDS[generation]:
                gc.collect(generation)
                return

    def stop(self) -> None:
        """Give the work back to Python, before the application ends."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
