"""A desk that takes lists of proofs over a real queue, without a chain."""

from __future__ import annotations

from app.core.errors import NotFound, Unavailable
from app.mining.fetching import Missed
from app.mining.intake import Intake
from app.mining.policy import activity_word, policy_v1
from app.mining.proofs import ValueProof
from app.mining.queue import Queue
from app.wallets.keys import checksum

NETWORK, CONTRACT = "1337:0x" + "11" * 32, checksum(b"\x22" * 20)
ADA, BOB = checksum(b"\x33" * 20), checksum(b"\x44" * 20)
HEAD = "contributor,activity,score,evidence,reward\n"


class Desk:
    """An intake over a real queue; the network can be taken away."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.away = queue, False
        self.intake = Intake(self.submit, self.resolve, self.fetch)

    async def resolve(self, text):
        if text == "Ada":
            return ADA
        if not text.startswith("0x"):
            raise NotFound(f"There is no account “{text}”.")
        return text

    async def fetch(self, addresses):
        return dict.fromkeys(addresses, Missed("Nothing is fetched at this desk."))

    async def submit(self, _network, draft, found=None):
        if self.away:
            raise Unavailable("The node does not answer. Nothing was queued.", retryable=True)
        price, evidence = policy_v1().price(draft.activity, draft.score, draft.reward), draft.evidence()
        proof = ValueProof(
            draft.contributor, price.reward, activity_word(draft.activity), evidence.sha256, 4_000_000_000, draft.salt
        )
        return await self.queue.add(NETWORK, CONTRACT, draft, proof, proof.digest(1337, CONTRACT), evidence, price, policy_v1())

    async def taken(self, data, folder):
        text = data if isinstance(data, bytes) else data.encode()
        return await self.intake.take("net", "list", await self.intake.read(text, folder))
