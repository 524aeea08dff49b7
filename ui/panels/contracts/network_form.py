"""The form that takes over a network which a project's configuration names: it goes on in the settings, where it is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QVBoxLayout

from app.core.errors import Invalid
from app.core.urls import shown_url
from ui.plan_sheet import PlanForm
from ui.widgets import Field, Note

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.contracts.projects import Project
    from ui.panels.contracts.panel import ContractsPanel


class NetworkForm(PlanForm):
    """Which of the project's networks; those whose address cannot be read say why."""

    title = "Add a network of the project"
    context = "The configuration was read, not run"
    primary = "Go on"
    planned = False

    def __init__(self, panel: ContractsPanel, project: Project) -> None:
        super().__init__()
        self._panel, self._root = panel, project.root
        self.network = QComboBox()
        self.network.setObjectName("contracts.network.network")
        self.network.setAccessibleName("Network of the project")
        for each in project.networks:
            if each.url:
                chain = f"chain id {each.chain_id}" if each.chain_id else "no chain id"
                self.network.addItem(f"{each.name}: {shown_url(each.url)}, {chain}", each.name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(Field("Network", self.network, f"As {project.name} names it"))
        for each in project.networks:
            if each.why:
                column.addWidget(Note("info", f"{each.name}: {each.why}."))
        column.addStretch(1)

    def work(self) -> Callable[[], Awaitable[Any]]:
        name = str(self.network.currentData() or "")
        if not name:
            raise Invalid("The project names no network with an address. Nothing was added.", field="network")

        async def chosen() -> str:
            return name

        return chosen

    def finished(self, result: Any) -> None:
        # Only its name goes along: an address may carry a key, and links and places are remembered.
        self._panel.window_.open("settings", section="networks", project=str(self._root), network=result)
