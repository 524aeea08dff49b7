"""Many proofs at once: a list from a file with what became of each row, and a folder whose lists are taken as they come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QPushButton

from app.core.errors import Invalid
from app.core.events import JobChanged
from ui.panels.mining.forms import NetworkForm, content
from ui.theme import icon
from ui.widgets import Column, FileField, Note, Row, StatusCell, Table, button

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.core.jobs import Job
    from app.mining.intake import IntakeReport
    from ui.shell.panel import Panel

WORDS = {
    "in_review": ("pend", "To review"),
    "ready": ("ok", "Ready"),
    "known": ("idle", "Known"),
    "refused": ("err", "Refused"),
}


class ImportForm(NetworkForm):
    """A CSV or JSON list; each row stands for itself."""

    title = "Import a list of proofs"
    context = "Each row goes into the queue by itself; nothing is minted yet"
    primary = "Import list"
    planned = False
    stays = True

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self.file = FileField(
            "mining.import.file", "List", "CSV or JSON. Evidence files lie beside it", "Path of the list",
            title="List of proofs", pattern="Lists (*.csv *.json)", icon="file-csv",
        )  # fmt: skip
        self.path = self.file.edit
        self.column.addWidget(self.file)
        self.note = Note(
            "info", "Columns: contributor, activity, score, evidence; where wanted reward (AZR), deadline (UTC) and url."
        )
        self.note.setObjectName("mining.import.note")
        self.column.addWidget(self.note)
        self.table = Table(
            [
                Column("line", "Line", 48, align="right", kind="number"),
                Column("state", "Outcome", 104, kind="status"),
                Column("proof", "Proof", 64),
                Column("problem", "Why", 170),
            ],
            dense=True,
        )
        self.table.setObjectName("mining.import.outcomes")
        self.table.setAccessibleName("What became of each row")
        self.table.hide()
        self.why = Note("info", "")
        self.why.hide()
        self.table.selected.connect(self._tell)
        self.column.addWidget(self.table, 1)
        self.column.addWidget(self.why)
        self.column.addStretch(0)

    def work(self) -> Callable[[], Awaitable[Any]]:
        network, path, mining = self.network_id(), self.file.path(), self.panel.bridge.console.mining
        if path is None:
            raise Invalid("No list is named. Nothing was queued.", "Choose a file.", field="file")

        async def submit() -> IntakeReport:
            return await mining.submit_list(network, await content(path, "queued"), path.name, path.parent)

        return submit

    def finished(self, result: Any) -> None:
        rows = []
        for outcome in result.outcomes:
            number = f"#{outcome.number:,}" if outcome.number is not None else "–"
            state = WORDS.get(outcome.status, ("idle", outcome.status.capitalize()))
            cells = {"line": outcome.line, "state": StatusCell(*state), "proof": number, "problem": outcome.problem or "–"}
            rows.append(Row(str(outcome.line), cells))
        self.table.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.why.hide()
        self.note.set_level("warn" if result.refused else "ok")
        self.note.set_text(
            f"{result.name}: {result.queued:,} of {len(rows):,} rows are in the queue now, {result.known:,} were known before, "
            f"{result.refused:,} were refused."
        )
        self.panel.refresh()

    def _tell(self, row_id: str) -> None:
        row = next((row for row in self.table.rows() if row.id == row_id), None)
        text = str(row.cells["problem"]) if row else "–"
        self.why.setVisible(text != "–")
        self.why.set_text(f"Line {row_id}: {text}")


class WatchButton:
    """Begins and ends the watch of a folder; the watch is a job and ends with the console."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self.job: Job | None = None
        self.button: QPushButton = button("Watch folder…", icon="folder-open")
        self.button.setObjectName("mining.watch")
        self.button.clicked.connect(self.toggle)
        panel.bridge.on(JobChanged, self._changed, panel)
        self._show()

    def toggle(self) -> None:
        """Ask for a folder, or end the watch that runs."""
        job = self.job
        if job is not None:

            async def end() -> None:
                job.cancel()

            self._panel.bridge.run(end, owner=self._panel)
            return
        dialog = QFileDialog(self._panel, "Folder that is watched for lists of proofs")
        dialog.setObjectName("mining.watch.dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.watch)
        dialog.open()

    def watch(self, folder: str) -> None:
        """Watch this folder for the network that is selected."""
        console = self._panel.bridge.console
        network = console.networks.current
        if network is None:
            self._panel.window_.notify("No network is selected. Nothing is watched.", "warn")
            return

        async def begin() -> Job:
            job: Job = console.mining.watch_folder(network.id, Path(folder))
            return job

        def begun(job: Job) -> None:
            self.job = job
            self._changed(None)
            if self.job is not None:
                text = f"Lists that are put into {Path(folder).name} go into the queue of {network.name}."
                self._panel.window_.notify(text, "ok", "azora://jobs")

        self._panel.bridge.run(begin, then=begun, owner=self._panel)

    def _changed(self, event: JobChanged | None) -> None:
        job = self.job
        if job is None or (event is not None and event.job_id != job.id):
            return
        if str(job.state) != "running":
            self.job = None
            if job.error:
                self._panel.window_.notify(job.error, "err")
        self._show()

    def _show(self) -> None:
        watching = self.job is not None
        self.button.setText("Stop watching" if watching else "Watch folder…")
        self.button.setIcon(icon("stop" if watching else "folder-open"))
        tip = (self.job.text or self.job.title) if self.job else "Lists that are put into the folder go into the queue"
        self.button.setToolTip(tip)
