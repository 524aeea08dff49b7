"""Tunnels as a person meets them: which there are, how each stands, and the form that sets one up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QStackedWidget, QVBoxLayout, QWidget

from app.core.clock import now_ms
from app.core.errors import Invalid
from ui.panels.cluster.fleet import ago
from ui.plan_sheet import PlanForm
from ui.widgets import Column, EmptyState, Field, Note, Pane, Row, StatusCell, Table, button, line_edit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.cluster.tunnels import TunnelState
    from ui.panels.cluster.panel import ClusterPanel


class TunnelPage(Pane):
    """All tunnels of this console, open or not."""

    def __init__(self, panel: ClusterPanel) -> None:
        super().__init__("Tunnels")
        self._panel = panel
        self._states: dict[str, TunnelState] = {}
        tools = QWidget()
        row = QHBoxLayout(tools)
        row.setContentsMargins(0, 0, 0, 0)
        self.add = button("Add…", icon="plus")
        self.toggle = button("Open")
        self.remove = button("Remove")
        for made, name, words in (
            (self.add, "add", "Add a tunnel"),
            (self.toggle, "toggle", "Open the selected tunnel"),
            (self.remove, "remove", "Remove the selected tunnel"),
        ):
            made.setObjectName(f"cluster.tunnel.{name}")
            made.setAccessibleName(words)
            row.addWidget(made)
        self.add.clicked.connect(lambda: panel.window_.open_form(TunnelForm(panel, self)))
        self.toggle.clicked.connect(self._toggle)
        self.remove.clicked.connect(self._remove)
        self.add_header(tools, right=True)
        self.table = Table(
            [
                Column("name", "Address", 150),
                Column("state", "State", 130, kind="status"),
                Column("local", "Local port", 100, align="right"),
                Column("target", "Target", 230),
                Column("context", "Context", 140),
                Column("cluster", "Pinned cluster", 300),
                Column("since", "Open since", 110),
                Column("reconnects", "Reconnects", 104, align="right", kind="number"),
                Column("message", "What went wrong last", 330),
            ]
        )
        self.table.setObjectName("cluster.tunnels")
        self.table.setAccessibleName("Tunnels")
        self.table.selected.connect(lambda _row: self._fit())
        self.none = EmptyState(
            "plugs-connected",
            "There is no tunnel",
            "A tunnel leads from a port of this machine to a pod or service. Addresses of networks and of the store may name it.",
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self.none)
        self.stack.addWidget(self.table)
        self.body.addWidget(self.stack, 1)
        self._fit()

    def refresh(self) -> None:
        """Read how they stand."""
        clusters = self._panel.bridge.console.clusters

        async def read() -> Any:
            return clusters.tunnels.list(), clusters.why_no_tunnel()

        self._panel.bridge.run(read, then=self._show, owner=self)

    def _show(self, answer: tuple[tuple[TunnelState, ...], str]) -> None:
        states, why = answer
        self.add.setEnabled(not why)
        self.add.setToolTip(why)
        self.show_states(states)

    def show_states(self, states: tuple[TunnelState, ...]) -> None:
        """Show a reading."""
        self._states = {state.name: state for state in states}
        now = now_ms()
        self.table.set_rows(
            [
                Row(
                    state.name,
                    {
                        "name": f"{state.name}.tunnel",
                        "state": _state(state),
                        "local": str(state.local_port),
                        "target": f"{state.namespace} {state.target}:{state.port}",
                        "context": state.context,
                        "cluster": state.identity or "not pinned",
                        "since": ago(state.since, now) if state.since else "",
                        "reconnects": state.reconnects,
                        "message": state.message,
                    },
                )
                for state in states
            ]
        )
        self.stack.setCurrentWidget(self.table if states else self.none)
        if states and not self.table.selected_id():
            self.table.select(states[0].name)
        self._fit()

    def _fit(self) -> None:
        state = self._states.get(self.table.selected_id())
        for made in (self.toggle, self.remove):
            made.setEnabled(state is not None)
        closes = state is not None and state.listening
        self.toggle.setText("Close" if closes else "Open")
        self.toggle.setAccessibleName(f"{'Close' if closes else 'Open'} the selected tunnel")

    def _toggle(self) -> None:
        state = self._states.get(self.table.selected_id())
        if state is not None:
            tunnels = self._panel.bridge.console.clusters.tunnels
            act = tunnels.shut if state.listening else tunnels.open
            self._panel.bridge.run(lambda: act(state.name), then=lambda _none: self.refresh(), owner=self)

    def _remove(self) -> None:
        """A setting, not a plan; what was removed is named, so that it can be set up again."""
        state = self._states.get(self.table.selected_id())
        if state is None:
            return
        clusters, say = self._panel.bridge.console.clusters, self._panel.window_.notify

        def removed(_none: Any) -> None:
            say(f"The tunnel {state.name} to {state.namespace} {state.target}:{state.port} was removed.", "ok")
            self.refresh()

        self._panel.bridge.run(lambda: clusters.remove_tunnel(state.name), then=removed, owner=self)


class TunnelForm(PlanForm):
    """A further tunnel: a setting, not a plan."""

    title = "Add a tunnel"
    context = "It is pinned to the cluster that answers now"
    primary = "Add"
    planned = False

    def __init__(self, panel: ClusterPanel, page: TunnelPage) -> None:
        super().__init__()
        self._panel, self._page = panel, page
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.name = line_edit("cluster.tunnel.name", "Name of the tunnel")
        self.where = QComboBox()
        self.where.setObjectName("cluster.tunnel.context")
        self.where.setAccessibleName("Context of the tunnel")
        for known in panel.bridge.console.clusters.connected:
            self.where.addItem(known, known)
        self.where.setCurrentIndex(max(0, self.where.findData(panel.context)))
        self.namespace = line_edit("cluster.tunnel.namespace", "Namespace of the target")
        self.namespace.setText("default")
        self.kind = QComboBox()
        self.kind.setObjectName("cluster.tunnel.kind")
        self.kind.setAccessibleName("Kind of the target")
        self.kind.addItem("Service", "service")
        self.kind.addItem("Pod", "pod")
        self.target = line_edit("cluster.tunnel.target", "Name of the service or pod")
        self.port = _port("cluster.tunnel.port", "Port of the target", 1)
        self.local = _port("cluster.tunnel.local", "Local port", 0)
        self.local.setSpecialValueText("a free one")
        for label, widget, hint in (
            ("Name", self.name, "Lower-case letters, digits and dashes; addresses say NAME.tunnel"),
            ("Context", self.where, "The clusters that are connected"),
            ("Namespace", self.namespace, ""),
            ("To a", self.kind, "A service leads to whichever of its pods is ready"),
            ("Its name", self.target, ""),
            ("Its port", self.port, ""),
            ("Local port", self.local, "Where it listens on this machine, at 127.0.0.1 only"),
        ):
            column.addWidget(Field(label, widget, hint))
        column.addWidget(Note("info", "Every program of this machine can reach an open tunnel."))
        column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        name, context, target = self.name.text().strip(), str(self.where.currentData() or ""), self.target.text().strip()
        for text, field, what in ((name, "name", "a name"), (context, "where", "a context"), (target, "target", "a target")):
            if not text:
                raise Invalid(f"The tunnel needs {what}. Nothing was set up.", field=field)
        space, kind = self.namespace.text().strip() or "default", str(self.kind.currentData())
        port, local, clusters = self.port.value(), self.local.value(), self._panel.bridge.console.clusters

        async def add() -> str:
            made = await clusters.add_tunnel(name, context, space, f"{kind}/{target}", port, local)
            await clusters.tunnels.open(made.name)
            return str(made.name)

        return add

    def finished(self, result: Any) -> None:
        self._panel.window_.notify(f"The tunnel is open: addresses may say {result}.tunnel.", "ok")
        self._page.refresh()


def _state(state: TunnelState) -> StatusCell:
    if state.message:
        return StatusCell("err", "Failing" if state.listening else "Not open")
    if not state.listening:
        return StatusCell("idle", "Closed")
    return StatusCell("run", f"{state.connections} connected") if state.connections else StatusCell("ok", "Open")


def _port(name: str, words: str, least: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setObjectName(name)
    spin.setAccessibleName(words)
    spin.setRange(least, 65535)
    spin.setGroupSeparatorShown(False)
    spin.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return spin
