"""Compiling: our resident engine beside a resident Node with the same soljson; nothing changed; Hardhat where it is installed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.contracts.compiler import Compiler
from app.contracts.solc import Solc, gather, standard_json
from app.contracts.toolchain import CONTRACTS, Toolchain

MODULES = CONTRACTS / "node_modules"
SOLJSON = MODULES / "solc" / "soljson.js"
ROUNDS = 5

NODE_WORKER = """
const solc = require(process.argv[1]);
const compile = solc.cwrap('solidity_compile', 'string', ['string', 'number', 'number']);
let rest = '';
process.stdin.on('data', part => {
  rest += part;
  let at;
  while ((at = rest.indexOf('\\n')) >= 0) {
    const line = rest.slice(0, at); rest = rest.slice(at + 1);
    process.stdout.write(JSON.stringify(compile(line, 0, 0).length) + '\\n');
  }
});
"""
# Hardhat 2 looks for compilers on the network; here it takes the one that is pinned.
HARDHAT_CONFIG = """
const { subtask } = require("hardhat/config");
const names = require("hardhat/builtin-tasks/task-names");
subtask(names.TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: %s, isSolcJs: true, version: "0.8.20", longVersion: "0.8.20+commit.a1b79de6",
}));
module.exports = {
  solidity: { version: "0.8.20", settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "paris" } },
  paths: { sources: "./src" },
};
"""


def warm() -> dict[str, Any]:
    """Both compile our contracts, in turn; then nothing changes."""
    asked = standard_json(gather(CONTRACTS / "src", MODULES))
    ours = Solc(Toolchain())
    node = subprocess.Popen(["node", "-e", NODE_WORKER, str(SOLJSON)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert node.stdin is not None and node.stdout is not None

    def ask_node() -> None:
        node.stdin.write(asked + "\n")
        node.stdin.flush()
        node.stdout.readline()

    ours.compile(asked)
    ask_node()
    pairs = [(_spent(lambda: ours.compile(asked)), _spent(ask_node)) for _ in range(ROUNDS)]
    node.kill()
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    nothing = {
        "ours": asyncio.run(_unchanged(None)),
        "openzeppelin, 143 files": asyncio.run(_unchanged(MODULES / "@openzeppelin/contracts")),
    }
    return {
        "seconds": mine,
        "peer": "resident Node, same soljson",
        "peer_seconds": theirs,
        "ratio": statistics.median(ours_took / node_took for ours_took, node_took in pairs),  # each pair had the same machine
        "unchanged": {name: {"seconds": seconds, "ratio": seconds / theirs} for name, seconds in nothing.items()},
        "hardhat": _hardhat(mine),
    }


def _spent(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def _unchanged(folder: Path | None) -> float:
    """Median seconds of compiling again what was compiled; every file is read and hashed each time."""
    with tempfile.TemporaryDirectory() as cache:
        compiler = Compiler(Toolchain(), Path(cache))
        await compiler.compile(folder)
        spent = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            again = await compiler.compile(folder)
            spent.append(time.perf_counter() - began)
            assert again.cached
        await compiler.close()
    return statistics.median(spent)


def _hardhat(mine: float) -> dict[str, Any]:
    """``hardhat compile`` of the same sources in a process of its own, as its users run it: all anew, and nothing changed.

    ``AZORA_BENCH_HARDHAT`` names a folder whose ``node_modules`` has Hardhat 2; otherwise ours is looked at.
    """
    place = Path(os.environ.get("AZORA_BENCH_HARDHAT", str(CONTRACTS)))
    program = place / "node_modules" / "hardhat"
    if not program.is_dir():
        return {"skipped": "Hardhat is not installed"}
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        shutil.copytree(CONTRACTS / "src", root / "src")
        (root / "node_modules").mkdir()
        for package, folder in (("hardhat", program), ("@openzeppelin", MODULES / "@openzeppelin")):
            (root / "node_modules" / package).symlink_to(folder)
        (root / "hardhat.config.js").write_text(HARDHAT_CONFIG % json.dumps(str(SOLJSON)), encoding="utf-8")
        (root / "package.json").write_text("{}", encoding="utf-8")
        environ = {**os.environ, "HARDHAT_DISABLE_TELEMETRY_PROMPT": "true", "CI": "true", "HOME": made}
        command = ["node", str(program / "internal/cli/bootstrap.js"), "compile"]

        def run(*options: str) -> float:
            return _spent(lambda: subprocess.run([*command, *options], cwd=root, env=environ, check=True, capture_output=True))

        run()
        anew, nothing = (statistics.median(run(*options) for _ in range(3)) for options in (("--force",), ()))
    return {"seconds": anew, "ours_to_it": mine / anew, "unchanged_seconds": nothing}
