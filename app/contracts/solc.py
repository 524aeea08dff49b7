"""soljson 0.8.20 in process: standard JSON in, standard JSON out, no Node, no network.

Output equals Node's with the same file. The engine stays resident in a thread of its own; Python runs on while it works.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from app.contracts.toolchain import Toolchain
from app.core.errors import Invalid

_IMPORT = re.compile(r"""^\s*import\s+(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']""", re.MULTILINE)
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
# soljson looks for a browser or Node; it needs neither, only somewhere to write its complaints.
_SHIM = (
    "var process=undefined;var window=undefined;var print=function(){};"
    "var console={log:function(){},warn:function(){},error:function(){}};"
)
_ENTRY = "var _c=Module.cwrap('solidity_compile','string',['string','number','number']);var compile=function(s){return _c(s,0,0)};"

SETTINGS: Mapping[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "paris",
    "outputSelection": {
        "*": {
            "*": [
                "abi",
                "metadata",
                "storageLayout",
                "evm.bytecode.object",
                "evm.bytecode.linkReferences",
                "evm.deployedBytecode.object",
                "evm.deployedBytecode.immutableReferences",
                "evm.methodIdentifiers",
            ]
        }
    },
}


class Solc:
    """One engine. Not thread-safe: use it from one thread (``Compiler`` does)."""

    version = "0.8.20+commit.a1b79de6"

    def __init__(self, toolchain: Toolchain) -> None:
        self._file = toolchain.file("solc", "soljson.js")
        self._engine: Any = None

    def compile(self, standard_json: str) -> str:
        """Compile; the answer is standard JSON as ``solc --standard-json`` gives it."""
        if self._engine is None:
            from py_mini_racer import MiniRacer, init_mini_racer

            # The default flags include --single-threaded, which halves the speed; a second initialisation would warn.
            init_mini_racer(flags=[], ignore_duplicate_init=True)
            self._engine = MiniRacer()
            self._engine.eval(_SHIM + self._file.read_text(encoding="utf-8") + ";1")
            self._engine.eval(_ENTRY)
        return str(self._engine.call("compile", standard_json))


def gather(folder: Path, libraries: Path, only: Path | None = None) -> dict[str, str]:
    """All sources under ``folder`` and what they import, by the names the compiler will know them by.

    Names are relative to ``folder``'s parent (``src/AzoraToken.sol``) and to ``libraries`` (``@openzeppelin/…``).

    Raises:
        Invalid: an import leads nowhere; the message names file and import.
    """
    root = folder.parent
    files = [only] if only is not None else sorted(folder.rglob("*.sol"))
    waiting = [(file.relative_to(root).as_posix(), file) for file in files]
    found: dict[str, str] = {}
    while waiting:
        name, file = waiting.pop()
        if name in found:
            continue
        found[name] = text = file.read_text(encoding="utf-8")
        for wanted in _IMPORT.findall(_COMMENT.sub("", text)):
            imported = _normal(PurePosixPath(name).parent / wanted) if wanted.startswith(".") else wanted
            place = next((place for place in (root / imported, libraries / imported) if place.is_file()), None)
            if place is None:
                raise Invalid(
                    f"{name} imports “{wanted}”, which is not there. Nothing was compiled.",
                    "Correct the path, or put the library into contracts/node_modules.",
                    field=name,
                )
            waiting.append((imported, place))
    return dict(sorted(found.items()))


def _normal(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def standard_json(sources: Mapping[str, str], settings: Mapping[str, Any] = SETTINGS) -> str:
    """The compiler's input (Solidity documentation, “Compiler Input and Output JSON Description”)."""
    body = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": settings,
    }
    return json.dumps(body, sort_keys=True)
