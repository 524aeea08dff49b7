"""Value proofs from submission to mint: what a person does with the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound, Unavailable
from app.core.events import PlanChanged
from app.mining.abis import MINT_MINE
from app.mining.emission import Emissions
from app.mining.intake import Intake, IntakeReport
from app.mining.minting import ATTEST, PROOF_MINTED, SEND, AttestStep, Minting, proof_params
from app.mining.policy import Policy, activity_word, policy_v1
from app.mining.proofs import OPEN, ProofDraft, ProofRow, ProofStatus, ValueProof
from app.mining.queue import Queue
from app.mining.reading import logs, topic
from app.mining.reviewing import Reviewing
from app.operations.plans import Plan, PlanState, StepSpec
from app.operations.steps import PlanKind, Step
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulation, Transactions
    from app.chain.signer import Signer
    from app.contracts.artifacts import Compilation
    from app.core.events import Bus
    from app.core.jobs import Job, Jobs
    from app.database import Database
    from app.ledger import Ledger
    from app.mining.emission import EmissionReport
    from app.mining.whatif import Answer, Question
    from app.operations import Operations

MOST_PER_PLAN = 100  # about 12 M gas, well inside a block of 30 M
EVERYBODY = frozenset({"administrator", "developer"})
BATCH = 200  # views asked in one request


@dataclass(frozen=True, slots=True)
class QueueReconciliation:
    """What comparing the queue with the contract found and set right, at one block.

    Attributes:
        block, block_hash: the head it was compared at.
        checked: rows compared.
        minted: rows that the chain had minted and the queue did not know.
        released: rows that went back to ready, because their plan ended without a mint or a reorganisation undid it.
        expired: rows whose deadline has passed.
        problems: what nobody but a person can set right, in sentences.
    """

    block: int
    block_hash: str
    checked: int
    minted: int
    released: int
    expired: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Queue and contract agree now."""
        return not self.problems


