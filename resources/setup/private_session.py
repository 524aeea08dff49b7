"""Run a command in a private session: its own D-Bus, and a gnome-keyring unlocked by a random passphrase that nobody knows.

``private_session.py [--display] COMMAND …``. The keyring is ephemeral and says so (``AZORA_EPHEMERAL_KEYRING=1``); its files and
the runtime folder are removed at the end. The passphrase goes through a pipe, never through an argument or the environment.
With ``--display`` a virtual X server and a window manager are started too.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

INSIDE = "AZORA_PRIVATE_SESSION"
RESTARTS = 50  # of the keyring, before it is taken for broken


def _inside(command: list[str]) -> int:
    """In the new session bus: start the keyring, then the command."""
    keyring = Keyring()
    _wait_for_keyring()
    child = subprocess.Popen(command)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _frame: child.send_signal(number))
    try:
        return child.wait()
    finally:
        keyring.stop()


class Keyring:
    """A gnome-keyring-daemon that is started again when it ends by itself: it may, when a client is killed in mid-request."""

    def __init__(self) -> None:
        self._passphrase = secrets.token_urlsafe(32).encode()
        self._stopping = False
        self._daemon = self._start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert daemon.stdin is not None
        daemon.stdin.write(self._passphrase)
        daemon.stdin.close()
        return daemon

    def _watch(self) -> None:
        for _ in range(RESTARTS):
            code = self._daemon.wait()
            if self._stopping:
                return
            print(
                f"gnome-keyring-daemon ended with code {code}; it is started again, with what it kept", file=sys.stderr, flush=True
            )
            self._daemon = self._start()

    def stop(self) -> None:
        """End it for good."""
        self._stopping = True
        self._daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._daemon.wait(5)


def _wait_for_keyring() -> None:
    """Until the Secret Service answers on the bus, at most 15 seconds; the command itself explains a missing keyring."""
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner"]
    end = time.monotonic() + 15
    while time.monotonic() < end:
        said = subprocess.run([*ask, "string:org.freedesktop.secrets"], capture_output=True, text=True, check=False).stdout
        if "boolean true" in said:
            return
        time.sleep(0.05)


@contextlib.contextmanager
def _display(wanted: bool, folder: Path):
    """An X server on a free display number, with openbox; yields the environment to add."""
    if not wanted or os.environ.get("AZORA_TEST_DISPLAY"):
        yield {}
        return
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    environment = {"DISPLAY": f":{number}", "AZORA_TEST_DISPLAY": f":{number}"}
    manager = subprocess.Popen(
        ["openbox", "--sm-disable"],
        env={**os.environ, **environment, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield environment
    finally:
        manager.terminate()
        server.terminate()
        server.wait()


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy>
</busconfig>
"""


def _bus(folder: Path) -> Path:
    """A bus that starts no service by itself: a keyring that it started would be locked.

    Whoever asks for the keyring while it is started again waits: the bus believes that ``sleep`` will become the service, and
    hands the question to the one that takes the name.
    """
    services = folder / "services"
    services.mkdir()
    name = "org.freedesktop.secrets"
    (services / f"{name}.service").write_text(f"[D-BUS Service]\nName={name}\nExec=/bin/sleep 20\n", encoding="utf-8")
    file = folder / "bus.conf"
    file.write_text(BUS.format(services=services), encoding="utf-8")
    return file


def main() -> int:
    """Set up what is private, run, clean up."""
    arguments = sys.argv[1:]
    display = bool(arguments) and arguments[0] == "--display"
    command = arguments[1:] if display else arguments
    if os.environ.pop(INSIDE, ""):
        return _inside(command)
    folder = Path(tempfile.mkdtemp(prefix="azora-session-"))
    try:
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        (folder / "home").mkdir(mode=0o700)
        with _display(display, folder) as extra:
            environment = {
                **os.environ,
                **extra,
                "HOME": str(folder / "home"),
                "XDG_RUNTIME_DIR": str(runtime),
                "XDG_DATA_HOME": str(folder / "home" / ".local" / "share"),
                "XDG_CONFIG_HOME": str(folder / "home" / ".config"),
                "XDG_CACHE_HOME": str(folder / "home" / ".cache"),
                "AZORA_EPHEMERAL_KEYRING": "1",
                INSIDE: "1",
            }
            environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
            return subprocess.run(
                [
                    "dbus-run-session",
                    f"--config-file={_bus(folder)}",
                    "--",
                    sys.executable,
                    str(Path(__file__).resolve()),
                    *command,
                ],
                env=environment,
                check=False,
            ).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
