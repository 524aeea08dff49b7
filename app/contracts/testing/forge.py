"""The pinned forge as a process of its own group: started offline, with our compiler, read, and killed with all it started."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.contracts import versions
from app.contracts.projects import Project
from app.contracts.solc_shim import executable
from app.contracts.sources import files_under
from app.contracts.toolchain import Toolchain
from app.core.errors import Denied, Unavailable

# Tests can read the environment; of ours they see what a program needs to run, and what is meant for forge.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class Forge:
    """forge over one project. What it builds and keeps lies under ``cache``, in a folder of the project's own."""

    def __init__(self, toolchain: Toolchain, cache: Path, project: Project) -> None:
        self._program = toolchain.file("forge", "bin/forge")
        self._toolchain = toolchain
        self.project = project
        self.folder = cache / "forge" / hashlib.sha256(str(project.root).encode()).hexdigest()[:16]

    async def json(self, *arguments: str) -> dict[str, Any]:
        """What a command answers, as JSON.

        Raises:
            Unavailable: it answered something else; its words are in the message.
        """
        _, out, complaints = await self.run(*arguments, "--json")
        try:
            answer = json.loads(out or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or (not answer and complaints.strip()):
            raise refused(complaints or out)
        return answer

    async def require_no_programs(self) -> None:
        """Refuse a project whose configuration lets its tests run programs of this machine.

        Raises:
            Denied: it does.
        """
        said = await self.json("config")
        if said.get("ffi"):
            raise Denied(
                f"The tests of {self.project.name} may run any program of this machine: its configuration says ffi = true. "
                "Nothing was run.",
                "Read what they run; then allow it (--allow-programs), or take ffi out of foundry.toml.",
            )

    async def run(self, command: str, *arguments: str, out: str = "out") -> tuple[int, bytes, bytes]:
        """Run a command; its exit code, output and complaints. A caller that is cancelled ends forge and what it started."""
        await asyncio.to_thread(self.folder.mkdir, parents=True, exist_ok=True)
        options = ["--root", str(self.project.root)] if command == "config" else await asyncio.to_thread(self._options, out)
        process = await asyncio.create_subprocess_exec(
            str(self._program),
            command,
            *options,
            *arguments,
            cwd=self.folder,  # forge writes what failed under its working folder
            env={name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("FOUNDRY_")},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            said, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return process.returncode or 0, said, complaints

    def _options(self, out: str) -> list[str]:
        project = self.project
        options = ["--root", str(project.root), "--offline", "--use", str(self._compiler())]
        options += ["--out", str(self.folder / out), "--cache-path", str(self.folder / f"{out}-cache")]
        if (project.root / "foundry.toml").is_file():
            return options
        options += ["--contracts", str(project.sources)]
        options += [part for each in project.settings.remappings for part in ("--remappings", each)]
        inside = [place for place in project.includes if place.is_relative_to(project.root)]
        options += [part for place in inside for part in ("--lib-paths", str(place))]
        if project.settings.evm_version:
            options += ["--evm-version", project.settings.evm_version]
        if project.settings.optimizer:
            options += ["--optimize", "true", "--optimizer-runs", str(project.settings.runs)]
        return [*options, "--via-ir"] if project.settings.via_ir else options

    def _compiler(self) -> Path:
        """A program that answers as the compiler which the project's sources ask for."""
        project = self.project
        texts = {str(file): file.read_text(encoding="utf-8") for file in files_under(project.root)}
        version = project.settings.version or versions.choose(texts, project.modules)
        if version == versions.DEFAULT:
            return executable(self.folder)
        return executable(self.folder, versions.release(version).long, versions.find(version, project.modules))


def refused(words: bytes) -> Unavailable:
    """What forge said instead of an answer."""
    text = words.decode("utf-8", "replace").strip()
    return Unavailable(f"forge could not run the tests. It says: {text[-2000:]}", "Correct the sources, then run again.")


def pattern(paths: Sequence[str]) -> str:
    """One glob for exactly these files."""
    safe = ["".join(f"[{letter}]" if letter in "*?[]{}!" else letter for letter in path) for path in paths]
    return safe[0] if len(safe) == 1 else "{" + ",".join(safe) + "}"


def any_of(names: Iterable[str], after: str) -> str:
    """A regular expression for exactly one of these names, then ``after``."""
    return f"^({'|'.join(sorted(set(names)))}){after}"
