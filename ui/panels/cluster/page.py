"""The page of one cluster: workloads over pods and autoscaling over logs, the chosen one's rollout at the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from ui.panels.cluster.drawn import PodGrid, ShareBar, scrolled_column
from ui.panels.cluster.fleet import sync_cell
from ui.panels.cluster.looking import LookingPane
from ui.panels.cluster.side import UNREAD, SidePane
from ui.widgets import Column, IconCell, Note, Pane, Row, Segmented, StatusCell, Table, empty, line_edit

if TYPE_CHECKING:
    from ui.panels.cluster.panel import ClusterPanel
    from ui.panels.cluster.reading import Key, Page, WorkRow

NARROW_HIDES = ("sync", "share")  # columns that the right side shows of the chosen workload
CALM = ("ok", "run", "idle")
ICONS = {"Canary": "funnel", "Blue-green": "arrows-left-right", "Schedule": "clock", "Once": "check"}


def _has(row: WorkRow, words: list[str]) -> bool:
    hay = f"{row.line.namespace}/{row.line.name} {row.line.kind} {' '.join(row.line.images)}".casefold()
    return all(word in hay for word in words)


class ClusterPage(QWidget):
    """Shows one reading."""

    chosen = Signal(object)  # key of a workload or pod, or None

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._page: Page | None = None
        self._scaled: object = None  # what the autoscalers were drawn from
        self.enlarged = False  # what is looked at closer has the page to itself
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.note = Note("warn", "")
        self.note.hide()
        column.addWidget(self.note)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        centre = QSplitter(Qt.Orientation.Vertical)
        centre.setChildrenCollapsible(False)
        centre.addWidget(self._build_workloads())
        self.middle = middle = QSplitter(Qt.Orientation.Horizontal)
        middle.setChildrenCollapsible(False)
        middle.addWidget(self._build_pods())
        middle.addWidget(self._build_scaling())
        middle.setSizes([480, 380])
        centre.addWidget(middle)
        self.looking = LookingPane(panel)
        self.looking.pointed.connect(lambda *key: self.chosen.emit(key))
        centre.addWidget(self.looking)
        centre.setSizes([310, 190, 250])
        split.addWidget(centre)
        self.side = SidePane()
        self.side.setMinimumWidth(300)
        split.addWidget(self.side)
        split.setStretchFactor(0, 1)
        split.setSizes([860, 380])
        column.addWidget(split, 1)

    def _build_workloads(self) -> QWidget:
        self.pane = Pane("Workloads")
        self.where = QLabel("")
        self.where.setProperty("role", "hint")
        self.pane.add_header(self.where)
        self.filter = Segmented([("all", "All"), ("attention", "Needs attention")])
        self.filter.setObjectName("cluster.filter")
        self.filter.changed.connect(lambda _value: self._fill())
        self.words = line_edit("cluster.workloads.filter", "Filter workloads")
        self.words.setPlaceholderText("Filter")
        self.words.setToolTip("Every word must occur in namespace, name, kind or image")
        self.words.setClearButtonEnabled(True)
        self.words.setMaximumWidth(150)
        self.words.textChanged.connect(lambda _text: self._fill())
        self.pane.add_header(self.words, right=True)
        self.pane.add_header(self.filter, right=True)
        self.table = Table(
            [
                Column("name", "Name", 160),
                Column("kind", "Kind", 98),
                Column("ready", "Ready", 70, align="right"),
                Column("rollout", "Rollout", 108, kind="icon"),
                Column("share", "Share", 108, align="right"),
                Column("sync", "Argo CD sync", 118, kind="status"),
                Column("cpu", "CPU", 66, align="right"),
                Column("score", "Score", 66, align="right", kind="number"),
                Column("health", "Health", 124, kind="status"),
            ]
        )
        self.table.setObjectName("cluster.workloads")
        self.table.setAccessibleName("Workloads")
        self.table.selected.connect(lambda row: self._select(row))
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self.pane)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self._leave)
        self.pane.body.addWidget(self.table, 1)
        return self.pane

    def _build_pods(self) -> QWidget:
        self.pods = Pane("Pods")
        self.pods_ready = QLabel("")
        self.pods_ready.setProperty("role", "hint")
        self.pods.add_header(self.pods_ready)
        area, self._pods = scrolled_column("cluster.pods", "Pods by node")
        self.pods.body.addWidget(area)
        self._grids: dict[str, tuple[QLabel, PodGrid]] = {}
        return self.pods

    def _build_scaling(self) -> QWidget:
        self.scaling = Pane("Autoscaling")
        hint = QLabel("HPA")
        hint.setProperty("role", "hint")
        self.scaling.add_header(hint)
        area, self._hpas = scrolled_column("cluster.hpas", "Autoscalers")
        self.scaling.body.addWidget(area)
        return self.scaling

    # showing

    def set_narrow(self, narrow: bool) -> None:
        """Where there is no room for everything, the workloads keep what tells them apart."""
        self.table.hide_columns(NARROW_HIDES if narrow else ())

    def set_enlarged(self, enlarged: bool) -> None:
        """Give the page to what is looked at closer, or back to everything."""
        self.enlarged = enlarged
        self.pane.setVisible(not enlarged)
        self.middle.setVisible(not enlarged)

    def show_page(self, page: Page) -> None:
        """Show a reading."""
        self._page = page
        self.note.setVisible(bool(page.note))
        self.note.set_text(page.note)
        score = f"score {page.health.score} of 100" if page.known_at else "not read yet"
        self.where.setText(", ".join(word for word in (page.version, score) if word))
        attention = sum(row.state not in CALM for row in page.rows)
        self.filter.set_text("all", f"All {len(page.rows)}")
        self.filter.set_text("attention", f"Needs attention {attention}")
        self._fill()
        self._show_pods(page)
        self._show_scaling(page)
        self.side.show_page(page, self._panel.verbs.why_not)
        self.looking.show_page(page)

    def _fill(self) -> None:
        if self._page is None:
            return
        words = self.words.text().casefold().split()
        rows = [
            r
            for r in self._page.rows
            if (self.filter.value() != "attention" or r.state not in CALM) and (not words or _has(r, words))
        ]
        several = len({row.line.namespace for row in rows}) > 1
        self.table.set_rows([self._row(row, several) for row in rows])
        if self._page.chosen is not None:
            wanted = "\n".join(self._page.chosen.key)
            if self.table.selected_id() != wanted:
                blocked = self.table.blockSignals(True)
                self.table.select(wanted)
                self.table.blockSignals(blocked)
        elif self.table.selected_id():
            self.table.select_many([])

    def _row(self, row: WorkRow, several: bool) -> Row:
        line = row.line
        return Row(
            "\n".join(line.key),
            {
                "name": f"{line.namespace}/{line.name}" if several else line.name,
                "kind": line.kind,
                "ready": f"{line.ready} / {line.wanted}",
                "rollout": IconCell(ICONS.get(row.strategy, "arrows-clockwise"), row.strategy),
                "share": row.weight,
                "sync": sync_cell(row.sync) if row.sync else "",
                "cpu": f"{row.cpu[-1][1]:,.0f}m" if row.cpu else "",
                "score": row.score,
                "health": StatusCell(row.state, row.word),
            },
        )

    def _select(self, row: str) -> None:
        key = tuple(row.split("\n")) if row else None
        if self._page is not None and (self._page.chosen is None or key != self._page.chosen.key):
            self.chosen.emit(key)

    def _leave(self) -> None:
        """First the filter goes, then what is chosen."""
        if self.words.text():
            self.words.clear()
        else:
            self.chosen.emit(None)

    def _show_pods(self, page: Page) -> None:
        self.pods_ready.setText(f"{page.pods_ready} of {page.pods} ready" if page.known_at else "not read yet")
        names = [node.name for node, _, _ in page.nodes]
        if list(self._grids) != names:
            empty(self._pods)
            self._grids = {}
            for name in names:
                box = QWidget()
                row = QHBoxLayout(box)
                row.setContentsMargins(0, 0, 0, 0)
                row.setSpacing(12)
                label = QLabel(name)
                label.setTextFormat(Qt.TextFormat.PlainText)
                label.setFixedWidth(132)
                label.setWordWrap(True)
                grid = PodGrid()
                grid.setObjectName(f"cluster.grid.{name}")
                grid.chosen.connect(lambda space, pod: self.chosen.emit(("Pod", space, pod)))
                row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
                row.addWidget(grid, 1)
                self._pods.addWidget(box)
                self._grids[name] = (label, grid)
            self._pods.addStretch(1)
        for node, cells, words in page.nodes:
            label, grid = self._grids[node.name]
            label.setText(f"{node.name}\n{words}" if words else node.name)
            label.setProperty("role", "err" if not node.ready else "")
            grid.set_cells(node.name, cells)

    def _show_scaling(self, page: Page) -> None:
        looks = (page.hpas, page.unscaled, bool(page.known_at))
        if looks == self._scaled:
            return
        self._scaled = looks
        empty(self._hpas)
        if not page.hpas:
            none = QLabel(page.unscaled or ("Nothing is scaled automatically here." if page.known_at else UNREAD))
            none.setWordWrap(True)
            none.setProperty("role", "hint")
            self._hpas.addWidget(none)
        for hpa in page.hpas:
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 4)
            column.setSpacing(3)
            head = QHBoxLayout()
            head.addWidget(QLabel(hpa.target[1]))
            head.addStretch(1)
            head.addWidget(QLabel(f"{hpa.now} pods, {hpa.least} to {hpa.most}"))
            column.addLayout(head)
            bar = ShareBar()
            color = "err" if hpa.blind else "warn" if hpa.limited == "TooManyReplicas" else "accent"
            bar.set_parts([(hpa.share, color)], f"{hpa.now} of at most {hpa.most} pods")
            column.addWidget(bar)
            words = QLabel(hpa.blind or ", ".join(hpa.measures))
            words.setTextFormat(Qt.TextFormat.PlainText)
            words.setProperty("role", "err" if hpa.blind else "hint")
            words.setWordWrap(True)
            column.addWidget(words)
            self._hpas.addWidget(box)
        self._hpas.addStretch(1)

    def key(self) -> Key | None:
        """What is chosen."""
        return self._page.chosen.key if self._page is not None and self._page.chosen is not None else None
