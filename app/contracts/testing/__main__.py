"""``python -m app.contracts.testing`` runs our Solidity tests and prints what failed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from app.contracts.projects import ours
from app.contracts.testing.service import Tests
from app.contracts.toolchain import Toolchain
from app.core.errors import Unavailable


def main() -> int:
    """Run our tests, print one line per failure and a total; 1 when one failed or none ran."""
    toolchain = Toolchain()
    with tempfile.TemporaryDirectory(prefix="azora-forge-") as folder:
        tests = Tests(toolchain, Path(folder), lambda _: ours(toolchain.modules))
        try:
            report = asyncio.run(tests.run())
        except Unavailable as error:
            print(error)
            return 1
    for failure in report.failures:
        print(f"FAILED {failure}")
    print(f"Solidity: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.results else 0


if __name__ == "__main__":
    sys.exit(main())
