"""Which of the ready proofs go into the next transaction.

As many as its share of a block's gas, the epoch's budget and the collected signatures allow, the oldest first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.errors import Conflict
from app.mining.abis import EMISSION
from app.mining.judging import MOST_DATA, gas_limit_of, holders_of_role, required_of
from app.mining.proofs import ProofRow
from app.mining.reading import read

if TYPE_CHECKING:
    from app.chain import Chain, Economy
    from app.mining.minting import Minting
    from app.mining.policy import Policy
    from app.mining.signatures import Signature, Signatures

MOST_PER_BATCH = 250
SAMPLE = 8  # proofs that are simulated to learn what one takes
GAS_PER_SIGNATURE = 8_000  # recovery, role, call data of 65 bytes in three words
PROOF_DATA = 352  # bytes: six words, and offset, count, offset, length and three words of its first signature
SIGNATURE_DATA = 160
SOON_SECONDS = 30  # a proof that expires so soon may be late for its block


@dataclass(frozen=True, slots=True)
class Left:
    """A ready proof that is not in the batch, and why."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The next transaction's proofs.

    Attributes:
        rows: oldest first.
        attesters: by proof id, who signs it, in ascending order.
        gas: estimated for all of it, from ``per_proof`` that was measured by simulating some of them.
        gas_limit: what a batch may take on this chain.
        left: proofs that no batch takes as things are; those that only come later are not among them.
        more: how many wait for a later batch.
    """

    rows: tuple[ProofRow, ...]
    attesters: Mapping[str, tuple[str, ...]]
    gas: int
    per_proof: int
    gas_limit: int
    left: tuple[Left, ...]
    more: int


class Batching:
    """Sizes batches."""

    def __init__(self, minting: Minting, signatures: Signatures, policy: Callable[[], Policy]) -> None:
        self._policy = policy
        self._minting = minting
        self._signatures = signatures

    async def attesters(
        self, chain: Chain, economy: Economy, rows: Sequence[ProofRow], attester: str
    ) -> tuple[dict[str, tuple[str, ...]], list[Left]]:
        """Who signs each proof: attesters whose signature is there and counts now, and ``attester`` where one more is needed."""
        held = await self._signatures.of([row.id for row in rows])
        given = [one.attester for signatures in held.values() for one in signatures]
        counting = await holders_of_role(chain, economy, given)
        needed = await self.needed(chain, economy, [row.reward for row in rows])
        found: dict[str, tuple[str, ...]] = {}
        left: list[Left] = []
        for row, count in zip(rows, needed, strict=True):
            signers = _signers(held.get(row.id, []), counting, attester, count)
            if len(signers) < count:
                left.append(Left(row.number, f"It needs the signatures of {count} attesters and has those of {len(signers)}."))
            else:
                found[row.id] = signers
        return found, left

    async def needed(self, chain: Chain, economy: Economy, rewards: Sequence[int]) -> list[int]:
        """How many attesters each reward (smallest unit) needs: what the contract asks for, or more where the policy does."""
        policy = self._policy()
        required = await required_of(chain, economy, rewards)
        return [max(count, policy.attesters_for(reward)) for count, reward in zip(required, rewards, strict=True)]

    async def next(
        self, chain: Chain, economy: Economy, ready: Sequence[ProofRow], submitter: str, attester: str, most: int = MOST_PER_BATCH
    ) -> Batch:
        """The next batch out of the ready proofs; empty when none can be minted now.

        Args:
            submitter: sends it; only the simulation needs to know.
            attester: signs here; empty when only collected signatures count.

        Raises:
            Conflict: even a simulation of the first proofs fails; the message says why.
            Unavailable: the network does not answer.
        """
        head = await chain.head()
        gas_limit = gas_limit_of(int(str(head.raw["gasLimit"]), 16))
        attesters, left = await self.attesters(chain, economy, ready, attester) if ready else ({}, [])
        budget = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [])))
        fitting: list[ProofRow] = []
        for row in sorted(ready, key=lambda row: row.number):
            if row.id not in attesters:
                continue
            if row.deadline < head.timestamp + SOON_SECONDS:
                left.append(Left(row.number, "Its deadline is too near for the next block."))
            elif row.reward > budget:
                left.append(Left(row.number, "The epoch's budget, or the cap, does not hold it any more."))
            else:
                budget -= row.reward
                fitting.append(row)
        if not fitting:
            return Batch((), {}, 0, 0, gas_limit, tuple(left), 0)
        per_proof = await self._measured(chain, economy, fitting[:SAMPLE], submitter)
        chosen, gas, size = list[ProofRow](), 0, 0
        for row in fitting[:most]:
            extra = len(attesters[row.id]) - 1
            gas += per_proof + extra * GAS_PER_SIGNATURE
            size += PROOF_DATA + extra * SIGNATURE_DATA
            if chosen and (gas > gas_limit or size > MOST_DATA):
                gas -= per_proof + extra * GAS_PER_SIGNATURE
                break
            chosen.append(row)
        who = {row.id: attesters[row.id] for row in chosen}
        return Batch(tuple(chosen), who, gas, per_proof, gas_limit, tuple(left), len(fitting) - len(chosen))

    async def _measured(self, chain: Chain, economy: Economy, rows: Sequence[ProofRow], submitter: str) -> int:
        """Gas per proof with one signature; the transaction's own is shared out too, so that a large batch is over-estimated."""
        proofs = [row.proof() for row in rows]
        needed = await required_of(chain, economy, [row.reward for row in rows])
        trial = await self._minting.simulate(chain, economy, proofs, needed, submitter, "Size the batch")
        if trial.simulated.error:
            raise Conflict(f"The mint would fail: {trial.simulated.error} Nothing was planned.", "Look at the contract's state.")
        extra = sum(count - 1 for count in needed) * GAS_PER_SIGNATURE
        return max(1, -(-(trial.gas - extra) // len(rows)))


def _signers(held: Sequence[Signature], counting: set[str], attester: str, count: int) -> tuple[str, ...]:
    found = [one.attester for one in held if one.attester in counting][:count]
    if len(found) < count and attester and attester not in found:
        found.append(attester)
    return tuple(sorted(found, key=lambda account: int(account, 16)))
