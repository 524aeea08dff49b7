"""The program as it is started: windows of other processes, found by their names on the display."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.gui
ROOT = Path(__file__).resolve().parents[3]
SECONDS = 90.0

WARNED = """
from PySide6.QtCore import qWarning

def test_it_warns(qtbot):
    qWarning("{text}")
"""


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "main.py"), "run", "--home", str(home), *arguments]


@contextlib.contextmanager
def started(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A window in a process of its own; it is closed by SIGTERM, and that must end it with 0."""
    process = subprocess.Popen(command(home, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
        process.terminate()
        said, _ = process.communicate(timeout=30)
        assert process.returncode == 0, said
        assert "Traceback" not in said and "QObject" not in said, said
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(home, *arguments), capture_output=True, text=True, timeout=SECONDS, check=False)


def until(over: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := over()):
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)
    return found


def panel_at_the_end(home: Path) -> str:
    """What the window showed when it was closed."""
    return str(json.loads((home / "window.json").read_text(encoding="utf-8"))["panel"])


def listening(home: Path) -> bool:
    """Whether the first window takes links by now."""
    from PySide6.QtNetwork import QLocalSocket

    from ui.application import _server_name

    socket = QLocalSocket()
    socket.connectToServer(_server_name(home))
    there = socket.waitForConnected(200)
    socket.abort()
    return bool(there)


def test_exit_when_shown_ends_with_zero_and_opens_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "--exit-when-shown")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "home").glob("*.db"))  # the console, and with it the store, comes after the first paint


def test_an_unknown_word_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "--fly")
    assert done.returncode == 2
    assert "--fly" in done.stderr and "azora://" in done.stderr


def led_to(home: Path, link: str, panel: str) -> bool:
    """Whether a start with a link shows the panel. Only its end tells where a window was, so a busy machine is given longer."""
    for seconds in (3, 10, 30):
        with started(home, link):
            until(lambda: listening(home), "the window")
            until(lambda: (home / "logs").exists() or list(home.glob("*.db*")), "the console")
            time.sleep(seconds)
        if panel_at_the_end(home) == panel:
            return True
    return False


def test_a_link_at_the_start_is_followed(tmp_path: Path) -> None:
    assert led_to(tmp_path / "home", "azora://settings", "settings")


def test_a_second_start_hands_its_link_to_the_first_and_ends(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with started(home) as first:
        until(lambda: listening(home), "the window")
        second = run(home, "azora://jobs")
        assert (second.returncode, second.stdout) == (0, "")
        assert first.poll() is None
        time.sleep(1)
        assert run(home).returncode == 0  # without a link it brings the first to the front
    assert panel_at_the_end(home) == "jobs"


def test_a_home_that_another_program_left_locked_is_opened_again(tmp_path: Path) -> None:
    """A killed window leaves its lock and its socket behind; the next start takes both over."""
    home = tmp_path / "home"
    process = subprocess.Popen(command(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: listening(home), "the window")
    process.kill()
    process.wait()
    assert led_to(home, "azora://chains", "chains")


@pytest.mark.parametrize(("text", "failed"), [("QObject: something is wrong", True), ("QFontDatabase: no font directory", False)])
def test_a_warning_of_qt_fails_its_test_and_the_platform_s_own_words_do_not(tmp_path: Path, text: str, failed: bool) -> None:
    """The option that every test of this folder relies on."""
    file = tmp_path / "test_warns.py"
    file.write_text(WARNED.format(text=text), encoding="utf-8")
    arguments = ["-q", "-p", "no:randomly", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert (done.returncode != 0) is failed, done.stdout[-2000:]
    assert (text in done.stdout) is failed


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3, 0.5, 0.8])
def test_sigterm_at_any_moment_of_the_start_ends_it_properly(tmp_path: Path, after: float) -> None:
    """A signal that interrupts a slot must not close the window inside it: the slot would go on without its console."""
    home = tmp_path / "home"
    with started(home):
        until(lambda: listening(home), "the window")
        time.sleep(after)
    assert panel_at_the_end(home) == "overview"
