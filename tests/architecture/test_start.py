"""What is not imported before the window is painted. Asked of a fresh process, since this one has imported everything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source import ROOT

ON_FIRST_USE = {"web3", "eth_account", "eth_abi", "pyrevm", "py_mini_racer", "matplotlib", "numpy", "kubernetes", "pyqtgraph"}
SERVICES = {"asyncio", "sqlalchemy", "alembic", "pydantic", "structlog", "aiohttp", "keyring", "cryptography"}
AFTER_THE_PAINT = SERVICES | {"qasync", "typer"}


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("main", ON_FIRST_USE | AFTER_THE_PAINT | {"PySide6"}),
        ("ui.application", ON_FIRST_USE | AFTER_THE_PAINT),
        ("app.console", ON_FIRST_USE | {"sqlalchemy", "keyring", "PySide6"}),
        ("app.cli", ON_FIRST_USE | {"PySide6", "qasync", "keyring"}),
    ],
)
def test_importing_it_leaves_alone(module, forbidden):
    code = f"import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert forbidden & set(done.stdout.split()) == set()
