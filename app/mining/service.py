"""Value proofs from submission to mint: what a person does with the queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid, NotFound, Unavailable
from app.mining.abis import EMISSION
from app.mining.attesting import Attesting, Taken
from app.mining.batching import MOST_PER_BATCH, Batch, Batching
from app.mining.burning import Burning
from app.mining.emission import Emissions
from app.mining.evidence_file import GONE_MEANS, EvidenceLook, compared
from app.mining.fetching import Fetched, Fetcher, Missed
from app.mining.intake import Intake, IntakeReport
from app.mining.minting import ATTEST, SEND, AttestStep, Minting
from app.mining.planned import proof_params
from app.mining.policies import DryRun, Policies, epoch_since
from app.mining.policy import Policy, activity_word
from app.mining.proofs import OPEN, Hashed, ProofDraft, ProofRow, ProofStatus, ValueProof, content_of
from app.mining.queue import Queue
from app.mining.reading import read_many
from app.mining.reconciling import QueueReconciliation, Reconciling
from app.mining.remarks import Said
from app.mining.reviewing import Reviewing
from app.mining.signatures import Signature, Signatures
from app.mining.watching import Watch
from app.operations.plans import Plan, StepSpec
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

GONE_ACCEPTED = f"Its evidence could not be read when it was accepted. {GONE_MEANS}"
KEEP = 16 * 2**20  # bytes of what was fetched that are shown
EVERYBODY = frozenset({"administrator", "developer"})


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
        self._fetcher = Fetcher()
        self.intake = Intake(self.submit, resolve, self._fetcher.fetch_many)
        self._operations = operations
        self._networks = networks
        self._transactions = transactions
        self._economy_of = economy_of
        self._jobs = jobs
        self._bus = bus
        self._epoch_rules: dict[tuple[str, str], tuple[int, int]] = {}
        self._queue = Queue(database, bus)
        self._emissions = Emissions(networks, self._queue, ledger, economy_of)
        self.policies = Policies(database, operations, self._queue, self._epochs, bus)
        self.reviewing = Reviewing(
            database, self._queue, networks, economy_of, self.policies, lambda: operations.author, self._fetcher
        )
        self._minting = Minting(self._queue, networks, simulation, fees, signer, economy_of, lambda: self.policy, self._fetcher)
        self._signatures = Signatures(database, bus)
        self._batching = Batching(self._minting, self._signatures, lambda: self.policy)
        self.attesting = Attesting(operations, self._queue, self._signatures, signer)
        self.reconciling = Reconciling(self._queue, networks, operations, transactions, ledger, economy_of, bus, jobs)
        operations.register_kind(
            PlanKind(
                "mining.mint", self._minting.preview, self._minting.measure, EVERYBODY, undo="Minted AZR cannot be taken back."
            )
        )
        self.burning = Burning(
            operations=operations,
            networks=networks,
            simulation=simulation,
            transactions=transactions,
            fees=fees,
            economy=self._economy,
            policy=self.policies.load,
            bus=bus,
        )
        operations.register_step(ATTEST, lambda plan, spec: AttestStep(signer, self._queue, self._signatures))
        operations.register_step(SEND, self._send_step)

    @property
    def policy(self) -> Policy:
        """The policy that prices new proofs."""
        return self.policies.known

    async def submit(self, network_id: str, draft: ProofDraft, found: Fetched | Missed | None = None) -> ProofRow:
        """Queue a proof, priced by the policy; it waits for a review where the policy says so.

        Where an address is all the evidence there is, it is fetched, unless ``found`` says what it gave. What cannot be fetched now
        is queued as waiting for its content, and is not accepted before :meth:`fetch` has got it.

        Raises:
            Invalid: what the policy or the proof's format does not allow; the message says which.
            Conflict: the same evidence or digest is queued or minted already.
            Denied: the contributor's cap of the day is reached.
            NotFound: no economy on this network. Unavailable: it does not answer.
        """
        chain, economy = await self._economy(network_id)
        policy = await self.policies.load()
        price = policy.price(draft.activity, draft.score, draft.reward, now_ms() // 1000)
        if draft.is_address and found is None:
            found = await self._fetcher.fetch(draft.url)
        evidence = await asyncio.to_thread(draft.evidence)
        if isinstance(found, Missed):
            if found.never:
                raise Invalid(f"{found.why} Nothing was queued.", "Give the address of what shows the work.", field="url")
            price = replace(price, review=f"Its address was not fetched yet. {found.why} {price.review}".strip())
        elif found is not None:
            evidence = content_of(draft.url, found)
        # The block time decides about deadlines, and a local chain's may run ahead of the clock.
        now = max((await chain.head()).timestamp, now_ms() // 1000)
        deadline = draft.deadline if draft.deadline is not None else now + policy.lifetime_days * 86_400
        if deadline <= now:
            raise Invalid("The deadline has passed already. Nothing was queued.", "Choose a day to come.", field="deadline")
        proof = ValueProof(draft.contributor, price.reward, activity_word(draft.activity), evidence.sha256, deadline, draft.salt)
        contract = parse_address(economy.mint_mine)
        digest = proof.digest(chain.network.chain_id, contract)
        since = epoch_since(await self._epochs(network_id), now_ms()) if policy.contributor_epoch_cap or policy.epoch_cap else None
        return await self._queue.add(chain.network.key.text, contract, draft, proof, digest, evidence, price, policy, since)

    async def submit_list(self, network_id: str, data: bytes, name: str, folder: Path) -> IntakeReport:
        """Queue the proofs of a CSV or JSON list, each for itself; evidence files lie in ``folder``.

        Raises:
            Invalid: the list as a whole cannot be read; nothing was queued.
            NotFound: no economy on this network. Unavailable: it does not answer; rows before that are queued.
        """
        return await self.intake.take(network_id, name, await self.intake.read(data, folder))

    async def fetch(self, proof_id: str) -> EvidenceLook:
        """Fetch the address of a proof. One that waits for its content gets its hash; any other is compared with it.

        Raises:
            Invalid: its evidence is no address. Unavailable: what it waits for cannot be fetched now.
            Conflict: what was fetched is another proof's evidence already, or nothing waits for it any more.
        """
        row = await self._queue.get(proof_id)
        if row.evidence_kind not in (Hashed.WAITING, Hashed.CONTENT):
            raise Invalid(f"Proof #{row.number} is not bound to what an address gives. Nothing was fetched.")
        found = await self._fetcher.fetch(row.evidence_url, keep=KEEP)
        if row.evidence_kind is Hashed.CONTENT:
            return compared(row, found)
        if isinstance(found, Missed):
            raise Unavailable(
                f"The address of proof #{row.number} was not fetched. {found.why} The proof waits as before.",
                "Fetch it again later, ask the contributor for a file, or reject it.",
                retryable=not found.never,
            )
        evidence = content_of(row.evidence_url, found)
        proof = replace(row.proof(), evidence=found.sha256)
        await self._queue.fetched(row, evidence, proof.digest(self._networks.get(row.network).chain_id, row.contract))
        return compared(await self._queue.get(row.id), found)

    async def waiting(self, network_id: str) -> list[ProofRow]:
        """Open proofs whose address was not fetched yet, the oldest first."""
        network = self._networks.get(network_id)
        return await self._queue.waiting(network.key.text) if network.genesis else []

    def watch_folder(self, network_id: str, folder: Path) -> Job:
        """Take every list that is put into a folder, until the job is cancelled."""
        return self._jobs.start(
            f"Watch {folder.name} for proofs",
            lambda job: Watch(self.intake, self._bus, network_id, folder, job).run(),
            kind="mining",
        )

    async def review_many(self, proof_ids: Sequence[str], accept: bool, reason: str = "") -> int:
        """Accept or reject several proofs with one reason; how many were still open.

        Files are read and addresses fetched anew. A proof whose evidence cannot be read now is accepted, and that is kept with the
        reason.

        Raises:
            Invalid: a rejection without a reason.
            Conflict: the evidence of one that is to be accepted was changed or never fetched; none was accepted.
        """
        rows = [await self._queue.get(proof_id) for proof_id in dict.fromkeys(proof_ids)]
        if accept:
            gone = await self.reviewing.require_unchanged(rows)
            there = [row for row in rows if row not in gone]
            warned = f"{reason.strip()} {GONE_ACCEPTED}".strip()
            return await self._answer(there, OPEN, ProofStatus.READY, Said.ACCEPTED, reason.strip()) + await self._answer(
                gone, OPEN, ProofStatus.READY, Said.ACCEPTED, warned
            )
        text = _text(reason, "A rejection needs a reason.", "Say what is missing.")
        return await self._answer(rows, OPEN, ProofStatus.REJECTED, Said.REJECTED, text)

    async def review(self, proof_id: str, accept: bool, reason: str = "") -> ProofRow:
        """Accept a proof for minting, or reject it.

        Raises:
            Invalid: a rejection without a reason.
            Conflict: it is no longer open, or it is to be accepted and its evidence was changed.
        """
        row = await self._queue.get(proof_id)
        if not await self.review_many([row.id], accept, reason):
            raise Conflict(f"Proof #{row.number} is no longer open. Nothing was changed.", "Look at the queue again.")
        return await self._queue.get(row.id)

    async def ask(self, proof_ids: Sequence[str], question: str) -> int:
        """Send proofs back to their contributors with a question; how many were still open. They are not minted meanwhile.

        Raises:
            Invalid: no question.
        """
        text = _text(question, "Asking for more needs a question.", "Say what is missing.")
        rows = [await self._queue.get(proof_id) for proof_id in dict.fromkeys(proof_ids)]
        return await self._answer(rows, OPEN, ProofStatus.ASKED, Said.ASKED, text)

    async def answered(self, proof_id: str, answer: str) -> ProofRow:
        """Write down what the contributor answered: the proof waits for a review again.

        Raises:
            Invalid: no answer.
            Conflict: nothing was asked.
        """
        text = _text(answer, "An answer has words.", "Write down what the contributor said.")
        row = await self._queue.get(proof_id)
        if not await self._answer([row], (ProofStatus.ASKED,), ProofStatus.IN_REVIEW, Said.ANSWERED, text):
            raise Conflict(f"Nothing is asked of proof #{row.number}. Nothing was changed.", "Look at the queue again.")
        return await self._queue.get(row.id)

    async def revoke(self, proof_id: str, reason: str) -> ProofRow:
        """Take a ready proof out for good, before any plan claims it.

        Raises:
            Conflict: it is not ready. Invalid: no reason.
        """
        row = await self._queue.get(proof_id)
        if not await self.revoke_many([row.id], reason):
            raise Conflict(f"Proof #{row.number} is not ready. Nothing was changed.", "Look at the queue again.")
        return await self._queue.get(row.id)

    async def revoke_many(self, proof_ids: Sequence[str], reason: str) -> int:
        """Take several ready proofs out for good, with one reason; how many were still ready.

        Raises:
            Invalid: no reason.
        """
        text = _text(reason, "A revocation needs a reason.", "Write down why the proof does not count.")
        rows = [await self._queue.get(proof_id) for proof_id in dict.fromkeys(proof_ids)]
        return await self._answer(rows, (ProofStatus.READY,), ProofStatus.REVOKED, Said.REVOKED, text)

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
        with contextlib.suppress(ConsoleError):  # the block time decides, not this machine's clock; without it nothing expires
            chain = await self._networks.connect(network_id)
            await self._queue.expire(network.key.text, (await chain.head()).timestamp)
        return await self._queue.page(network.key.text, statuses, before, limit)

    async def ready(self, network_id: str) -> list[ProofRow]:
        """Every ready proof of a network, the oldest first."""
        network = self._networks.get(network_id)
        return await self._queue.ready(network.key.text) if network.genesis else []

    async def counts(self, network_id: str) -> dict[ProofStatus, int]:
        """How many proofs are in each status."""
        network = self._networks.get(network_id)
        return await self._queue.counts(network.key.text) if network.genesis else {}

    async def next_batch(
        self,
        network_id: str,
        submitter: str,
        attester: str = "",
        proof_ids: Sequence[str] | None = None,
        most: int = MOST_PER_BATCH,
    ) -> Batch:
        """The proofs of the next transaction: sized by gas, within the epoch's budget, with enough attesters; and what is left out.

        Args:
            attester: signs here; empty when only collected signatures count.
            proof_ids: choose among these; default: all that are ready.

        Raises:
            Conflict: a mint would fail whatever is in it. NotFound: no such proof, or no economy on this network.
        """
        chain, economy = await self._economy(network_id)
        await self._queue.expire(chain.network.key.text, (await chain.head()).timestamp)
        contract = parse_address(economy.mint_mine)
        ready = [row for row in await self._queue.ready(chain.network.key.text) if row.contract == contract]
        if proof_ids is not None:
            wanted = {row.id for row in await self._chosen(proof_ids)}
            ready = [row for row in ready if row.id in wanted]
        signer = parse_address(attester, "attester") if attester else ""
        return await self._batching.next(chain, economy, ready, parse_address(submitter, "submitter"), signer, most)

    async def plan_mint(self, network_id: str, proof_ids: Sequence[str], submitter: str, attester: str = "") -> Plan:
        """Plan the mint of ready proofs as one transaction: the attester signs, the submitter sends and pays.

        Where a proof needs several attesters, collected signatures count first; ``attester`` (which may be empty) adds one.

        Raises:
            Invalid: none, or more proofs than one transaction takes.
            Conflict: a proof is not ready, lacks signatures, or belongs to another deployment.
            NotFound: no such proof, or no economy on this network.
        """
        chain, economy = await self._economy(network_id)
        rows = await self._chosen(proof_ids)
        if not 1 <= len(rows) <= MOST_PER_BATCH:
            raise Invalid(
                f"A plan mints 1 to {MOST_PER_BATCH} proofs. Nothing was planned.", "Choose ready proofs.", field="proofs"
            )
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
        signer = parse_address(attester, "attester") if attester else ""
        attesters, short = await self._batching.attesters(chain, economy, rows, signer)
        if short:
            raise Conflict(
                f"Proof #{short[0].number} cannot be minted yet. {short[0].why} Nothing was planned.",
                "Let another attester sign it, here or elsewhere.",
                field="proofs",
            )
        params = {
            "network": chain.network.key.text,
            "network_id": network_id,
            "chain_id": chain.network.chain_id,
            "mint_mine": contract,
            "submitter": parse_address(submitter, "submitter"),
            "attester": signer,
            "proofs": [proof_params(row, attesters[row.id]) for row in rows],
        }
        which = f"proof #{rows[0].number}" if len(rows) == 1 else f"{len(rows)} proofs"
        send = self._transactions.step(chain.network, str(params["submitter"]), contract, title=f"Mint {which}")
        steps = [StepSpec(ATTEST, f"Attest {which}"), StepSpec(SEND, send.title, send.params)]
        return await self._operations.plan("mining.mint", f"Mint {which}", chain.network.target(), params, steps)

    async def dry_run(self, network_id: str, body: Mapping[str, object]) -> DryRun:
        """What each proof of a network would have got under another policy. Raises as :meth:`Policies.dry_run`."""
        return await self.policies.dry_run(network_id, self._networks.get(network_id).key.text, body)

    # attesters

    async def plan_attest(self, network_id: str, proof_ids: Sequence[str], attester: str) -> Plan:
        """Plan that an account of this console signs proofs; nothing goes on chain. Raises as :meth:`Attesting.plan`."""
        chain, _ = await self._economy(network_id)
        return await self.attesting.plan(chain.network.chain_id, await self._chosen(proof_ids), attester)

    async def signatures(self, proof_ids: Sequence[str]) -> dict[str, list[Signature]]:
        """The collected signatures by proof id, in ascending order of the attesters."""
        return await self._signatures.of(proof_ids)

    async def signatures_needed(self, network_id: str, rewards: Sequence[int]) -> list[int]:
        """How many attesters contract and policy ask for, by reward (smallest unit)."""
        chain, economy = await self._economy(network_id)
        return await self._batching.needed(chain, economy, rewards)

    async def export_attestations(self, network_id: str, proof_ids: Sequence[str]) -> bytes:
        """A file of attestations for attesters on other machines. Raises as :meth:`Attesting.export`."""
        chain, _ = await self._economy(network_id)
        return await self.attesting.export(chain.network.chain_id, await self._chosen(proof_ids))

    async def take_attestations(self, network_id: str, data: bytes, name: str) -> Taken:
        """Keep the signatures of a file that count; the others are told with their reason. Raises as :meth:`Attesting.take`."""
        chain, economy = await self._economy(network_id)
        return await self.attesting.take(chain, parse_address(economy.mint_mine), data, name)

    async def reconcile(self, network_id: str) -> QueueReconciliation:
        """Compare every row with the contract, let the rows follow it, and hold them against the ledger. Raises as its room."""
        return await self.reconciling.reconcile(network_id)

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

    async def _answer(
        self, rows: Sequence[ProofRow], sources: Collection[ProofStatus], target: ProofStatus, said: Said, text: str
    ) -> int:
        return await self._queue.answer([row.id for row in rows], sources, target, said, self._operations.author, text)

    async def _chosen(self, proof_ids: Sequence[str]) -> list[ProofRow]:
        """Proofs by id or number, each once, in the order given; ids are read together."""
        refs = list(dict.fromkeys(proof_ids))
        known = {row.id: row for row in await self._queue.get_many(refs)}
        chosen = [known[ref] if ref in known else await self._queue.get(ref) for ref in refs]
        return list({row.id: row for row in chosen}.values())

    def _send_step(self, plan: Plan, spec: StepSpec) -> Step:
        from app.mining.sending import MintStep

        return MintStep(self._transactions, plan, spec, self._minting)

    async def _epochs(self, network_id: str) -> tuple[int, int] | None:
        """Start and length of a network's epochs in seconds; they never change. None where there is no economy."""
        try:
            chain, economy = await self._economy(network_id)
        except NotFound:
            return None
        key = (chain.network.key.text, economy.emission)
        if key not in self._epoch_rules:
            start, length = await read_many(chain, economy.emission, EMISSION, [("start", []), ("epochLength", [])])
            self._epoch_rules[key] = (start, length)
        return self._epoch_rules[key]

    async def _economy(self, network_id: str) -> tuple[Chain, Economy]:
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        if economy is None:
            raise NotFound(f"There is no AZR economy on {chain.network.name}. Nothing was done.", "Deploy the contracts first.")
        return chain, economy


def _text(text: str, missing: str, remedy: str) -> str:
    clean = text.strip()
    if not clean:
        raise Invalid(f"{missing} Nothing was changed.", remedy, field="reason")
    return clean