class Mining:
    """The mint queue of each network's economy."""

    def __init__(
        self,
        *,
        database: Database,
        operations: Operations,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        signer: Signer,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        built: Callable[[], Awaitable[Compilation]],
        resolve: Callable[[str], Awaitable[str]],
        ledger: Callable[[], Ledger],
        bus: Bus,
        jobs: Jobs,
    ) -> None:
        self._built = built
        self.intake = Intake(self.submit, resolve)
        self._operations = operations
        self._networks = networks
        self._transactions = transactions
        self._economy_of = economy_of
        self._jobs = jobs
        self._queue = Queue(database, bus)
        self._emissions = Emissions(networks, self._queue, ledger, economy_of)
        self.reviewing = Reviewing(database, self._queue, networks, economy_of)
        self._minting = Minting(self._queue, networks, simulation, fees, signer, economy_of)
        operations.register_kind(
            PlanKind(
                "mining.mint", self._minting.preview, self._minting.measure, EVERYBODY, undo="Minted AZR cannot be taken back."
            )
        )
        operations.register_step(ATTEST, lambda plan, spec: AttestStep(signer, self._queue))
        operations.register_step(SEND, self._send_step)
        bus.subscribe(PlanChanged, self._plan_changed)

    @property
    def policy(self) -> Policy:
        """The policy that prices new proofs."""
        return policy_v1()

    async def submit(self, network_id: str, draft: ProofDraft) -> ProofRow:
        """Queue a proof, priced by the policy; it waits for a review where the policy says so.

        Raises:
            Invalid: what the policy or the proof's format does not allow; the message says which.
            Conflict: the same evidence or digest is queued or minted already.
            Denied: the contributor's cap of the day is reached.
            NotFound: no economy on this network. Unavailable: it does not answer.
        """
        chain, economy = await self._economy(network_id)
        price = self.policy.price(draft.activity, draft.score, draft.reward)
        evidence = await asyncio.to_thread(draft.evidence)
        # The block time decides about deadlines, and a local chain's may run ahead of the clock.
        now = max((await chain.head()).timestamp, now_ms() // 1000)
        deadline = draft.deadline if draft.deadline is not None else now + self.policy.lifetime_days * 86_400
        if deadline <= now:
            raise Invalid("The deadline has passed already. Nothing was queued.", "Choose a day to come.", field="deadline")
        proof = ValueProof(draft.contributor, price.reward, activity_word(draft.activity), evidence.sha256, deadline, draft.salt)
        contract = parse_address(economy.mint_mine)
        digest = proof.digest(chain.network.chain_id, contract)
        return await self._queue.add(chain.network.key.text, contract, draft, proof, digest, evidence, price, self.policy)

    async def submit_list(self, network_id: str, data: bytes, name: str, folder: Path) -> IntakeReport:
        """Queue the proofs of a CSV or JSON list, each for itself; evidence files lie in ``folder``.

        Raises:
            Invalid: the list as a whole cannot be read; nothing was queued.
            NotFound: no economy on this network. Unavailable: it does not answer; rows before that are queued.
        """
        return await self.intake.take(network_id, name, await self.intake.read(data, folder))

    def watch_folder(self, network_id: str, folder: Path) -> Job:
        """Take every list that is put into a folder, until the job is cancelled."""
        return self._jobs.start(
            f"Watch {folder.name} for proofs", lambda job: self.intake.watch(network_id, folder, job), kind="mining"
        )

    async def review_many(self, proof_ids: Sequence[str], accept: bool, reason: str = "") -> int:
        """Accept or reject several proofs with one reason; how many were still open.

        Raises:
            Invalid: a rejection without a reason.
        """
        if not accept and not reason.strip():
            raise Invalid("A rejection needs a reason. Nothing was changed.", "Say what is missing.", field="reason")
        target = ProofStatus.READY if accept else ProofStatus.REJECTED
        rows = [await self._queue.get(proof_id) for proof_id in dict.fromkeys(proof_ids)]
        return await self._queue.move([row.id for row in rows], OPEN, target, reason=reason.strip())

    async def review(self, proof_id: str, accept: bool, reason: str = "") -> ProofRow:
        """Accept a proof for minting, or reject it.

        Raises:
            Invalid: a rejection without a reason.
            Conflict: it is no longer open.
        """
        row = await self._queue.get(proof_id)
        if not accept and not reason.strip():
            raise Invalid("A rejection needs a reason. Nothing was changed.", "Say what is missing.", field="reason")
        target = ProofStatus.READY if accept else ProofStatus.REJECTED
        if not await self._queue.move([row.id], OPEN, target, reason=reason.strip()):
            raise Conflict(f"Proof #{row.number} is no longer open. Nothing was changed.", "Look at the queue again.")
        return await self._queue.get(row.id)

    async def revoke(self, proof_id: str, reason: str) -> ProofRow:
        """Take a ready proof out for good, before any plan claims it.

        Raises:
            Conflict: it is not ready.
        """
        row = await self._queue.get(proof_id)
        if not await self._queue.move([row.id], (ProofStatus.READY,), ProofStatus.REVOKED, reason=reason.strip()):
            raise Conflict(f"Proof #{row.number} is not ready. Nothing was changed.", "Look at the queue again.")
        return await self._queue.get(row.id)

    async def get(self, proof_id: str) -> ProofRow:
        """One proof by id or number. Raises NotFound."""
        return await self._queue.get(proof_id)

    async def queue(
        self, network_id: str, statuses: Collection[ProofStatus] | None = None, limit: int = 200, before: int | None = None
    ) -> list[ProofRow]:
        """Proofs of a network, newest first, in pages by number. Those whose deadline has passed are closed first."""
        network = self._networks.get(network_id)
        if not network.genesis:
            return []
        await self._queue.expire(network.key.text, now_ms() // 1000)
        return await self._queue.page(network.key.text, statuses, before, limit)

    async def counts(self, network_id: str) -> dict[ProofStatus, int]:
        """How many proofs are in each status."""
        network = self._networks.get(network_id)
        return await self._queue.counts(network.key.text) if network.genesis else {}

    async def plan_mint(self, network_id: str, proof_ids: Sequence[str], submitter: str, attester: str) -> Plan:
        """Plan the mint of ready proofs as one transaction: the attester signs, the submitter sends and pays.

        Raises:
            Invalid: none or more than 100 proofs.
            Conflict: a proof is not ready, or belongs to another deployment.
            NotFound: no such proof, or no economy on this network.
        """
        chain, economy = await self._economy(network_id)
        rows = [await self._queue.get(proof_id) for proof_id in dict.fromkeys(proof_ids)]
        if not 1 <= len(rows) <= MOST_PER_PLAN:
            raise Invalid(f"A plan mints 1 to {MOST_PER_PLAN} proofs. Nothing was planned.", "Choose ready proofs.", field="proofs")
        contract = parse_address(economy.mint_mine)
        for row in rows:
            if row.status is not ProofStatus.READY:
                words = row.status.value.replace("_", " ")
                raise Conflict(
                    f"Proof #{row.number} is {words}, not ready. Nothing was planned.", "Choose ready proofs.", field="proofs"
                )
            if (row.network, row.contract) != (chain.network.key.text, contract):
                raise Conflict(
                    f"Proof #{row.number} is bound to another deployment. Nothing was planned.",
                    "Submit it again for this one.",
                    field="proofs",
                )
        params = {
            "network": chain.network.key.text,
            "network_id": network_id,
            "chain_id": chain.network.chain_id,
            "mint_mine": contract,
            "submitter": parse_address(submitter, "submitter"),
            "attester": parse_address(attester, "attester"),
            "proofs": [proof_params(row) for row in rows],
        }
        which = f"proof #{rows[0].number}" if len(rows) == 1 else f"{len(rows)} proofs"
        send = self._transactions.step(chain.network, str(params["submitter"]), contract, title=f"Mint {which}")
        steps = [StepSpec(ATTEST, f"Attest {which}"), StepSpec(SEND, send.title, send.params)]
        return await self._operations.plan("mining.mint", f"Mint {which}", chain.network.target(), params, steps)

    async def reconcile(self, network_id: str) -> QueueReconciliation:
        """Compare every row that is not closed with the contract, and let the rows follow the contract.

        Raises:
            NotFound: no economy on this network. Unavailable: it does not answer; nothing was changed.
        """
        chain, economy = await self._economy(network_id)
        head = await chain.head()
        key, contract = chain.network.key.text, parse_address(economy.mint_mine)
        expired = await self._queue.expire(key, now_ms() // 1000)
        rows = [row for row in await self._all(key) if row.contract == contract]
        used = await self._used(chain, contract, rows, head.number)
        minted = released = 0
        problems: list[str] = []
        for row in rows:
            if row.digest in used and row.status is not ProofStatus.MINTED:
                if row.status in (ProofStatus.REJECTED, ProofStatus.REVOKED):
                    problems.append(f"Proof #{row.number} is {row.status.value} here, but the chain has minted it.")
                minted += await self._close(chain, economy, row)
            elif row.digest in used and not row.tx_hash:
                await self._close(chain, economy, row)
            elif row.digest not in used and row.status in (ProofStatus.MINTED, ProofStatus.MINTING):
                released += await self._release(row)
        return QueueReconciliation(head.number, head.hash, len(rows), minted, released, expired, tuple(problems))

    async def emission(self, network_id: str) -> EmissionReport:
        """Supply against cap, minted by source, burned, by epoch, era, contributor and activity, at the indexed head.

        Raises:
            NotFound: no economy on this network, or it is not indexed yet.
        """
        return await self._emissions.report(network_id)

    async def whatif(self, question: Question, report: Callable[[float], None] = lambda _: None) -> Answer:
        """What would come of other rates, caps, halvings and burn rates: the contracts' own code, run in this process.

        Args:
            report: hears how far it is, 0 to 1, in a thread of its own.

        Raises:
            Conflict: the contracts do not compile, or do not hold the cap where they should.
        """
        from app.mining.whatif import answer

        built = await self._built()
        if built.errors:
            raise Conflict(f"The contracts do not compile: {built.errors[0]}. Nothing was tried.", "Correct the source.")
        return await asyncio.to_thread(answer, question, built, report)

    # Inside

    def _send_step(self, plan: Plan, spec: StepSpec) -> Step:
        from app.mining.sending import MintStep

        return MintStep(self._transactions, plan, spec, self._minting)

    async def _economy(self, network_id: str) -> tuple[Chain, Economy]:
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        if economy is None:
            raise NotFound(f"There is no AZR economy on {chain.network.name}. Nothing was done.", "Deploy the contracts first.")
        return chain, economy

    async def _all(self, key: str) -> list[ProofRow]:
        rows: list[ProofRow] = []
        while page := await self._queue.page(key, None, rows[-1].number if rows else None, 500):
            rows += page
        return rows

    async def _used(self, chain: Chain, contract: str, rows: Sequence[ProofRow], block: int) -> set[str]:
        from app.chain import abi

        used: set[str] = set()
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            data = [abi.encode_call(MINT_MINE, "usedDigest", [bytes.fromhex(row.digest[2:])]) for row in part]
            answers = await chain.rpc.batch([("eth_call", [{"to": contract, "data": item}, hex(block)]) for item in data])
            used |= {row.digest for row, answer in zip(part, answers, strict=True) if int(str(answer), 16)}
        return used

    async def _close(self, chain: Chain, economy: Economy, row: ProofRow) -> int:
        """The chain has minted this proof: find where, and say so."""
        found = await logs(chain, row.contract, [topic(PROOF_MINTED), row.digest], economy.start_block)
        place = (
            {"tx_hash": bytes.fromhex(str(found[-1]["transactionHash"])[2:]), "block": int(found[-1]["blockNumber"], 16)}
            if found
            else {}
        )
        return await self._queue.move([row.id], list(ProofStatus), ProofStatus.MINTED, reason="", **place)

    async def _release(self, row: ProofRow) -> int:
        """The chain has not minted this proof: it is ready again unless a living plan still holds it."""
        try:
            plan = await self._operations.get(row.plan_id)
            if not plan.state.ended:
                return 0
        except NotFound:
            pass
        undone = row.status is ProofStatus.MINTED
        reason = "A reorganisation of the chain undid its mint." if undone else "The plan that claimed it ended without minting it."
        values = {"reason": reason, "plan_id": "", "tx_hash": None, "block": 0}
        return await self._queue.move([row.id], (row.status,), ProofStatus.READY, **values)

    def _plan_changed(self, event: PlanChanged) -> None:
        if event.state in (PlanState.STOPPED, PlanState.FAILED, PlanState.DISOWNED, PlanState.DONE):
            self._jobs.quietly("mining.settle", lambda: self._settle(event.plan_id))

    async def _settle(self, plan_id: str) -> None:
        """A plan ended: rows it still holds follow the chain. Left to the next reconciliation when the chain does not answer."""
        held = [row for row in await self._queue.of_plan(plan_id) if row.status is ProofStatus.MINTING]
        if not held:
            return
        plan = await self._operations.get(plan_id)
        try:
            chain, economy = await self._economy(str(plan.params["network_id"]))
            head = await chain.head()
            used = await self._used(chain, held[0].contract, held, head.number)
        except (Unavailable, Conflict, NotFound):
            return
        for row in held:
            await (self._close(chain, economy, row) if row.digest in used else self._release(row))
