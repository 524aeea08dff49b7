"""The window, as the tests of the shell want it."""

from __future__ import annotations

import pytest

from tests.ui.shell.desk import Shell


@pytest.fixture
def shell(module_window: Shell) -> Shell:
    """The module's window, in front and without what an earlier test left open."""
    module_window.active()
    return module_window
