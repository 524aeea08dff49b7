"""One command in a container of the chosen pods: asked here, confirmed as a plan, its output read here."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from app.core.errors import Invalid
from ui.widgets import LogView, button, line_edit

if TYPE_CHECKING:
    from app.cluster.actions.running import Ran
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Page


class RunPane(QWidget):
    """Keeps no history: the field is emptied once its plan is made, and outputs live as long as the program."""

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._page: Page | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 10)
        column.setSpacing(8)
        row = QHBoxLayout()
        self.pod = _combo("cluster.run.pod", "Pod to run the command in")
        self.container = _combo("cluster.run.container", "Container to run the command in")
        self.command = line_edit("cluster.run.command", "Command")
        self.command.setPlaceholderText("Command, such as: df -h")
        self.seconds = QSpinBox()
        self.seconds.setObjectName("cluster.run.seconds")
        self.seconds.setAccessibleName("Give up after seconds")
        self.seconds.setRange(1, 600)
        self.seconds.setValue(60)
        self.seconds.setPrefix("at most ")
        self.seconds.setSuffix(" s")
        self.run = button("Run…", icon="play")
        self.run.setObjectName("cluster.run")
        row.addWidget(self.pod, 2)
        row.addWidget(self.container, 1)
        row.addWidget(self.command, 3)
        row.addWidget(self.seconds)
        row.addWidget(self.run)
        column.addLayout(row)
        self.ended = QLabel("")
        self.ended.setProperty("role", "hint")
        self.ended.setWordWrap(True)
        column.addWidget(self.ended)
        self.output = LogView()
        self.output.setObjectName("cluster.run.output")
        self.output.setAccessibleName("Output of the command")
        column.addWidget(self.output, 1)
        self.pod.currentIndexChanged.connect(lambda _index: self._fill_containers())
        self.command.returnPressed.connect(self._ask)
        self.run.clicked.connect(self._ask)

    def show_page(self, page: Page) -> None:
        """Another reading of the cluster."""
        self._page = page
        names = [pod.name for pod in page.chosen.pods] if page.chosen is not None else []
        if [self.pod.itemText(i) for i in range(self.pod.count())] != names:
            was = self.pod.currentText()
            self.pod.blockSignals(True)
            self.pod.clear()
            self.pod.addItems(names)
            self.pod.setCurrentIndex(max(0, self.pod.findText(was)) if names else -1)
            self.pod.blockSignals(False)
            self._fill_containers()
        why = self._panel.why_not("run") or ("" if names else "It has no pods.")
        self.run.setEnabled(not why)
        self.run.setToolTip(why)
        if self.isVisible():
            self._read()

    def _fill_containers(self) -> None:
        page, name = self._page, self.pod.currentText()
        self.container.clear()
        if page is None or page.chosen is None or not name or not page.live:
            return
        from app.cluster.objects import containers

        found = self._panel.bridge.console.clusters.snapshot(page.context).get("Pod", page.chosen.key[1], name)
        self.container.addItems([str(entry["name"]) for entry in containers((found or {}).get("spec"))])

    def _ask(self) -> None:
        page = self._page
        if page is None or page.chosen is None or not self.run.isEnabled():
            return
        try:
            words = shlex.split(self.command.text())
        except ValueError as error:
            words = []
            self._panel.window_.notify(f"The command cannot be read: {error}. Nothing was planned.", "warn")
            return
        actions, where, space = self._panel.bridge.console.clusters.actions, page.context, page.chosen.key[1]
        pod, container, seconds = self.pod.currentText(), self.container.currentText(), self.seconds.value()
        if not words:
            self._panel.window_.notify(str(Invalid("No command was given. Nothing was planned.")), "warn")
            return

        async def plan() -> Any:
            return await actions.plan_exec(where, space, pod, words, container=container, seconds=seconds)

        self._panel.window_.run_plan(plan, "Planning the command")
        self.command.clear()

    def _read(self) -> None:
        page = self._page
        if page is None or page.chosen is None or not page.live:
            self._show(None)
            return
        actions, where, space = self._panel.bridge.console.clusters.actions, page.context, page.chosen.key[1]
        pods = [pod.name for pod in page.chosen.pods]

        async def read() -> Any:
            return actions.last_in(where, space, pods)

        self._panel.bridge.run(read, then=self._show, owner=self)

    def _show(self, ran: Ran | None) -> None:
        if ran is None:
            self.ended.setText("No command was run in these pods since the program started.")
            self.output.set_text("")
            return
        state = ran.problem or (f"Exit code {ran.exit_code}." if ran.exit_code is not None else "It runs.")
        cut = " The rest of its output was dropped." if ran.cut else ""
        self.ended.setText(f"{shlex.join(ran.command)} in {ran.pod}, {ran.container}. {state}{cut}")
        self.output.set_text(ran.text().rstrip("\n"))

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._read()


def _combo(name: str, words: str) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setAccessibleName(words)
    combo.setMinimumWidth(120)
    return combo
