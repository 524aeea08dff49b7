"""Places at which the program may be killed on purpose, to prove that a kill there harms nothing.

``point('runner.step.prepared')`` is inert unless ``AZORA_FAULT=name:n`` asks for a kill at its n-th passing, or
``AZORA_FAULT_RECORD=file`` asks to list the points passed. Raising an exception would run handlers and is no kill: SIGKILL is.
"""

from __future__ import annotations

import os
import signal

_wanted, _, _count = os.environ.get("AZORA_FAULT", "").partition(":")
_countdown = int(_count or "1") if _wanted else 0
_record = os.environ.get("AZORA_FAULT_RECORD", "")


def point(name: str) -> None:
    """Pass the fault point ``name`` (dotted: room.subject.moment)."""
    global _countdown
    if _record:
        with open(_record, "a", encoding="utf-8") as file:
            file.write(name + "\n")
    if name == _wanted:
        _countdown -= 1
        if _countdown == 0:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
