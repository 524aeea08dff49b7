"""A worker goes on after whatever befell a solution, and asks the node a few questions per challenge, however easy it is.

The chain here is a peer of the tests: it says what real ones say at moments to which no real one can be brought on demand. The
real chain is in ``test_worker``.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from app.core.errors import Invalid, Unavailable
from app.mining.kernel import solution_digest
from app.mining.work import session as module
from app.mining.work.contract import WorkState
from app.mining.work.session import Session
from app.operations.plans import PlanState

MINER = "0x" + "33" * 20
EASY = (1 << 246) - 1  # each piece of a search holds hundreds of solutions


class Peer:
    """A chain and a runner of plans, in which the first plans meet ``mishaps``."""

    def __init__(self, *mishaps: str) -> None:
        self.mishaps = list(mishaps)
        self.solved = 0
        self.questions = 0
        self.silent = 0  # answers that will not come

    async def state(self, network_id: str) -> WorkState:
        self.questions += 1
        await asyncio.sleep(0.002)
        if self.silent:
            self.silent -= 1
            raise Unavailable("The node does not answer.", "Wait.")
        challenge = self.solved.to_bytes(32, "big")
        return WorkState(MINER, self.solved, "0x", 0, challenge, EASY, 1, 50, self.solved, 0, 0, 0, 0)

    async def plan(self, network_id: str, account: str, nonce: bytes) -> SimpleNamespace:
        digest = solution_digest(self.solved.to_bytes(32, "big"), bytes.fromhex(account[2:]), nonce)
        assert int.from_bytes(digest, "big") <= EASY, "what was sent solves nothing"
        if self.mishaps and self.mishaps[0] == "invalid":
            self.mishaps.pop(0)
            raise Invalid("The digest lies above the target.", "Search again.")
        return SimpleNamespace(id="plan")

    async def execute(self, plan_id: str, *, passphrase: object) -> SimpleNamespace:
        mishap = self.mishaps.pop(0) if self.mishaps else ""
        if mishap == "unavailable":
            raise Unavailable("The node does not answer.", "Wait.")
        if mishap:
            self.silent = mishap == "stopped, and then silent"
            return SimpleNamespace(state=PlanState.STOPPED, reason="Reverted.")
        self.solved += 1
        return SimpleNamespace(state=PlanState.DONE, reason="")

    async def beat(self, worker_id: str, row: dict[str, object]) -> dict[str, object]:
        return {}

    def progress(self, share: object, text: str) -> None:
        pass


async def mined(peer: Peer, solutions: int) -> module.Counts:
    session = Session(peer, peer, peer, "worker", "network", MINER, threads=1, throttle=100, solutions=solutions)
    return await asyncio.wait_for(session.run(peer), 60)


@pytest.mark.parametrize(
    ("mishap", "counted"),
    [
        ("invalid", "stale"),
        ("unavailable", ""),
        ("stopped", "rejected"),
        ("stopped, and then silent", "stale"),
    ],
)
def test_after_a_mishap_the_same_challenge_is_tried_again(monkeypatch, mishap, counted):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    counts = asyncio.run(mined(Peer(mishap, mishap), 2))
    told = {"accepted": counts.accepted, "rejected": counts.rejected, "wrong": counts.wrong}
    assert told == {"accepted": 2, "rejected": 2 if counted == "rejected" else 0, "wrong": 0}
    # On a busy machine another is found before the worker has heard that its challenge is solved: that one is stale too.
    assert 2 * (counted == "stale") <= counts.stale <= 2 * (counted == "stale") + 2


def test_an_easy_challenge_costs_the_node_a_few_questions(monkeypatch):
    """It was one question for each of thousands of solutions, of which one could count: a busy machine did not get through them."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    peer = Peer()
    counts = asyncio.run(mined(peer, 10))
    assert (counts.accepted, peer.solved) == (10, 10)
    assert counts.stale <= 10 and peer.questions < 500
