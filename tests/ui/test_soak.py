"""A long run of Qt's and asyncio's loops together, in a process of its own: what it breaks is the interpreter itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SOAK = """
import asyncio, os, sys
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget
from qasync import QEventLoop

TURNS = 30_000

class Emitter(QObject):
    told = Signal(int)

class Painted(QWidget):
    def paintEvent(self, event): pass
    def event(self, event): return super().event(event)

app = QApplication([])
app.setQuitOnLastWindowClosed(False)
heard = []
emitter = Emitter()
emitter.told.connect(heard.append)
widget = Painted()
widget.show()

async def turn():
    before = sys.getrefcount(None), sys.getrefcount(True)
    for number in range(TURNS):
        await asyncio.sleep(0)
        emitter.told.emit(number)
        widget.parent()
        if number % 50 == 0:
            widget.update()
            await asyncio.sleep(0.001)
    after = sys.getrefcount(None), sys.getrefcount(True)
    print(len(heard), before[0] - after[0], before[1] - after[1], flush=True)

with asyncio.Runner(loop_factory=lambda: QEventLoop(app)) as runner:
    runner.run(turn())
os._exit(0)
"""


@pytest.mark.gui
def test_thirty_thousand_turns_of_the_loop_lose_nothing():
    """PySide6 6.12.0 on Python 3.11 drops references to None and True until the process aborts; the pinned one must not."""
    done = subprocess.run(
        [sys.executable, "-c", SOAK],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    heard, lost_none, lost_true = map(int, done.stdout.split())
    assert heard == 30_000
    # Thousands where references leak out; a few where the interpreter's caches move.
    assert lost_none < 3_000 and lost_true < 3_000, (lost_none, lost_true)
