"""Compiling a folder of Solidity off the service loop, and not at all when nothing changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from app.contracts.artifacts import Artifact, Compilation, read_answer
from app.contracts.solc import Solc, gather, standard_json
from app.contracts.toolchain import CONTRACTS, Toolchain
from app.core.errors import Invalid


class Compiler:
    """solc 0.8.20, optimizer 200 runs, EVM paris. Answers are kept by content under ``cache``."""

    def __init__(self, toolchain: Toolchain, cache: Path) -> None:
        self._toolchain = toolchain
        self._cache = cache
        self._thread = ThreadPoolExecutor(1, "solc")
        self._solc: Solc | None = None
        self._last: tuple[str, Compilation] | None = None
        self._known: dict[str, Artifact] = {}  # by digest
        self.compiled = 0  # how often the engine really ran

    async def compile(self, folder: Path | None = None) -> Compilation:
        """Compile all ``.sol`` files under ``folder`` (default: our own).

        Errors of the sources are in the answer; they are not raised.

        Raises:
            Invalid: the folder has no sources, or an import leads nowhere.
            Unavailable: the compiler or OpenZeppelin is missing, or not what was pinned.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._compile, folder or CONTRACTS / "src")

    def _compile(self, folder: Path) -> Compilation:
        if not folder.is_dir():
            raise Invalid(f"There is no folder {folder}. Nothing was compiled.", "Name a folder with .sol files.", field="folder")
        sources = gather(folder, self._toolchain.modules)
        if any(name.startswith("@openzeppelin/") for name in sources):
            self._toolchain.library("openzeppelin")
        if not sources:
            raise Invalid(
                f"{folder} has no Solidity sources. Nothing was compiled.", "Name a folder with .sol files.", field="folder"
            )
        asked = standard_json(sources)
        key = hashlib.sha256(f"{Solc.version}\0{asked}".encode()).hexdigest()
        if self._last is not None and self._last[0] == key:
            return replace(self._last[1], cached=True, seconds=0.0)
        began = time.perf_counter()
        answer = self._kept(key)
        cached = answer is not None
        if answer is None:
            if self._solc is None:
                self._solc = Solc(self._toolchain)
            answer = self._solc.compile(asked)
            self.compiled += 1
            self._keep(key, answer)
        contracts, warnings, errors = read_answer(json.loads(answer), sources)
        result = Compilation(contracts, warnings, errors, time.perf_counter() - began, cached, Solc.version)
        self._last = (key, result)
        return result

    async def find(self, digest: str) -> Artifact | None:
        """The artifact with that digest among all answers kept under ``cache``, or None.

        So what was deployed is still known after its source was edited.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._find, digest)

    def _find(self, digest: str) -> Artifact | None:
        self._know(self._last[1].contracts if self._last else ())
        if digest not in self._known:
            for file in sorted((self._cache / "solc").glob("*.json")):
                answer = self._kept(file.stem)
                self._know(read_answer(json.loads(answer), {})[0] if answer else ())
        return self._known.get(digest)

    def _know(self, artifacts: Iterable[Artifact]) -> None:
        self._known.update({artifact.digest: artifact for artifact in artifacts})

    def _kept(self, key: str) -> str | None:
        try:
            text = (self._cache / "solc" / f"{key}.json").read_text(encoding="utf-8")
            json.loads(text)
        except (OSError, ValueError):
            return None
        return text

    def _keep(self, key: str, answer: str) -> None:
        folder = self._cache / "solc"
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{key}.{os.getpid()}.part"
        unfinished.write_text(answer, encoding="utf-8")
        unfinished.replace(folder / f"{key}.json")

    async def close(self) -> None:
        """End the compiler's thread; a compilation under way is waited for."""
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
