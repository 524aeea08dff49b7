"""How fast this machine searches, measured when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.widgets import KeyValue, Note, Pane, button, empty, scrolled

if TYPE_CHECKING:
    from app.mining.kernel.bench import Bench
    from ui.panels.mining.panel import MiningPanel

BENCH_SECONDS = 2.0


class MachinePane(Pane):
    """Rates by instruction set, each measured here."""

    def __init__(self, panel: MiningPanel) -> None:
        super().__init__("This machine")
        self._panel = panel
        self.measure = button("Measure this machine", icon="gauge")
        self.measure.setObjectName("mining.measure")
        self.measure.clicked.connect(self._measure)
        self.add_header(self.measure, right=True)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(8)
        self.note = Note("info", "Not measured in this session. It takes some seconds, in which every core is busy.")
        self.measured = QVBoxLayout()
        layout.addWidget(self.note)
        layout.addLayout(self.measured)
        layout.addStretch(1)
        self.body.addWidget(scrolled(inner, "Measurements of this machine"), 1)
        self.setMinimumWidth(240)

    def _measure(self) -> None:
        console = self._panel.bridge.console
        self.measure.setEnabled(False)
        self.note.set_text("Measuring: every core searches for some seconds.")
        self.note.show()

        async def measure() -> Bench:
            import asyncio

            from app.mining.kernel.bench import bench

            job = console.jobs.start("Measure this machine", lambda _: asyncio.to_thread(bench, BENCH_SECONDS), kind="mining")
            result: Bench = await job.wait()
            return result

        def failed(error: Any) -> bool:
            self.measure.setEnabled(True)
            self.note.set_text(f"Not measured. {error}")
            return False

        self._panel.bridge.run(measure, then=self.show_bench, fail=failed, owner=self)

    def show_bench(self, result: Bench) -> None:
        """Show what was measured, by instruction set."""
        self.measure.setEnabled(True)
        self.note.hide()
        empty(self.measured)
        threads = "1 thread" if result.threads == 1 else f"{result.threads} threads"
        pairs = [(f"All of it, {threads}", f"{result.mh_per_second:,.2f} MH/s by the clock, {result.instruction_set}")]
        pairs += [
            (rate.instruction_set, f"{rate.mh_per_second_per_core:,.3f} MH/s per core, compiled in {rate.start_up_seconds:.2f} s")
            for rate in result.kernels
        ]
        self.measured.addWidget(KeyValue(pairs))
