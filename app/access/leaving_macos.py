"""macOS: sleep (``IORegisterForSystemPower``) and the lock of the screen (``com.apple.screenIsLocked``), on a run loop of its own.

Not verified: written from Apple's headers, and never run on macOS. ``NSWorkspace`` would need a bridge to Objective-C.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.access.leaving import Leaving

log = logging.getLogger(__name__)
CAN_SLEEP, WILL_SLEEP = 0xE0000270, 0xE0000280  # kIOMessageCanSystemSleep, kIOMessageSystemWillSleep
UTF8 = 0x08000100  # kCFStringEncodingUTF8
DELIVER_AT_ONCE = 4  # CFNotificationSuspensionBehaviorDeliverImmediately
FRAMEWORKS = "/System/Library/Frameworks/{0}.framework/{0}"
POWER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
NOTIFIED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class Notifications:
    """A thread with a run loop that takes the system's notifications."""

    def __init__(self, leaving: Leaving) -> None:
        self._leaving = leaving
        self._foundation: Any = None
        self._loop: int | None = None
        self._thread = threading.Thread(target=self._run, name="azora-leaving", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._loop is not None:
            self._foundation.CFRunLoopStop(ctypes.c_void_p(self._loop))

    def _run(self) -> None:
        try:
            self._listen()
        except Exception:
            log.warning("sleep and the lock of the screen cannot be noticed here", exc_info=True)

    def _listen(self) -> None:
        foundation = ctypes.CDLL(FRAMEWORKS.format("CoreFoundation"))
        power = ctypes.CDLL(FRAMEWORKS.format("IOKit"))
        pointers = ("CFRunLoopGetCurrent", "CFNotificationCenterGetDistributedCenter", "CFStringCreateWithCString")
        for pointer in pointers:
            getattr(foundation, pointer).restype = ctypes.c_void_p
        power.IONotificationPortGetRunLoopSource.restype = ctypes.c_void_p
        power.IORegisterForSystemPower.restype = ctypes.c_uint32
        self._foundation, self._loop = foundation, foundation.CFRunLoopGetCurrent()
        mode = ctypes.c_void_p.in_dll(foundation, "kCFRunLoopDefaultMode")

        port, notifier = ctypes.c_void_p(), ctypes.c_uint32()
        root = 0

        def powered(_context: object, _service: int, message: int, argument: int | None) -> None:
            if message == WILL_SLEEP:
                self._leaving("before sleep")
            if message in (CAN_SLEEP, WILL_SLEEP):
                power.IOAllowPowerChange(ctypes.c_uint32(root), ctypes.c_long(argument or 0))

        on_power = POWER(powered)  # both are called as long as the loop runs
        root = int(power.IORegisterForSystemPower(None, ctypes.byref(port), on_power, ctypes.byref(notifier)))
        if root:
            source = ctypes.c_void_p(power.IONotificationPortGetRunLoopSource(port))
            foundation.CFRunLoopAddSource(ctypes.c_void_p(self._loop), source, mode)

        def notified(*_: object) -> None:
            self._leaving("with the screen")

        on_lock = NOTIFIED(notified)
        center = ctypes.c_void_p(foundation.CFNotificationCenterGetDistributedCenter())
        name = ctypes.c_void_p(foundation.CFStringCreateWithCString(None, b"com.apple.screenIsLocked", UTF8))
        foundation.CFNotificationCenterAddObserver(center, None, on_lock, name, None, ctypes.c_long(DELIVER_AT_ONCE))
        foundation.CFRunLoopRun()
