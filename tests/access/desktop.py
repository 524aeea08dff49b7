"""A private D-Bus with a login manager and a screen saver that say what the real ones say."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy>
</busconfig>
"""
SESSION = "/org/freedesktop/login1/session/_3251"
OTHER = "/org/freedesktop/login1/session/_3252"


class PrivateBus:
    """A dbus-daemon at an address that stays the same when it is started again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bus"
        self.address = f"unix:path={self.path}"
        self._config = folder / "bus.conf"
        self._config.write_text(CONFIG.format(path=self.path), encoding="utf-8")
        self._daemon: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        reader, writer = os.pipe()
        command = ["dbus-daemon", f"--config-file={self._config}", "--nofork", f"--print-address={writer}"]
        self._daemon = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as said:
            assert said.readline(), "the bus did not start"

    def stop(self) -> None:
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait()
        self.path.unlink(missing_ok=True)


class Login:
    """org.freedesktop.login1 as a peer: one session, sleep, and inhibitors that it waits for."""

    def __init__(self, address: str, *names: str) -> None:
        self._bus = open_dbus_connection(address, enable_fds=True)
        for name in names or ("org.freedesktop.login1",):
            Proxy(message_bus, self._bus).RequestName(name)
        self.inhibitors: list[int] = []  # reading ends: at their end when the inhibitor was given back
        self.inhibited = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, path: str, interface: str, member: str, signature: str, *body: Any) -> None:
        emitter = DBusAddress(path, interface=interface)
        self._bus.send(new_signal(emitter, member, signature, body))

    def sleep(self, begins: bool) -> None:
        self.say("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForSleep", "b", begins)

    def lock(self, path: str = SESSION) -> None:
        self.say(path, "org.freedesktop.login1.Session", "Lock", "")

    def hint(self, locked: bool) -> None:
        changed = {"LockedHint": ("b", locked)}
        said = ("org.freedesktop.login1.Session", changed, [])
        self.say(SESSION, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", *said)

    def given_back(self, number: int) -> None:
        """Wait until the inhibitor was closed by whoever held it."""
        assert os.read(self.inhibitors[number], 1) == b""

    def _serve(self) -> None:
        while True:
            try:
                asked = self._bus.receive()
            except (OSError, ValueError):
                return
            if asked.header.message_type is not MessageType.method_call:
                continue
            member = asked.header.fields[HeaderFields.member]
            if member == "GetSessionByPID":
                self._bus.send(new_method_return(asked, "o", (SESSION,)))
            elif member == "Inhibit":
                assert asked.body[0] == "sleep" and asked.body[3] == "delay"
                reader, writer = os.pipe()
                self.inhibitors.append(reader)
                self._bus.send(new_method_return(asked, "h", (writer,)))
                os.close(writer)
                self.inhibited.release()

    def close(self) -> None:
        self._bus.close()


class Prompter:
    """The desktop's prompt (org.gnome.keyring.SystemPrompter) with a person in front of it who always presses Cancel."""

    PATH, NAME = "/org/gnome/keyring/Prompter", "org.gnome.keyring.SystemPrompter"

    def __init__(self, address: str) -> None:
        self._bus = open_dbus_connection(address)
        Proxy(message_bus, self._bus).RequestName(self.NAME)
        self.asked: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                asked = self._bus.receive()
            except (OSError, ValueError):
                return
            if asked.header.message_type is not MessageType.method_call:
                continue
            member, sender = asked.header.fields[HeaderFields.member], asked.header.fields[HeaderFields.sender]
            self._bus.send(new_method_return(asked))
            back = DBusAddress(asked.body[0], sender, "org.gnome.keyring.internal.Prompter.Callback")
            if member == "BeginPrompting":
                self._bus.send(new_method_call(back, "PromptReady", "sa{sv}s", ("", {}, "")))
            elif member == "PerformPrompt":
                self.asked.append(asked.body[1])
                self._bus.send(new_method_call(back, "PromptReady", "sa{sv}s", ("no", {}, asked.body[3])))
            elif member == "StopPrompting":
                self._bus.send(new_method_call(back, "PromptDone", "", ()))

    def close(self) -> None:
        self._bus.close()
