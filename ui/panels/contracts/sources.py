"""The left side: the projects with their sources, and what is deployed on the network."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QTreeWidget, QTreeWidgetItem

from app.core.errors import NotFound
from ui.panels.contracts.network_form import NetworkForm
from ui.theme import icon
from ui.widgets import AddressCell, Column, EmptyState, Pane, Row, StatusCell, Table, ask_folder, button

if TYPE_CHECKING:
    from app.contracts import Compilation, Deployment, Known
    from app.contracts.books import Imported
    from app.contracts.projects import Project
    from ui.panels.contracts.panel import ContractsPanel

_VERDICTS = {  # of the newest verification, as far as the code is still the same
    "exact": ("ok", "Verified"),
    "runtime": ("ok", "Code verified"),
    "partial": ("warn", "Metadata differs"),
    "differs": ("err", "Another code"),
}
_PATH = Qt.ItemDataRole.UserRole
_PROJECT = Qt.ItemDataRole.UserRole + 1


class SourcesPane(Pane):
    """Every project that was opened, as a tree of its files.

    Signals:
        asked: a file was opened (path).
        project_chosen: another project is in front (its root, or None for ours).
    """

    asked = Signal(object)
    project_chosen = Signal(object)

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__("Sources")
        self._panel = panel
        self._messages: dict[Path, int] = {}
        self.open_button = button("", icon="folder-open")
        self.open_button.setObjectName("contracts.sources.open")
        self.open_button.setAccessibleName("Open a folder as a project")
        self.open_button.setToolTip("Open a folder as a project")
        self.open_button.clicked.connect(lambda: panel.window_.trigger("contracts.open"))
        self.add_header(self.open_button, right=True)
        self.network_button = button("", icon="globe-hemisphere-west")
        self.network_button.setObjectName("contracts.sources.network")
        self.network_button.setAccessibleName("Add a network of the project")
        self.network_button.setToolTip("Add a network of the project")
        self.network_button.clicked.connect(lambda: panel.window_.trigger("contracts.network"))
        self.add_header(self.network_button, right=True)
        self.tree = QTreeWidget()
        self.tree.setObjectName("contracts.sources")
        self.tree.setAccessibleName("Projects and their sources")
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(14)
        self.tree.setIconSize(QSize(14, 14))
        self.tree.currentItemChanged.connect(lambda now, _: self._chosen(now))
        self.tree.itemActivated.connect(lambda item, _: self._chosen(item))
        self.body.addWidget(self.tree, 1)

    def refresh(self) -> None:
        """Read the list of projects and their files."""
        console = self._panel.bridge.console

        async def read() -> list[tuple[Known, list[Path]]]:
            from app.contracts.sources import files_under

            def files(known: Known) -> list[Path]:
                return files_under(known.project.sources) if known.project is not None else []

            found = await asyncio.to_thread(console.contracts.projects.list)
            return [(known, await asyncio.to_thread(files, known)) for known in found]

        self._panel.bridge.run(read, then=self._show, owner=self)

    def count(self, result: Compilation) -> None:
        """Say at each file how many messages the compiler had."""
        self._messages = {}
        for message in (*result.errors, *result.warnings):
            place = result.places.get(message.file)
            if place is not None:
                self._messages[place] = self._messages.get(place, 0) + 1
        for at in range(self.tree.topLevelItemCount()):
            self._count(self.tree.topLevelItem(at))

    def _count(self, item: QTreeWidgetItem | None) -> None:
        if item is None:
            return
        path = item.data(0, _PATH)
        if isinstance(path, Path) and path.suffix == ".sol":
            count = self._messages.get(path, 0)
            item.setText(0, f"{path.name}  ({count})" if count else path.name)
            item.setIcon(0, icon("warning-fill", "warn") if count else icon("file-code", "text-3"))
        for at in range(item.childCount()):
            self._count(item.child(at))

    def _show(self, found: list[tuple[Known, list[Path]]]) -> None:
        before, project = self.current(), self.project()
        self.tree.blockSignals(True)
        self.tree.clear()
        for at, (known, files) in enumerate(found):
            name = "Azora contracts" if at == 0 else known.path.name
            top = QTreeWidgetItem([name])
            top.setIcon(0, icon("folder-open" if known.project else "warning-fill", "text-3" if known.project else "warn"))
            top.setToolTip(0, known.why or str(known.path))
            top.setData(0, _PROJECT, known.path if at else None)
            self.tree.addTopLevelItem(top)
            if at and known.path == project:  # a project that was chosen stays in front, also without a file of it
                self.tree.setCurrentItem(top)
            if known.project is not None:
                self._add_files(top, known.project.sources, files)
            top.setExpanded(at == 0 or len(found) < 4)
        self.tree.blockSignals(False)
        for at in range(self.tree.topLevelItemCount()):
            self._count(self.tree.topLevelItem(at))
        if before is not None:
            self.select(before)

    def _add_files(self, top: QTreeWidgetItem, base: Path, files: list[Path]) -> None:
        folders: dict[tuple[str, ...], QTreeWidgetItem] = {(): top}
        for file in files:
            parts = file.relative_to(base).parts if file.is_relative_to(base) else (file.name,)
            for depth in range(1, len(parts)):
                if parts[:depth] not in folders:
                    made = QTreeWidgetItem([parts[depth - 1]])
                    made.setIcon(0, icon("folder-simple", "text-3"))
                    folders[parts[: depth - 1]].addChild(made)
                    made.setExpanded(len(files) < 60)
                    folders[parts[:depth]] = made
            leaf = QTreeWidgetItem([file.name])
            leaf.setToolTip(0, str(file))
            leaf.setData(0, _PATH, file)
            folders[parts[:-1]].addChild(leaf)

    def current(self) -> Path | None:
        """The chosen file."""
        item = self.tree.currentItem()
        path = item.data(0, _PATH) if item is not None else None
        return path if isinstance(path, Path) else None

    def select(self, path: Path) -> None:
        """Choose a file without opening it."""
        found = self._item(path)
        if found is not None:
            self.tree.blockSignals(True)
            self.tree.setCurrentItem(found)
            self.tree.blockSignals(False)

    def project(self) -> Path | None:
        """The root of the project in front; None: our own contracts."""
        item = self.tree.currentItem()
        while item is not None and item.parent() is not None:
            item = item.parent()
        root = item.data(0, _PROJECT) if item is not None else None
        return root if isinstance(root, Path) else None

    def _item(self, path: Path) -> QTreeWidgetItem | None:
        waiting = [self.tree.topLevelItem(at) for at in range(self.tree.topLevelItemCount())]
        while waiting:
            item = waiting.pop()
            if item is None:
                continue
            if item.data(0, _PATH) == path:
                return item
            waiting += [item.child(at) for at in range(item.childCount())]
        return None

    def _chosen(self, item: QTreeWidgetItem | None) -> None:
        if item is None:
            return
        path = item.data(0, _PATH)
        self.project_chosen.emit(self.project())
        if isinstance(path, Path):
            self.asked.emit(path)

    def ask_folder(self) -> None:
        """Let the system ask for a folder; it is remembered as a project. Nothing of it is run."""
        ask_folder(self, "Open a folder of Solidity", lambda folder: self.add(str(folder)))

    def ask_network(self) -> None:
        """Ask which network of the project in front is added; without one, say so."""
        projects, root = self._panel.bridge.console.contracts.projects, self.project()

        async def read() -> Project:
            project = await asyncio.to_thread(projects.open, root) if root is not None else None
            if project is None or not project.networks:
                raise NotFound(
                    f"{project.name if project else 'The project in front'} names no network. Nothing was added.",
                    "Choose a Hardhat project at the left, or add a network in the settings.",
                )
            return project

        self._panel.bridge.run(
            read, then=lambda project: self._panel.window_.open_form(NetworkForm(self._panel, project)), owner=self
        )

    def add(self, folder: str) -> None:
        """Remember a folder as a project: an edit."""
        projects = self._panel.bridge.console.contracts.projects

        async def remember() -> str:
            return (await asyncio.to_thread(projects.remember, Path(folder))).name

        def told(name: str) -> None:
            self._panel.window_.notify(f"{name} is in the list of projects.", "ok")
            self.refresh()

        self._panel.bridge.run(remember, then=told, owner=self)


class DeployedPane(Pane):
    """The address book of the network.

    Signals:
        chosen: another contract (its address).
    """

    chosen = Signal(str)

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__("Deployed")
        self.network_label = QLabel("")
        self.network_label.setProperty("role", "hint")
        self.add_header(self.network_label)
        self.import_button = button("", icon="plus")
        self.import_button.setObjectName("contracts.deployed.import")
        self.import_button.setAccessibleName("Import a contract of somebody else")
        self.import_button.setToolTip("Import a contract of somebody else")
        self.import_button.clicked.connect(lambda: panel.window_.trigger("contracts.import"))
        self.add_header(self.import_button, right=True)
        self.table = Table(
            [
                Column("name", "Contract", 124),
                Column("code", "Code", 124, kind="status"),
                Column("address", "Address", 110, kind="address"),
            ]
        )
        self.table.setObjectName("contracts.deployments")
        self.table.setAccessibleName("Deployed contracts")
        self.table.selected.connect(self.chosen)
        self.none = EmptyState(
            "file-code",
            "Nothing is deployed here",
            "Deploying puts token, emission, mint mine and redemption on the chain and grants their roles.",
            ("Deploy a system…", lambda: panel.window_.trigger("contracts.deploy")),
        )
        self.body.addWidget(self.none, 1)
        self.body.addWidget(self.table, 1)
        self.table.hide()

    def show_found(self, network: str, found: list[Deployment | Imported]) -> None:
        """The entries of a network."""
        self.network_label.setText(network)
        self.table.set_rows([Row(item.address, self._cells(item)) for item in found])
        self.table.setVisible(bool(found))
        self.none.setVisible(not found)

    def _cells(self, item: Deployment | Imported) -> dict[str, object]:
        from app.contracts import Deployment

        if not isinstance(item, Deployment):
            return {"name": item.name, "address": AddressCell(item.address, ""), "code": StatusCell("idle", "Imported")}
        if not item.checked:
            code = StatusCell("idle", "Not read")
        elif item.verdict:
            code = StatusCell(*_VERDICTS[item.verdict])
        else:
            code = StatusCell("ok", "Ours") if item.runtime_matches else StatusCell("err", "Different")
        name = item.name if item.version < 2 else f"{item.name} v{item.version}"
        return {"name": name, "address": AddressCell(item.address, ""), "code": code}
