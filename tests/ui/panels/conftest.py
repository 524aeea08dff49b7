"""One window over a real console in a temporary home per module; its keyring is the session's."""

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
def shell(module_window: Shell) -> Iterator[Shell]:
    """The module's window with the wallets in front, amounts shown, and no form left open."""
    from ui.widgets import privacy

    module_window.active()
    module_window.window.open("wallets")
    module_window.until(lambda: module_window.panel.table.rows())
    yield module_window
    privacy.set_hidden(False)
    if module_window.window.sheet is not None:
        module_window.window.sheet.close_sheet()
