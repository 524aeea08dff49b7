"""An expression for the Prometheus of the context; its answer as lines and as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.core.clock import now_ms
from ui.widgets import Column, LineChart, Row, Table, button, line_edit

if TYPE_CHECKING:
    from app.cluster.prometheus import Queried
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Page

RANGES = (("Now", 0), ("15 min", 900), ("1 h", 3600), ("6 h", 21_600), ("24 h", 86_400), ("7 days", 604_800))


class QueryPane(QWidget):
    """Asks only when told to."""

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._context = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 8, 16, 8)
        column.setSpacing(6)
        self.where = line_edit("cluster.query.where", "Address of Prometheus")
        self.where.setPlaceholderText("Prometheus: http://NAME.tunnel, another address, or a service proxy path of the API server")
        self.save = button("Use it")
        self.save.setObjectName("cluster.query.save")
        self.save.setAccessibleName("Use this Prometheus for the context")
        self.text = line_edit("cluster.query.text", "Expression")
        self.text.setPlaceholderText("Expression, such as: sum by (pod) (rate(container_cpu_usage_seconds_total[5m]))")
        self.range = QComboBox()
        self.range.setObjectName("cluster.query.range")
        self.range.setAccessibleName("Range of time")
        for words, seconds in RANGES:
            self.range.addItem(words, seconds)
        self.range.setCurrentIndex(2)
        self.run = button("Ask", icon="magnifying-glass")
        self.run.setObjectName("cluster.query.run")
        for row in ((self.where, self.save), (self.text, self.range, self.run)):
            line = QHBoxLayout()
            for index, widget in enumerate(row):
                line.addWidget(widget, 0 if index else 1)
            column.addLayout(line)
        self.said = QLabel("")
        self.said.setObjectName("cluster.query.said")
        self.said.setProperty("role", "hint")
        self.said.setWordWrap(True)
        column.addWidget(self.said)
        self.chart = LineChart()
        self.chart.setObjectName("cluster.query.chart")
        self.chart.setAccessibleName("Answer over time")
        self.chart.setMinimumHeight(70)
        self.table = Table([Column("series", "Series", 330), Column("value", "Last value", 110, align="right")], dense=True)
        self.table.setObjectName("cluster.query.table")
        self.table.setAccessibleName("Answer")
        self.table.setMinimumHeight(60)
        below = QHBoxLayout()
        below.addWidget(self.chart, 1)
        below.addWidget(self.table, 1)
        column.addLayout(below, 1)
        self.save.clicked.connect(self._save)
        self.text.returnPressed.connect(self._ask)
        self.run.clicked.connect(self._ask)

    def show_page(self, page: Page) -> None:
        """Another reading of the cluster; an answer stays until another cluster is shown."""
        for made in (self.run, self.save):
            made.setEnabled(page.live)
            made.setToolTip("" if page.live else "A recorded cluster has no Prometheus.")
        if page.context != self._context:
            self._context = page.context
            self.where.setText(self._panel.bridge.console.clusters.prometheus(page.context) if page.live else "")
            self._clear("")

    def _save(self) -> None:
        clusters, context, where = self._panel.bridge.console.clusters, self._context, self.where.text().strip()

        async def say() -> None:
            clusters.set_context(context, prometheus=where)

        done = "Prometheus is set." if where else "No Prometheus is set."
        self._panel.bridge.run(say, then=lambda _none: self.said.setText(done), fail=self._failed, owner=self)

    def _ask(self) -> None:
        if not self.run.isEnabled():
            return
        clusters, context, text = self._panel.bridge.console.clusters, self._context, self.text.text().strip()
        seconds = int(self.range.currentData())
        self._clear("Asking…")
        self.run.setEnabled(False)
        self._panel.bridge.run(lambda: clusters.query(context, text, seconds), then=self._show, fail=self._failed, owner=self)

    def _clear(self, words: str) -> None:
        self.said.setText(words)
        self.chart.set_series([])
        self.table.set_rows([])

    def _failed(self, error: Any) -> bool:
        self.run.setEnabled(True)
        self._clear(str(error))
        return True

    def _show(self, answer: Queried) -> None:
        self.run.setEnabled(True)
        now = now_ms()
        long = [line for line in answer.lines if len(line.points) > 1]
        self.chart.setVisible(bool(long))
        self.chart.set_series(
            [(_short(line.name), [((at - now) / 60_000, v) for at, v in line.points if math.isfinite(v)]) for line in long[:5]],
            "minutes",
        )
        rows = [(line.name, line.points[-1][1]) for line in answer.lines if line.points]
        self.table.set_rows([Row(f"{i} {name}", {"series": name, "value": f"{v:,.6g}"}) for i, (name, v) in enumerate(rows)])
        words = [f"{len(answer.lines)} series." if answer.lines else "Nothing fits the expression."]
        if len(long) > 5:
            words.append("The first five are drawn.")
        if answer.left_out:
            words.append(f"{answer.left_out} further series are left out.")
        self.said.setText(" ".join([*words, *answer.warnings]))


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
