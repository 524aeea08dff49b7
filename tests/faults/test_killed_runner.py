"""A console killed at any moment of a plan does each step exactly once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.operations.plans import PlanState

PROGRAM = Path(__file__).with_name("console_program.py")
ROOT = Path(__file__).parents[2]
POINTS = [
    ("runner.plan.confirmed", 1),
    *((f"runner.step.{at}", n) for at in ("preparing", "storing", "prepared", "acted", "done", "committed") for n in (1, 2)),
    ("runner.plan.done", 1),
]


def azora(folder: Path, verb: str, **environ: str) -> int:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run([sys.executable, str(PROGRAM), str(folder), verb], env=env, timeout=60, check=False).returncode


def test_the_points_listed_are_those_a_run_passes(tmp_path: Path) -> None:
    record = tmp_path / "points.txt"
    assert azora(tmp_path / "home", "run", AZORA_FAULT_RECORD=str(record)) == 0
    passed = record.read_text().split()
    assert {name for name, _ in POINTS} == set(passed)
    counted = {name: max(n for other, n in POINTS if other == name) for name, _ in POINTS}
    assert {name: passed.count(name) for name in passed} == counted


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_a_killed_plan_does_each_step_once(tmp_path: Path, point: str, count: int) -> None:
    assert azora(tmp_path, "run", AZORA_FAULT=f"{point}:{count}") == -signal.SIGKILL
    assert azora(tmp_path, "recover") == 0
    words = [line.split()[0] for line in (tmp_path / "world.txt").read_text().splitlines()]
    assert words == ["one", "two"]

    async def look() -> None:
        sys.path.insert(0, str(PROGRAM.parent))
        from console_program import Room

        room = await Room(tmp_path).open()
        plan = await room.operations.get("PLN-0001")
        assert plan.state is PlanState.DONE
        assert plan.receipt is not None and plan.receipt.matches
        verdict = await room.journal.verify()
        assert verdict.ok, verdict.problem
        kinds = [entry.kind for entry in reversed(await room.journal.page())]
        assert kinds.count("step.prepared") == kinds.count("step.done") == 2 and kinds[-1] == "plan.done"
        await room.close()

    asyncio.run(look())
