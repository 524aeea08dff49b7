"""A chart over time: round times below it, and nothing drawn where nothing was measured."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ui.theme import theme
from ui.widgets import LineChart
from ui.widgets.chart import DAY, HOUR, MINUTE, time_ticks

pytestmark = pytest.mark.gui
NOON = 1_790_000_000_000 // DAY * DAY + 12 * HOUR


def drawn(chart: LineChart) -> set[int]:
    """The columns of pixels in which the line of the first series is."""
    image = chart.grab().toImage()
    line = theme.series(0)[0].getRgb()[:3]

    def near(x: int, y: int) -> bool:  # its edges are blended with what lies behind
        return sum(abs(a - b) for a, b in zip(image.pixelColor(x, y).getRgb()[:3], line, strict=True)) < 130

    return {x for x in range(60, image.width()) for y in range(25, 165) if near(x, y)}  # without the words around it


@pytest.mark.parametrize("gap", [False, True])
def test_a_gap_is_not_joined_and_is_spoken_of(qapp: Any, gap: bool) -> None:
    chart = LineChart()
    chart.resize(500, 200)
    before, after = [(NOON + n * MINUTE, 5.0) for n in range(20)], [(NOON + n * MINUTE, 5.0) for n in range(40, 60)]
    points = [*before, *([(NOON + 40 * MINUTE, math.nan)] if gap else []), *after]
    chart.set_series([("CPU", points)], "UTC", "m", clock=(NOON, NOON + HOUR))
    middle = set(range(240, 270))  # half past twelve
    assert bool(drawn(chart) & middle) is not gap and drawn(chart) & set(range(100, 150))
    assert chart.accessibleDescription().endswith("UTC, 1 gap" if gap else "UTC")
    assert chart.accessibleDescription().startswith("CPU: 5 at 21 Sep 12:00:00 to 5 at 21 Sep 12:59:00")


def test_the_axis_reaches_over_the_whole_time_even_when_little_was_measured(qapp: Any) -> None:
    chart = LineChart()
    chart.resize(500, 200)
    chart.set_series([("CPU", [(NOON + 50 * MINUTE, 5.0), (NOON + HOUR, 5.0)])], clock=(NOON, NOON + HOUR))
    assert min(drawn(chart)) > 380
    alone = [(NOON, 1.0), (NOON + 30 * MINUTE, math.nan), (NOON + 30 * MINUTE, 1.0), (NOON + HOUR, math.nan)]
    chart.set_series([("CPU", alone)], clock=(NOON - MINUTE, NOON + HOUR))
    assert drawn(chart), "a sample between two gaps is a dot"
    chart.set_series([("CPU", [(NOON, math.nan)])], clock=(NOON, NOON + HOUR))
    assert not chart.accessibleDescription()


@pytest.mark.parametrize(
    ("span", "most", "words"),
    [
        (HOUR, 5, ["12:00", "12:15", "12:30", "12:45", "13:00"]),
        (6 * HOUR, 4, ["12:00", "14:00", "16:00", "18:00"]),
        (24 * HOUR, 3, ["12:00", "22 Sep", "12:00"]),
        (7 * DAY, 5, ["22 Sep", "24 Sep", "26 Sep", "28 Sep"]),
        (1, 2, ["12:00"]),
    ],
)
def test_ticks_are_round_times_and_days(span: int, most: int, words: list[str]) -> None:
    assert [word for _, word in time_ticks(NOON, NOON + span, most)] == words
