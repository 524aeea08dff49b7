"""From attested proofs to minted AZR: the steps of a plan ``mining.mint``, its preview and what the chain says came of it.

Three things stand against a double mint, each enough alone: the queue row is claimed by one plan, the runner sends one set of
stored bytes, and the contract takes a digest and an evidence hash once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.core.money import short_units
from app.mining.abis import EMISSION, MINT_MINE
from app.mining.proofs import ProofRow, ProofStatus, ValueProof
from app.mining.queue import Queue
from app.mining.reading import fee_of, find_holder, has_role, read, topic
from app.operations.plans import Call, Effect, Plan, Preview, Verdict, VerdictLevel, listed
from app.operations.steps import Happened, Outcome, Step, StepContext
from app.wallets.actual import measure, mined_of
from app.wallets.keys import ExtendedKey, address_of, keccak, parse_address, recover, sign, signature_bytes

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulation
    from app.chain.signer import Signer

ATTEST = "mining.attest"
SEND = "mining.send"
ATTESTER_ROLE = keccak(b"ATTESTER_ROLE")
PROOF_MINTED = keccak(b"ProofMinted(bytes32,address,uint256,bytes32,bytes32,uint256)")
PROOF_REFUSED = keccak(b"ProofRefused(bytes32,uint8)")
EconomyOf = Callable[[str], Awaitable["Economy | None"]]


def proofs_of(plan: Plan) -> list[ValueProof]:
    """The proofs of a plan from its own params: what was previewed is what is signed, whatever the store says by then."""
    rows = rows_of(plan)
    return [
        ValueProof(
            contributor=str(row["contributor"]),
            reward=int(str(row["reward"])),
            activity=bytes.fromhex(str(row["activity"])[2:]),
            evidence=bytes.fromhex(str(row["evidence"])[2:]),
            deadline=int(str(row["deadline"])),
            salt=bytes.fromhex(str(row["salt"])[2:]),
        )
        for row in rows
    ]


def proof_params(row: ProofRow) -> dict[str, object]:
    """A row as a plan's params carry it."""
    proof = row.proof()
    return {
        "id": row.id,
        "number": row.number,
        "contributor": proof.contributor,
        "reward": str(proof.reward),
        "activity": "0x" + proof.activity.hex(),
        "evidence": "0x" + proof.evidence.hex(),
        "deadline": proof.deadline,
        "salt": "0x" + proof.salt.hex(),
        "digest": row.digest,
    }


def rows_of(plan: Plan) -> list[dict[str, Any]]:
    """The proofs of a plan as params: dicts with id, number and digest among them."""
    return listed(plan.params, "proofs", dict)


def mint_data(proofs: Sequence[ValueProof], signatures: Sequence[bytes]) -> str:
    """Call data of ``mint`` for one proof and of ``mintBatch`` for more, with one signature each."""
    from app.chain import abi

    if len(proofs) == 1:
        return abi.encode_call(MINT_MINE, "mint", [proofs[0].words(), [signatures[0]]])
    return abi.encode_call(MINT_MINE, "mintBatch", [[proof.words() for proof in proofs], [[signature] for signature in signatures]])


