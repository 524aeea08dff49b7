"""A console killed at any moment of any kind of plan, and taken up by a new process, has done it exactly once.

The economy is built once and copied for each kill: home folder and state of its chain. What the chain says is read from the node
itself: nonces, balances and supply of everybody, and the fees that were paid, must come out to the last wei.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.bus]
ROOT = Path(__file__).parents[2]
AZR = 10**18
REWARD = 70 * AZR  # of the ready proof, by policy 1: the policy's own tests say why
CONTRIBUTOR, TREASURY, ATTESTER, OFFICER, ESCROW = "Demo contributor", "Demo treasury", "Demo attester", "Demo officer", "escrow"

# Fault points
ONCE = ("runner.plan.confirmed", "runner.plan.done")
STEP = tuple(f"runner.step.{at}" for at in ("preparing", "storing", "prepared", "acted", "done", "committed"))
SEND = tuple(f"chain.transaction.{at}" for at in ("reserved", "signed", "sent"))
HOLD = ("wallets.hold.row", "wallets.hold.vault")  # while the plan is drafted: nothing was confirmed yet


@dataclass(frozen=True)
class Kind:
    """What one plan of a kind passes and changes.

    Attributes:
        points: fault points, as often as they are passed.
        nonces: transactions by sender.
        azr, native: changes of balances in smallest units, fees apart.
        supply: change of AZR's total supply.
        store: what the newest proof is then.
    """

    points: Counter[str]
    nonces: dict[str, int] = field(default_factory=dict)
    azr: dict[str, int] = field(default_factory=dict)
    native: dict[str, int] = field(default_factory=dict)
    supply: int = 0
    proof: str = "ready"

    @property
    def steps(self) -> int:
        """Of the plan."""
        return self.points["runner.step.done"]


def passed(*names: str, steps: int = 1, sends: int = 0) -> Counter[str]:
    return Counter(
        {**dict.fromkeys((*ONCE, *names), 1), **dict.fromkeys(STEP, steps), **dict.fromkeys(SEND if sends else (), sends)}
    )


KINDS = {
    "chain.create": Kind(passed()),
    "chain.start": Kind(passed()),
    "wallets.create": Kind(passed(*HOLD, "wallets.keep.vault", "wallets.keep.rows")),
    "wallets.transfer AZR": Kind(passed(sends=1), {CONTRIBUTOR: 1}, azr={CONTRIBUTOR: -AZR, ATTESTER: AZR}),
    "wallets.transfer native": Kind(passed(sends=1), {CONTRIBUTOR: 1}, native={CONTRIBUTOR: -AZR // 4, ATTESTER: AZR // 4}),
    "contracts.deploy_one": Kind(passed(sends=1), {TREASURY: 1}),
    "mining.mint": Kind(
        passed("mining.attest.signed", "mining.attest.claimed", "mining.settled", steps=2, sends=1),
        {TREASURY: 1},
        azr={CONTRIBUTOR: REWARD},
        supply=REWARD,
        proof="minted",
    ),
    "redemption.request": Kind(passed(steps=2, sends=2), {CONTRIBUTOR: 2}, azr={CONTRIBUTOR: -AZR, ESCROW: AZR}),
    "redemption.complete": Kind(passed(sends=1), {OFFICER: 1}, azr={ESCROW: -AZR}, supply=-AZR),
}


def kills(*kinds: str) -> Any:
    """Every passing of every fault point of these kinds, but those at which there is no plan yet."""
    points = [(kind, point, n + 1) for kind in kinds for point, count in KINDS[kind].points.items() for n in range(count)]
    return pytest.mark.parametrize(("kind", "point", "count"), [at for at in points if at[1] not in HOLD])


@dataclass(frozen=True)
class World:
    """What the chain says of everybody, by label."""

    height: int
    nonces: dict[str, int]
    native: dict[str, int]
    azr: dict[str, int]
    supply: int


@dataclass(frozen=True)
class Economy:
    """A home whose chain is stopped, what its store said, and what its chain said."""

    home: Path
    said: dict[str, Any]
    world: World

    @property
    def plans(self) -> int:
        """How many there are."""
        return len(self.said["plans"])


class Copy:
    """A copy of the economy that may be broken."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, kind: str, verb: str, expect: int = 0, **environ: str) -> dict[str, Any]:
        """Run the program and check how it ended; what it said."""
        command = [sys.executable, "-m", "tests.faults.economy_program", str(self.home), kind, verb]
        done = subprocess.run(
            command, env={**os.environ, **environ}, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == expect, f"{verb}: exit {done.returncode}\n{done.stderr[-3000:]}"
        said: dict[str, Any] = json.loads(done.stdout) if expect == 0 else {}
        return said

    def killed(self, kind: str, point: str, count: int = 1) -> None:
        """Run one plan up to a fault point."""
        self(kind, "run", expect=-signal.SIGKILL, AZORA_FAULT=f"{point}:{count}")

    def nodes(self) -> list[int]:
        """Process ids of the nodes that run on this home, whoever started them."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if b"anvil" in words[0] and any(word.startswith(f"{self.home}/".encode()) for word in words):
                    found.append(int(process.name))
        return found

    def kill_nodes(self) -> None:
        """SIGKILL."""
        for pid in self.nodes():
            os.kill(pid, signal.SIGKILL)

    def node_forgets(self, economy: Economy, block_time: int = 0) -> None:
        """SIGKILL before the node saved anything; from now on it makes a block every so many seconds, or at once with 0."""
        self.kill_nodes()
        chain = self.home / "chains" / "demo"
        shutil.copy(economy.home / "chains" / "demo" / "state.json", chain)
        record = json.loads((chain / "node.json").read_text())
        (chain / "node.json").write_text(json.dumps(record | {"block_time": block_time}))


def ask(url: str, method: str, *params: object) -> Any:
    """One JSON-RPC call, past everything of ours."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"content-type": "application/json"}), timeout=30) as response:
        answer = json.load(response)
    assert "error" not in answer, f"{method}: {answer['error']}"
    return answer["result"]


def look(url: str, said: dict[str, Any]) -> World:
    """The chain as its node tells it."""
    who = {label: said["accounts"][label] for label in (CONTRIBUTOR, TREASURY, ATTESTER, OFFICER)} | {ESCROW: said["escrow"]}

    def number(method: str, *params: object) -> int:
        return int(ask(url, method, *params), 16)

    def azr(data: str) -> int:
        return number("eth_call", {"to": said["token"], "data": data}, "latest")

    return World(
        number("eth_blockNumber"),
        {label: number("eth_getTransactionCount", address, "latest") for label, address in who.items()},
        {label: number("eth_getBalance", address, "latest") for label, address in who.items()},
        {label: azr("0x70a08231" + address[2:].lower().rjust(64, "0")) for label, address in who.items()},  # balanceOf(address)
        azr("0x18160ddd"),  # totalSupply()
    )


def receipts(url: str, since: int) -> list[dict[str, str]]:
    """Of every transaction above a height."""
    heights = range(since + 1, int(ask(url, "eth_blockNumber"), 16) + 1)
    hashes = [each for height in heights for each in ask(url, "eth_getBlockByNumber", hex(height), False)["transactions"]]
    return [ask(url, "eth_getTransactionReceipt", each) for each in hashes]


def assert_happened_once(kind: str, economy: Economy, said: dict[str, Any]) -> None:
    """The plan is done, the chain moved by exactly what it says, and store and journal agree."""
    wanted = KINDS[kind]
    (plan,) = said["plans"][economy.plans :]
    assert (plan["state"], plan["matches"]) == ("done", True), plan
    assert plan["steps"] == ["done"] * wanted.steps
    assert said["problem"] == ""
    entered = Counter(entry for name, entry in said["entries"] if name == plan["name"])
    assert entered.pop("plan.resumed", 0) <= 1 and entered.pop("plan.started", 0) <= 1
    assert entered == {"plan.confirmed": 1, "step.prepared": wanted.steps, "step.done": wanted.steps, "plan.done": 1}
    assert said["proofs"][0] == wanted.proof
    new = said["transactions"][: len(said["transactions"]) - len(economy.said["transactions"])]
    assert new == ["final"] * sum(wanted.nonces.values())
    if url := said["chains"]["demo"][0]:
        assert_moved(wanted, economy, url)


def assert_moved(wanted: Kind, economy: Economy, url: str) -> None:
    """The chain differs from the economy's by exactly this."""
    before, after, done = economy.world, look(url, economy.said), receipts(url, economy.world.height)
    assert [receipt["status"] for receipt in done] == ["0x1"] * sum(wanted.nonces.values())
    fees: Counter[str] = Counter()
    for receipt in done:
        fees[receipt["from"].lower()] += int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    for label in before.nonces:
        fee = fees[economy.said["accounts"].get(label, "").lower()]
        assert after.nonces[label] - before.nonces[label] == wanted.nonces.get(label, 0), label
        assert after.azr[label] - before.azr[label] == wanted.azr.get(label, 0), label
        assert after.native[label] + fee - before.native[label] == wanted.native.get(label, 0), label
    assert after.supply - before.supply == wanted.supply
    assert ask(url, "txpool_status") == {"pending": "0x0", "queued": "0x0"}


@pytest.fixture(scope="module")
def economy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Economy]:
    """Built once."""
    folder = tmp_path_factory.mktemp("economy")
    built = Copy(folder / "home")
    try:
        said = built("-", "build")
        looked = Copy(shutil.copytree(built.home, folder / "looked"))
        try:
            yield Economy(built.home, said, look(looked("-", "start")["chains"]["demo"][0], said))
        finally:
            looked.kill_nodes()
    finally:
        built.kill_nodes()


