"""A console killed at any moment of a step that sends many, and taken up again, has paid every row once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chain.sending_room import recipient
from tests.conftest import Node

pytestmark = pytest.mark.node
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def blocks_by_time(node: Node) -> Iterator[None]:
    """Blocks come by the clock, as on every real chain.

    While it mines with each transaction, anvil can leave one that comes at that moment in its queue for ever, with all behind it,
    though its nonce is the next; sent one by one it happens too. No recovery could end.
    """
    node("evm_setIntervalMining", 1)
    yield
    node("evm_setIntervalMining", 0)
    node("evm_setAutomine", True)


def paid(node: Node, count: int) -> list[int]:
    """Wei of each recipient."""
    return [node.balance(recipient(n)) for n in range(count)]


def console(home: Path, url: str, verb: str, **environ: str) -> int:
    command = [sys.executable, "-m", "tests.chain.sending_room", str(home), url, verb, "520"]
    return subprocess.run(command, env={**os.environ, **environ}, cwd=ROOT, timeout=120, check=False).returncode


POINTS = {
    "runner.step.preparing": 1,
    "chain.batch.reserved": 1,
    "chain.batch.stored": 3,
    "runner.step.prepared": 1,
    "chain.batch.sent": 3,
    "runner.step.acted": 1,
    "runner.step.done": 1,
}


def test_the_points_listed_are_passed(tmp_path: Path, node: Node) -> None:
    record = tmp_path / "points.txt"
    assert console(tmp_path / "home", node.url, "batch", AZORA_FAULT_RECORD=str(record)) == 0
    passed = Counter(record.read_text(encoding="utf-8").split())
    assert all(passed[name] >= count for name, count in POINTS.items()), passed


@pytest.mark.parametrize(("point", "count"), POINTS.items())
def test_a_killed_batch_pays_every_row_once(tmp_path: Path, node: Node, point: str, count: int) -> None:
    before = int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16)
    assert console(tmp_path, node.url, "batch", AZORA_FAULT=f"{point}:{count}") == -signal.SIGKILL
    assert console(tmp_path, node.url, "recover") == 0
    assert paid(node, 520) == [1] * 520
    assert int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16) - before == 520