class AttestStep(Step):
    """The attester signs each digest; then this plan claims the rows. A signature is public data and is stored."""

    needs_key: ClassVar[bool] = True

    def __init__(self, signer: Signer, queue: Queue) -> None:
        self._signer = signer
        self._queue = queue

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        params = context.plan.params
        chain_id, contract, attester = int(str(params["chain_id"])), str(params["mint_mine"]), str(params["attester"])
        elsewhere = await self._signer.signs_elsewhere(attester)
        signatures = []
        for proof, row in zip(proofs_of(context.plan), rows_of(context.plan), strict=True):
            digest = proof.digest(chain_id, contract)
            if "0x" + digest.hex() != row["digest"]:
                raise Conflict(
                    f"Proof #{row['number']} no longer gives the digest that was previewed. Nothing was signed.", "Submit it again."
                )
            if elsewhere:
                text = proof.typed_text(chain_id, contract)
                signature = await self._signer.sign_typed_text(attester, text, digest, context.plan.id)
            else:
                signature = await self._signer.sign_digest(attester, digest)
            if recover(digest, signature) != attester:
                raise Conflict(
                    f"The signature over proof #{row['number']} is not the attester's. Nothing was sent.", "Check the keyring."
                )
            signatures.append("0x" + signature.hex())
        context.report(f"{len(signatures)} digest{'s' if len(signatures) > 1 else ''} signed by {attester}.")
        return {"signatures": signatures, "attester": attester}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        faults.point("mining.attest.signed")
        await self._queue.claim([str(row["id"]) for row in rows_of(context.plan)], context.plan.id)
        faults.point("mining.attest.claimed")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        held = {row.id for row in await self._queue.of_plan(context.plan.id)}
        rows = rows_of(context.plan)
        if not {str(row["id"]) for row in rows} <= held:
            return Outcome(Happened.NOT_DONE)
        evidence = Evidence(
            EvidenceKind.ROW,
            ", ".join(f"proof #{row['number']}" for row in rows),
            network=str(context.plan.params["network"]),
            read_at=now_ms(),
            status=EvidenceStatus.ASSERTED,
            check=f"EIP-712 signature of attester {prepared['attester']} over each digest",
            trust=Trust.OPERATOR,
        )
        return Outcome(Happened.DONE, {"signatures": prepared["signatures"], "attester": prepared["attester"]}, (evidence,))


