"""The pinned files from npm: fetched by exact version, checked by our own SHA-256 table ``contracts/toolchain.json``.

Standard library only: it runs before there is a virtual environment, and ``app.contracts.toolchain`` reads the same table.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "contracts" / "toolchain.json"
MODULES = ROOT / "contracts" / "node_modules"


class SetupError(Exception):
    """What is wrong and what to do, in sentences."""


def this_platform() -> str:
    """``linux-amd64`` and the like, as the table spells it."""
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    return f"{sys.platform}-{machine}"


def tree_digest(folder: Path, pattern: str) -> str:
    """SHA-256 over the sorted lines ``<sha256>  <path>`` of all files under ``folder`` that match."""
    lines = []
    for file in sorted(folder.rglob(pattern)):
        if file.is_file():
            lines.append(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def problems(tool: dict) -> list[str]:
    """What differs from the table, in words; empty when the tool is here and right."""
    folder = MODULES / tool["package"]
    if not folder.is_dir():
        return [f"{tool['package']} {tool['version']} is not installed"]
    found = []
    for path, digest in tool.get("files", {}).items():
        file = folder / path
        if not file.is_file():
            found.append(f"{file.relative_to(ROOT)} is missing")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            found.append(f"{file.relative_to(ROOT)} is not the file that was pinned (SHA-256 differs)")
    for spec, digest in tool.get("trees", {}).items():
        path, _, pattern = spec.rpartition("|")
        if tree_digest(folder / path, pattern) != digest:
            found.append(f"{tool['package']}: the files under {path or '.'} are not those that were pinned (SHA-256 differs)")
    return found


def table() -> list[dict]:
    """The tools of the table that exist for this platform."""
    tools = json.loads(TABLE.read_text(encoding="utf-8"))["tools"]
    return [tool for tool in tools if tool.get("platform", this_platform()) == this_platform()]


def npm(venv_python: Path) -> list[str]:
    """The npm to use: the machine's, else the one that PyPI's Node brings."""
    found = shutil.which("npm")
    if found:
        return [found]
    print("  no npm on this machine: fetching PyPI's Node", flush=True)
    node = ROOT / ".venv" / "node"
    programs, ending = (node / "Scripts", ".exe") if os.name == "nt" else (node / "bin", "")
    tool = programs / f"npm{ending}"
    if not tool.exists():
        subprocess.run([str(venv_python), "-m", "venv", "--clear", str(node)], check=True)
        pinned = ROOT / "resources" / "setup" / "requirements-node.txt"
        pip = [str(programs / f"python{ending}"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "--require-hashes", "-r", str(pinned)], check=True)
    # npm's own script looks for `node` on the path.
    os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(tool)]


def install(venv_python: Path) -> None:
    """Fetch what is missing or wrong, then check everything.

    Raises:
        SetupError: a file is still not the pinned one; it is not used.
    """
    wanted = [tool for tool in table() if problems(tool)]
    if wanted:
        # npm believes the version in a folder's package.json and would leave changed files as they are.
        for tool in wanted:
            shutil.rmtree(MODULES / tool["package"], ignore_errors=True)
        names = [f"{tool['package']}@{tool['version']}" for tool in table()]
        print("  npm: " + " ".join(names), flush=True)
        options = ["install", "--ignore-scripts", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run([*npm(venv_python), *options, "--prefix", str(ROOT / "contracts"), *names], check=True)
    wrong = [problem for tool in table() for problem in problems(tool)]
    if wrong:
        raise SetupError("The toolchain is not what was pinned, and is not used:\n  " + "\n  ".join(wrong))
    for tool in table():
        for path in tool.get("executables", ()):
            (MODULES / tool["package"] / path).chmod(0o755)
