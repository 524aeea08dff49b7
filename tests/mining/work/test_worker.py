"""A headless worker mines on a real chain: what it finds is minted once each, to its account and within the emission's budget."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.chain import abi
from app.console import Console
from app.mining.abis import MINEABLE
from app.mining.work import Act
from app.operations.plans import PlanState
from tests.conftest import Azora

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.bus]
AZR = 10**18


@pytest.fixture(scope="module")
def economy(tmp_path_factory):
    """A chain of the console's own with an economy and proof of work on it, for all tests here."""
    folder = tmp_path_factory.mktemp("work")
    home = folder / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AZORA_") or name == "AZORA_EPHEMERAL_KEYRING"}
    azora = Azora(home, kept)
    azora("chain", "create", "mine", "--json")
    azora("wallet", "create", "Miner", "--write-phrase", folder / "phrase", "--yes")
    azora("chain", "fund", "mine", "Miner", "100", "--yes")
    azora("contract", "deploy", "--from", "Miner", "--yes")
    rules = ["--set", "first_difficulty=1024", "--set", "solutions_per_era=30", "--set", "adjustment_interval=1000"]
    azora("contract", "deploy", "--system", "work", "--from", "Miner", *rules, "--yes")
    yield azora
    azora("chain", "stop", "mine", "--yes", expect=None)


def status(azora):
    return azora("mint", "status", "--json").json


def test_a_worker_mines_each_challenge_once_until_it_has_enough(economy, tmp_path):
    counts = economy("mint", "worker", "--account", "Miner", "--threads", "1", "--solutions", "31", "--json").json
    assert counts["accepted"] == 31 and counts["rejected"] == 0
    said = status(economy)
    work, (worker,) = said["work"], said["workers"]
    assert (work["epoch_count"], work["era"]) == (31, 1)
    assert int(work["minted"]) == (30 * 50 + 25) * AZR and int(work["reward"]) == 25 * AZR
    assert worker["state"] == "stopped" and worker["accepted"] == 31 and worker["hashes"] > 0
    held = economy("wallet", "show", "Miner", "--json").json["balances"]["azr"]
    assert int(held) == int(work["minted"])
    # What the ledger sees is what the worker says, and anybody can check it: each solution is hashed again offline.
    economy("ledger", "index", "--json")
    assert economy("ledger", "reconcile", "--json").json["ok"]
    bundle = tmp_path / "work.zip"
    economy("ledger", "bundle", bundle, "--json")
    told = subprocess.run(
        [sys.executable, ROOT / "app" / "audit" / "verifier.py", bundle], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0 and "31 solutions of proof of work" in told.stdout, told.stdout


def test_a_nonce_that_solves_nothing_is_refused_before_anything_is_planned(economy):
    said = economy("mint", "solve", "00" * 32, "--account", "Miner", "--json", "--yes", expect=None)
    if said.code == 0:  # one nonce in 1,024 solves
        return
    assert said.code == 2 and "above the target" in said.json["message"]
    assert economy("mint", "solve", "zz", "--account", "Miner", "--json", expect=2).json["field"] == "nonce"


def test_a_worker_is_paused_throttled_and_stopped_from_elsewhere(economy):
    """By the store that they share: another process asks, the worker follows and ends cleanly."""
    command = [sys.executable, str(ROOT / "main.py"), "--home", str(economy.home), "mint", "worker"]
    process = subprocess.Popen(
        [*command, "--account", "Miner", "--threads", "1", "--name", "rig", "--json"],
        env=economy.environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        rig = _until(economy, lambda worker: worker["hashes"] > 0)
        assert rig["name"] == "rig" and rig["pid"] == process.pid and rig["place"] == "local"
        economy("mint", "tell", "rig", "--pause", "--throttle", "50", "--watts", "65", "--json")
        rig = _until(economy, lambda worker: worker["state"] == "paused")
        assert (rig["throttle"], rig["watts"], rig["watts_from"]) == (50, 65.0, "entered")
        assert economy("mint", "tell", "rig", "--forget", "--json", expect=4).json["error"] == "Conflict"
        economy("mint", "tell", "rig", "--resume", "--json")
        _until(economy, lambda worker: worker["state"] in ("searching", "sending"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
    (rig,) = [worker for worker in status(economy)["workers"] if worker["name"] == "rig"]
    assert rig["state"] == "stopped" and rig["accepted"] > 0
    economy("mint", "tell", "rig", "--forget", "--json")
    assert [worker for worker in status(economy)["workers"] if worker["name"] == "rig"] == []


def _until(azora, holds):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = [worker for worker in status(azora)["workers"] if worker["name"] == "rig"]
        if found and holds(found[0]):
            return found[0]
    raise AssertionError(found)


def test_a_killed_worker_is_told_as_silent_and_what_it_signed_is_minted_once(economy):
    """Killed right after it signed: the next start sends the stored bytes, and the challenge is paid once."""
    before = status(economy)["work"]["epoch_count"]
    fault = {"AZORA_FAULT": "chain.transaction.signed:1"}
    one = ["mint", "worker", "--account", "Miner", "--threads", "1", "--solutions", "1", "--name", "killed"]
    economy(*one, env=fault, expect=-signal.SIGKILL)
    economy("plan", "recover", "--json")
    said = status(economy)
    assert said["work"]["epoch_count"] == before + 1
    solved = [plan for plan in economy("plan", "list", "--json").json if plan["kind"] == "mining.solve"]
    assert {plan["state"] for plan in solved} == {"done"}
    killed = next(worker for worker in said["workers"] if worker["name"] == "killed")
    assert killed["state"] != "stopped" and killed["ended_at"] == 0


def test_orders_are_plans_with_their_reason_and_a_receipt(economy):
    """Through the console itself: a planned start, a throttle, a stop; each leaves a plan and the worker follows."""

    async def work() -> None:
        console = await Console.open(economy.home)
        try:
            network = console.networks.current.id
            miner = (await console.wallets.get("Miner")).address
            plan = await console.work.plan_order(network, Act.START, account=miner, threads=1, reason="A core is idle.")
            assert plan.preview.notes == ("A core is idle.",) and not plan.preview.blocked
            plan = await console.operations.execute(plan.id)
            assert plan.state is PlanState.DONE and plan.receipt.matches
            worker = await _searching(console, network)
            for act, percent in ((Act.THROTTLE, 40), (Act.PAUSE, 0), (Act.RESUME, 0), (Act.STOP, 0)):
                ordered = await console.work.plan_order(network, act, worker, percent=percent)
                ordered = await console.operations.execute(ordered.id)
                assert ordered.state is PlanState.DONE, ordered.reason
            await next(
                job for job in map(console.jobs.get, [view.id for view in console.jobs.list()]) if job.title.startswith("Mine")
            ).wait()
            struck = await console.work.plan_order(network, Act.FORGET, worker)
            assert (await console.operations.execute(struck.id)).state is PlanState.DONE
            assert worker not in [each.id for each in await console.work.workers(network)]
        finally:
            await console.close()

    asyncio.run(work())


async def _searching(console, network) -> str:
    for _ in range(600):
        living = [
            each for each in await console.work.workers(network) if each.state.value in ("searching", "sending") and each.hashes
        ]
        if living:
            return living[0].id
        await asyncio.sleep(0.05)
    raise AssertionError("no worker searches")


def test_the_views_of_the_abi_are_those_of_the_contract():
    assert abi.selector(next(entry for entry in MINEABLE if entry.get("name") == "getChallengeNumber")).hex() == "4ef37628"