@pytest.fixture
def copy(economy: Economy, tmp_path: Path) -> Iterator[Copy]:
    """A copy of it."""
    copy = Copy(shutil.copytree(economy.home, tmp_path / "home"))
    yield copy
    copy.kill_nodes()


# Each class may run on a worker of its own.


class TestPoints:
    @pytest.mark.parametrize("kind", KINDS)
    def test_the_points_listed_are_those_a_run_passes(self, copy: Copy, economy: Economy, tmp_path: Path, kind: str) -> None:
        record = tmp_path / "points.txt"
        assert_happened_once(kind, economy, copy(kind, "run", AZORA_FAULT_RECORD=str(record)))
        assert Counter(record.read_text().split()) == KINDS[kind].points


class TestChains:
    @kills("chain.create", "chain.start")
    def test_a_killed_start_ends_with_one_node(self, copy: Copy, economy: Economy, kind: str, point: str, count: int) -> None:
        copy.killed(kind, point, count)
        said = copy(kind, "recover")
        assert_happened_once(kind, economy, said)
        name = {"chain.create": "second", "chain.start": "demo"}[kind]
        url, pid = said["chains"][name]
        assert copy.nodes() == [pid] and said["current"] == f"local-{name}"
        assert int(ask(url, "eth_blockNumber"), 16) == (economy.world.height if name == "demo" else 0)

    def test_a_chain_that_is_started_again_goes_on_from_now(self, copy: Copy) -> None:
        """The node's own clock starts at the chain's creation each time: its next block would be older than its last."""
        now = int(time.time())
        url, _ = copy("-", "start")["chains"]["demo"]
        last = int(ask(url, "eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        ask(url, "evm_mine")
        assert int(ask(url, "eth_getBlockByNumber", "latest", False)["timestamp"], 16) >= max(last, now)


class TestKeys:
    @kills("wallets.create")
    def test_a_killed_creation_lists_its_accounts(self, copy: Copy, economy: Economy, kind: str, point: str, count: int) -> None:
        copy.killed(kind, point, count)
        said = copy(kind, "recover")
        assert_happened_once(kind, economy, said)
        assert sorted(said["accounts"].keys() - economy.said["accounts"].keys()) == ["Savings 1", "Savings 2"]
        assert said["secrets"] == [["final"], ["final"]]  # the demo's wallet and this one; no copy was left behind

    @pytest.mark.parametrize("point", HOLD)
    def test_a_console_killed_while_it_drafts_leaves_no_secret(self, copy: Copy, economy: Economy, point: str) -> None:
        """Nobody confirmed anything: no account is listed, the hidden secret is swept an hour later, and it can be done anew."""
        copy.killed("wallets.create", point)
        said = copy("wallets.create", "recover")
        assert len(said["plans"]) == economy.plans and said["accounts"] == economy.said["accounts"] and said["problem"] == ""
        assert sorted(said["secrets"]) == ([["final"], ["pending"]] if point == HOLD[1] else [[], ["final"]])
        with closing(sqlite3.connect(copy.home / "console.db")) as store, store:
            assert store.execute("UPDATE wallets SET created_at = created_at - 3700000 WHERE state = 'pending'").rowcount == 1
        assert sorted(copy("wallets.create", "recover")["secrets"]) == [[], ["final"]]
        assert_happened_once("wallets.create", economy, copy("wallets.create", "run"))


class TestTransfers:
    @kills("wallets.transfer AZR", "wallets.transfer native", "redemption.complete")
    def test_a_killed_payment_arrives_once(self, copy: Copy, economy: Economy, kind: str, point: str, count: int) -> None:
        copy.killed(kind, point, count)
        assert_happened_once(kind, economy, copy(kind, "recover"))


class TestDeployments:
    @kills("contracts.deploy_one")
    def test_a_killed_deployment_of_one_contract_makes_one(
        self, copy: Copy, economy: Economy, kind: str, point: str, count: int
    ) -> None:
        copy.killed(kind, point, count)
        said = copy(kind, "recover")
        assert_happened_once(kind, economy, said)
        assert len(said["tokens"]) == len(set(said["tokens"])) == 2
        made = (set(said["tokens"]) - {said["token"]}).pop()
        assert len(ask(said["chains"]["demo"][0], "eth_getCode", made, "latest")) > 1_000
        assert said["token"] == economy.said["token"], "the economy's own token stays the economy's"


class TestPlansOfTwoSteps:
    @kills("mining.mint", "redemption.request")
    def test_a_killed_mint_or_request_happens_once(self, copy: Copy, economy: Economy, kind: str, point: str, count: int) -> None:
        copy.killed(kind, point, count)
        assert_happened_once(kind, economy, copy(kind, "recover"))


class TestNode:
    """The node is killed too: it comes back without what it had not saved."""

    def test_a_transfer_arrives_once_when_its_node_dies_before_the_block(self, copy: Copy, economy: Economy) -> None:
        assert_happened_once("wallets.transfer AZR", economy, copy("wallets.transfer AZR", "outlive"))

    def test_a_transfer_arrives_once_when_console_and_node_die_before_the_block(self, copy: Copy, economy: Economy) -> None:
        url, _ = copy("-", "start")["chains"]["demo"]
        ask(url, "evm_setAutomine", False)
        copy.killed("wallets.transfer AZR", "chain.transaction.sent")
        assert ask(url, "txpool_status")["pending"] == "0x1"
        copy.node_forgets(economy)
        assert_happened_once("wallets.transfer AZR", economy, copy("wallets.transfer AZR", "recover"))

    @pytest.mark.parametrize("point", ["runner.step.done", "runner.step.committed"])
    def test_a_second_step_waits_for_the_first_that_the_node_forgot(self, copy: Copy, economy: Economy, point: str) -> None:
        """The allowance was given and lost: it is given again, by the same bytes, before the request asks for it."""
        copy.killed("redemption.request", point)
        copy.node_forgets(economy, block_time=1)
        assert_happened_once("redemption.request", economy, copy("redemption.request", "recover"))

    def test_what_a_console_killed_while_sending_again_sent_can_be_sent_once_more(self, copy: Copy, economy: Economy) -> None:
        """Its plan is done, so that nobody but the one who sends again looks after it."""
        copy.killed("wallets.transfer native", "runner.plan.done")
        copy.node_forgets(economy)
        copy("wallets.transfer native", "recover", expect=-signal.SIGKILL, AZORA_FAULT="chain.transaction.sent:1")
        copy.node_forgets(economy)
        url, _ = copy("wallets.transfer native", "recover")["chains"]["demo"]
        assert_moved(KINDS["wallets.transfer native"], economy, url)
