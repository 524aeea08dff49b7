"""Our in-process compiler dressed as ``solc``, for forge: ``--version`` and ``--standard-json``, nothing else.

forge runs it with ``--use PATH``; PATH is the small executable that :func:`executable` writes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def executable(folder: Path) -> Path:
    """Write the executable into ``folder`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "solc"
    root = Path(__file__).resolve().parents[2]
    text = f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m app.contracts.solc_shim "$@"\n'
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    return file


def main() -> None:
    """Answer like solc 0.8.20."""
    from app.contracts.solc import Solc
    from app.contracts.toolchain import Toolchain

    if "--version" in sys.argv:
        print("solc, the solidity compiler commandline interface")
        print(f"Version: {Solc.version}.Linux.g++")
        return
    answer = Solc(Toolchain()).compile(sys.stdin.read())
    sys.stdout.write(answer)
    sys.stdout.flush()
    os._exit(0)  # the engine's own shutdown takes a second and saves nothing


if __name__ == "__main__":
    main()
