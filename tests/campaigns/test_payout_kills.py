"""A payout of a thousand rows over a node that cannot be trusted, its console killed twenty times; every row is paid once.

``AZORA_CAMPAIGN_SEED`` repeats a run; ``AZORA_CAMPAIGN_ROWS`` and ``AZORA_CAMPAIGN_PAYOUT_KILLS`` say how many (1,000 and 20).
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.chain.hostile import Hostile
from tests.conftest import Node
from tests.wallets.purse import bytecodes
from tests.wallets.test_holdings import coin
from tests.wallets.test_killed_payout import POINTS, balance_of, program
from tests.wallets.test_payouts import payee, table

__all__ = ["bytecodes"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio, pytest.mark.timeout(3_600)]
SEED = int(os.environ.get("AZORA_CAMPAIGN_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
ROWS = int(os.environ.get("AZORA_CAMPAIGN_ROWS", "1000"))
KILLS = int(os.environ.get("AZORA_CAMPAIGN_PAYOUT_KILLS", "20"))
TRIES = 10  # starts per kill: a fault point may not be passed any more


@pytest.mark.parametrize("which", ["native", "token"])
async def test_a_thousand_rows_and_twenty_kills(tmp_path: Path, node: Node, bytecodes: Any, which: str) -> None:
    print(f"\nseed {SEED}, {ROWS} rows, {KILLS} kills, {which}")
    chance = random.Random(SEED)
    token = coin(node, bytecodes) if which == "token" else ""
    file = tmp_path / "rows.csv"
    file.write_text(table([(payee(n), f"0.{n + 1:05}", f"row {n}") for n in range(ROWS)]), encoding="utf-8")
    nonce = int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16)

    def mood(n: int) -> str:
        return "break" if n % 190 == 9 else chance.choice(["ok", "ok", "ok", "lie", "late", "swallow", "refuse"])

    kills, starts, told = 0, 0, None
    async with Hostile(node.url, mood) as proxy:
        # A block only now and then, fewer than the payout needs, so that it lasts until the last kill.
        node("evm_setAutomine", False)
        try:
            while kills < KILLS and told is None and starts < KILLS * TRIES:
                starts += 1
                if chance.random() < 0.5:
                    told = await program(
                        tmp_path / "home", proxy.url, "pay", file, token, fault=f"{chance.choice(POINTS)}:1", limit=8.0
                    )
                else:
                    told = await program(tmp_path / "home", proxy.url, "pay", file, token, limit=chance.uniform(1.5, 8.0))
                kills += told is None
                if kills in (KILLS * 2 // 5, KILLS * 4 // 5):
                    node.mine()
        finally:
            node("evm_setAutomine", True)
        node.mine()
        told = await program(tmp_path / "home", proxy.url, "pay", file, token, limit=600)
    print(f"{kills} kills, {proxy.sent} raw transactions offered, moods {dict(proxy.moods)}")
    assert kills == KILLS
    assert told is not None and told["state"] == "done", told
    assert told["rows"] == ["paid"] * ROWS and told["matches"]
    unit = 10 if token else 10**13
    assert [balance_of(node, token, payee(n)) for n in range(ROWS)] == [(n + 1) * unit for n in range(ROWS)]
    assert int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16) - nonce == ROWS
