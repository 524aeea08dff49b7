"""What tests with windows share: a display that no other worker uses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = Path(__file__).resolve().parents[2] / "resources" / "setup" / "private_session.py"
HELD: list[subprocess.Popen[str]] = []


@pytest.fixture(scope="session")
def own_display() -> None:
    """Workers on one display would take the keyboard focus from each other, so each after the first has one of its own.

    It is closed by the end of its standard input, that is with this process: a display must outlive its QApplication.
    """
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0" and os.environ.get("AZORA_TEST_DISPLAY"):
        environ = {name: value for name, value in os.environ.items() if name != "AZORA_TEST_DISPLAY"}
        held = subprocess.Popen(
            [sys.executable, str(SESSION), "--display", "sh", "-c", "echo $DISPLAY; exec cat"],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert held.stdout is not None
        os.environ["DISPLAY"] = held.stdout.readline().strip()
        HELD.append(held)


@pytest.fixture(scope="session")
def qapp_args(own_display: None) -> list[str]:
    """pytest-qt makes the application with these; by then the display is there."""
    return ["azora-test"]
