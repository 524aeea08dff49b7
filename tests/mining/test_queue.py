"""The queue takes a piece of work once and gives it to one plan, on a real store."""

from __future__ import annotations

import asyncio
import secrets

import pytest
import pytest_asyncio

from app.core.errors import Conflict, Denied
from app.core.events import Bus
from app.database import Database
from app.mining.policy import activity_word, policy_v1
from app.mining.proofs import ProofDraft, ProofStatus, ValueProof
from app.mining.queue import Queue
from app.wallets.keys import checksum

NETWORK = "1337:0x" + "11" * 32
CONTRACT = checksum(b"\x22" * 20)


@pytest_asyncio.fixture
async def stores(tmp_path):
    """Two consoles on one store."""
    first, second = Database.at(tmp_path / "console.db"), Database.at(tmp_path / "console.db")
    await first.open()
    await second.open()
    yield Queue(first, Bus()), Queue(second, Bus())
    await first.close()
    await second.close()


async def submit(queue, evidence, contributor=b"\x33" * 20, score=85, activity="code-review"):
    draft = ProofDraft(checksum(contributor), activity, score, evidence_bytes=evidence)
    price = policy_v1().price(activity, score)
    found = draft.evidence()
    proof = ValueProof(draft.contributor, price.reward, activity_word(activity), found.sha256, 4_000_000_000, draft.salt)
    digest = proof.digest(1337, CONTRACT)
    row = await queue.add(NETWORK, CONTRACT, draft, proof, digest, found, price, policy_v1())
    assert row.proof() == proof
    assert row.digest == "0x" + digest.hex()
    return row


@pytest.mark.asyncio
async def test_the_same_evidence_is_queued_once_even_by_two_consoles(stores):
    results = await asyncio.gather(*(submit(stores[i % 2], b"one work") for i in range(6)), return_exceptions=True)
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert all(isinstance(result, Conflict) for result in results if isinstance(result, Exception))


@pytest.mark.asyncio
async def test_numbers_are_given_once_over_two_consoles(stores):
    rows = await asyncio.gather(*(submit(stores[i % 2], secrets.token_bytes(9), secrets.token_bytes(20)) for i in range(20)))
    assert sorted(row.number for row in rows) == list(range(1, 21))


@pytest.mark.asyncio
async def test_evidence_of_a_rejected_proof_may_come_again(stores):
    queue = stores[0]
    row = await submit(queue, b"work")
    await queue.move([row.id], (ProofStatus.READY,), ProofStatus.REJECTED, reason="unclear")
    assert (await submit(queue, b"work")).number == 2


@pytest.mark.asyncio
async def test_the_cap_of_the_day_holds(stores):
    queue = stores[0]
    for index in range(10):
        await submit(queue, bytes([index]), score=100)
    with pytest.raises(Denied, match=r"0\.0000 AZR more"):
        await submit(queue, b"eleventh", score=100)
    await submit(queue, b"eleventh", contributor=b"\x44" * 20, score=100)


@pytest.mark.asyncio
async def test_one_of_two_plans_gets_the_rows_and_all_of_them(stores):
    rows = [await submit(stores[0], bytes([index])) for index in range(5)]
    ids = [row.id for row in rows]
    results = await asyncio.gather(stores[0].claim(ids, "plan-a"), stores[1].claim(ids[2:], "plan-b"), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 1
    held_a, held_b = await stores[0].of_plan("plan-a"), await stores[0].of_plan("plan-b")
    assert (len(held_a), len(held_b)) in ((5, 0), (0, 3))


@pytest.mark.asyncio
async def test_claiming_again_for_the_same_plan_changes_nothing(stores):
    row = await submit(stores[0], b"work")
    await stores[0].claim([row.id], "plan-a")
    await stores[0].claim([row.id], "plan-a")
    assert (await stores[0].get(f"#{row.number}")).status is ProofStatus.MINTING
    with pytest.raises(Conflict, match="minting"):
        await stores[1].claim([row.id], "plan-b")


@pytest.mark.asyncio
async def test_a_proof_past_its_deadline_expires_unless_a_plan_holds_it(stores):
    queue = stores[0]
    held, late = await submit(queue, b"held"), await submit(queue, b"late")
    await queue.claim([held.id], "plan-a")
    assert await queue.expire(NETWORK, 4_000_000_001) == 1
    assert (await queue.get(late.id)).status is ProofStatus.EXPIRED
    assert (await queue.get(held.id)).status is ProofStatus.MINTING