class Minting:
    """Previews, measures and settles plans of kind ``mining.mint``."""

    def __init__(
        self, queue: Queue, networks: Networks, simulation: Simulation, fees: Fees, signer: Signer, economy_of: EconomyOf
    ) -> None:
        self._queue = queue
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self._signer = signer
        self._economy_of = economy_of

    async def preview(self, plan: Plan) -> Preview:
        """Simulate the mint on the newest block.

        The attester has signed nothing yet, so the simulation lets the contract's administrator admit a key that is made up for
        this call alone, and signs with that: the code that runs is the contract's own, from signature check to supply.
        """
        from app.chain import CallRequest, Erc20, Watch
        from app.chain.effects import others

        chain, economy = await self._economy(plan)
        proofs = proofs_of(plan)
        digests = [proof.digest(chain.network.chain_id, economy.mint_mine) for proof in proofs]
        contributors = list(dict.fromkeys(proof.contributor for proof in proofs))
        submitter = str(plan.params["submitter"])
        verdicts = await self._verdicts(chain, economy, plan, proofs, digests)
        passing = ExtendedKey.from_seed(secrets.token_bytes(64)).key
        signatures = [signature_bytes(sign(passing, digest)) for digest in digests]
        admin = await find_holder(chain, economy.mint_mine, bytes(32), economy.start_block)
        from app.chain import abi

        grant = abi.encode_call(MINT_MINE, "grantRole", [ATTESTER_ROLE, address_of(passing)])
        calls = [
            CallRequest(sender=admin, to=economy.mint_mine, data=grant, value=0, label="a key for this simulation"),
            CallRequest(sender=submitter, to=economy.mint_mine, data=mint_data(proofs, signatures), value=0, label=plan.title),
        ]
        token = Erc20(economy.token, economy.token_symbol, economy.decimals)
        simulated = await self._simulation.preview(chain.network.id, calls, watch=Watch(tokens=[token], accounts=contributors))
        effects = _token_effects(simulated.effects, contributors, economy)
        made_up = address_of(passing)
        effects += others(effects, (effect for effect in simulated.effects if effect.subject != made_up), {})
        if not simulated.error:
            effects += await self._other_effects(chain, economy, proofs, digests)
        return Preview(
            effects=tuple(effects),
            verdicts=tuple(verdicts),
            calls=tuple(_decoded(proof, digest, economy, len(proofs)) for proof, digest in zip(proofs, digests, strict=True)),
            fee=await fee_of(self._fees, chain, simulated.gas[1] if len(simulated.gas) > 1 else 0, plan.params),
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            notes=("Minted AZR cannot be taken back; its holder can burn or redeem it.",),
        )

    async def measure(self, plan: Plan) -> tuple[Effect, ...]:
        """The same effects as the chain has them at the block of the mint and its parent."""
        chain, economy = await self._economy(plan)
        tokens = await measure(chain.rpc, plan, {economy.token_symbol: economy.token}, chain.network.symbol)
        predicted = plan.preview.effects if plan.preview else ()
        mined = mined_of(plan)
        if not mined:
            return tokens
        actual, rest = [], iter(tokens)
        for effect in predicted:
            if effect.kind in ("balance", "supply", "allowance", "role"):
                actual.append(next(rest))
            elif effect.kind == "proof":
                words = [await self._used(chain, economy, effect.subject, block) for block in (mined[0].block - 1, mined[-1].block)]
                actual.append(replace(effect, before=words[0], after=words[1]))
            else:
                actual.append(await self._epoch_left(chain, economy, effect, mined[-1].block))
        return tuple(actual)

    async def settle(self, plan: Plan, logs: Sequence[Mapping[str, Any]], tx_hash: str, block: int) -> None:
        """Close the rows of a mined transaction by its events; may be called again."""
        outcomes: dict[str, int | None] = {}
        contract = str(plan.params["mint_mine"]).lower()
        for entry in logs:
            topics = [str(item).lower() for item in entry["topics"]]
            if str(entry["address"]).lower() != contract or not topics:
                continue
            if topics[0] == topic(PROOF_MINTED):
                outcomes[topics[1]] = None
            elif topics[0] == topic(PROOF_REFUSED):
                outcomes[topics[1]] = int(str(entry["data"]), 16)
        for row in rows_of(plan):
            ids = [str(row["id"])]
            if str(row["digest"]) not in outcomes:
                continue
            refused = outcomes[str(row["digest"])]
            if refused is None:
                place = {"tx_hash": bytes.fromhex(tx_hash[2:]), "block": block, "reason": ""}
                await self._queue.move(ids, (ProofStatus.MINTING, ProofStatus.READY), ProofStatus.MINTED, **place)
            else:
                text = f"The contract refused it in block {block:,}: {REFUSALS.get(refused, f'reason {refused}')}."
                await self._queue.move(ids, (ProofStatus.MINTING,), ProofStatus.IN_REVIEW, plan_id="", reason=text)
        faults.point("mining.settled")

    async def _economy(self, plan: Plan) -> tuple[Chain, Economy]:
        chain = await self._networks.connect(str(plan.params["network_id"]))
        economy = await self._economy_of(chain.network.key.text)
        if economy is None or parse_address(economy.mint_mine) != plan.params["mint_mine"]:
            raise Conflict(
                "The economy of this network is another than when the plan was made. Nothing was signed or sent.",
                "Plan the mint again.",
            )
        return chain, economy

    async def _used(self, chain: Chain, economy: Economy, digest: str, block: int | str) -> str:
        used = await read(chain, economy.mint_mine, MINT_MINE, "usedDigest", [bytes.fromhex(digest[2:])], block)
        return "minted" if used else "unused"

    async def _other_effects(
        self, chain: Chain, economy: Economy, proofs: Sequence[ValueProof], digests: Sequence[bytes]
    ) -> list[Effect]:
        left = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [])))
        minted = sum(proof.reward for proof in proofs)
        effects = [
            Effect(
                "state",
                economy.emission,
                str(left),
                str(left - minted),
                economy.token_symbol,
                economy.decimals,
                label="Left in this epoch",
            )
        ]
        for digest in digests:
            word = "0x" + digest.hex()
            effects.append(Effect("proof", word, await self._used(chain, economy, word, "latest"), "minted"))
        return effects

    async def _epoch_left(self, chain: Chain, economy: Economy, effect: Effect, block: int) -> Effect:
        epoch = await read(chain, economy.emission, EMISSION, "epoch", [], block)
        minted = int(str(await read(chain, economy.emission, EMISSION, "mintedInEpoch", [epoch], block)))
        earlier = int(str(await read(chain, economy.emission, EMISSION, "mintedInEpoch", [epoch], block - 1)))
        left = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [], block)))
        return replace(effect, before=str(left + minted - earlier), after=str(left))

    async def _verdicts(
        self, chain: Chain, economy: Economy, plan: Plan, proofs: Sequence[ValueProof], digests: Sequence[bytes]
    ) -> list[Verdict]:
        ok, block = VerdictLevel.PASS, VerdictLevel.BLOCK
        attester = str(plan.params["attester"])
        verdicts = []
        if await has_role(chain, economy.mint_mine, ATTESTER_ROLE, attester):
            verdicts.append(Verdict("mining.attester", ok, "The attester holds ATTESTER_ROLE"))
        else:
            verdicts.append(Verdict("mining.attester", block, "The attester does not hold ATTESTER_ROLE", attester))
        threshold = int(str(await read(chain, economy.mint_mine, MINT_MINE, "threshold", [])))
        if threshold > 1:
            verdicts.append(
                Verdict(
                    "mining.threshold", block, f"The contract asks for {threshold} attesters", "This plan collects one signature."
                )
            )
        used = [await self._used(chain, economy, "0x" + digest.hex(), "latest") for digest in digests]
        evidence = [await read(chain, economy.mint_mine, MINT_MINE, "usedEvidence", [proof.evidence]) for proof in proofs]
        if "minted" in used or any(evidence):
            verdicts.append(Verdict("mining.unused", block, "A proof or its evidence was minted already", "Reconcile the queue."))
        else:
            verdicts.append(Verdict("mining.unused", ok, "No digest and no evidence was used on chain"))
        head = await chain.head()
        if any(proof.deadline < head.timestamp for proof in proofs):
            verdicts.append(Verdict("mining.deadline", block, "The deadline of a proof has passed", "The block time decides."))
        left = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [])))
        total = sum(proof.reward for proof in proofs)
        asked = f"{short_units(total, economy.decimals)} {economy.token_symbol}"
        if total > left:
            verdicts.append(Verdict("mining.budget", block, f"The epoch's budget does not hold {asked} any more"))
        else:
            verdicts.append(Verdict("mining.budget", ok, f"The epoch's budget holds {asked}"))
        verdicts.append(await self._claim_verdict(plan))
        return verdicts

    async def _claim_verdict(self, plan: Plan) -> Verdict:
        for param in rows_of(plan):
            row = await self._queue.get(str(param["id"]))
            if row.status is not ProofStatus.READY and row.plan_id != plan.id:
                words = row.status.value.replace("_", " ")
                return Verdict("mining.queue", VerdictLevel.BLOCK, f"Proof #{row.number} is {words}", "Plan with what is ready.")
        return Verdict("mining.queue", VerdictLevel.PASS, "Every proof is ready, and no other plan has it")


