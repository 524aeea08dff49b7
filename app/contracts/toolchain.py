"""The pinned compiler, node, test engine and contract library: where they are, and whether they are what was pinned.

The table is ``contracts/toolchain.json``; ``resources/setup`` fetches by it, this module refuses by it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"


@dataclass(frozen=True, slots=True)
class Tool:
    """One pinned tool. ``why`` says what is wrong when it is not ``ok``; ``path`` is its folder or file."""

    name: str
    version: str
    path: Path
    ok: bool
    why: str


def this_platform() -> str:
    """``linux-amd64`` and the like, as the table spells it."""
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{sys.platform}-{machine}"


class Toolchain:
    """Finds and checks the tools of one checkout."""

    def __init__(self, contracts: Path = CONTRACTS) -> None:
        self.contracts = contracts
        self.modules = contracts / "node_modules"
        self._checked: set[Path] = set()

    def _table(self) -> dict[str, dict[str, object]]:
        table = json.loads((self.contracts / "toolchain.json").read_text(encoding="utf-8"))
        return {str(tool["name"]): tool for tool in table["tools"]}

    def status(self) -> list[Tool]:
        """Every tool of the table, files and trees checked by SHA-256."""
        found = []
        for name, tool in self._table().items():
            folder = self.modules / str(tool["package"])
            why = ""
            wanted = str(tool.get("platform", this_platform()))
            if wanted != this_platform():
                why = f"there is none for {this_platform()}"
            elif not folder.is_dir():
                why = "not installed"
            else:
                files: dict[str, str] = tool.get("files", {})  # type: ignore[assignment]
                for path, digest in files.items():
                    why = why or _difference(folder / path, digest)
                trees: dict[str, str] = tool.get("trees", {})  # type: ignore[assignment]
                for spec, digest in trees.items():
                    why = why or _tree_difference(folder, spec, digest)
            found.append(Tool(name, str(tool["version"]), folder, not why, why))
        return found

    def file(self, tool: str, path: str) -> Path:
        """A pinned file, checked once per process.

        Raises:
            Unavailable: it is missing, or not the file that was pinned; it is not used.
        """
        entry = self._table().get(tool, {})
        file = self.modules / str(entry.get("package", tool)) / path
        if file in self._checked:
            return file
        files: dict[str, str] = entry.get("files", {})  # type: ignore[assignment]
        why = f"there is none for {this_platform()}" if entry.get("platform", this_platform()) != this_platform() else ""
        why = why or _difference(file, files.get(path, ""))
        if why:
            raise Unavailable(f"{tool} cannot be used: {why}. Nothing was done.", "Run make run: it fetches what is pinned.")
        self._checked.add(file)
        return file

    def library(self, tool: str) -> Path:
        """The folder of a pinned library, its files hashed once per process.

        Raises:
            Unavailable: it is missing, or a file was changed, added or removed; it is not used.
        """
        entry = self._table().get(tool, {})
        folder = self.modules / str(entry.get("package", tool))
        if folder in self._checked:
            return folder
        trees: dict[str, str] = entry.get("trees", {})  # type: ignore[assignment]
        why = "" if trees else "it is not in the table of pinned tools"
        for spec, digest in trees.items():
            why = why or _tree_difference(folder, spec, digest)
        if why:
            raise Unavailable(f"{tool} cannot be used: {why}. Nothing was done.", "Run make run: it fetches what is pinned.")
        self._checked.add(folder)
        return folder


def _tree_difference(folder: Path, spec: str, digest: str) -> str:
    """What is wrong with the files that ``path|pattern`` names; the hash is made as ``resources/setup/toolchain.py`` makes it."""
    path, _, pattern = spec.rpartition("|")
    root = folder / path
    if not root.is_dir():
        return "not installed"
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(root).as_posix()}\n"
        for file in sorted(root.rglob(pattern))
        if file.is_file()
    ]
    if hashlib.sha256("".join(lines).encode()).hexdigest() != digest:
        return f"the files under {path or folder.name} are not those that were pinned (SHA-256 differs)"
    return ""


def _difference(file: Path, digest: str) -> str:
    if not file.is_file():
        return f"{file.name} is missing"
    if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
        return f"{file.name} is not the file that was pinned (SHA-256 differs)"
    return ""
