"""What speaks for and against a planned mint: roles, thresholds, queue, budget, gas, and what the contract would refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from app.core.money import short_units
from app.mining.abis import EMISSION, MINT_MINE
from app.mining.attesting import ATTESTER_ROLE
from app.mining.evidence_file import GONE_MEANS, EvidenceLook, EvidenceState, look_at_all
from app.mining.fetching import Fetcher
from app.mining.planned import attesters_of, proofs_of, rows_of
from app.mining.proofs import ProofRow, ProofStatus
from app.mining.reading import read, read_many
from app.operations.plans import Plan, Verdict, VerdictLevel

if TYPE_CHECKING:
    from app.chain import Chain, Economy
    from app.mining.minting import Trial
    from app.mining.policy import Policy
    from app.mining.queue import Queue

BLOCK_SHARE = 2  # a batch takes at most a half of a block: a full one waits for an empty block, and others are there too
MOST_GAS = 1 << 24  # EIP-7825: a transaction's own limit, whatever the block's
UNREACHABLE_MEANS = f"{GONE_MEANS} Preview again later to have it compared."
MOST_DATA = 120_000  # bytes: nodes refuse transactions above 128 KiB


def gas_limit_of(block_limit: int) -> int:
    """The gas that a batch may take on a chain whose blocks hold ``block_limit``."""
    return min(block_limit // BLOCK_SHARE, MOST_GAS)


async def required_of(chain: Chain, economy: Economy, rewards: Sequence[int]) -> list[int]:
    """How many attesters the contract asks for, by reward. One deployed before it knew large rewards asks for the same of all."""
    from app.core.errors import ConsoleError

    distinct = sorted(set(rewards))
    try:
        found = await read_many(chain, economy.mint_mine, MINT_MINE, [("required", [reward]) for reward in distinct])
    except ConsoleError as error:
        if error.retryable:
            raise
        found = [int(str(await read(chain, economy.mint_mine, MINT_MINE, "threshold", [])))] * len(distinct)
    by = dict(zip(distinct, found, strict=True))
    return [by[reward] for reward in rewards]


async def holders_of_role(chain: Chain, economy: Economy, accounts: Sequence[str]) -> set[str]:
    """Those of the accounts that hold ATTESTER_ROLE now."""
    asked = list(dict.fromkeys(accounts))
    found = await read_many(chain, economy.mint_mine, MINT_MINE, [("hasRole", [ATTESTER_ROLE, account]) for account in asked])
    return {account for account, holds in zip(asked, found, strict=True) if holds}


class Judging:
    """Verdicts on a mint; their texts say the same for the same plan, details may vary."""

    def __init__(self, queue: Queue, policy: Callable[[], Policy], fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._queue = queue
        self._policy = policy

    async def verdicts(self, chain: Chain, economy: Economy, plan: Plan, trial: Trial) -> list[Verdict]:
        """All of them, in the order in which a person would ask."""
        return [
            *await self._attesters(chain, economy, plan),
            *await self._burn_rate(chain, economy),
            await self._unused(chain, economy, plan),
            *await self._time_and_budget(chain, economy, plan),
            *self._refusals(plan, trial),
            await self._gas(chain, plan, trial),
            *await self._queue_and_evidence(plan),
        ]

    async def _attesters(self, chain: Chain, economy: Economy, plan: Plan) -> list[Verdict]:
        rows = rows_of(plan)
        everybody = [attester for row in rows for attester in attesters_of(row)]
        without = sorted(set(everybody) - await holders_of_role(chain, economy, everybody))
        if without:
            verdicts = [
                Verdict("mining.attester", VerdictLevel.BLOCK, "An attester does not hold ATTESTER_ROLE", ", ".join(without))
            ]
        else:
            verdicts = [Verdict("mining.attester", VerdictLevel.PASS, "Every attester holds ATTESTER_ROLE")]
        required = await required_of(chain, economy, [proof.reward for proof in proofs_of(plan)])
        short = [row for row, count in zip(rows, required, strict=True) if len(attesters_of(row)) < count]
        if short:
            text = f"The contract asks for more attesters than sign proof #{short[0]['number']}"
            verdicts.append(Verdict("mining.threshold", VerdictLevel.BLOCK, text, "Collect signatures, then plan again."))
        policy = self._policy()
        fewer = [
            row
            for row, proof in zip(rows, proofs_of(plan), strict=True)
            if len(attesters_of(row)) < policy.attesters_for(proof.reward)
        ]
        if fewer:
            text = f"{policy.name} asks for more attesters than sign proof #{fewer[0]['number']}"
            verdicts.append(Verdict("mining.policy", VerdictLevel.BLOCK, text, "Collect signatures, then plan again."))
        if not short and not fewer and max(map(len, map(attesters_of, rows))) > 1:
            verdicts.append(Verdict("mining.threshold", VerdictLevel.PASS, "Every proof has the attesters that its reward needs"))
        return verdicts

    async def _burn_rate(self, chain: Chain, economy: Economy) -> list[Verdict]:
        policy = self._policy()
        burned = int(str(await read(chain, economy.mint_mine, MINT_MINE, "burnRate", [])))
        if burned == policy.burn_rate:
            return []
        text = f"The contract burns {burned / 100:.2f} % of each reward, {policy.name} says {policy.burn_rate / 100:.2f} %"
        return [Verdict("mining.burn_rate", VerdictLevel.WARNING, text, "The contract decides; a plan sets its rate.")]

    async def _unused(self, chain: Chain, economy: Economy, plan: Plan) -> Verdict:
        asked: list[tuple[str, Sequence[object]]] = []
        for proof, row in zip(proofs_of(plan), rows_of(plan), strict=True):
            asked.append(("usedDigest", [bytes.fromhex(str(row["digest"])[2:])]))
            asked.append(("usedEvidence", [proof.evidence]))
        if any(await read_many(chain, economy.mint_mine, MINT_MINE, asked)):
            return Verdict(
                "mining.unused", VerdictLevel.BLOCK, "A proof or its evidence was minted already", "Reconcile the queue."
            )
        return Verdict("mining.unused", VerdictLevel.PASS, "No digest and no evidence was used on chain")

    async def _time_and_budget(self, chain: Chain, economy: Economy, plan: Plan) -> list[Verdict]:
        verdicts = []
        proofs, head = proofs_of(plan), await chain.head()
        if any(proof.deadline < head.timestamp for proof in proofs):
            text = "The deadline of a proof has passed"
            verdicts.append(Verdict("mining.deadline", VerdictLevel.BLOCK, text, "The block time decides."))
        left = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [])))
        total = sum(proof.reward for proof in proofs)
        asked = f"{short_units(total, economy.decimals)} {economy.token_symbol}"
        if total > left:
            verdicts.append(Verdict("mining.budget", VerdictLevel.BLOCK, f"The epoch's budget does not hold {asked} any more"))
        else:
            verdicts.append(Verdict("mining.budget", VerdictLevel.PASS, f"The epoch's budget holds {asked}"))
        return verdicts

    def _refusals(self, plan: Plan, trial: Trial) -> list[Verdict]:
        from app.mining.minting import REFUSALS

        numbers = {str(row["digest"]): row["number"] for row in rows_of(plan)}
        refused = {digest: reason for digest, reason in trial.outcomes.items() if reason is not None and digest in numbers}
        if not refused:
            return []
        first, reason = next(iter(refused.items()))
        others = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        text = f"The contract would refuse proof #{numbers[first]}: {REFUSALS.get(reason, f'reason {reason}')}{others}"
        return [Verdict("mining.refused", VerdictLevel.BLOCK, text, "Plan with what it takes.")]

    async def _gas(self, chain: Chain, plan: Plan, trial: Trial) -> Verdict:
        limit = gas_limit_of(int(str((await chain.head()).raw["gasLimit"]), 16))
        count = len(rows_of(plan))
        measured = f"{trial.gas:,} gas measured, {trial.gas // count:,} per proof; at most {limit:,} in one transaction"
        if trial.gas > limit or trial.size > MOST_DATA:
            return Verdict("mining.gas", VerdictLevel.BLOCK, "The batch is too large for one transaction", measured)
        return Verdict("mining.gas", VerdictLevel.PASS, "The batch fits into its share of a block", measured)

    async def _queue_and_evidence(self, plan: Plan) -> list[Verdict]:
        held = await self._queue.get_many([str(row["id"]) for row in rows_of(plan)])
        verdict = Verdict("mining.queue", VerdictLevel.PASS, "Every proof is ready, and no other plan has it")
        for row in held:
            if row.status is not ProofStatus.READY and row.plan_id != plan.id:
                words = row.status.value.replace("_", " ")
                text = f"Proof #{row.number} is {words}"
                verdict = Verdict("mining.queue", VerdictLevel.BLOCK, text, "Plan with what is ready.")
                break
        return [verdict, *_evidence(held, await look_at_all(held, self._fetcher))]


def _evidence(rows: Sequence[ProofRow], looks: Sequence[EvidenceLook]) -> list[Verdict]:
    """What became of the evidence: what gives another hash than is signed stops a mint, what cannot be read warns."""
    states = [(row.number, found.state) for row, found in zip(rows, looks, strict=True)]
    waiting = [number for number, state in states if state is EvidenceState.WAITING]
    unreachable = [number for number, state in states if state is EvidenceState.UNREACHABLE]
    changed = [number for number, state in states if state is EvidenceState.CHANGED]
    gone = [number for number, state in states if state is EvidenceState.GONE]
    verdicts = []
    if changed:
        text = f"The evidence of proof #{changed[0]} is no longer what was submitted"
        verdicts.append(Verdict("mining.evidence", VerdictLevel.BLOCK, text, "Review the proof again."))
    if gone:
        others = f", and of {len(gone) - 1:,} more," if len(gone) > 1 else ""
        text = f"The evidence file of proof #{gone[0]}{others} can no longer be read: only its digest was kept"
        verdicts.append(Verdict("mining.evidence_gone", VerdictLevel.WARNING, text, GONE_MEANS))
    if waiting:
        text = f"The address of proof #{waiting[0]} was never fetched"
        verdicts.append(Verdict("mining.evidence_waiting", VerdictLevel.BLOCK, text, "Fetch it, then review the proof."))
    if unreachable:
        others = f", and of {len(unreachable) - 1:,} more," if len(unreachable) > 1 else ""
        text = f"The address of proof #{unreachable[0]}{others} gives nothing now: only the digest of its content was kept"
        verdicts.append(Verdict("mining.evidence_unreachable", VerdictLevel.WARNING, text, UNREACHABLE_MEANS))
    return verdicts
