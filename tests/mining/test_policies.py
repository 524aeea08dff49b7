"""Versions of the reward policy: set by a plan, never over the past, tried against history before."""

from __future__ import annotations

import copy

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.clock import now_ms
from app.core.errors import Denied, Invalid
from app.mining.policy import FULL, Policy, body_v1, policy_v1
from app.mining.proofs import ProofDraft
from app.wallets.keys import checksum
from tests.mining.room import AZR, Room

WHO = checksum(b"\x33" * 20)


def changed(**parts):
    """Version 2: the release's, with other parts."""
    body = copy.deepcopy(body_v1()) | {"version": 2}
    for name, value in parts.items():
        body[name] = body.get(name, {}) | value if isinstance(value, dict) else value
    return body


@pytest_asyncio.fixture
async def room(node, tmp_path, tmp_path_factory):
    room = await Room(tmp_path / "home", node.url, tmp_path_factory.getbasetemp() / "cache-policies").open()
    await room.deployed()
    yield room
    await room.close()


async def submit(room, evidence, score=85, activity="docs-update", who=WHO):
    return await room.mining.submit("anvil", ProofDraft(who, activity, score, evidence_bytes=evidence))


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_new_version_is_a_plan_prices_what_comes_after_it_and_names_itself(room):
    policies = room.mining.policies
    before = await submit(room, b"one")
    body = changed(multipliers=[{"name": "spring", "factor": 20_000, "activities": ["docs-update"]}], burn_rate=100)
    tried = await room.mining.dry_run("anvil", body)
    assert [(row.number, row.got, row.would) for row in tried.rows] == [(1, before.reward, 2 * before.reward)]
    assert (tried.got, tried.would, tried.burned) == (before.reward, 2 * before.reward, 2 * before.reward // 100)
    assert policies.known == policy_v1()  # a dry run changes nothing
    plan = await policies.plan_set(body, note="spring")
    told = {effect.subject: (effect.before, effect.after) for effect in plan.preview.effects}
    assert told["version"] == ("1", "2") and told["burn_rate"] == ("", "100") and told["multipliers[1].factor"] == ("", "20000")
    done = await room.operations.execute(plan.id)
    assert done.state == "done" and done.receipt.matches
    after = await submit(room, b"two")
    assert (after.policy, after.reward) == ("value-v2", 2 * before.reward)
    kept = await room.mining.get(before.id)
    assert (kept.policy, kept.reward) == ("value-v1", before.reward)
    newest, release = await policies.versions()
    assert newest.current and not release.current and newest.policy.digest == Policy.from_json(body).digest
    assert newest.plan_id == plan.id and newest.author and newest.note == "spring"


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_version_that_counts_later_does_not_count_now_and_none_counts_before_another(room):
    policies = room.mining.policies
    later = now_ms() + 86_400_000
    assert (await room.operations.execute((await policies.plan_set(changed(lifetime_days=5), later)).id)).state == "done"
    assert policies.known.version == 1 and (await policies.versions())[0].policy.lifetime_days == 5
    third = changed(lifetime_days=6) | {"version": 3}
    for since in (0, now_ms() - 1, later - 1):
        with pytest.raises(Invalid):
            await policies.plan_set(third, since)
    with pytest.raises(Invalid, match="next version is 3"):
        await policies.plan_set(changed(), later + 1)
    assert (await policies.plan_set(third, later + 1)).preview.error == ""


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_of_two_plans_for_one_number_one_is_set(room):
    plans = [await room.mining.policies.plan_set(changed(lifetime_days=days)) for days in (5, 6)]
    ended = [await room.operations.execute(plan.id) for plan in plans[:1]]
    assert ended[0].state == "done"
    assert (await room.operations.preview(plans[1].id)).preview.blocked
    assert room.mining.policies.known.lifetime_days == 5


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_caps_of_an_epoch_hold_and_a_dry_run_says_whom_they_would_have_met(room):
    reward = policy_v1().price("docs-update", 85).reward
    for n in range(4):
        await submit(room, bytes([n]), who=WHO if n < 3 else checksum(b"\x44" * 20))
    body = changed(caps={"contributor_epoch": str(2 * reward), "epoch": str(3 * reward)})
    tried = await room.mining.dry_run("anvil", body)
    assert [row.cap for row in tried.rows] == ["", "", "contributor_epoch", ""] and tried.caps == {"contributor_epoch": 1}
    assert tried.would == 3 * reward and tried.refused == 1
    await room.operations.execute((await room.mining.policies.plan_set(body)).id)
    with pytest.raises(Denied, match="in this epoch"):
        await submit(room, b"more")
    with pytest.raises(Denied, match="All contributors together"):
        await submit(room, b"more", who=checksum(b"\x55" * 20))


@pytest.mark.parametrize(
    "parts",
    [
        {"multipliers": [{"name": "x", "factor": 0}]},
        {"multipliers": [{"name": "x", "factor": 10_000, "activities": ["unknown"]}]},
        {"attesters": [{"above": "5", "need": 3}, {"above": "9", "need": 2}]},
        {"attesters": [{"above": "5", "need": 0}]},
        {"burn_rate": FULL + 1},
        {"caps": {"epoch": "-1"}},
        {"activities": 3},
        {"multipliers": {"name": "x"}},
    ],
)
def test_an_unsound_policy_is_refused_before_it_is_planned(parts):
    with pytest.raises(Invalid):
        Policy.from_json(changed(**parts))


@given(factors=st.lists(st.integers(1, 100_000), max_size=4), score=st.integers(41, 100))
@settings(deadline=None)
def test_multipliers_round_down_in_their_order_and_never_pass_the_cap(factors, score):
    policy = Policy.from_json(changed(multipliers=[{"name": str(n), "factor": factor} for n, factor in enumerate(factors)]))
    expected = policy.activities["code-review"].rate * policy.share(score) // FULL
    for factor in factors:
        expected = expected * factor // FULL
    expected = min(expected, policy.proof_cap)
    expected -= expected % policy.step
    if expected:
        assert policy.price("code-review", score).reward == expected
    else:
        with pytest.raises(Invalid, match="earns nothing"):
            policy.price("code-review", score)


def test_a_multiplier_counts_within_its_time_and_more_reward_needs_more_attesters():
    policy = Policy.from_json(
        changed(
            multipliers=[{"name": "x", "factor": 20_000, "from": 100, "until": 200}],
            attesters=[{"above": str(50 * AZR), "need": 2}, {"above": str(100 * AZR), "need": 3}],
        )
    )
    base = policy_v1().price("docs-update", 85).reward
    assert [policy.price("docs-update", 85, time=t).reward // base for t in (99, 100, 199, 200)] == [1, 2, 2, 1]
    assert [policy.attesters_for(azr * AZR) for azr in (50, 51, 100, 101)] == [1, 2, 2, 3]


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_attesters_that_the_policy_asks_for_are_collected_before_a_mint(room):
    row = await submit(room, b"one")
    await room.operations.execute((await room.mining.policies.plan_set(changed(attesters=[{"above": "1", "need": 2}]))).id)
    assert await room.mining.signatures_needed("anvil", [row.reward]) == [2]
    batch = await room.mining.next_batch("anvil", room.deployer, room.other)
    assert batch.rows == () and "2 attesters" in batch.left[0].why
