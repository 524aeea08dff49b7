"""What tests with windows share: a display that no other worker uses, and a window over a real console."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.ui.shell.desk import Shell

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


@pytest.fixture(scope="module", autouse=True)
def garbage(qapp: Any) -> Iterator[None]:
    """As in the product: a cycle that holds a widget is never collected by another thread, which would end the process.

    A closed window is one large cycle. Whatever still holds a part of it, no thread of a later test may collect it.
    """
    from ui.collector import Collector

    collector = Collector()
    yield
    collector.stop()
    collector.deleteLater()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module")
def module_window(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A window over a console in a home of the module's own, with two watched accounts; its keyring is the session's."""
    from tests.ui.shell.desk import POOL, TREASURY, start

    shell = start(tmp_path_factory.mktemp("home"))
    shell.ask(lambda: shell.console.wallets.watch("Treasury", TREASURY))
    shell.ask(lambda: shell.console.wallets.watch("Rewards pool", POOL))
    yield shell
    shell.window.close()
