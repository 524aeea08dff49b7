"""A payout of 60 rows, its console killed four times, over a node that drops, delays and lies: every row is paid once.

The proxy forgets raw transactions that it said it took, answers errors after it passed one on, breaks connections off and is late;
the console behind it is a process of its own, killed with SIGKILL at fault points, and started again.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chain.hostile import Hostile
from tests.conftest import Node
from tests.wallets.purse import bytecodes
from tests.wallets.test_holdings import coin
from tests.wallets.test_payouts import payee, table

__all__ = ["bytecodes"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]
ROOT = Path(__file__).parents[2]
ROWS = 60
POINTS = ("runner.plan.confirmed", "chain.batch.reserved", "chain.batch.stored", "runner.step.prepared", "chain.batch.sent")


async def program(
    home: Path, url: str, verb: str, file: Path, token: str, fault: str = "", limit: float = 120.0
) -> dict[str, Any] | None:
    """One run of the console, killed at a fault point or after so many seconds; what it told, or None when it was killed."""
    command = [sys.executable, "-m", "tests.wallets.pay_program", str(home), url, verb, str(file), *([token] if token else [])]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**os.environ, "AZORA_FAULT": fault}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), limit)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    if process.returncode == -signal.SIGKILL:
        return None
    assert process.returncode == 0, err.decode()[-3000:]
    return dict(json.loads(out))


def balance_of(node: Node, token: str, account: str) -> int:
    """Of the coin or a token, read past everything of ours."""
    if not token:
        return node.balance(account)
    return int(node("eth_call", {"to": token, "data": "0x70a08231" + account[2:].lower().rjust(64, "0")}, "latest"), 16)


@pytest.mark.parametrize(("seed", "which"), [(3, "native"), (5, "token")])
async def test_a_payout_killed_four_times_pays_every_row_once(
    tmp_path: Path, node: Node, bytecodes: Any, seed: int, which: str
) -> None:
    chance = random.Random(seed)
    token = coin(node, bytecodes) if which == "token" else ""
    file = tmp_path / "rows.csv"
    file.write_text(table([(payee(n), f"0.{n + 1:03}", f"row {n}") for n in range(ROWS)]), encoding="utf-8")
    nonce = int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16)

    def mood(n: int) -> str:
        return "break" if n % 50 == 9 else chance.choice(["ok", "ok", "ok", "lie", "late", "swallow", "refuse"])

    # In the order in which they are passed, so that each start is killed at one that it has not left behind.
    kills = [*sorted(chance.sample(POINTS, 3), key=POINTS.index), "runner.step.done"]
    async with Hostile(node.url, mood) as proxy:
        for number, point in enumerate(kills):
            verb = "recover" if number else "pay"
            assert await program(tmp_path / "home", proxy.url, verb, file, token, fault=f"{point}:1") is None, point
        told = await program(tmp_path / "home", proxy.url, "recover", file, token)
        assert proxy.moods.keys() >= {"ok", "lie", "swallow"}
    assert told is not None and told["state"] == "done", told
    assert told["rows"] == ["paid"] * ROWS and told["matches"]
    unit = 10**3 if token else 10**15
    assert [balance_of(node, token, payee(n)) for n in range(ROWS)] == [(n + 1) * unit for n in range(ROWS)]
    assert int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16) - nonce == ROWS
