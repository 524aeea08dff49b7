"""Notices that the person leaves: the machine goes to sleep, the session or its screen is locked.

On Linux two threads listen on D-Bus: the system bus (logind) and the session bus (screen savers). While they listen, logind is
asked to wait a moment before sleep (a *delay* inhibitor), so that what is unlocked is dropped before the machine is off. Without a
bus nobody can tell; then only idle time and Ctrl+L lock. Windows and macOS have files of their own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

log = logging.getLogger(__name__)
LOGIND, LOGIND_PATH = "org.freedesktop.login1", "/org/freedesktop/login1"
MANAGER, SESSION = f"{LOGIND}.Manager", f"{LOGIND}.Session"
PROPERTIES = "org.freedesktop.DBus.Properties"
# Who says ActiveChanged(true) when the screen is locked, each under an interface of its own name.
SAVERS = tuple(f"org.{name}.ScreenSaver" for name in ("freedesktop", "gnome", "mate", "cinnamon", "xfce"))
ANSWER_SECONDS = 5.0
AGAIN_SECONDS = 10.0  # a bus that went away is looked for again
Leaving = Callable[[str], None]  # called in a thread of the watch with the reason; returns when everything is locked


class Watch(Protocol):
    """Listens until it is stopped."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End; nothing is reported afterwards."""


def watch(leaving: Leaving) -> Watch | None:
    """Whoever can tell on this system, or None."""
    platform: str = sys.platform
    if platform == "linux":
        return Buses(leaving)
    if platform == "win32":
        from app.access import leaving_windows

        return leaving_windows.Messages(leaving)
    if platform == "darwin":
        from app.access import leaving_macos

        return leaving_macos.Notifications(leaving)
    return None


class Buses:
    """Both buses of a Linux desktop.

    Args:
        system, session: D-Bus addresses; by default those of the environment.
    """

    def __init__(self, leaving: Leaving, system: str = "SYSTEM", session: str = "SESSION") -> None:
        self._listeners = (_Logind(leaving, system), _ScreenSavers(leaving, session))

    def start(self) -> None:
        for listener in self._listeners:
            listener.start()

    def stop(self) -> None:
        for listener in self._listeners:
            listener.stop()

    @property
    def listening(self) -> bool:
        """Whether both buses were reached and asked for their signals."""
        return all(listener.listening.is_set() for listener in self._listeners)


class _Listener:
    """A thread on one bus that takes signals as they come, and finds the bus again when it was restarted."""

    def __init__(self, leaving: Leaving, address: str) -> None:
        self._leaving = leaving
        self._address = address
        self._stopped = threading.Event()
        self._connection: Any = None
        self.listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"azora-{type(self).__name__.strip('_').lower()}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        import socket

        self._stopped.set()
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread

    def _run(self) -> None:
        from jeepney import MatchRule
        from jeepney.io.blocking import open_dbus_connection

        while not self._stopped.is_set():
            try:
                with open_dbus_connection(self._address, enable_fds=True) as connection:
                    signals: deque[Any] = deque()
                    # The filter comes first: what is said while a question waits for its answer must not be lost.
                    with connection.filter(MatchRule(type="signal"), queue=signals):
                        self._connection = connection
                        self._ask(connection)
                        self.listening.set()
                        while not self._stopped.is_set():
                            self._heard(connection, connection.recv_until_filtered(signals))
            except Exception as error:  # no bus, an odd one, or one that ended: it is looked for again
                log.debug("%s: %s", self._thread.name, error)
            finally:
                self._connection = None
                self.listening.clear()
                self._dropped()
            self._stopped.wait(AGAIN_SECONDS)

    def _ask(self, connection: Any) -> None:
        """Ask the bus for the signals."""
        raise NotImplementedError

    def _heard(self, connection: Any, message: Any) -> None:
        """One signal."""
        raise NotImplementedError

    def _dropped(self) -> None:
        """The connection is gone."""


class _Logind(_Listener):
    """Sleep and the lock of the session."""

    _inhibitor: Any = None

    def _ask(self, connection: Any) -> None:
        _add_match(connection, sender=LOGIND, path=LOGIND_PATH, interface=MANAGER, member="PrepareForSleep")
        if session := self._session(connection):
            _add_match(connection, sender=LOGIND, path=session, interface=SESSION, member="Lock")
            _add_match(connection, sender=LOGIND, path=session, interface=PROPERTIES, member="PropertiesChanged")
        self._inhibit(connection)

    def _session(self, connection: Any) -> str:
        """The path of the session that this process belongs to, or empty: the locks of others are not ours."""
        found = _call(connection, LOGIND, LOGIND_PATH, MANAGER, "GetSessionByPID", "u", (os.getpid(),))
        if found is None and (name := os.environ.get("XDG_SESSION_ID")):
            found = _call(connection, LOGIND, LOGIND_PATH, MANAGER, "GetSession", "s", (name,))
        return str(found[0]) if found else ""

    def _inhibit(self, connection: Any) -> None:
        if self._inhibitor is None:
            words = ("sleep", "Azora Console", "Locks before the machine sleeps", "delay")
            held = _call(connection, LOGIND, LOGIND_PATH, MANAGER, "Inhibit", "ssss", words)
            self._inhibitor = held[0] if held else None

    def _heard(self, connection: Any, message: Any) -> None:
        member, body = _member(message), message.body
        if member == f"{MANAGER}.PrepareForSleep":
            if body[0]:
                self._leaving("before sleep")
                self._dropped()
            else:
                self._inhibit(connection)
        elif member == f"{SESSION}.Lock" or (
            member == f"{PROPERTIES}.PropertiesChanged" and body[0] == SESSION and body[1].get("LockedHint") == ("b", True)
        ):
            self._leaving("with the session")

    def _dropped(self) -> None:
        """Let the machine sleep."""
        held, self._inhibitor = self._inhibitor, None
        if held is not None:
            held.close()


class _ScreenSavers(_Listener):
    """The lock of the screen, as desktops without logind's signal tell it."""

    def _ask(self, connection: Any) -> None:
        for name in SAVERS:
            _add_match(connection, sender=name, interface=name, member="ActiveChanged")

    def _heard(self, connection: Any, message: Any) -> None:
        if _member(message).endswith(".ScreenSaver.ActiveChanged") and message.body[0] is True:
            self._leaving("with the screen")


def _add_match(connection: Any, **what: str) -> None:
    from jeepney import MatchRule, message_bus
    from jeepney.io.blocking import Proxy

    Proxy(message_bus, connection, timeout=ANSWER_SECONDS).AddMatch(MatchRule(type="signal", **what))


def _call(connection: Any, name: str, path: str, interface: str, member: str, signature: str, body: tuple[object, ...]) -> Any:
    """The body of the answer, or None when the service is not there or says no."""
    from jeepney import DBusAddress, MessageType, new_method_call

    question = new_method_call(DBusAddress(path, name, interface), member, signature, body)
    answer = connection.send_and_get_reply(question, timeout=ANSWER_SECONDS)
    return None if answer.header.message_type is MessageType.error else answer.body


def _member(message: Any) -> str:
    from jeepney import HeaderFields

    fields = message.header.fields
    return f"{fields.get(HeaderFields.interface, '')}.{fields.get(HeaderFields.member, '')}"
