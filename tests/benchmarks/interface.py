"""The interface beside itself: what the live plot costs, and its heartbeat while every core mines against its heartbeat at rest."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import deque
from typing import Any

PLOT_SECONDS = 8.0
UPDATES = 10  # a second
BEAT_MS = 10
BEATS = 400
TURNS = 6


def interface() -> dict[str, Any]:
    """Both, each in a process of its own."""
    return {name: _apart(name) for name in ("live_plot", "heartbeat")}


def _apart(name: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks.interface", name], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"left_out": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "it ended without a word"}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _wait(milliseconds: float) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(int(milliseconds), loop.quit)
    loop.exec()


def live_plot() -> dict[str, Any]:
    """Share of a core that the plot of five workers and their total takes at ten updates a second, as wide as in the panel."""
    from PySide6.QtCore import QTimer

    from ui.application import make_application
    from ui.panels.mining.rates import WINDOW_S, keep, lines_of
    from ui.widgets.live_plot import LivePlot

    make_application()
    plot = LivePlot("megahashes per second", "Hash rate by worker")
    plot.resize(820, 230)
    plot.show()
    seen: list[deque[tuple[float, float]]] = [deque() for _ in range(5)]
    drawn = [0]

    def draw(ago: float = 0.0) -> None:
        now = time.time() - ago
        for number, points in enumerate(seen):
            keep(points, now, 4.0 - number / 2 + (now * 7 + number) % 1 / 5)
            while points[0][0] < now - WINDOW_S:
                points.popleft()
        if not ago:
            plot.show_lines(lines_of([(f"worker-{number}", points) for number, points in enumerate(seen)]), now - WINDOW_S, now)
        drawn[0] += 1

    for tenth in range(int(WINDOW_S * UPDATES), 0, -1):
        draw(tenth / UPDATES)
    draw()
    _wait(500)
    timer = QTimer()
    timer.setInterval(1000 // UPDATES)
    timer.timeout.connect(lambda: draw())
    drawn[0] = 0
    spent, clock = time.process_time(), time.perf_counter()
    timer.start()
    _wait(PLOT_SECONDS * 1000)
    timer.stop()
    wall = time.perf_counter() - clock
    return {
        "share_of_a_core": (time.process_time() - spent) / wall,
        "updates_per_second": drawn[0] / wall,
        "lines": 6,
        "points_each": len(seen[0]),
        "most": 0.08,
    }


def heartbeat() -> dict[str, Any]:
    """The 99th percentile of the time between two beats of the interface's loop, at rest and while every core mines, in turns."""
    from app.mining.kernel import Job, cores
    from app.mining.work.miner import Miner
    from ui.application import make_application

    make_application()
    miner = Miner(lambda job, solution: None)
    miner.start()
    miner.pause()
    miner.set_job(Job(bytes(range(32)), bytes(range(20)), 0))  # a target that nothing meets: the search goes on
    _beats()
    idle: list[float] = []
    mining: list[float] = []
    for _ in range(TURNS):
        idle += _beats()
        miner.pause(False)
        _wait(300)
        mining += _beats()
        rate = miner.state.hash_rate
        miner.pause()
        _wait(300)
    miner.stop()
    at_rest, busy = (statistics.quantiles(each, n=100)[98] for each in (idle, mining))
    return {
        "p99_ms": busy * 1000,
        "peer": "the same at rest",
        "peer_p99_ms": at_rest * 1000,
        "ratio": busy / at_rest,
        "most": 1.1,
        "threads": cores(),
        "mh_per_second": rate / 1e6,
        "beats": len(idle),
    }


def _beats() -> list[float]:
    """Seconds between beats of a precise timer, which the loop serves when it is free."""
    from PySide6.QtCore import QEventLoop, Qt, QTimer

    times: list[float] = []
    loop, timer = QEventLoop(), QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(BEAT_MS)

    def beat() -> None:
        times.append(time.perf_counter())
        if len(times) > BEATS:
            timer.stop()
            loop.quit()

    timer.timeout.connect(beat)
    timer.start()
    loop.exec()
    return [after - before for before, after in zip(times, times[1:], strict=False)]


if __name__ == "__main__":
    print(json.dumps({"live_plot": live_plot, "heartbeat": heartbeat}[sys.argv[1]]()))
