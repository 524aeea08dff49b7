"""Windows: sleep (``WM_POWERBROADCAST``) and the lock of the session (``WM_WTSSESSION_CHANGE``), heard by a window never shown.

Not verified: written from Microsoft's documentation, and never run on Windows.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.access.leaving import Leaving

log = logging.getLogger(__name__)
WM_DESTROY, WM_CLOSE, WM_POWERBROADCAST, WM_WTSSESSION_CHANGE = 0x0002, 0x0010, 0x0218, 0x02B1
PBT_APMSUSPEND, WTS_SESSION_LOCK, NOTIFY_FOR_THIS_SESSION = 0x0004, 0x7, 0


class Messages:
    """A thread with a hidden top-level window: message-only windows do not hear broadcasts."""

    def __init__(self, leaving: Leaving) -> None:
        self._leaving = leaving
        self._window: Any = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="azora-leaving", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        if self._window:
            api: Any = ctypes
            api.WinDLL("user32").PostMessageW(self._window, WM_CLOSE, 0, 0)

    def _run(self) -> None:
        try:
            self._listen()
        except Exception:
            log.warning("sleep and the lock of the session cannot be noticed here", exc_info=True)

    def _listen(self) -> None:
        from ctypes import wintypes

        api: Any = ctypes
        user32, wtsapi32, kernel32 = (api.WinDLL(name, use_last_error=True) for name in ("user32", "wtsapi32", "kernel32"))
        procedure_type = api.WINFUNCTYPE(ctypes.c_ssize_t, wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM)

        class WindowClass(ctypes.Structure):
            _fields_ = [
                ("style", wintypes.UINT),
                ("procedure", procedure_type),
                ("class_extra", ctypes.c_int),
                ("window_extra", ctypes.c_int),
                ("instance", wintypes.HINSTANCE),
                ("icon", wintypes.HICON),
                ("cursor", wintypes.HANDLE),
                ("background", wintypes.HBRUSH),
                ("menu", wintypes.LPCWSTR),
                ("name", wintypes.LPCWSTR),
            ]

        user32.DefWindowProcW.restype = ctypes.c_ssize_t
        user32.DefWindowProcW.argtypes = [wintypes.HWND, wintypes.UINT, wintypes.WPARAM, wintypes.LPARAM]
        user32.CreateWindowExW.restype = wintypes.HWND
        user32.CreateWindowExW.argtypes = [wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD]
        user32.CreateWindowExW.argtypes += [ctypes.c_int] * 4
        user32.CreateWindowExW.argtypes += [wintypes.HWND, wintypes.HMENU, wintypes.HINSTANCE, wintypes.LPVOID]
        kernel32.GetModuleHandleW.restype = wintypes.HMODULE

        def procedure(window: Any, message: int, first: int, second: int) -> int:
            if message == WM_POWERBROADCAST and first == PBT_APMSUSPEND:
                self._leaving("before sleep")
                return 1
            if message == WM_WTSSESSION_CHANGE and first == WTS_SESSION_LOCK:
                self._leaving("with the session")
                return 0
            if message == WM_DESTROY:
                user32.PostQuitMessage(0)
                return 0
            return int(user32.DefWindowProcW(window, message, first, second))

        kept = procedure_type(procedure)  # the window calls it as long as it lives
        instance = kernel32.GetModuleHandleW(None)
        kind = WindowClass(procedure=kept, instance=instance, name="AzoraLeaving")
        if not user32.RegisterClassW(ctypes.byref(kind)):
            raise OSError(api.get_last_error(), "RegisterClassW")
        self._window = user32.CreateWindowExW(0, "AzoraLeaving", "", 0, 0, 0, 0, 0, None, None, instance, None)
        if not self._window:
            raise OSError(api.get_last_error(), "CreateWindowExW")
        wtsapi32.WTSRegisterSessionNotification(wintypes.HWND(self._window), NOTIFY_FOR_THIS_SESSION)
        message = wintypes.MSG()
        while not self._stopped and user32.GetMessageW(ctypes.byref(message), None, 0, 0) > 0:
            user32.DispatchMessageW(ctypes.byref(message))
        wtsapi32.WTSUnRegisterSessionNotification(wintypes.HWND(self._window))
