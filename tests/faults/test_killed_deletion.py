"""A console killed while it deletes an account leaves neither a listed account without its key nor a key without an account."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.bus]
ROOT = Path(__file__).parents[2]
REMOVE = ("wallets.remove.rows", "wallets.remove.vault")
MADE = 2  # plans that ran before: the phrase, the key
POINTS = {f"runner.step.{at}": MADE + 1 for at in ("prepared", "acted")} | dict.fromkeys(
    REMOVE, 1
)  # the others are the runner's own


def program(home: Path, verb: str, expect: int = 0, **environ: str) -> dict[str, Any]:
    """Run it and check how it ended; what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.wallets_program", str(home), verb],
        env={**os.environ, **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == expect, f"{verb}: exit {done.returncode}\n{done.stderr[-3000:]}"
    said: dict[str, Any] = json.loads(done.stdout) if expect == 0 else {}
    return said


def assert_gone(said: dict[str, Any]) -> None:
    """The account is deleted, once and whole; the others stay."""
    assert said["accounts"] == ["Savings 1", "Savings 2"]
    assert said["wallets"] == {"Savings": ["ready", True]} and said["kept"] == 1
    assert said["plan"] == ["wallets.delete", "done", True] and said["problem"] == ""


def test_a_deletion_takes_the_row_first_and_then_the_secret(tmp_path: Path) -> None:
    home, record = tmp_path / "home", tmp_path / "points.txt"
    assert_gone(program(home, "delete", AZORA_FAULT_RECORD=str(record)))
    assert [point for point in record.read_text().split() if point.startswith("wallets.remove")] == list(REMOVE)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_deletion_is_finished_at_the_next_start(tmp_path: Path, point: str) -> None:
    home = tmp_path / "home"
    program(home, "delete", expect=-signal.SIGKILL, AZORA_FAULT=f"{point}:{POINTS[point]}")
    assert_gone(program(home, "recover"))
