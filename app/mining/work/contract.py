"""What the chain says of proof of work: one reading of an EIP-918 contract, at one block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.mining.abis import MINEABLE
from app.mining.kernel import Job, solution_digest

if TYPE_CHECKING:
    from app.chain import Chain

VIEWS = (
    "getChallengeNumber",
    "getMiningTarget",
    "getMiningDifficulty",
    "getMiningReward",
    "epochCount",
    "era",
    "tokensMinted",
    "periodStart",
    "solutionsInPeriod",
)


@dataclass(frozen=True, slots=True)
class WorkState:
    """Proof of work at one block. ``reward`` and ``minted`` in the smallest unit of AZR; times in seconds since 1970."""

    contract: str
    block: int
    block_hash: str
    block_time: int
    challenge: bytes
    target: int
    difficulty: int
    reward: int
    epoch_count: int
    era: int
    minted: int
    period_start: int
    solutions_in_period: int

    @property
    def hashes_expected(self) -> int:
        """How many hashes a solution takes on average."""
        return (1 << 256) // (self.target + 1)

    def job(self, miner: str) -> Job:
        """What ``miner`` searches for now."""
        return Job(self.challenge, bytes.fromhex(miner[2:]), self.target)

    def judge(self, miner: str, nonce: bytes) -> Verdict:
        """Whether a nonce would be taken at this block, by a hash that no kernel made."""
        digest = solution_digest(self.challenge, bytes.fromhex(miner[2:]), nonce)
        return Verdict(digest, int.from_bytes(digest, "big") <= self.target)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The digest of a nonce with the present challenge, and whether it lies at or below the target."""

    digest: bytes
    solves: bool


async def read_work(chain: Chain, contract: str) -> WorkState:
    """The contract at the newest block, in one request.

    Raises:
        Invalid: there is no such contract. Unavailable: the network does not answer.
    """
    from app.chain import abi

    head = await chain.head()
    calls = [("eth_call", [{"to": contract, "data": abi.encode_call(MINEABLE, view, [])}, hex(head.number)]) for view in VIEWS]
    answers = await chain.rpc.batch(calls)
    values = [abi.decode_output(MINEABLE, view, str(answer)) for view, answer in zip(VIEWS, answers, strict=True)]
    challenge, *numbers = values
    return WorkState(contract, head.number, head.hash, head.timestamp, bytes(challenge), *(int(number) for number in numbers))
