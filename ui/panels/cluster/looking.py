"""Looking closer at what is chosen: logs of its pods, its YAML, what hangs together with it, and who may talk to it."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QStackedWidget, QWidget

from ui.panels.cluster.querying import QueryPane
from ui.panels.cluster.running import RunPane
from ui.panels.cluster.topology import TopologyPane
from ui.panels.cluster.using import UsagePane
from ui.widgets import Column, EmptyState, LogView, Pane, Row, Segmented, StatusCell, Table, button, line_edit

if TYPE_CHECKING:
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Chosen, Page

KEPT = 5_000  # lines
TAIL = 1_000  # lines of each container, to begin with
MOST_PODS = 20  # read as one log; each costs a connection
NO_TRAFFIC = "Nothing is known of connections"
OPENS_NONE = "Network policies decide between pods. Select a workload or a pod."


class LookingPane(Pane):
    """Tabs over the chosen object. Logs are read only while they are shown."""

    pointed = Signal(str, str, str)  # kind, namespace, name
    enlarged = Signal(bool)  # it wants the whole page, or gives it back

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__("Look closer")
        self._panel = panel
        self._chosen: Chosen | None = None
        self._page: Page | None = None
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._arrived: deque[str] = deque()
        self._reading: Any = None
        self._read_of: tuple[object, ...] = ()
        self._shown: object = None
        self.tabs = Segmented(
            [
                ("logs", "Logs"),
                ("yaml", "YAML"),
                ("related", "Topology"),
                ("traffic", "Traffic"),
                ("pods", "Pods"),
                ("usage", "Usage"),
                ("run", "Command"),
                ("query", "Query"),
            ]
        )
        self.tabs.setObjectName("cluster.look")
        self.tabs.changed.connect(lambda _tab: self._show())
        self.add_header(self.tabs)
        self.enlarge = button("", icon="arrows-out-simple")
        self.enlarge.setObjectName("cluster.enlarge")
        self.enlarge.setAccessibleName("Enlarge")
        self.enlarge.setToolTip("Let this take the whole page, and back")
        self.enlarge.setCheckable(True)
        self.enlarge.toggled.connect(self.enlarged)
        self.add_header(self.enlarge, right=True)
        self.leave = button("", icon="x")
        self.leave.setObjectName("cluster.leave")
        self.leave.setAccessibleName("Back to the whole cluster")
        self.leave.setToolTip("Back to the whole cluster and all its signals")
        self.leave.clicked.connect(lambda: panel.choose(None))
        self.add_header(self.leave, right=True)
        self.filter = line_edit("cluster.log.filter", "Filter lines")
        self.filter.setPlaceholderText("Filter lines")
        self.filter.setClearButtonEnabled(True)
        self.filter.setMaximumWidth(190)
        self.filter.textChanged.connect(lambda _text: self._show_lines())
        self.previous = QCheckBox("Previous container")
        self.previous.setObjectName("cluster.log.previous")
        self.previous.toggled.connect(lambda _on: self._follow())
        self.save = button("Save…", icon="download-simple")
        self.save.setObjectName("cluster.log.save")
        self.save.clicked.connect(self._save)
        self.edit = button("Edit…", icon="pencil-simple")
        self.edit.setObjectName("cluster.yaml.edit")
        self.edit.clicked.connect(lambda: panel.window_.trigger("cluster.edit"))
        self.tools = QWidget()  # a row of its own: beside the tabs it would make the whole window wide
        row = QHBoxLayout(self.tools)
        row.setContentsMargins(16, 4, 16, 4)
        row.addStretch(1)
        for widget in (self.filter, self.previous, self.save, self.edit):
            row.addWidget(widget)
        self.body.addWidget(self.tools)
        self.stack = QStackedWidget()
        self.none = EmptyState(
            "magnifying-glass", "Nothing is selected", "Select a workload or a pod to see its logs and what hangs together."
        )
        self.log = LogView()
        self.log.setObjectName("cluster.log")
        self.yaml = LogView()
        self.yaml.setObjectName("cluster.yaml")
        self.yaml.setAccessibleName("YAML")
        self.topology = TopologyPane(panel)
        self.topology.pointed.connect(self.pointed)
        self.traffic = Table(
            [Column("flow", "Connection", 340), Column("may", "Allowed", 90, kind="status"), Column("why", "Why", 460)], dense=True
        )
        self.traffic.setObjectName("cluster.traffic")
        self.traffic.setAccessibleName("Who may connect")
        self.pods = Table(
            [
                Column("name", "Pod", 250),
                Column("word", "Status", 140, kind="status"),
                Column("ready", "Ready", 56, align="right"),
                Column("restarts", "Restarts", 66, align="right", kind="number"),
                Column("node", "Node", 110),
                Column("age", "Age", 70),
            ],
            dense=True,
        )
        self.pods.setObjectName("cluster.pods.table")
        self.pods.setAccessibleName("Pods of the selection")
        self.no_traffic = EmptyState("tree-structure", NO_TRAFFIC, OPENS_NONE)
        self.usage, self.running, self.query = UsagePane(panel), RunPane(panel), QueryPane(panel)
        self._pages: dict[str, QWidget] = {
            "logs": self.log,
            "yaml": self.yaml,
            "related": self.topology,
            "traffic": self.traffic,
            "pods": self.pods,
            "usage": self.usage,
            "run": self.running,
            "query": self.query,
        }
        for page in (self.none, self.no_traffic, *self._pages.values()):
            self.stack.addWidget(page)
        self.body.addWidget(self.stack, 1)
        self._drain = QTimer(self)
        self._drain.setInterval(150)
        self._drain.timeout.connect(self._take)
        self._show()

    def show_page(self, page: Page) -> None:
        """Another reading; the log goes on when the pods are the same."""
        from app.cluster.quantities import age

        self._page, self._chosen = page, page.chosen
        why = self._panel.why_not("edit")
        self.edit.setEnabled(not why)
        self.edit.setToolTip(why)
        self.usage.show_page(page)
        self.running.show_page(page)
        self.query.show_page(page)
        if page.chosen is not None:
            chosen = page.chosen
            self.set_title(f"{chosen.key[0]} {chosen.key[2]}")
            if self._shown != chosen.key:
                self.yaml.set_text("")
            self.yaml.set_text(chosen.yaml or "It was not read, or it is gone.")
            if self._shown != chosen.key:
                self.yaml.verticalScrollBar().setValue(0)
            self._shown = chosen.key
            self.topology.show_chosen(chosen)
            self.no_traffic.set_text(NO_TRAFFIC, chosen.traffic_said or OPENS_NONE)
            self.traffic.set_rows(
                [
                    Row(
                        flow,
                        {
                            "flow": flow,
                            "may": StatusCell("ok", "Yes") if v.allowed else StatusCell("err", "No"),
                            "why": " ".join(v.why),
                        },
                    )
                    for flow, v in chosen.traffic
                ]
            )
            self.pods.set_rows(
                [
                    Row(
                        pod.name,
                        {
                            "name": pod.name,
                            "word": StatusCell(
                                "ok" if pod.is_ready or pod.ended else "warn" if pod.word == "Running" else "err", pod.word
                            ),
                            "ready": f"{pod.ready}/{pod.total}",
                            "restarts": pod.restarts,
                            "node": pod.node or "none",
                            "age": age(pod.created_at, page.now),
                        },
                    )
                    for pod in chosen.pods
                ]
            )
        else:
            self.set_title("Look closer")
        self._show()

    def show_tab(self, tab: str) -> None:
        """Open a tab."""
        if tab in self._pages:
            self.tabs.set_value(tab)
            self._show()

    def _show(self) -> None:
        tab = self.tabs.value() or "logs"
        chosen = self._chosen is not None
        none = self._chosen is not None and tab == "traffic" and not self._chosen.traffic
        self.stack.setCurrentWidget(self.no_traffic if none else self._pages[tab] if chosen or tab == "query" else self.none)
        for widget in (self.filter, self.previous, self.save):
            widget.setVisible(chosen and tab == "logs")
        self.leave.setVisible(chosen)
        self.edit.setVisible(chosen and tab == "yaml" and self._page is not None and self._page.live)
        self.tools.setVisible(not self.edit.isHidden() or not self.save.isHidden())
        if chosen and tab == "logs":
            self._follow()
        else:
            self._end()

    # logs

    def _follow(self) -> None:
        """Read the logs of the chosen pods, and go on as they grow."""
        chosen, page = self._chosen, self._page
        if chosen is None or page is None or not self.isVisible():
            return
        pods = tuple(sorted(pod.name for pod in chosen.pods))[:MOST_PODS]
        wanted = (page.context, chosen.key[1], pods, self.previous.isChecked())
        if wanted == self._read_of:
            return
        self._end()
        self._read_of = wanted
        follow = not self.previous.isChecked()
        self._lines.clear()
        self._arrived.clear()
        self.log.set_text("")
        if not page.live:
            self.log.set_text("Logs are not part of the recorded cluster.")
            return
        if why := page.refusal("logs", chosen.key):
            self.log.set_text(why)
            return
        if not pods:
            node = chosen.key[0] == "Node"
            self.log.set_text("A node has no log here: choose one of its pods." if node else "It has no pods, so there is no log.")
            return
        self.log.set_text("There is no line yet." if follow else "There is no line.")
        if len(pods) < len(chosen.pods):
            self._arrived.append(
                f"Only the first {len(pods)} of its {len(chosen.pods)} pods are read; choose a pod to read another."
            )
        clusters = self._panel.bridge.console.clusters
        sources = clusters.log_sources(page.context, chosen.key[1], pods, previous=self.previous.isChecked())
        several = len(sources) > 1

        def sink(line: Any) -> None:  # on the service loop
            who = f"{line.pod}  " if several else ""
            self._arrived.append(f"{line.time[11:19]}  {who}{line.text}")

        def problem(source: Any, error: Any) -> None:
            self._arrived.append(f"{source.pod}/{source.container}: {error.message}")

        self._drain.start()
        self._reading = self._panel.bridge.run(
            lambda: clusters.logs(page.context, sources, sink, tail=TAIL, follow=follow, problem=problem), owner=self
        )

    def _end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._read_of = ()
        self._drain.stop()

    def _take(self) -> None:
        fresh = False
        while self._arrived:
            self._lines.append(self._arrived.popleft())
            fresh = True
        if fresh:
            self._show_lines()

    def _show_lines(self) -> None:
        wanted = self.filter.text().casefold()
        self.log.set_text("\n".join(line for line in self._lines if wanted in line.casefold()))

    def _save(self) -> None:
        dialog = QFileDialog(
            self, "Save log", str(Path.home() / f"{self._chosen.key[2] if self._chosen else 'log'}.log"), "Text (*.log)"
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        text = "\n".join(self._lines)

        def write(path: str) -> None:
            try:
                Path(path).write_text(text + "\n", encoding="utf-8")
            except OSError as error:
                self._panel.window_.notify(f"{path} cannot be written ({error.strerror}). Nothing was saved.", "warn")
            else:
                self._panel.window_.notify(f"Log written: {path}, {len(text.splitlines()):,} lines as shown here", "ok")

        dialog.fileSelected.connect(write)
        dialog.open()

    def hideEvent(self, event: Any) -> None:
        self._end()
        super().hideEvent(event)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._show()
