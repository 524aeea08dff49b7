"""The fleet: all contexts at a glance, and a search across them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.widgets import Column, EmptyState, FaintCell, IconCell, KpiStrip, Note, Pane, Row, StatusCell, Table, button, line_edit

if TYPE_CHECKING:
    from app.cluster import FleetRow, Found
    from ui.panels.cluster.panel import ClusterPanel

SEVERITIES = {"critical": "err", "warning": "warn", "notice": "idle", "ok": "ok"}
ENVIRONMENTS = {"local": "LOCAL", "test": "TEST", "production": "PRODUCTION"}


def ago(since: int, now: int) -> str:
    """An age as kubectl writes it, or empty."""
    from app.cluster.quantities import age

    return f"{age(since, now)} ago" if since else ""


class FleetPage(QWidget):
    """KPIs, one row a context, and the search below."""

    opened = Signal(str)  # context
    found = Signal(str, str, str, str)  # context, kind, namespace, name

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__()
        self._panel = panel
        self._rows: Sequence[FleetRow] = ()
        self._hits: dict[str, Found] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._build_figures())
        self.table = Table(
            [
                Column("name", "Cluster", 190),
                Column("environment", "Environment", 126),
                Column("reach", "Reachable", 118, kind="status"),
                Column("worst", "Worst signal", 270, kind="status"),
                Column("since", "Age", 66),
                Column("pods", "Pods", 70, align="right"),
                Column("nodes", "Nodes", 62, align="right"),
                Column("sync", "Argo CD sync", 104, kind="status"),
                Column("health", "Health", 122, kind="status"),
                Column("read", "Read", 112),
            ]
        )
        self.table.setObjectName("cluster.fleet")
        self.table.setAccessibleName("Clusters")
        self.table.activated.connect(lambda _index: self._open())
        column.addWidget(self.table, 2)
        self.note = Note("warn", "")
        self.again = button("Try now", icon="arrows-clockwise")
        self.again.setObjectName("cluster.try")
        self.again.clicked.connect(self._try)
        self.told = QWidget()
        line = QHBoxLayout(self.told)
        line.setContentsMargins(0, 0, 12, 0)
        line.addWidget(self.note, 1)
        line.addWidget(self.again)
        self.told.hide()
        column.addWidget(self.told)
        self.none = self._build_none()
        column.addWidget(self.none, 3)
        column.addWidget(self._build_search(), 3)

    def _build_figures(self) -> QWidget:
        self.figures = KpiStrip(
            "cluster.kpi",
            (
                ("reach", "Reachable"),
                ("pods", "Pods ready"),
                ("attention", "Clusters need attention"),
                ("sync", "OutOfSync applications"),
                ("score", "Lowest score"),
            ),
        )
        return self.figures

    def _build_none(self) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        self.why_none = EmptyState(
            "cube",
            "No cluster is known",
            "The console reads KUBECONFIG and ~/.kube/config, as kubectl does. Add a file, or explore a recorded cluster.",
            ("Add kubeconfig…", lambda: self._panel.window_.trigger("cluster.add")),
        )
        column.addStretch(1)
        column.addWidget(self.why_none)
        explore = button("Explore the recorded cluster", icon="play")
        explore.setObjectName("cluster.explore")
        explore.clicked.connect(lambda: self._panel.explore())
        column.addWidget(explore, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return box

    def _build_search(self) -> QWidget:
        self.search_pane = Pane("Search across clusters")
        hint = QLabel("kinds, names, labels, images")
        hint.setProperty("role", "hint")
        self.search_pane.add_header(hint)
        self.count = QLabel("")
        self.count.setProperty("role", "hint")
        self.search_pane.add_header(self.count, right=True)
        bar = QFrame()
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        self.text = line_edit("cluster.search", "Search across clusters")
        self.text.setPlaceholderText("Every word must occur")
        self.text.setClearButtonEnabled(True)
        self.text.setMaximumWidth(420)
        self.environment = QComboBox()
        self.environment.setObjectName("cluster.search.environment")
        self.environment.setAccessibleName("Environment")
        self.environment.addItem("All environments", "")
        for value, word in ENVIRONMENTS.items():
            self.environment.addItem(word, value)
        self.kind = QComboBox()
        self.kind.setObjectName("cluster.search.kind")
        self.kind.setAccessibleName("Kind")
        self.kind.addItem("All kinds", "")
        for kind in (
            "Deployment",
            "StatefulSet",
            "DaemonSet",
            "Rollout",
            "Pod",
            "Service",
            "Ingress",
            "ConfigMap",
            "Node",
            "CronJob",
        ):
            self.kind.addItem(kind, kind)
        row.addWidget(self.text, 1)
        row.addWidget(self.environment)
        row.addWidget(self.kind)
        row.addStretch(1)
        self.search_pane.body.addWidget(bar)
        self.results = Table(
            [
                Column("name", "Name", 240),
                Column("kind", "Kind", 110),
                Column("namespace", "Namespace", 120),
                Column("cluster", "Cluster", 200),
                Column("image", "Image", 320),
                Column("state", "Read", 120, kind="status"),
            ]
        )
        self.results.setObjectName("cluster.results")
        self.results.setAccessibleName("Results")
        self.results.activated.connect(lambda _index: self._open_hit())
        self.search_pane.body.addWidget(self.results, 1)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(180)
        self._typing.timeout.connect(self._search)
        self.text.textChanged.connect(lambda _text: self._typing.start())
        self.environment.currentIndexChanged.connect(lambda _i: self._search())
        self.kind.currentIndexChanged.connect(lambda _i: self._search())
        return self.search_pane

    # showing

    def show_fleet(self, rows: Sequence[FleetRow], problems: Sequence[str], now: int) -> None:
        """Show all contexts."""
        # What is live and what is of before is said of each hit too.
        turned = [(row.context, row.reach.answers) for row in rows] != [(row.context, row.reach.answers) for row in self._rows]
        self._rows = rows
        if turned and self.text.text().strip():
            self._search()
        for widget in (self.figures, self.table, self.search_pane):
            widget.setVisible(bool(rows))
        self.none.setVisible(not rows)
        self.table.set_rows([self._row(row, now) for row in rows])
        if rows and not self.table.selected_id():
            self.table.select(rows[0].context)
        silent = [row for row in rows if row.connected and row.reach.answers is False]
        words = [_silent(r) for r in silent] + [row.problem for row in rows if row.problem]
        self.told.setVisible(bool(words or problems))
        self.again.setVisible(bool(silent))
        self.note.set_text(" ".join([*words, *problems]))
        answering = [row for row in rows if row.reach.answers]
        apart = _apart(rows)
        self.figures["reach"].set_figure(f"{len(answering)} of {len(rows)}" if rows else "–")
        self.figures["reach"].set_context(
            f"{silent[0].context} {'refuses' if silent[0].reach.refused else 'does not answer'}"
            if silent
            else "every one that is connected"
        )
        self.figures["pods"].set_figure(
            f"{sum(r.pods_ready for r in apart if r in answering)} of {sum(r.pods for r in apart if r in answering)}"
            if answering
            else "–"
        )
        old = sum(row.pods for row in apart if row not in answering)
        self.figures["pods"].set_context(f"{old} more seen before" if old else "of the clusters that answer")
        needing = [row for row in apart if row.worst is not None and row.worst.severity.rank >= 2]
        self.figures["attention"].set_figure(str(len(needing)) if rows else "–")
        bad = sum(row.worst is not None and row.worst.severity.rank == 3 for row in apart)
        self.figures["attention"].set_context(f"{bad} critical" if bad else "none is critical")
        self.figures["sync"].set_figure(str(sum(row.out_of_sync for row in apart)) if rows else "–")
        self.figures["sync"].set_context(f"of {sum(row.applications for row in apart)} applications" if rows else "")
        scored = [row for row in rows if row.score is not None]
        lowest = min(scored, key=lambda row: row.score or 0, default=None)
        self.figures["score"].set_figure(f"{lowest.score} of 100" if lowest is not None else "–")
        self.figures["score"].set_context(lowest.context if lowest is not None else "")

    def _try(self) -> None:
        """Ask every cluster that does not answer again, now."""
        clusters = self._panel.bridge.console.clusters
        silent = [row.context for row in self._rows if row.reach.answers is False]

        async def ask() -> None:
            for name in silent:
                clusters.try_now(name)

        self._panel.bridge.run(ask, owner=self)

    def _row(self, row: FleetRow, now: int) -> Row:
        if row.reach.answers:
            reach = StatusCell("ok", f"{row.reach.latency_ms:.0f} ms")
        elif row.reach.answers is None:
            reach = StatusCell("run" if row.connected else "idle", "Asking" if row.connected else "Not connected")
        else:
            reach = StatusCell("err", "Refused" if row.reach.refused else "No answer")
        if row.reach.answers is False:
            worst: object = StatusCell("err", row.reach.message or "It does not answer")
        elif row.worst is None:
            worst = StatusCell("ok", "Nothing to report") if row.score is not None else ""
        else:
            worst = StatusCell(SEVERITIES[row.worst.severity.value], f"{row.worst.name}: {row.worst.title}")
        known, old = bool(row.pods or row.nodes), row.reach.answers is False
        figure = FaintCell if old else str
        why = "not visible" if "Application" in row.denied else "no Argo CD" if "Application" in row.absent else "none"
        without = IconCell("minus", why, "text-3", "text-3") if row.known_at else ""
        return Row(
            row.context,
            {
                "name": f"{row.context} {row.reach.version}".strip(),
                "environment": ENVIRONMENTS[str(row.environment)] + (" · read-only" if row.read_only else ""),
                "reach": reach,
                "worst": worst,
                "since": ago(row.worst.since, now).removesuffix(" ago") if row.worst is not None and row.worst.since else "",
                "pods": figure(f"{row.pods_ready} / {row.pods}" if known else ""),
                "nodes": figure(f"{row.nodes_ready} / {row.nodes}" if known and "Node" not in row.denied else ""),
                "sync": (StatusCell("idle", row.sync) if old else sync_cell(row.sync)) if row.applications else without,
                "health": (StatusCell("idle", row.app_health) if old else app_health_cell(row.app_health))
                if row.applications
                else without,
                "read": figure((ago(row.known_at, now) or "never") + (", in part" if row.limits else "")),
            },
        )

    def _open(self) -> None:
        if self.table.selected_id():
            self.opened.emit(self.table.selected_id())

    # searching

    def _search(self) -> None:
        text = self.text.text().strip()
        if not text:
            self._show_hits(())
            return
        kind, where = str(self.kind.currentData() or ""), str(self.environment.currentData() or "")
        clusters = self._panel.bridge.console.clusters
        self._panel.bridge.run(
            lambda: clusters.search(text, kinds=(kind,) if kind else (), environment=where), then=self._show_hits, owner=self
        )

    def _show_hits(self, hits: Sequence[Found]) -> None:
        self._hits = {f"{h.context}\n{h.kind}\n{h.namespace}\n{h.name}": h for h in hits}
        self.results.set_rows(
            [
                Row(
                    key,
                    {
                        "name": hit.name,
                        "kind": hit.kind,
                        "namespace": hit.namespace,
                        "cluster": f"{hit.context} {ENVIRONMENTS[str(hit.environment)]}",
                        "image": ", ".join(hit.images),
                        "state": StatusCell("ok", "live")
                        if str(hit.status) == "live"
                        else StatusCell("idle", f"seen {_time(hit.known_at)}"),
                    },
                )
                for key, hit in self._hits.items()
            ]
        )
        from app.cluster.service import MOST_FOUND

        words = f"{len(hits)} results" if len(hits) < MOST_FOUND else f"The first {len(hits)}; another word finds fewer"
        self.count.setText(words if self.text.text().strip() else "")

    def _open_hit(self) -> None:
        hit = self._hits.get(self.results.selected_id())
        if hit is not None:
            self.found.emit(hit.context, hit.kind, hit.namespace, hit.name)


def _apart(rows: Sequence[FleetRow]) -> list[FleetRow]:
    """One row a cluster, the one that sees most: several contexts may lead to the same, whose pods are not there twice."""
    found: dict[str, FleetRow] = {}
    for row in rows:
        cluster = row.identity or row.context
        if cluster not in found or row.pods > found[cluster].pods:
            found[cluster] = row
    return list(found.values())


def sync_cell(sync: str) -> StatusCell:
    """Argo CD's sync word with its shape."""
    return StatusCell({"Synced": "ok", "OutOfSync": "pend"}.get(sync, "idle"), sync or "Unknown")


def app_health_cell(word: str) -> StatusCell:
    """Argo CD's health word with its shape."""
    states = {"Healthy": "ok", "Progressing": "run", "Degraded": "err", "Missing": "err", "Suspended": "pend"}
    return StatusCell(states.get(word, "idle"), word or "Unknown")


def _silent(row: FleetRow) -> str:
    known = f"Its figures are from {_time(row.known_at)}." if row.known_at else "Nothing of it is known yet."
    if row.reach.refused:
        return f"{row.reach.message} {known} Plans for it are blocked."
    return f"{row.context} has not answered since {_time(row.reach.failed_at)}. {known} Plans for it are blocked."


def _time(ms: int) -> str:
    from ui.widgets.values import moment

    return moment(ms) if ms else "never"


__all__ = ["FleetPage", "ago", "app_health_cell", "sync_cell"]
