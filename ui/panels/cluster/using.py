"""CPU and memory of what is chosen: the last hour as it was measured, a week as the console kept it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.clock import now_ms
from ui.widgets import LineChart, Segmented
from ui.widgets.values import moment

if TYPE_CHECKING:
    from app.cluster.usage import Sample
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Key, Page

MIB = 1024 * 1024
HOUR_MS = 3_600_000
CALM_SECONDS = 3.0
RANGES = (("1", "Last hour"), ("6", "6 hours"), ("24", "24 hours"), ("168", "7 days"))
RECORDED = "No history of usage is part of the recorded cluster."
ONLY_AN_HOUR = "Only workloads and nodes are kept longer than an hour: pods come and go."


class UsagePane(QWidget):
    """Two charts side by side under their present figures; of a workload the sum over the pods that it had at each time."""

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._page: Page | None = None
        self._asked: tuple[str, Key, int] | None = None
        self._asked_at = 0.0
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 10)
        row = QHBoxLayout()
        self.words = QLabel("")
        self.words.setObjectName("cluster.usage.words")
        self.words.setWordWrap(True)
        row.addWidget(self.words, 1)
        self.range = Segmented(RANGES)
        self.range.setObjectName("cluster.usage.range")
        self.range.changed.connect(lambda _hours: self._read())
        row.addWidget(self.range)
        column.addLayout(row)
        row = QHBoxLayout()
        self.cpu, self.memory = LineChart(), LineChart()
        for chart, name, words in ((self.cpu, "cpu", "CPU over time"), (self.memory, "memory", "Memory over time")):
            chart.setObjectName(f"cluster.usage.{name}")
            chart.setAccessibleName(words)
            chart.setMinimumHeight(70)
            row.addWidget(chart, 1)
        column.addLayout(row, 1)

    def show_page(self, page: Page) -> None:
        """Another reading of the cluster."""
        self._page = page
        if self.isVisible():
            self._read()

    def _read(self) -> None:
        page = self._page
        if page is None or page.chosen is None:
            return
        from app.cluster.usage import KEPT_KINDS, summed

        clusters, where, key = self._panel.bridge.console.clusters, page.context, page.chosen.key
        pods = [pod.name for pod in page.chosen.pods]
        live, kept = page.live, key[0] in KEPT_KINDS
        for value, _ in RANGES[1:]:
            self.range.button(value).setEnabled(kept and live)
            self.range.button(value).setToolTip(RECORDED if not live else "" if kept else ONLY_AN_HOUR)
        if not (kept and live):
            self.range.set_value("1")
        hours = int(self.range.value())
        asked = (where, key, hours)
        if asked == self._asked and time.monotonic() - self._asked_at < CALM_SECONDS:
            return  # the cluster changes all the time, but is measured every 15 s
        self._asked, self._asked_at = asked, time.monotonic()

        async def read() -> tuple[Page, int, list[Sample], str]:
            if not live:
                return page, hours, [], RECORDED
            metrics = clusters.snapshot(where).metrics
            samples = await clusters.usage_over(where, *key, hours)
            if not samples and not kept:
                samples = summed([clusters.usage(where, "Pod", key[1], pod) for pod in pods])
            return page, hours, samples, "" if metrics.available else metrics.message or "Metrics were not read yet."

        self._panel.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[Page, int, list[Sample], str]) -> None:
        from app.cluster.usage import runs

        page, hours, samples, why = answer
        shown = self._page
        if shown is None or shown.chosen is None or page.chosen is None or shown.chosen.key != page.chosen.key:
            return  # something else was chosen meanwhile
        now = now_ms()
        clock = (float(now - hours * HOUR_MS), float(now))
        pieces = runs(samples)
        self.cpu.set_series([("CPU", _points(pieces, lambda one: one.cpu))], "UTC", "m", clock=clock)
        self.memory.set_series([("Memory", _points(pieces, lambda one: one.memory / MIB))], "UTC", "MiB", clock=clock)
        if not samples:
            self.words.setText(why or "Nothing was measured yet; the cluster is asked every 15 s.")
            return
        last = samples[-1]
        figures = f"CPU {last.cpu:,.0f} m (thousandths of a core), memory {last.memory / MIB:,.1f} MiB"
        told = [f"{figures}, kept since {moment(samples[0].at)} UTC."]
        if len(pieces) > 1:
            gaps = f"{len(pieces) - 1} gaps" if len(pieces) > 2 else "One gap"
            told.append(f"{gaps}: the console did not run, or nothing was measured.")
        self.words.setText(" ".join([*told, why]).strip())

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._read()


def _points(pieces: list[list[Sample]], value: Callable[[Sample], float]) -> list[tuple[float, float]]:
    """Points of a chart, with a gap between two pieces."""
    points: list[tuple[float, float]] = []
    for piece in pieces:
        if points:
            points.append((float(piece[0].at), math.nan))
        points += [(float(one.at), value(one)) for one in piece]
    return points
