"""Start and stop of the window.

Order matters: the window is painted first, from Qt and light modules only; the service thread, and with it everything heavy, comes
after the first paint. Panels are named here by import path and loaded when they are first shown.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLockFile, Qt, QTimer
from PySide6.QtWidgets import QApplication

from ui.bridge import Bridge
from ui.collector import Collector
from ui.shell.window import MainWindow

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer

# id, title, icon, shortcut, at the bottom
PANELS: list[tuple[str, str, str, str, bool]] = [
    ("overview", "Overview", "squares-four", "Ctrl+1", False),
    ("wallets", "Wallets", "wallet", "Ctrl+2", False),
    ("mining", "Mint Mining", "coins", "Ctrl+3", False),
    ("contracts", "Contracts", "file-code", "Ctrl+4", False),
    ("ledger", "Ledger", "scroll", "Ctrl+5", False),
    ("cluster", "Cluster", "cube", "Ctrl+6", False),
    ("chains", "Local Chains", "link", "Ctrl+7", False),
    ("jobs", "Jobs", "list-checks", "Ctrl+J", True),
    ("settings", "Settings", "gear", "Ctrl+,", True),
]
PATHS = {
    "overview": "ui.panels.overview:OverviewPanel",
    "wallets": "ui.panels.wallets:WalletsPanel",
    "mining": "ui.panels.mining:MiningPanel",
    "contracts": "ui.panels.contracts:ContractsPanel",
    "ledger": "ui.panels.ledger:LedgerPanel",
    "cluster": "ui.panels.cluster:ClusterPanel",
    "chains": "ui.panels.chains:ChainsPanel",
    "jobs": "ui.panels.jobs:JobsPanel",
    "settings": "ui.panels.settings:SettingsPanel",
    "sheet": "ui.plan_sheet:PlanSheet",
}


def home_path(home: str | None) -> Path:
    """The folder that the console will use; the same rule as ``app.core.paths``."""
    from app.core.paths import Home

    return (Home(home) if home else Home.default()).path


def make_application() -> QApplication:
    """The QApplication, themed; offscreen where there is no display at all."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Azora Console")
    application.setDesktopFileName("azora-console")
    return application


def watch_faults(home: Path) -> Path | None:
    """Let a fault of Qt or of a library leave its stacks in the home.

    Returns the report that the run before left, or None. Stacks name files and functions, never values.
    """
    import faulthandler
    import time

    folder = home / "crash"
    folder.mkdir(parents=True, exist_ok=True)
    log, left = folder / "fault.log", None
    if log.exists() and log.stat().st_size:
        left = log.rename(folder / time.strftime("fault-%Y%m%d-%H%M%S.txt", time.gmtime(log.stat().st_mtime)))
    faulthandler.enable(log.open("w", encoding="utf-8"))
    return left


def tell_fault(window: MainWindow, report: Path | None) -> None:
    """Say that the run before ended by a fault, and where its report lies."""
    if report is not None:
        window.notify(f"The console ended by a fault the last time. Plans go on by themselves. The report: {report}", "warn")


def build(home: Path) -> MainWindow:
    """The window over ``home``; the console starts with :meth:`Bridge.start`."""
    return MainWindow(Bridge(), home, PANELS, PATHS).compose()


def run(home: str | None, arguments: list[str]) -> int:
    """Open the window; returns the exit code.

    ``--exit-when-shown`` leaves right after the first paint. An ``azora://`` link is followed. A second window on the same home
    hands its link over to the first and ends with 0.
    """
    exit_when_shown = "--exit-when-shown" in arguments
    link = next((word for word in arguments if word.startswith("azora://")), "")
    unknown = [word for word in arguments if word not in ("--exit-when-shown", link)]
    if unknown:
        print(f"run does not know “{unknown[0]}”. It takes --exit-when-shown and an azora:// link.", file=sys.stderr)
        return 2
    place = home_path(home)
    place.mkdir(parents=True, exist_ok=True)
    application = make_application()
    lock = QLockFile(str(place / "window.lock"))
    lock.setStaleLockTime(0)
    if not exit_when_shown and not lock.tryLock(50) and _hand_over(place, link):
        return 0
    fault = watch_faults(place)
    collector = Collector()
    window = MainWindow(Bridge(), place, PANELS, PATHS)

    def painted() -> None:
        if exit_when_shown:
            application.quit()
            return
        window.compose()
        tell_fault(window, fault)
        _quit_on_signals(application, window)
        window.bridge.start(place)
        window.server = _listen(place, window)  # type: ignore[attr-defined]
        if link:
            window.bridge.ready.connect(lambda: window.open_link(link))

    window.shown.connect(painted, Qt.ConnectionType.QueuedConnection)
    window.show()
    sys.excepthook = lambda kind, error, trace: (sys.__excepthook__(kind, error, trace), window.tell_bug(error))[0]
    code = application.exec()
    window.bridge.stop()
    collector.stop()
    lock.unlock()
    return int(code)


def _quit_on_signals(application: QApplication, window: MainWindow) -> None:
    """Ctrl+C and SIGTERM close the window properly; the timer lets Python see them."""
    import signal

    for name in (signal.SIGINT, signal.SIGTERM):
        # Not in the handler itself, which interrupts whatever the window is doing.
        signal.signal(name, lambda *_: QTimer.singleShot(0, window.close))
    awake = QTimer(application)
    awake.start(250)
    awake.timeout.connect(lambda: None)


def _server_name(place: Path) -> str:
    import hashlib

    return "azora-" + hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:24]


def _hand_over(place: Path, link: str) -> bool:
    """Give the link to the window that is open already; False when nobody answers."""
    from PySide6.QtNetwork import QLocalSocket

    socket = QLocalSocket()
    socket.connectToServer(_server_name(place))
    if not socket.waitForConnected(1000):
        return False
    socket.write((link or "azora://").encode() + b"\n")
    socket.waitForBytesWritten(1000)
    socket.disconnectFromServer()
    return True


def _listen(place: Path, window: MainWindow) -> QLocalServer:
    """Take links of later starts, and come to the front."""
    from PySide6.QtNetwork import QLocalServer

    name = _server_name(place)
    QLocalServer.removeServer(name)
    server = QLocalServer(window)
    server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)

    def connected() -> None:
        socket = server.nextPendingConnection()

        def read() -> None:
            link = bytes(socket.readLine().data()).decode("utf-8", "replace").strip()
            window.raise_()
            window.activateWindow()
            if link and link != "azora://":
                window.open_link(link)

        socket.readyRead.connect(read)
        if socket.bytesAvailable():
            read()

    server.newConnection.connect(connected)
    server.listen(name)
    return server


__all__ = ["PANELS", "PATHS", "build", "home_path", "make_application", "run"]