# The order of MintMine's enum ``Refusal``; 0 is no refusal.
REFUSALS = {
    1: "its deadline has passed",
    2: "its digest was used",
    3: "its evidence was used",
    4: "its signatures are not valid",
    5: "it has no contributor, reward or evidence",
    6: "the emission refused it: cap, epoch budget or a paused token",
}


def _token_effects(simulated: Sequence[Effect], contributors: Sequence[str], economy: Economy) -> list[Effect]:
    symbol, decimals = economy.token_symbol, economy.decimals
    effects = [
        Effect("supply", effect.subject, effect.before, effect.after, symbol, decimals, label="Total supply")
        for effect in simulated
        if effect.kind == "supply" and effect.unit == symbol
    ]
    balances = {effect.subject: effect for effect in simulated if effect.kind == "balance" and effect.unit == symbol}
    for contributor in contributors:
        if contributor in balances:
            found = balances[contributor]
            effects.append(Effect("balance", contributor, found.before, found.after, symbol, decimals, label=found.label))
    return effects


def _decoded(proof: ValueProof, digest: bytes, economy: Economy, count: int) -> Call:
    arguments = (
        ("contributor", proof.contributor),
        ("reward", str(proof.reward)),
        ("activity", proof.activity.rstrip(b"\0").decode("ascii", "replace")),
        ("evidence", "0x" + proof.evidence.hex()),
        ("deadline", str(proof.deadline)),
        ("salt", "0x" + proof.salt.hex()),
        ("digest", "0x" + digest.hex()),
    )
    return Call("MintMine", economy.mint_mine, "mint" if count == 1 else "mintBatch", arguments, verified=True)
