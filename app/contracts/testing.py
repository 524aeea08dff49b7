"""Foundry tests through the pinned forge, offline, with our compiler behind it. ``python -m app.contracts.testing`` runs ours."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.contracts.solc_shim import executable
from app.contracts.toolchain import CONTRACTS, Toolchain
from app.core.errors import Unavailable


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test. ``reason`` is forge's, with the counter-example of a fuzz or invariant test."""

    suite: str
    name: str
    passed: bool
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TestReport:
    """What a run gave."""

    results: tuple[TestResult, ...]

    @property
    def passed(self) -> int:
        """How many passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """How many did not."""
        return len(self.results) - self.passed

    @property
    def failures(self) -> tuple[str, ...]:
        """``suite test: reason`` of those that did not pass."""
        return tuple(f"{r.suite} {r.name}: {r.reason}" for r in self.results if not r.passed)


async def run_tests(
    toolchain: Toolchain, cache: Path, project: Path = CONTRACTS, report: Callable[[str], None] | None = None
) -> TestReport:
    """Run all tests of a Foundry project.

    Raises:
        Unavailable: forge or OpenZeppelin is missing here or not what was pinned, or forge could not run the project (its words
            are in the message).
    """
    forge = toolchain.file("forge", "bin/forge")
    toolchain.library("openzeppelin")
    if report:
        report("Compiling and running the Foundry tests")
    folder = cache / "forge"
    process = await asyncio.create_subprocess_exec(
        str(forge),
        "test",
        "--root",
        str(project),
        "--offline",
        "--use",
        str(executable(folder)),
        "--out",
        str(folder / "out"),
        "--cache-path",
        str(folder / "cache"),
        "--json",
        cwd=folder,  # forge writes what failed under its working folder
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaints = await process.communicate()
    try:
        suites: dict[str, Any] = json.loads(out)
    except ValueError as error:
        words = (complaints or out).decode("utf-8", "replace").strip()
        raise Unavailable(
            f"forge could not run the tests. It says: {words[-2000:]}", "Correct the sources, then run again."
        ) from error
    results = []
    for suite, body in suites.items():
        for name, test in body["test_results"].items():
            kind = next(iter(test.get("kind", {"Unit": None})), "Unit") if isinstance(test.get("kind"), dict) else "Unit"
            reason = str(test.get("reason") or "")
            if test.get("counterexample"):
                reason += f" counter-example {json.dumps(test['counterexample'])[:600]}"
            results.append(TestResult(suite.rsplit(":", 1)[-1], name, test["status"] == "Success", str(kind), reason))
    return TestReport(tuple(results))


def main() -> int:
    """Run our tests, print one line per failure and a total; 1 when one failed or none ran."""
    with tempfile.TemporaryDirectory(prefix="azora-forge-") as folder:
        try:
            report = asyncio.run(run_tests(Toolchain(), Path(folder)))
        except Unavailable as error:
            print(error)
            return 1
    for failure in report.failures:
        print(f"FAILED {failure}")
    print(f"Solidity: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.results else 0


if __name__ == "__main__":
    sys.exit(main())
