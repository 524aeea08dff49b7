"""The window, as the tests of the panels want it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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


@pytest.fixture(scope="module")
def made(module_window: Shell) -> Any:
    """The demo economy, selected; its node ends with the module."""
    told: list[Any] = []
    console = module_window.console
    module_window.window.bridge.run(
        lambda: console.demo.run(lambda _text, _part: None), then=told.append, fail=lambda error: told.append(error) or True
    )
    module_window.until(lambda: told, 240_000)
    assert hasattr(told[0], "network"), told[0]
    module_window.ask(lambda: console.networks.select(told[0].network))
    yield told[0]

    async def stop() -> None:
        plan = await console.nodes.plan_stop("demo")
        await console.operations.execute(plan.id)

    module_window.ask(stop)
