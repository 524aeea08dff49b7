"""The window, as the tests of the panels want it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ui.shell.desk import Shell


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
