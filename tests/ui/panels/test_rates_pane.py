"""The plot of hash rates: live and from the store, its total, its gaps, and what a screen reader hears of it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from app.mining.work.rates import RateLine
from tests.ui.panels.test_workers_page import RIG
from tests.ui.shell.desk import Shell
from ui.panels.mining.rates import RatesPane, keep, lines_of
from ui.widgets.live_plot import REST, TOTAL

pytestmark = pytest.mark.gui


@pytest.fixture
def pane(shell: Shell) -> Any:
    """The pane in front, over a console without a network: what it shows is given to it."""
    shell.window.open("mining", tab="queue")
    pane: RatesPane = shell.panel.queue.rates
    for timer in (pane._draw, pane._again):
        timer.stop()
    pane.span.set_value("live")
    pane._seen.clear()
    return pane


def test_live_lines_take_threads_here_and_rows_of_others_and_add_up(pane: RatesPane) -> None:
    pane.show_workers("lab", [RIG, replace(RIG, id="w2", name="pod", hash_rate=4_000_000)])
    pane._draw.stop()
    pane.show_live({"w1": 2_500_000.0}, now=1_000.0)
    pane.show_live({"w1": 3_500_000.0}, now=1_000.7)
    found = {line.name: list(line.values) for line in pane.plot.lines}
    assert found == {"pod": [4.0, 4.0], "rig": [2.5, 3.5], "All workers": [6.5, 7.5]}
    pane.plot.say()
    assert "All workers 7.50 megahashes per second" in pane.plot.accessibleDescription()
    pane.show_live({}, now=1_100.0)  # a minute later nothing of it is left but the rows as they are now
    assert {line.name: list(line.values) for line in pane.plot.lines}["rig"] == [1.25]


def test_what_nobody_wrote_is_a_gap_and_not_a_line(pane: RatesPane) -> None:
    pane.span.set_value("30")
    points = tuple((1_000_000 + at * 1000, 2_000_000) for at in (0, 10, 20, 90, 100))
    pane.show_history([RateLine("w1", "rig", points)], 30, now=1_200.0)
    (line,) = pane.plot.lines
    assert list(line.values) == [2.0, 2.0, 2.0, None, 2.0, 2.0]


def test_five_lines_are_named_at_most_and_the_rest_is_one_grey_line() -> None:
    found = [(f"w{number}", [(1.0, float(number))]) for number in range(7)]
    lines = lines_of(found)
    assert [line.name for line in lines] == ["w6", "w5", "w4", "w3", "3 others", "All workers"]
    assert [line.series for line in lines][-2:] == [REST, TOTAL]
    assert lines[-2].values == [3.0] and lines[-1].values == [21.0]


def test_ten_points_a_second_move_the_last_and_keep_two() -> None:
    points: deque[tuple[float, float]] = deque()
    for tenth in range(21):
        keep(points, tenth / 10, float(tenth))
    assert points[-1] == (2.0, 20.0) and len(points) <= 6
