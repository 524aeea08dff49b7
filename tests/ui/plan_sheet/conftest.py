"""A plan sheet over a console small enough to tell its story without a chain: only for tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.ui.plan_sheet.sheet_world import FakeBridge, World, transfer


@pytest.fixture
def world() -> World:
    return World(transfer())


@pytest.fixture
def sheet(qtbot: Any, world: World) -> Any:
    from ui.plan_sheet import PlanSheet

    window = SimpleNamespace(bridge=FakeBridge(world), said=[], is_quick=lambda plan: False)
    window.notify = lambda text, level="info", **more: window.said.append(text)
    widget = PlanSheet(window)
    qtbot.addWidget(widget)
    widget.resize(440, 800)
    widget.show()
    return widget
