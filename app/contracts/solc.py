"""soljson in process: standard JSON in, standard JSON out, no Node, no network.

Output equals Node's with the same file. The engine stays resident in a thread of its own; Python runs on while it works.
"""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.contracts.sources import gather
from app.contracts.toolchain import Toolchain
from app.core.errors import Cancelled

__all__ = ["OUTPUTS", "SETTINGS", "Solc", "gather", "standard_json"]

# soljson looks for a browser or Node; it needs neither, only somewhere to write its complaints.
_SHIM = (
    "var process=undefined;var window=undefined;var print=function(){};"
    "var console={log:function(){},warn:function(){},error:function(){}};"
)
_ENTRY = "var _c=Module.cwrap('solidity_compile','string',['string','number','number']);var compile=function(s){return _c(s,0,0)};"

OUTPUTS: Mapping[str, Any] = {
    "*": {
        "*": [
            "abi",
            "metadata",
            "storageLayout",
            "evm.bytecode.object",
            "evm.bytecode.linkReferences",
            "evm.bytecode.sourceMap",
            "evm.bytecode.generatedSources",
            "evm.deployedBytecode.object",
            "evm.deployedBytecode.immutableReferences",
            "evm.deployedBytecode.linkReferences",
            "evm.deployedBytecode.sourceMap",
            "evm.deployedBytecode.generatedSources",
            "evm.methodIdentifiers",
        ]
    }
}
SETTINGS: Mapping[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "paris",
    "outputSelection": OUTPUTS,
}


class Solc:
    """One engine. Use it from one thread (``Compiler`` does); only :meth:`cancel` may come from another.

    Args:
        file: the ``soljson.js`` of another release, whose bytes were checked (``versions.find``).
    """

    version = "0.8.20+commit.a1b79de6"

    def __init__(self, toolchain: Toolchain, file: Path | None = None, version: str = version) -> None:
        self.version = version
        self._file = file or toolchain.file("solc", "soljson.js")
        self._engine: Any = None
        self._ending: weakref.finalize[Any, Solc] | None = None  # closes the engine, at the latest before the interpreter ends
        self._loop: asyncio.AbstractEventLoop | None = None
        self._limit: asyncio.Timeout | None = None
        self._guard = threading.Lock()

    def compile(self, standard_json: str) -> str:
        """Compile; the answer is standard JSON as ``solc --standard-json`` gives it.

        Raises:
            Cancelled: :meth:`cancel` was called meanwhile; the engine starts anew with the next call.
        """
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(self._answer(standard_json))
        except TimeoutError:
            self.close()  # what was interrupted has half a heap
            raise Cancelled("The compilation was stopped. Nothing was kept.") from None

    async def _answer(self, standard_json: str) -> str:
        if self._engine is None:
            from py_mini_racer import MiniRacer, init_mini_racer

            # The default flags include --single-threaded, which halves the speed; a second initialisation would warn.
            init_mini_racer(flags=[], ignore_duplicate_init=True)
            self._engine = MiniRacer()
            # While the interpreter ends, no thread may call back into Python: freed then, one engine of 120 waited for ever.
            self._ending = weakref.finalize(self, self._engine.close)
            self._engine.eval(_SHIM + self._file.read_text(encoding="utf-8") + ";1")
            self._engine.eval(_ENTRY)
        async with asyncio.timeout(None) as limit:
            with self._guard:
                self._limit = limit
            try:
                return str(await self._engine.eval_cancelable(f"compile({json.dumps(standard_json)})"))
            finally:
                with self._guard:
                    self._limit = None

    @property
    def busy(self) -> bool:
        """Whether it compiles now."""
        return self._limit is not None

    def cancel(self) -> None:
        """Stop the compilation under way, if there is one. From any thread."""
        with self._guard:
            if self._limit is not None and self._loop is not None:
                self._loop.call_soon_threadsafe(self._expire, self._limit)

    def _expire(self, limit: asyncio.Timeout) -> None:
        if limit is self._limit:
            limit.reschedule(0)  # in the past

    def close(self) -> None:
        """Give the engine's memory back."""
        if self._ending is not None:
            self._ending()
            self._engine = self._ending = None
        if self._loop is not None:
            self._loop.close()
            self._loop = None


def standard_json(sources: Mapping[str, str], settings: Mapping[str, Any] = SETTINGS) -> str:
    """The compiler's input (Solidity documentation, “Compiler Input and Output JSON Description”)."""
    body = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": settings,
    }
    return json.dumps(body, sort_keys=True)
