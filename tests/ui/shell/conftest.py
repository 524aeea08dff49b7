"""One window over a real console in a temporary home per module, with two accounts that are only watched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.shell.desk import POOL, TREASURY, Shell, start


@pytest.fixture(scope="module")
def module_window(qapp: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = start(tmp_path_factory.mktemp("home"))
    shell.ask(lambda: shell.console.wallets.watch("Treasury", TREASURY))
    shell.ask(lambda: shell.console.wallets.watch("Rewards pool", POOL))
    yield shell
    shell.window.close()


@pytest.fixture
def shell(module_window: Shell) -> Shell:
    """The module's window, in front and without what an earlier test left open."""
    module_window.active()
    return module_window
