"""Our in-process compiler dressed as ``solc``, for forge: ``--version`` and ``--standard-json``, nothing else.

forge runs it with ``--use PATH``; PATH is the small executable that :func:`executable` writes.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def executable(folder: Path, version: str = "", engine: Path | None = None) -> Path:
    """Write the executable into ``folder`` and return its path.

    Args:
        version: what another release says it is, with its ``engine``, a ``soljson.js`` whose bytes were checked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "solc"
    root = Path(__file__).resolve().parents[2]
    other = "".join(f" {shlex.quote(text)}" for text in (version, str(engine))) if engine else ""
    command = f"{shlex.quote(sys.executable)} -m app.contracts.solc_shim"
    text = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(root))} exec {command} "$@"{other}\n'
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    return file


def main() -> None:
    """Answer like solc 0.8.20, or like the release that the last two arguments name."""
    from app.contracts.solc import Solc
    from app.contracts.toolchain import Toolchain

    other = sys.argv[-1].endswith("soljson.js")
    version = sys.argv[-2] if other else Solc.version
    if "--version" in sys.argv:
        print("solc, the solidity compiler commandline interface")
        print(f"Version: {version}.Linux.g++")
        return
    answer = Solc(Toolchain(), Path(sys.argv[-1]) if other else None, version).compile(sys.stdin.read())
    sys.stdout.write(answer)
    sys.stdout.flush()
    os._exit(0)  # the engine's own shutdown takes a second and saves nothing


if __name__ == "__main__":
    main()
