"""Chain, database, cluster and keyring with state and latency; jobs and their progress; the journal's head. Each is a link."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QToolButton

from ui.theme import icon, theme

STATES = {
    "ok": ("check-circle-fill", "ok"),
    "warn": ("warning-fill", "warn"),
    "err": ("x-square-fill", "err"),
    "idle": ("circle", "idle"),
}


class StatusBar(QFrame):
    """26 pixels at the bottom."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("status")
        self.setProperty("role", "bar")
        self.setFixedHeight(theme.metric("statusBar") + 2)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(4)
        self.parts: dict[str, QToolButton] = {}
        for name, word in (("chain", "Chain"), ("database", "Database"), ("cluster", "Cluster"), ("keyring", "Keyring")):
            row.addWidget(self._part(name, f"{word}  not checked yet"))
        row.addStretch(1)
        row.addWidget(self._part("jobs", "No jobs"))
        self.progress = QProgressBar()
        self.progress.setObjectName("status.progress")
        self.progress.setAccessibleName("Progress of the jobs")
        self.progress.setFixedWidth(90)
        self.progress.setFixedHeight(6)
        self.progress.setTextVisible(False)
        self.progress.hide()
        row.addWidget(self.progress)
        row.addWidget(self._part("journal", "Journal empty"))

    def _part(self, name: str, text: str) -> QToolButton:
        made = QToolButton()
        made.setObjectName(f"status.{name}")
        made.setProperty("part", "bar")
        made.setAccessibleName(text)
        made.setAutoRaise(True)
        made.setIconSize(QSize(14, 14))
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setFixedHeight(24)
        made.setText(text)
        made.clicked.connect(lambda: self.asked.emit(name))
        self.parts[name] = made
        return made

    def set(self, name: str, state: str, text: str, tip: str = "") -> None:
        """One part's state and words."""
        part = self.parts[name]
        symbol, color = STATES.get(state, STATES["idle"])
        part.setIcon(icon(symbol, color, 14))
        part.setText(text)
        part.setAccessibleName(text)
        part.setToolTip(tip or text)

    def set_jobs(self, jobs: list[Any]) -> None:
        """Running jobs and how far they are."""
        running = [job for job in jobs if str(job.state) == "running"]
        part = self.parts["jobs"]
        part.setIcon(icon("circle-notch" if running else "list-checks", "accent" if running else "text-2", 14))
        words = f"{len(running)} job{'s' if len(running) > 1 else ''}" if running else "No jobs"
        part.setText(words)
        part.setAccessibleName(words)
        part.setToolTip("\n".join(f"{job.title} {job.text}" for job in running) or "Nothing runs")
        fractions = [job.fraction for job in running if job.fraction is not None]
        self.progress.setVisible(bool(fractions))
        if fractions:
            self.progress.setRange(0, 100)
            self.progress.setValue(int(100 * sum(fractions) / len(fractions)))
