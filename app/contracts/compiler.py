"""Compiling a project off the service loop, and not at all when nothing changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.contracts import versions
from app.contracts.artifacts import Artifact, Compilation, Parts, artifact_of, parts_of, read_answer
from app.contracts.projects import CompilerSettings, Project, open_project, ours
from app.contracts.solc import Solc, standard_json
from app.contracts.toolchain import Toolchain
from app.core.errors import Cancelled, Invalid, NotFound

T = TypeVar("T")
KEPT = 8  # answers whose artifacts stay in memory
ENGINES = 2  # compilers that stay resident: each takes some hundred megabytes
_TREE = {"*": {"": ["ast"]}}


class Compiler:
    """Compiles projects as they ask for it; our own with solc 0.8.20, optimizer 200 runs, EVM paris.

    Answers are kept by content under ``cache``, with their inputs, so that the parts that nobody holds can be read again.
    """

    def __init__(self, toolchain: Toolchain, cache: Path) -> None:
        self._toolchain = toolchain
        self._folder = cache / "solc"
        self._thread = ThreadPoolExecutor(1, "solc")
        self._reader = ThreadPoolExecutor(1, "artifacts")  # what is kept is read while the compiler works
        self._engines: dict[str, Solc] = {}
        self._last: dict[str, Compilation] = {}  # by key, the newest last
        self.compiled = 0  # how often an engine really ran

    @property
    def busy(self) -> bool:
        """Whether an engine works now."""
        return any(engine.busy for engine in list(self._engines.values()))

    async def compile(self, what: Path | Project | None = None) -> Compilation:
        """Compile a project, or all ``.sol`` files of a folder (default: our own contracts).

        Errors of the sources are in the answer; they are not raised. A cancelled call stops the compiler.

        Raises:
            Invalid: the folder has no sources, or an import leads nowhere.
            Unavailable: the compiler or a library is missing, or not what was pinned.
        """
        return await self._run(lambda stop: self._compile(what, stop))

    async def compile_input(self, settings: CompilerSettings, sources: Mapping[str, str]) -> Compilation:
        """Compile sources that lie in no folder (of a bundle), by their names.

        Raises:
            Unavailable: the compiler of that version is not here.
        """
        return await self._run(lambda stop: self._answer(settings, sources, set(sources), {}, (), stop))

    async def parts(self, artifact: Artifact) -> Parts:
        """Metadata, source maps, methods and immutables of a compiled contract, read from the cache.

        Raises:
            NotFound: its answer is no longer in the cache, or another tool built it.
        """
        return await self._read(lambda: parts_of(self._kept_answer(artifact), artifact.source, artifact.name))

    async def sources(self, artifact: Artifact) -> tuple[CompilerSettings, Mapping[str, str]]:
        """Settings and sources that a contract was compiled from. Raises as :meth:`parts`."""
        return await self._read(lambda: self._input(artifact))

    async def sibling(self, artifact: Artifact, source: str, name: str) -> Artifact:
        """Another contract of the same answer: a library that ``artifact`` is linked with.

        Raises:
            NotFound: the answer is no longer in the cache, or has no such contract.
        """

        def read() -> Artifact:
            contract = self._kept_answer(artifact)["contracts"].get(source, {}).get(name)
            if contract is None:
                raise NotFound(f"{source} has no contract {name}. Nothing was read.")
            return artifact_of(source, name, contract, artifact.key)

        return await self._read(read)

    async def tree(self, artifact: Artifact) -> Mapping[str, Any]:
        """Syntax trees (the compiler's ``ast``) by source, of all sources of the answer that has ``artifact``.

        They are made when they are first asked for, and kept: they are as large as everything else together.

        Raises:
            NotFound: its answer is no longer in the cache, or another tool built it.
        """
        return await self._run(lambda stop: self._tree(artifact, stop))

    async def find(self, digest: str) -> Artifact | None:
        """The artifact with that digest among all answers kept under ``cache``, or None.

        So what was deployed is still known after its source was edited.
        """
        return await self._read(lambda: self._find(digest))

    async def _run(self, work: Callable[[_Stop], T]) -> T:
        stop = _Stop()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, stop.watched, work)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, work)

    def _compile(self, what: Path | Project | None, stop: _Stop) -> Compilation:
        stop.check()
        if what is None:
            project = ours(self._toolchain.modules)
        elif isinstance(what, Project):
            project = what
        else:
            project = open_project(what, self._toolchain.modules)
        if not project.sources.is_dir():
            raise Invalid(
                f"There is no folder {project.sources}. Nothing was compiled.", "Name a folder with .sol files.", field="folder"
            )
        places: dict[str, Path] = {}
        sources = project.gather(places)
        if any(self._toolchain.modules / "@openzeppelin" in place.parents for place in places.values()):
            self._toolchain.library("openzeppelin")
        if not sources:
            raise Invalid(
                f"{project.sources} has no Solidity sources. Nothing was compiled.",
                "Name a folder with .sol files.",
                field="folder",
            )
        own = {name for name, place in places.items() if project.sources in place.parents}
        return self._answer(project.resolved(sources), sources, own, places, project.modules, stop)

    def _answer(
        self,
        settings: CompilerSettings,
        sources: Mapping[str, str],
        own: set[str],
        places: Mapping[str, Path],
        modules: tuple[Path, ...],
        stop: _Stop,
    ) -> Compilation:
        long = versions.release(settings.version).long
        asked = standard_json(sources, settings.standard())
        key = hashlib.sha256(f"{long}\0{asked}".encode()).hexdigest()
        if key in self._last:
            self._last[key] = found = self._last.pop(key)
            return replace(found, cached=True, seconds=0.0, places=places)
        began = time.perf_counter()
        answer = self._kept(f"{key}.json")
        cached = answer is not None
        if answer is None:
            text = self._engine(settings.version, modules, stop).compile(asked)
            stop.check()
            self.compiled += 1
            answer = msgspec.json.decode(text)
            self._keep(f"{key}.in.json", json.dumps({"version": settings.version, "input": asked}))
            self._keep(f"{key}.json", text)
            self._index(key, answer)
        contracts, warnings, errors = read_answer(answer, sources, own, key)
        result = Compilation(contracts, warnings, errors, time.perf_counter() - began, cached, long, key, places)
        self._last[key] = result
        while len(self._last) > KEPT:
            self._last.pop(next(iter(self._last)))
        return result

    def _engine(self, version: str, modules: tuple[Path, ...], stop: _Stop) -> Solc:
        engine = self._engines.pop(version, None)
        if engine is None:
            own = version == versions.DEFAULT
            file = None if own else versions.find(version, (*modules, self._toolchain.modules))
            engine = Solc(self._toolchain, file, versions.release(version).long)
        self._engines[version] = engine
        while len(self._engines) > ENGINES:
            self._engines.pop(next(iter(self._engines))).close()
        stop.then(engine.cancel)
        stop.check()  # told between two steps: the engine was not at work yet
        return engine

    def _find(self, digest: str) -> Artifact | None:
        for result in list(self._last.values()):
            for artifact in result.contracts:
                if artifact.digest == digest:
                    return artifact
        found = self._kept(f"by-digest/{digest}.json")
        answer = self._kept(f"{found['key']}.json") if found else None
        if not found or not answer:
            return self._search(digest)
        source, name = found["source"], found["name"]
        return artifact_of(source, name, answer["contracts"][source][name], found["key"])

    def _search(self, digest: str) -> Artifact | None:
        """In answers that were kept before there was an index."""
        for file in sorted(self._folder.glob("*.json")):
            answer = self._kept(file.name) if "." not in file.stem else None
            for artifact in read_answer(answer, {}, key=file.stem)[0] if answer else ():
                if artifact.digest == digest:
                    return artifact
        return None

    def _index(self, key: str, answer: Mapping[str, Any]) -> None:
        every = set(answer.get("contracts", {}))
        for artifact in read_answer(answer, {}, every, key)[0]:
            text = json.dumps({"key": key, "source": artifact.source, "name": artifact.name})
            self._keep(f"by-digest/{artifact.digest}.json", text)

    def _kept_answer(self, artifact: Artifact) -> Mapping[str, Any]:
        answer = self._kept(f"{artifact.key}.json") if artifact.key else None
        if answer is None:
            raise _forgotten(artifact)
        return answer

    def _input(self, artifact: Artifact) -> tuple[CompilerSettings, Mapping[str, str]]:
        kept = self._kept(f"{artifact.key}.in.json") if artifact.key else None
        if kept is None:
            raise _forgotten(artifact)
        asked = json.loads(kept["input"])
        settings = CompilerSettings.read(kept["version"], asked["settings"])
        return settings, {name: entry["content"] for name, entry in asked["sources"].items()}

    def _tree(self, artifact: Artifact, stop: _Stop) -> Mapping[str, Any]:
        tree = self._kept(f"{artifact.key}.ast.json") if artifact.key else None
        if tree is None:
            settings, sources = self._input(artifact)
            asked = standard_json(sources, {**settings.standard(), "outputSelection": _TREE})
            answer = json.loads(self._engine(settings.version, (), stop).compile(asked))
            tree = {name: entry["ast"] for name, entry in answer.get("sources", {}).items() if "ast" in entry}
            self._keep(f"{artifact.key}.ast.json", json.dumps(tree))
        return tree

    def _kept(self, name: str) -> dict[str, Any] | None:
        try:
            found = msgspec.json.decode((self._folder / name).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        return found if isinstance(found, dict) else None

    def _keep(self, name: str, text: str) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{os.getpid()}.part")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)

    async def close(self) -> None:
        """End the compiler's thread; a compilation under way is stopped."""
        for engine in list(self._engines.values()):
            engine.cancel()
        for thread in (self._thread, self._reader):
            await asyncio.get_running_loop().run_in_executor(None, thread.shutdown)


class _Stop:
    """Whether somebody still waits for a piece of work, told to the thread that does it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._stopped = False
        self._then: Callable[[], None] | None = None

    def watched(self, work: Callable[[_Stop], T]) -> T:
        """Do the work; once it has ended, a late word stops nothing of what follows on that thread."""
        try:
            return work(self)
        finally:
            self.then(None)

    def then(self, cancel: Callable[[], None] | None) -> None:
        """What to call when nobody waits any more."""
        with self._guard:
            self._then = cancel

    def set(self) -> None:
        """Nobody waits."""
        with self._guard:
            self._stopped = True
            if self._then is not None:
                self._then()

    def check(self) -> None:
        """Raises Cancelled when nobody waits."""
        if self._stopped:
            raise Cancelled("The compilation was stopped. Nothing was kept.")


def _forgotten(artifact: Artifact) -> NotFound:
    return NotFound(
        f"What the compiler told of {artifact.name} beside its code is not in the cache.",
        "Compile its project again, then ask again.",
    )
