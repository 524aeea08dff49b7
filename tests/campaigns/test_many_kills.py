"""The fault tests with large numbers: transfers killed at random points, again and again; every AZR is accounted for at the end.

``AZORA_CAMPAIGN_SEED`` repeats a run; ``AZORA_CAMPAIGN_KILLS`` says how many (default 40).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("AZORA_CAMPAIGN_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
KILLS = int(os.environ.get("AZORA_CAMPAIGN_KILLS", "40"))
POINTS = (
    "runner.plan.confirmed",
    "runner.step.preparing",
    "chain.transaction.reserved",
    "chain.transaction.signed",
    "runner.step.prepared",
    "chain.transaction.sent",
    "runner.step.acted",
    "runner.step.done",
)


def command(home: Path, *words: str, fault: str = "") -> subprocess.CompletedProcess[str]:
    """One run of the command line, killed at ``fault`` when it is given."""
    environment = {**os.environ, "AZORA_FAULT": f"{fault}:1" if fault else ""}
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "--home", str(home), *words, "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_every_transfer_happens_exactly_once_whatever_is_killed(tmp_path: Path) -> None:
    """Each transfer that was confirmed arrives once; each that was not, never."""
    print(f"\nseed {SEED}, {KILLS} kills")
    chance = random.Random(SEED)
    home = tmp_path / "home"
    demo = json.loads(command(home, "demo").stdout)
    accounts = dict(demo["accounts"])
    sender, recipient = accounts["Demo contributor"], accounts["Demo treasury"]
    try:
        before = json.loads(command(home, "wallet", "show", recipient).stdout)["balances"]["azr"]
        for _ in range(KILLS):
            point = chance.choice(POINTS)
            run = command(home, "wallet", "send", "--from", sender, "--to", recipient, "0.001", "--yes", fault=point)
            assert run.returncode in (0, -signal.SIGKILL), run.stdout + run.stderr
            if chance.random() < 0.2:
                pid = json.loads((home / "chains" / "demo" / "node.json").read_text())["pid"]
                os.kill(pid, signal.SIGKILL)
                assert command(home, "chain", "start", "demo").returncode == 0
            assert command(home, "plan", "recover").returncode == 0
        plans = json.loads(command(home, "plan", "list", "--limit", "1000").stdout)
        sent = [plan for plan in plans if plan["kind"] == "wallets.transfer" and plan["state"] == "done"]
        unfinished = [plan for plan in plans if plan["state"] in ("confirmed", "running", "waiting")]
        assert not unfinished
        after = json.loads(command(home, "wallet", "show", recipient).stdout)["balances"]["azr"]
        # One transfer of 5 AZR belongs to the demo itself, before the first count.
        assert int(after) - int(before) == (len(sent) - 1) * 10**15
        assert json.loads(command(home, "journal", "verify").stdout)["ok"]
        assert command(home, "ledger", "reconcile").returncode == 0
    finally:
        command(home, "chain", "stop", "demo")
