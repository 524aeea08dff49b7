"""The hash rate of each worker and of all together: live, ten times a second, or over the last half hour, six hours or day."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLabel

from ui.panels.mining.worker_words import LIVING
from ui.widgets import Pane, Segmented
from ui.widgets.live_plot import REST, TOTAL, Line, LivePlot

if TYPE_CHECKING:
    from app.mining.work import RateLine, Worker
    from ui.panels.mining.panel import MiningPanel

DRAW_MS = 100
READ_MS = 2_000  # as often as workers write
WINDOW_S = 60.0
KEPT_S = 0.5  # a point of the live lines stays each half second; the last one moves with every drawing
NAMED = 4  # lines with names of their own; the rest is one grey line, and the total another
SPANS = {"live": 1, "30": 30, "360": 360, "1440": 1440}  # minutes


class RatesPane(Pane):
    """A plot over the workers of the network.

    Signals:
        read_workers: the workers' rows were read (a list of ``Worker``).
    """

    read_workers = Signal(object)

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__("Hash rate")
        self._panel = panel
        self._asking = False
        self._network = ""
        self._workers: list[Worker] = []
        self._seen: dict[str, deque[tuple[float, float]]] = {}
        self.unit = QLabel("MH/s")
        self.unit.setProperty("role", "hint")
        self.add_header(self.unit)
        self.span = Segmented([("live", "Live"), ("30", "30 min"), ("360", "6 h"), ("1440", "24 h")])
        self.span.setObjectName("mining.rates.span")
        self.span.changed.connect(lambda _: self.read())
        self.add_header(self.span, right=True)
        self.plot = LivePlot("megahashes per second", "Hash rate by worker", "Nobody searches in this time")
        self.plot.setObjectName("mining.rates")
        self.body.addWidget(self.plot, 1)
        self._draw = QTimer(self)
        self._draw.setInterval(DRAW_MS)
        self._draw.timeout.connect(self._ask)
        self._again = QTimer(self)
        self._again.setInterval(READ_MS)
        self._again.timeout.connect(self.read)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._again.start()
        self.read()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._again.stop()
        self._draw.stop()

    def read(self) -> None:
        """Read the workers' rows, and their history where that is shown."""
        bridge, minutes = self._panel.bridge, SPANS[self.span.value()]
        network = bridge.console.networks.current if bridge.is_ready else None
        if network is None or not network.genesis or not self.isVisible():
            self.show_workers("", [])
            return
        live = self.span.value() == "live"

        async def read() -> tuple[list[Worker], Sequence[RateLine]]:
            work = bridge.console.work
            return await work.workers(network.id), [] if live else await work.rates(network.id, minutes)

        def show(answer: tuple[list[Worker], Sequence[RateLine]]) -> None:
            self.show_workers(network.id, answer[0])
            if not live and self.span.value() != "live":
                self.show_history(answer[1], minutes)

        bridge.run(read, then=show, fail=lambda _: True, owner=self)  # the workers' page says what is wrong

    def show_workers(self, network: str, workers: Sequence[Worker]) -> None:
        """Follow these workers."""
        if network != self._network:
            self._network, self._seen = network, {}
        self._workers = list(workers)
        living = [worker for worker in workers if str(worker.state) in LIVING]
        self.read_workers.emit(self._workers)
        if self.span.value() != "live":
            self._draw.stop()
        elif living:
            self._draw.start()
        elif not self._seen:
            self._draw.stop()
            self.plot.show_lines([], 0, 1)
        self.plot.say()

    def _ask(self) -> None:
        if self._asking or not self._panel.bridge.is_ready:
            return
        self._asking = True
        work = self._panel.bridge.console.work

        def failed(_: Any) -> bool:
            self._asking = False
            return True

        self._panel.bridge.run(work.live, then=self.show_live, fail=failed, owner=self)

    def show_live(self, live: dict[str, float], now: float | None = None) -> None:
        """Draw another tenth of a second: workers of this process by their threads, others by what they wrote last."""
        self._asking = False
        now = time.time() if now is None else now
        if self.span.value() != "live":
            return
        names = {worker.id: worker.name for worker in self._workers}
        for worker in self._workers:
            if str(worker.state) in LIVING or worker.id in live:
                rate = live.get(worker.id, float(worker.hash_rate)) / 1e6
                keep(self._seen.setdefault(worker.id, deque()), now, rate)
        for points in self._seen.values():
            while points and points[0][0] < now - WINDOW_S:
                points.popleft()
        self._seen = {worker: points for worker, points in self._seen.items() if points}
        if not self._seen:
            self._draw.stop()
        self.plot.show_lines(
            lines_of([(names.get(key, key), list(points)) for key, points in self._seen.items()]), now - WINDOW_S, now
        )

    def show_history(self, lines: Sequence[RateLine], minutes: int, now: float | None = None) -> None:
        """Draw what workers wrote over the last minutes."""
        now = time.time() if now is None else now
        found = [(line.name, [(at / 1000, rate / 1e6) for at, rate in line.points]) for line in lines]
        step = max(10.0, minutes * 60 // 180)
        self.plot.show_lines(lines_of(found, step), now - minutes * 60, now)


def keep(points: deque[tuple[float, float]], now: float, rate: float) -> None:
    """Add the newest point of a live line; the one before stays when it stands apart from its own."""
    if len(points) > 1 and points[-1][0] - points[-2][0] < KEPT_S:
        points.pop()
    points.append((now, rate))


def lines_of(found: Sequence[tuple[str, Sequence[tuple[float, float]]]], step: float = 0.0) -> list[Line]:
    """The largest with their names, the others as one, and the total; where more than two and a half steps are missing, a gap."""
    ranked = sorted(found, key=lambda each: -(each[1][-1][1] if each[1] else 0))
    named, others = (ranked, []) if len(ranked) <= NAMED else (ranked[:NAMED], ranked[NAMED:])
    lines = [_line(name, at, points, step) for at, (name, points) in enumerate(named)]
    if others:
        lines.append(_line(f"{len(others)} others", REST, _sum(points for _, points in others), step))
    if len(ranked) > 1:
        lines.append(_line("All workers", TOTAL, _sum(points for _, points in ranked), step))
    return lines


def _sum(many: Any) -> list[tuple[float, float]]:
    total: dict[float, float] = {}
    for points in many:
        for at, rate in points:
            total[at] = total.get(at, 0.0) + rate
    return sorted(total.items())


def _line(name: str, series: int, points: Sequence[tuple[float, float]], step: float) -> Line:
    times: list[float] = []
    values: list[float | None] = []
    for at, rate in points:
        if step and times and at - times[-1] > 2.5 * step:
            times.append(times[-1] + step)
            values.append(None)
        times.append(at)
        values.append(rate)
    return Line(name, series, times, values)
