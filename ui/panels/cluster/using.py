"""CPU and memory of what is chosen over the last hour, as the console itself kept them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.clock import now_ms
from ui.widgets import LineChart

if TYPE_CHECKING:
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Page

Readings = list[tuple[int, float, int]]  # UTC ms, thousandths of a core, bytes
MIB = 1024 * 1024


class UsagePane(QWidget):
    """Two charts side by side under their present figures; of a workload the sum over its pods."""

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._page: Page | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 10)
        self.words = QLabel("")
        self.words.setObjectName("cluster.usage.words")
        self.words.setWordWrap(True)
        column.addWidget(self.words)
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
        clusters, where, space = self._panel.bridge.console.clusters, page.context, page.chosen.key[1]
        pods = [pod.name for pod in page.chosen.pods]
        live = page.live

        async def read() -> tuple[Readings, str]:
            if not live:
                return [], "No history of usage is part of the recorded cluster."
            metrics = clusters.snapshot(where).metrics
            kept = summed([clusters.usage(where, space, pod) for pod in pods])
            return kept, "" if metrics.available else metrics.message or "Metrics were not read yet."

        self._panel.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[Readings, str]) -> None:
        readings, why = answer
        now = now_ms()
        self.cpu.set_series([("CPU", [((at - now) / 60_000, cpu) for at, cpu, _ in readings])] if readings else [], "minutes", "m")
        used = [((at - now) / 60_000, memory / MIB) for at, _, memory in readings]
        self.memory.set_series([("Memory", used)] if readings else [], "minutes", "MiB")
        if not readings:
            self.words.setText(why or "Nothing was measured yet; the cluster is asked every 15 s.")
            return
        _, cpu, memory = readings[-1]
        span = (readings[-1][0] - readings[0][0]) // 60_000
        figures = f"CPU {cpu:,.0f} m (thousandths of a core), memory {memory / MIB:,.1f} MiB, kept over {span} min."
        self.words.setText(f"{figures} {why}".strip())

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._read()


def summed(each: list[Readings]) -> Readings:
    """The readings of several pods as those of all; pods are measured at the same moments."""
    cpu: dict[int, float] = defaultdict(float)
    memory: dict[int, int] = defaultdict(int)
    for readings in each:
        for at, used, size in readings:
            cpu[at] += used
            memory[at] += size
    return [(at, cpu[at], memory[at]) for at in sorted(cpu)]
