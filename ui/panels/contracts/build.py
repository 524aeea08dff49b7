"""Build: what the compiler said, with the place in the source; what it made; and the source itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSplitter

from app.core.errors import ConsoleError
from ui.panels.contracts.page import Page
from ui.panels.contracts.source_view import SourceView
from ui.panels.contracts.watching import Start, Watching
from ui.widgets import Column, EmptyState, ErrorState, Pane, Row, StatusCell, Table, button

if TYPE_CHECKING:
    from app.contracts import Compilation, Message
    from ui.panels.contracts.panel import ContractsPanel

SIZE_LIMIT = 24_576  # bytes of runtime code, EIP-170


class BuildPage(Page):
    """Compile, and look at every message where it belongs."""

    name = "build"
    title = "Build"

    def __init__(self, panel: ContractsPanel) -> None:
        super().__init__(panel)
        self.compiled: Compilation | None = None
        self._said: dict[str, Message] = {}
        self._of: Path | None = None  # the project that is watched; None: our own contracts
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self._build_result())
        self.split.addWidget(self._build_messages())
        self.split.addWidget(self._build_source())
        self.split.setSizes([250, 150, 360])
        self.split.setStretchFactor(2, 1)
        self.column.addWidget(self.split, 1)
        panel.sources.project_chosen.connect(self._project_chosen)

    def _build_result(self) -> Pane:
        built = Pane("Compile")
        built.setMinimumHeight(96)
        self.context = QLabel("Not compiled in this session")
        self.context.setProperty("role", "hint")
        self.context.setObjectName("contracts.build.context")
        built.add_header(self.context)
        self.watch_button = button("Watch", icon="eye")
        self.watch_button.setObjectName("contracts.build.watch")
        self.watch_button.setToolTip("Compile whenever a source or the configuration changes")
        self.watching = Watching(self.bridge, self.watch_button, self._watch, self)
        self.watching.heard.connect(self._watched)
        built.add_header(self.watch_button, right=True)
        one = button("Deploy one…", icon="rocket-launch")
        one.setObjectName("contracts.build.deploy_one")
        one.setToolTip("Deploy the chosen contract alone, with its arguments")
        one.clicked.connect(lambda: self.panel.window_.trigger("contracts.deploy_one"))
        built.add_header(one, right=True)
        self.artifacts = Table(
            [
                Column("name", "Contract", 170),
                Column("source", "Source", 220, mono=True),
                Column("size", "Runtime bytes", 110, align="right", kind="number"),
                Column("share", "Of 24 KiB", 90, align="right"),
                Column("functions", "Functions", 90, align="right", kind="number"),
                Column("state", "State", 110, kind="status"),
            ]
        )
        self.artifacts.setObjectName("contracts.artifacts")
        self.artifacts.setAccessibleName("Compiled contracts")
        self.artifacts.activated.connect(self._open_artifact)
        self.not_compiled = EmptyState(
            "hammer",
            "Nothing is compiled yet",
            "The project at the left compiles here, offline, as its own files ask.",
            ("Compile", lambda: self.panel.window_.trigger("contracts.compile")),
        )
        self.failed = ErrorState("", lambda: self.panel.window_.trigger("contracts.compile"))
        self.failed.hide()
        self.artifacts.hide()
        for part in (self.not_compiled, self.failed, self.artifacts):
            built.body.addWidget(part, 1)
        return built

    def _build_messages(self) -> Pane:
        self.messages_pane = Pane("Messages")
        self.messages_pane.setMinimumHeight(96)
        self.count = QLabel("")
        self.count.setProperty("role", "hint")
        self.messages_pane.add_header(self.count)
        self.messages = Table(
            [
                Column("level", "Level", 100, kind="status"),
                Column("text", "Message", 330),
                Column("excerpt", "Source line", 240, mono=True),
                Column("place", "Place", 160, mono=True),
            ]
        )
        self.messages.setObjectName("contracts.messages")
        self.messages.setAccessibleName("Messages of the compiler")
        self.messages.selected.connect(self._show_message)
        self.messages.activated.connect(self._show_message)
        self.messages_pane.body.addWidget(self.messages, 1)
        self.messages_pane.hide()
        return self.messages_pane

    def _build_source(self) -> Pane:
        pane = Pane("Source")
        pane.setMinimumHeight(120)
        self.place = QLabel("")
        self.place.setObjectName("contracts.source.place")
        self.place.setProperty("role", "hint")
        self.place.setMinimumWidth(1)
        pane.add_header(self.place)
        self.editor = button("Open in editor", icon="arrow-square-out")
        self.editor.setObjectName("contracts.source.editor")
        self.editor.setToolTip("At this line, in the editor of the settings")
        self.editor.clicked.connect(lambda: self.panel.window_.trigger("contracts.editor"))
        self.editor.setEnabled(False)
        pane.add_header(self.editor, right=True)
        self.source = SourceView("contracts.source")
        self.no_source = EmptyState("file-code", "No source is open", "Choose a file at the left, or a message above.")
        self.source.hide()
        pane.body.addWidget(self.no_source, 1)
        pane.body.addWidget(self.source, 1)
        return pane

    # compiling

    def compile(self) -> None:
        """Compile the project in front; shows what the compiler said."""
        self.panel.compile_button.setEnabled(False)
        self.context.setText("Compiling…")
        projects, folder = self.bridge.console.contracts.projects, self.panel.sources.project()
        self.bridge.run(lambda: projects.compile(folder), then=self._show, fail=self._fail, label="Compiling", owner=self)

    def _fail(self, error: ConsoleError) -> bool:
        self.panel.compile_button.setEnabled(True)
        self.context.setText("The last compilation failed")
        self.failed.set_text(str(error))
        self.failed.show()
        self.not_compiled.hide()
        self.artifacts.hide()
        return True

    def _show(self, result: Compilation) -> None:
        self.compiled = result
        self.panel.compile_button.setEnabled(True)
        self.failed.hide()
        self.not_compiled.hide()
        how = "unchanged, from the cache" if result.cached else f"{result.seconds:.2f} s"
        self.context.setText(f"{len(result.places)} files, solc {result.solc.split('+')[0]}, {how}")
        self.artifacts.set_rows([self._row(artifact) for artifact in sorted(result.contracts, key=lambda each: each.name)])
        self.artifacts.show()
        said = [("err", message) for message in result.errors] + [("warn", message) for message in result.warnings]
        self._said = {str(at): message for at, (_, message) in enumerate(said)}
        self.messages.set_rows([self._message(str(at), level, message) for at, (level, message) in enumerate(said)])
        self.messages_pane.setVisible(bool(said))
        self.count.setText(f"{len(result.errors)} errors, {len(result.warnings)} warnings")
        self.panel.sources.count(result)
        self.panel.window_.notify(
            f"Compiled {len(result.contracts)} contracts, {len(said)} messages", "err" if result.errors else "ok"
        )
        if result.errors:
            self.messages.select("0")
            self._show_message("0")

    def _row(self, artifact: Any) -> Row:
        size = max(0, (len(artifact.runtime) - 2) // 2)
        return Row(
            f"{artifact.source}:{artifact.name}",
            {
                "name": artifact.name,
                "source": artifact.source,
                "size": size,
                "share": f"{size * 1000 // SIZE_LIMIT / 10:.1f} %",
                "functions": sum(entry.get("type") == "function" for entry in artifact.abi),
                "state": StatusCell("err", "Too large") if size > SIZE_LIMIT else StatusCell("ok", "Built"),
            },
        )

    def _message(self, row_id: str, level: str, message: Message) -> Row:
        where = Path(message.file).name
        return Row(
            row_id,
            {
                "level": StatusCell(level, ("Error " if level == "err" else "Warning ") + message.code),
                "text": message.text,
                "excerpt": message.excerpt,
                "place": f"{where}:{message.line}" if message.line else where,
            },
        )

    # watching

    def _watch(self) -> Start:
        projects, folder = self.bridge.console.contracts.projects, self.panel.sources.project()
        self._of = folder
        self.context.setText("Compiling…")
        return lambda tell: projects.watch(folder, tell)

    def _watched(self, answer: Compilation | ConsoleError) -> None:
        if isinstance(answer, ConsoleError):
            self._fail(answer)
        else:
            self._show(answer)

    def _project_chosen(self, root: object) -> None:
        if root != self._of:
            self.watching.stop()

    # sources

    def _show_message(self, row_id: str) -> None:
        message = self._said.get(row_id)
        place = self.compiled.places.get(message.file) if message and self.compiled else None
        if message is not None and place is not None:
            self.show_file(place, message.line)

    def _open_artifact(self, row_id: str) -> None:
        place = self.compiled.places.get(row_id.rpartition(":")[0]) if self.compiled else None
        if place is not None:
            self.show_file(place)

    def show_file(self, path: Path, line: int = 0) -> None:
        """Show a source, at a line (from 1) when there is one."""

        async def read() -> str:
            return await asyncio.to_thread(path.read_text, encoding="utf-8", errors="replace")

        async def safely() -> str:
            from app.core.errors import NotFound

            try:
                return await read()
            except OSError as error:
                raise NotFound(f"{path.name} cannot be read ({error.strerror}).", "Refresh the list of sources (F5).") from error

        def show(text: str) -> None:
            self.no_source.hide()
            self.source.show()
            self.source.show_source(path, text, line)
            self.place.setText(f"{path.name}:{line}" if line else path.name)
            self.place.setToolTip(str(path))
            self.editor.setEnabled(True)
            self.panel.sources.select(path)

        self.bridge.run(safely, then=show, owner=self)

    def open_editor(self) -> None:
        """Open the source in the editor of the settings, at the line of the caret."""
        path = self.source.path
        if path is None:
            self.panel.window_.notify("No source is open. Choose a file first.", "warn")
            return
        template = self.bridge.console.settings.value.editor
        line = self.source.textCursor().blockNumber() + 1

        async def start() -> list[str]:
            from app.contracts.editor import open_in_editor

            return await asyncio.to_thread(open_in_editor, template, path, line)

        self.bridge.run(
            start,
            then=lambda words: self.panel.window_.notify(f"{path.name}:{line} is open in {Path(words[0]).name}.", "ok"),
            owner=self,
        )
