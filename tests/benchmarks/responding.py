"""How long the window does not answer while it follows a large cluster: each phase apart, beside the same window at rest.

The window is the product's own, over a console in a home of its own, in this process; the API server is another process's. A beat
is due every ``BEAT_MS``; what it comes late by is time in which a click would have waited.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEAT_MS = 5
REST_S, FOLLOW_S = 4.0, 10.0
STALL = 0.05


class Beats:
    """When the interface's loop came round, by phase. ``late``: called from another thread while a beat is overdue."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.last = time.perf_counter()
        self._late: dict[str, list[float]] = {}
        self._phase = ""
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        if self._phase:
            self._late[self._phase].append(now - self.last - BEAT_MS / 1000)
        self.last = now

    def phase(self, name: str) -> None:
        """What follows is counted under this name; empty: not at all."""
        self._phase = name
        self._late.setdefault(name, [])
        self.last = time.perf_counter()

    def told(self, name: str) -> dict[str, float | int]:
        """Milliseconds of one phase."""
        late = sorted(self._late[name])
        at = lambda share: round(late[min(len(late) - 1, int(share * len(late)))] * 1000, 1)  # noqa: E731
        return {
            "longest_ms": at(1),
            "p99_ms": at(0.99),
            "stalls_over_50_ms": sum(each > STALL for each in late),
            "beats": len(late),
        }


def responding() -> dict[str, Any]:
    """The phases, in a process of their own."""
    done = subprocess.run([sys.executable, "-m", "tests.benchmarks.responding"], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"left_out": done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "it ended without a word"}
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def measure(pods: int, watch: Callable[[Beats], object] = lambda _: None) -> dict[str, Any]:
    """At rest, while the first list comes in, while the cluster's page opens, quiet, and under 2,000 events a minute."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "kubeconfig"
        command = [sys.executable, "-m", "tests.benchmarks.cluster", "serve", str(pods), str(config)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None and server.stdin is not None
            server.stdout.readline()
            os.environ["KUBECONFIG"] = str(config)
            try:
                return _phases(pods, Path(folder) / "home", server.stdin, watch)
            finally:
                server.kill()


def _phases(pods: int, home: Path, go: Any, watch: Callable[[Beats], object]) -> dict[str, Any]:
    from tests.ui.shell.desk import rest, start
    from ui.application import make_application
    from ui.collector import Collector

    application = make_application()
    collector = Collector(application)  # as the product does, see there
    shell = start(home)
    rest(3000)
    beats = Beats()
    watch(beats)
    beats.phase("rest")
    rest(int(REST_S * 1000))
    beats.phase("panel_is_built")
    shell.window.open("cluster")
    rest(0)
    beats.phase("first_list")
    shell.until(lambda: len(shell.console.clusters.snapshot("test").of("Pod")) >= pods, 120_000)
    rest(3000)
    beats.phase("page_opens")
    panel = shell.panel
    panel.show_cluster("test")
    shell.until(lambda: panel.reading is not None and panel.reading.pods >= 0.8 * pods, 120_000)
    rest(1000)
    beats.phase("quiet")
    rest(int(REST_S * 1000))
    beats.phase("events")
    go.write("go\n")
    go.flush()
    rest(int(FOLLOW_S * 1000))
    beats.phase("")
    collector.stop()
    told = {name: beats.told(name) for name in ("rest", "panel_is_built", "first_list", "page_opens", "quiet", "events")}
    longest = max(told[name]["longest_ms"] for name in ("first_list", "page_opens", "quiet", "events"))
    return {"pods": pods, "events_per_minute": 2000, **told, "longest_ms": longest, "most_ms": STALL * 1000}


if __name__ == "__main__":
    print(json.dumps(measure(int(os.environ.get("AZORA_BENCH_PODS", "300")))), flush=True)
    os._exit(0)
