"""The projects that somebody opened: remembered, compiled, watched. Opening one runs nothing of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.contracts.artifacts import Artifact, Compilation
from app.contracts.built import read_built
from app.contracts.compiler import Compiler
from app.contracts.hardhat import ProjectNetwork
from app.contracts.projects import Project, open_project, ours
from app.contracts.sources import files_under
from app.contracts.toolchain import Toolchain
from app.core.errors import ConsoleError, NotFound
from app.core.events import ContractsChanged

if TYPE_CHECKING:
    from app.core.events import Bus
    from app.core.jobs import Job, Jobs
    from app.core.settings import SettingsStore

LOOK = 0.5  # seconds between two looks at a watched folder
_WATCHED = (".sol", ".toml", ".txt", ".js", ".ts", ".cjs", ".mjs")


@dataclass(frozen=True, slots=True)
class Known:
    """A project of the list. ``project`` is None when its folder or its configuration cannot be read; ``why`` says so."""

    path: Path
    project: Project | None
    why: str = ""


class Workspace:
    """Opens, remembers and compiles projects."""

    def __init__(
        self,
        toolchain: Toolchain,
        compiler: Compiler,
        settings: SettingsStore,
        jobs: Jobs,
        bus: Bus,
        learn: Callable[[Compilation], None],
    ) -> None:
        self._toolchain = toolchain
        self._compiler = compiler
        self._settings = settings
        self._jobs = jobs
        self._bus = bus
        self._learn = learn

    def open(self, folder: Path, changes: Mapping[str, object] | None = None) -> Project:
        """The folder as a project, with the settings that were remembered for it and, over them, ``changes``.

        Raises:
            Invalid: there is no such folder, its configuration cannot be read, or a setting does not fit; ``field`` names it.
        """
        project = open_project(folder, self._toolchain.modules)
        said = next((each for each in self._settings.value.projects if each.path == str(project.root)), None)
        return project.with_settings({**(said.settings if said else {}), **(changes or {})})

    def network(self, folder: Path, name: str) -> ProjectNetwork:
        """A network that the project's configuration names, with an address.

        Raises:
            Invalid: as :meth:`open`.
            NotFound: it names none of that name, or its address cannot be read; the sentence says why.
        """
        found = self.open(folder).networks
        for each in found:
            if each.name == name:
                if each.url:
                    return each
                raise NotFound(f"The address of {name} is not in the project: {each.why}. Nothing was added.", "Enter it by hand.")
        names = ", ".join(each.name for each in found)
        raise NotFound(f"The project names no network {name}. Nothing was added.", f"It names {names}." if names else "")

    def remember(self, folder: Path, changes: Mapping[str, object] | None = None) -> Project:
        """Keep the folder in the list of projects, with ``changes`` to its settings: an edit. An empty text takes one back.

        Raises: as :meth:`open`; nothing was kept then.
        """
        root = open_project(folder, self._toolchain.modules).root
        known = self._settings.value.projects
        said: dict[str, object] = next((dict(each.settings) for each in known if each.path == str(root)), {})
        said = {key: value for key, value in (said | dict(changes or {})).items() if value != ""}
        project = open_project(root, self._toolchain.modules).with_settings(said)
        kept = {name: getattr(project.settings, name) for name in said}
        row = {"path": str(root), "settings": kept}
        rows = [row if each.path == str(root) else each.model_dump() for each in known]
        self._settings.set("projects", rows if row in rows else [*rows, row])
        self._bus.publish(ContractsChanged())
        return project

    def forget(self, folder: Path) -> None:
        """Take a project out of the list. Its folder stays as it is.

        Raises:
            NotFound: it is not in the list.
        """
        path = str(folder.expanduser().absolute())
        kept = [each.model_dump() for each in self._settings.value.projects if each.path != path]
        if len(kept) == len(self._settings.value.projects):
            raise NotFound(f"{folder} is not in the list of projects. Nothing was changed.")
        self._settings.set("projects", kept)
        self._bus.publish(ContractsChanged())

    async def compile(self, what: Path | Project | None = None, changes: Mapping[str, object] | None = None) -> Compilation:
        """Compile a project or a folder (default: our contracts); its errors become known to the simulation.

        Args:
            changes: settings for this one time.

        Raises: as :meth:`open` and ``Compiler.compile``.
        """
        if isinstance(what, Path):
            what = self.open(what, changes)
        result = await self._compiler.compile(what)
        self._learn(result)
        if not result.cached:
            self._bus.publish(ContractsChanged())
        return result

    def built(self, project: Project) -> list[Artifact]:
        """What Foundry or Hardhat left in the project's folders of builds. Blocks for as long as reading takes."""
        return [artifact for folder in project.builds if folder.is_dir() for artifact in read_built(folder)]

    def watch(
        self,
        what: Path | Project | None,
        compiled: Callable[[Compilation | ConsoleError], None],
        changes: Mapping[str, object] | None = None,
    ) -> Job:
        """A job that compiles now and whenever a source or the configuration changes, until it is cancelled.

        Args:
            compiled: called on the service loop with each answer, or with the error that there was none.
            changes: settings as long as it watches.
        """
        folder = what.root if isinstance(what, Project) else what or self._toolchain.contracts
        source = what.sources if isinstance(what, Project) else folder

        async def work(job: Job) -> None:
            async for _ in edits(folder, source):
                try:
                    # Opened anew each time: the configuration may be what changed.
                    result = await self.compile(self.open(folder, changes) if what is not None else None)
                    job.progress(None, f"{len(result.contracts)} contracts, {len(result.errors)} errors")
                    compiled(result)
                except ConsoleError as error:
                    job.progress(None, error.message)
                    compiled(error)

        return self._jobs.start(f"Watching {folder.name}", work, kind="watch")

    def list(self) -> list[Known]:
        """Our own contracts, then every project that was remembered, in the order in which that happened."""
        found = [Known(self._toolchain.contracts, ours(self._toolchain.modules))]
        for setting in self._settings.value.projects:
            try:
                found.append(Known(Path(setting.path), self.open(Path(setting.path))))
            except ConsoleError as error:
                found.append(Known(Path(setting.path), None, str(error)))
        return found


async def edits(folder: Path, sources: Path) -> AsyncIterator[None]:
    """Now, and whenever something that a compilation depends on has changed; without end."""
    seen: object = None
    while True:
        now = await asyncio.to_thread(marks, folder, sources)
        if now != seen:
            seen = now
            yield
        await asyncio.sleep(LOOK)


def marks(folder: Path, sources: Path) -> dict[str, tuple[int, int]]:
    """Time of change and size of everything a compilation depends on, packages apart."""
    found = {}
    for file in {*files_under(folder, _WATCHED), *files_under(sources)}:
        try:
            said = file.stat()
        except OSError:
            continue  # gone since it was listed
        found[str(file)] = said.st_mtime_ns, said.st_size
    return found
