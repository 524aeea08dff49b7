"""Figures say what they rest on; every rule has a case that fires it and one that must not."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Conflict
from app.mining.work.contract import WorkState
from app.mining.work.economics import Prices, profit_of
from app.mining.work.power import Power
from app.mining.work.roll import Worker, WorkerState
from app.mining.work.rules import Act, propose
from app.mining.work.scaling import Crew, crew_of, plan_scale

AZR = 10**18
WORK = WorkState(
    "0x" + "11" * 20, 9, "0x" + "22" * 32, 1_700_000_000, b"c" * 32, (1 << 236) - 1, 1024, 50 * AZR, 5, 0, 250 * AZR, 0, 0
)
PRICES = Prices(Decimal("0.10"), Decimal("0.30"), "EUR")
RIG = Worker(
    id="w1", name="rig", network="1:0x", contract=WORK.contract, miner="0x" + "33" * 20, host="desk", place="local", pid=1,
    state=WorkerState.SEARCHING, problem="", instruction_set="AVX-512", threads=2, throttle=100, hash_rate=1_000_000,
    hashes=10**9, accepted=10, stale=1, rejected=0, wrong=0, watts=100.0, watts_from="measured", celsius=60.0, wanted={},
    started_at=0, seen_at=1_000_000, ended_at=0,
)  # fmt: skip


Deployment = namedtuple("Deployment", "context namespace name replicas")


def rules(*workers, work=WORK, prices=PRICES, idle=0):
    return [(proposal.rule, proposal.act) for proposal in propose(workers, work, prices, idle)]


def test_a_worker_earns_its_share_of_the_hashes_that_a_solution_takes():
    """1 MH/s against 2²⁰ hashes for 50 AZR."""
    told = profit_of(RIG, WORK, PRICES)
    assert told.azr == 1_000_000 * 3600 * 50 * AZR // 2**20
    assert told.seconds_per_solution == 1
    assert told.earns == Decimal(told.azr) / AZR * Decimal("0.10")
    assert told.costs == Decimal("0.03") and told.profit == told.earns - told.costs
    assert told.entered == ("price of AZR", "energy price") and told.missing == ()


@pytest.mark.parametrize(
    ("worker", "prices", "missing", "entered"),
    [
        (RIG, Prices(), ("price of AZR", "energy price"), ()),
        (replace(RIG, watts=None, watts_from=""), PRICES, ("power",), ("price of AZR", "energy price")),
        (replace(RIG, watts_from="entered"), PRICES, (), ("price of AZR", "energy price", "power")),
    ],
)
def test_what_nobody_measured_is_named_and_never_made_up(worker, prices, missing, entered):
    told = profit_of(worker, WORK, prices)
    assert (told.missing, told.entered) == (missing, entered)
    assert (told.profit is None) == bool(missing)


@given(rate=st.integers(0, 10**15), bits=st.integers(100, 255), reward=st.integers(0, 10**27))
def test_a_share_is_never_more_than_the_chain_pays(rate, bits, reward):
    work = replace(WORK, target=(1 << bits) - 1, reward=reward)
    told = profit_of(replace(RIG, hash_rate=rate), work, PRICES)
    assert told.azr * work.hashes_expected <= rate * 3600 * reward
    assert told.earns is not None and told.earns >= 0


def test_the_rules_let_a_healthy_worker_be():
    assert rules(RIG) == []
    assert rules(replace(RIG, state=WorkerState.STOPPED, ended_at=5), replace(RIG, state=WorkerState.WAITING)) == []


@pytest.mark.parametrize(
    ("worker", "fires", "quiet"),
    [
        (replace(RIG, state=WorkerState.SILENT), ("work.silent", Act.FORGET), replace(RIG, state=WorkerState.STOPPED)),
        (replace(RIG, wrong=2), ("work.wrong", Act.STOP), replace(RIG, accepted=1000, wrong=2)),
        (replace(RIG, celsius=95.0), ("work.hot", Act.THROTTLE), replace(RIG, celsius=95.0, throttle=50)),
        (replace(RIG, celsius=95.0), ("work.hot", Act.THROTTLE), replace(RIG, celsius=None)),
        (replace(RIG, watts=1e9), ("work.loss", Act.PAUSE), replace(RIG, watts=None, watts_from="")),
        (replace(RIG, watts=1e9), ("work.loss", Act.PAUSE), replace(RIG, watts=1e9, state=WorkerState.SENDING)),
        (replace(RIG, state=WorkerState.PAUSED), ("work.gain", Act.RESUME), replace(RIG, state=WorkerState.PAUSED, watts=1e9)),
    ],
)
def test_each_rule_fires_where_it_should_and_nowhere_else(worker, fires, quiet):
    assert rules(worker) == [fires]
    assert rules(quiet) == []


def test_idle_cores_are_offered_only_where_mining_pays():
    assert rules(RIG, idle=3) == [("work.idle", Act.START)]
    assert rules(replace(RIG, watts=None, watts_from=""), idle=3) == []
    assert rules(idle=3) == []
    over = replace(WORK, reward=0)
    assert rules(RIG, work=over, idle=3) == [("work.over", Act.STOP), ("work.loss", Act.PAUSE)]


POD = replace(RIG, place="kubernetes")
# 2²⁰ hashes for each of 4 solutions in 2 seconds: 2 MiH/s search in all, about half of them RIG.
BUSY = replace(WORK, block_time=1_000_002, period_start=1_000_000, solutions_in_period=4)


def crew(size):
    return [replace(POD, id=f"p{n}", name=f"pod-{n}", host=f"mint-worker-{n}") for n in range(size)]


def scaled(workers, replicas, work=WORK, blocked=""):
    found = propose(workers, work, PRICES, 0, Crew("mint-worker", replicas, blocked))
    return [(proposal.rule, proposal.replicas) for proposal in found if proposal.act is Act.SCALE]


def test_pods_at_a_loss_are_told_by_their_number_and_not_one_by_one():
    losing = [replace(pod, watts=1e9) for pod in crew(3)]
    found = propose([crew(1)[0], *losing[1:]], WORK, PRICES, 0, Crew("mint-worker", 3))
    assert [(proposal.rule, proposal.act, proposal.replicas) for proposal in found] == [("work.pods.loss", Act.SCALE, 1)]
    assert "2 of the 3 pods of mint-worker" in found[0].reason and "EUR an hour (entered: " in found[0].reason


def test_when_nothing_is_left_to_mine_pods_are_scaled_away_since_a_stopped_one_starts_again():
    over = replace(WORK, reward=0)
    found = propose([RIG, *crew(2)], over, Prices(), 0, Crew("mint-worker", 2))
    assert [(proposal.act, proposal.worker_id, proposal.replicas) for proposal in found] == [
        (Act.STOP, "w1", 0),
        (Act.SCALE, "", 0),
    ]
    assert scaled(crew(2), 0, over) == []


def test_pods_that_fell_silent_lower_the_number_unless_others_took_their_place():
    first, second, third = crew(3)
    silent = replace(third, state=WorkerState.SILENT, hash_rate=0)
    assert scaled([first, second, silent], 3) == [("work.pods.silent", 2)]
    assert scaled([first, second, silent], 2) == []
    assert scaled([first, second], 3) == [], "the third may still be starting"
    assert scaled([silent], 3) == [], "where none is heard of, their number is not what is wrong"


def test_one_more_pod_is_proposed_only_while_others_hold_enough_of_the_hash_rate():
    """What a pod adds is taken from everybody who searches, ourselves among them."""
    assert scaled(crew(1), 1, BUSY) == [("work.pods.gain", 2)]
    assert scaled(crew(3), 3, BUSY) == [], "all of it is ours: another earns nothing new"
    assert scaled([*crew(1), replace(RIG, hash_rate=2_000_000)], 1, BUSY) == [], "workers beside the pods are ours too"
    assert scaled(crew(1), 1, WORK) == [], "without a solution in this period nobody knows the others"
    assert scaled(crew(1), 2, BUSY) == [], "the second may still be starting"
    assert scaled([replace(POD, watts=None, watts_from="")], 1, BUSY) == []


class Clusters:
    """A peer that knows Deployments, and keeps what it was asked to plan."""

    def __init__(self, *found):
        self.found, self.asked = found, []

    def holders(self, pods):
        return [each for each, names in self.found if names & set(pods)]

    async def plan_scale(self, context, kind, namespace, name, replicas, *, reason=""):
        self.asked.append((context, kind, namespace, name, replicas, reason))
        return "plan"


@pytest.mark.asyncio
async def test_a_scale_goes_to_the_one_deployment_that_runs_the_pods_or_to_none():
    pods = crew(2)
    here = (Deployment("east", "azora", "mint-worker", 5), {"mint-worker-0", "mint-worker-1"})
    there = (Deployment("west", "azora", "mint-worker", 1), {"mint-worker-1"})
    one, none, two = Clusters(here), Clusters(), Clusters(here, there)
    assert crew_of(pods, lambda: one) == Crew("mint-worker", 5)
    assert crew_of([RIG], lambda: one) is None
    assert "No connected cluster" in crew_of(pods, lambda: none).blocked
    assert "2 Deployments" in crew_of(pods, lambda: two).blocked
    assert await plan_scale(pods, lambda: one, 3, "because") == "plan"
    assert one.asked == [("east", "Deployment", "azora", "mint-worker", 3, "because")]
    for fleet in (none, two):
        with pytest.raises(Conflict, match="Nothing was planned"):
            await plan_scale(pods, lambda fleet=fleet: fleet, 3, "because")
        assert fleet.asked == []
    (proposal,) = propose(pods, replace(WORK, reward=0), PRICES, 0, crew_of(pods, lambda: none))
    assert proposal.blocked and proposal.replicas == 0


def test_every_proposal_says_why_with_its_figures():
    hot, loss = replace(RIG, celsius=95.0), replace(RIG, id="w2", watts=1e9)
    found = propose([hot, loss], WORK, PRICES, 0)
    assert "95 °C" in found[0].reason and "EUR an hour" in found[1].reason and "entered: " in found[1].reason


def test_power_is_read_from_the_counters_and_their_overflow_is_seen(tmp_path):
    package = tmp_path / "powercap" / "intel-rapl:0"
    package.mkdir(parents=True)
    (tmp_path / "powercap" / "intel-rapl:0:0").mkdir()  # a part of the package, which holds it already
    (package / "max_energy_range_uj").write_text("1000000000")
    (package / "energy_uj").write_text("999000000")
    chip = tmp_path / "hwmon" / "hwmon0"
    chip.mkdir(parents=True)
    (chip / "name").write_text("k10temp\n")
    (chip / "temp1_input").write_text("61500\n")
    power = Power(tmp_path / "powercap", tmp_path / "hwmon")
    assert power.watts() is None, "one reading is no power"
    (package / "energy_uj").write_text("1000000")
    assert power.watts() > 0
    assert power.celsius() == 61.5
    (package / "energy_uj").unlink()
    assert power.watts() is None
    silent = Power(tmp_path / "none", tmp_path / "none")
    assert silent.watts() is None and silent.celsius() is None
