"""Python's garbage, collected where Qt allows it.

Python runs its cycle collector in whatever thread happens to allocate, and in the middle of whatever that thread does. A cycle that
holds a widget would then be destroyed by the service thread, or while Qt walks over all widgets to apply a stylesheet; both end the
process with a segmentation fault. So the automatic collector is off while a window is open, and a timer of the window's own event
loop collects instead: between events, in the thread that owns the widgets.

A collection stops the window for as long as it looks at objects, and ten thousand pods are millions of them. So what outlived two
collections, or came in a burst, is not looked at again, until the reader is in another window, or an hour has gone.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

INTERVAL_MS = 100
BURST = 15_000  # objects between two looks: so many at once are data, such as a list of pods, and have no cycles
AWAY_S, LONGEST_S = 600, 3_600  # between two looks at everything: while the reader is elsewhere, and at all
THRESHOLDS = (5_000, 4)  # objects, young collections


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
        self._thawed_at = time.monotonic()
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.applicationStateChanged.connect(self._moved)

    def collect(self) -> None:
        """Collect the oldest generation that is due, if one is."""
        if time.monotonic() - self._thawed_at > LONGEST_S:
            self.collect_all()
            return
        if gc.get_count()[0] > BURST:
            gc.freeze()
            return
        for generation in (1, 0):
            if gc.get_count()[generation] > THRESHOLDS[generation]:
                gc.collect(generation)
                if generation == 1:
                    gc.freeze()
                return

    def collect_all(self) -> None:
        """Look at everything, also at what outlived earlier collections."""
        self._thawed_at = time.monotonic()
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _moved(self, state: Qt.ApplicationState) -> None:
        away = state != Qt.ApplicationState.ApplicationActive
        if self._timer.isActive() and away and time.monotonic() - self._thawed_at > AWAY_S:
            self.collect_all()

    def stop(self) -> None:
        """Give the work back to Python, before the application ends."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()
