"""A real gnome-keyring on a private bus, that can be locked, killed, started again, stopped in its tracks and robbed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import secretstorage

from tests.access.desktop import PrivateBus

PASSWORD = b"password of the desktop"


class Ring:
    """The daemon, and what somebody else with the same desktop could do to its items."""

    def __init__(self, folder: Path) -> None:
        self.bus = PrivateBus(folder)
        for name in ("home", "runtime"):
            (folder / name).mkdir(mode=0o700)
        self.environ = {
            "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "XDG_DATA_HOME": str(folder / "home" / "data"),
        }
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self, *, unlocked: bool = True) -> None:
        """Start it as a desktop's login does, or as one does that never asked for the password."""
        options = ["--unlock"] if unlocked else []
        self._daemon = subprocess.Popen(
            ["gnome-keyring-daemon", *options, "--components=secrets", "--foreground"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **self.environ},
        )
        assert self._daemon.stdin is not None
        if unlocked:
            self._daemon.stdin.write(PASSWORD)
        self._daemon.stdin.close()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with closing(secretstorage.dbus_init()) as bus:
                if secretstorage.check_service_availability(bus):
                    return
            time.sleep(0.02)
        raise AssertionError("the keyring did not start")

    def kill(self) -> None:
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.send_signal(signal.SIGCONT)
            self._daemon.kill()
            self._daemon.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def lock(self) -> None:
        with closing(secretstorage.dbus_init()) as bus:
            secretstorage.get_default_collection(bus).lock()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It lives and answers nobody."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._daemon.send_signal(signal.SIGCONT)

    def items(self, service: str) -> dict[str, str]:
        """Everything under a service name, as anybody on this desktop reads it."""
        with closing(secretstorage.dbus_init()) as bus:
            found = secretstorage.get_default_collection(bus).search_items({"service": service})
            return {item.get_attributes()["username"]: item.get_secret().decode() for item in found}

    def rob(self, service: str, name: str) -> None:
        """Delete an item behind the console's back."""
        self._item(service, name, lambda item: item.delete())

    def forge(self, service: str, name: str, secret: str) -> None:
        """Write something else into an item."""
        self._item(service, name, lambda item: item.set_secret(secret.encode()))

    def _item(self, service: str, name: str, do: Any) -> None:
        with closing(secretstorage.dbus_init()) as bus:
            (item,) = secretstorage.get_default_collection(bus).search_items({"service": service, "username": name})
            do(item)

    def close(self) -> None:
        self.kill()
        self.bus.stop()
