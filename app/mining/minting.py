"""From attested proofs to minted AZR: the steps of a plan ``mining.mint``, its preview and what the chain says came of it.

Three things stand against a double mint, each enough alone: the queue row is claimed by one plan, the runner sends one set of
stored bytes, and the contract takes a digest and an evidence hash once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from app.chain.wording import CHOICES
from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.mining.abis import EMISSION, MINT_MINE
from app.mining.attesting import ATTESTER_ROLE, decoded, sign_proof
from app.mining.judging import MOST_GAS, Judging
from app.mining.planned import attesters_of, proofs_of, rows_of
from app.mining.proofs import ProofStatus, ValueProof
from app.mining.queue import Queue
from app.mining.reading import find_holder, read, read_many, topic
from app.mining.signatures import Signatures
from app.operations.plans import Effect, Plan, Preview
from app.operations.steps import Happened, Outcome, Step, StepContext
from app.wallets.actual import measure, mined_of
from app.wallets.keys import ExtendedKey, address_of, keccak, parse_address, sign, signature_bytes

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulation
    from app.chain.signer import Signer
    from app.chain.simulation import Simulated
    from app.mining.fetching import Fetcher
    from app.mining.policy import Policy

ATTEST = "mining.attest"
SEND = "mining.send"
PROOF_MINTED = keccak(b"ProofMinted(bytes32,address,uint256,bytes32,bytes32,uint256)")
PROOF_REFUSED = keccak(b"ProofRefused(bytes32,uint8)")
BATCH_SELECTOR = keccak(b"mintBatch((address,uint256,bytes32,bytes32,uint64,bytes32)[],bytes[][])")[:4]
FRESH_MS = 30_000  # a simulation this young is what the mint is sent with
EconomyOf = Callable[[str], Awaitable["Economy | None"]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A mint that was simulated.

    Attributes:
        gas: what the transaction took; ``size``: bytes of its call data.
        outcomes: by digest; None is minted, a number the contract's refusal.
        made_up: addresses that exist in the simulation alone.
    """

    simulated: Simulated
    gas: int
    size: int
    outcomes: Mapping[str, int | None]
    made_up: frozenset[str]


def mint_data(proofs: Sequence[ValueProof], signatures: Sequence[Sequence[bytes]]) -> str:
    """Call data of ``mint`` for one proof and of ``mintBatch`` for more; signatures of each in ascending order of the signers."""
    from app.chain import abi

    if len(proofs) == 1:
        return abi.encode_call(MINT_MINE, "mint", [proofs[0].words(), list(signatures[0])])
    # By hand: the general encoder takes 25 ms for a full batch, four times in the life of a plan. A test compares the two.
    places = b"".join(
        proof.contributor_word + b"".join((_word(proof.reward), proof.activity, proof.evidence, _word(proof.deadline), proof.salt))
        for proof in proofs
    )
    listed_proofs = _word(len(proofs)) + places
    lists = [_array([_word(len(each)) + each + bytes(-len(each) % 32) for each in some]) for some in signatures]
    head = _word(64) + _word(64 + len(listed_proofs))
    return "0x" + (BATCH_SELECTOR + head + listed_proofs + _array(lists)).hex()


def _array(items: Sequence[bytes]) -> bytes:
    """ABI encoding of an array of dynamic items: its length, where each begins, and the items."""
    place, starts = 32 * len(items), []
    for item in items:
        starts.append(_word(place))
        place += len(item)
    return b"".join((_word(len(items)), *starts, *items))


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def gas_limit_for(plan: Plan) -> int | None:
    """The gas limit of a batch, from what its simulation took a moment ago; None where it has to be estimated.

    An estimate looks for the least gas with which the batch *as a whole* does not fail. A batch survives a proof that runs out of
    gas, so the least may be too little for the last one; what the simulation took has minted all of them. Refunds hide up to a
    fifth of what is needed (EIP-3529), and another fifth is for what moves until the block. One proof alone is estimated, so that
    it fails before it is sent.
    """
    preview, count = plan.preview, len(rows_of(plan))
    if preview is None or preview.fee is None or count < 2 or now_ms() - preview.simulated_at > FRESH_MS:
        return None
    return _with_room(preview.fee.gas)


def _with_room(measured: int) -> int | None:
    wanted = measured * 3 // 2  # 5/4 for the refunds, 6/5 for what moves
    return wanted if 0 < wanted <= MOST_GAS else None


class AttestStep(Step):
    """The attester signs what it has not signed yet, others' signatures are added; then this plan claims the rows."""

    needs_key: ClassVar[bool] = True

    def __init__(self, signer: Signer, queue: Queue, signatures: Signatures) -> None:
        self._signer = signer
        self._queue = queue
        self._signatures = signatures

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        params = context.plan.params
        chain_id, contract, attester = int(str(params["chain_id"])), str(params["mint_mine"]), str(params["attester"])
        rows = rows_of(context.plan)
        held = await self._signatures.of([str(row["id"]) for row in rows])
        signatures, own = [], 0
        for proof, row in zip(proofs_of(context.plan), rows, strict=True):
            have = {one.attester: one.signature for one in held.get(str(row["id"]), ())}
            for each in attesters_of(row):
                if each == attester and each not in have:
                    have[each] = await sign_proof(self._signer, each, proof, row, chain_id, contract, context.plan.id)
                    own += 1
                elif each not in have:
                    raise Conflict(
                        f"Proof #{row['number']} lacks the signature of {each}. Nothing was sent.", "Collect it, then plan again."
                    )
            signatures.append([have[each] for each in attesters_of(row)])
        context.report(f"{own} digest{'s' if own != 1 else ''} signed by {attester}.")
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
            check="EIP-712 signatures of the plan's attesters over each digest",
            trust=Trust.OPERATOR,
        )
        return Outcome(Happened.DONE, {"signatures": prepared["signatures"], "attester": prepared["attester"]}, (evidence,))


class Minting:
    """Previews, measures and settles plans of kind ``mining.mint``."""

    def __init__(
        self,
        queue: Queue,
        networks: Networks,
        simulation: Simulation,
        fees: Fees,
        signer: Signer,
        economy_of: EconomyOf,
        policy: Callable[[], Policy],
        fetcher: Fetcher,
    ) -> None:
        self._queue = queue
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self._signer = signer
        self._economy_of = economy_of
        self._judging = Judging(queue, policy, fetcher)

    async def simulate(
        self, chain: Chain, economy: Economy, proofs: Sequence[ValueProof], needed: Sequence[int], submitter: str, label: str
    ) -> Trial:
        """Try the mint on the newest block, without anybody's signature.

        Attesters have signed nothing yet, so the simulation lets the contract's administrator admit keys that are made up for this
        call alone, and signs with them: the code that runs is the contract's own, from signature check to supply.
        """
        from app.chain import CallRequest, Erc20, Watch, abi

        digests = [proof.digest(chain.network.chain_id, economy.mint_mine) for proof in proofs]
        keys = [ExtendedKey.from_seed(secrets.token_bytes(64)).key for _ in range(max(needed))]
        keys.sort(key=lambda key: int(address_of(key), 16))
        signatures = [
            [signature_bytes(sign(key, digest)) for key in keys[:count]] for digest, count in zip(digests, needed, strict=True)
        ]
        admin = await find_holder(chain, economy.mint_mine, bytes(32), economy.start_block)
        calls = [
            CallRequest(
                sender=admin,
                to=economy.mint_mine,
                data=abi.encode_call(MINT_MINE, "grantRole", [ATTESTER_ROLE, address_of(key)]),
                label="a key for this simulation",
            )
            for key in keys
        ]
        data = mint_data(proofs, signatures)
        calls.append(CallRequest(sender=submitter, to=economy.mint_mine, data=data, label=label))
        token = Erc20(economy.token, economy.token_symbol, economy.decimals)
        contributors = list(dict.fromkeys(proof.contributor for proof in proofs))
        simulated = await self._simulation.preview(chain.network.id, calls, watch=Watch(tokens=[token], accounts=contributors))
        gas = simulated.gas[len(keys)] if len(simulated.gas) > len(keys) else 0
        logs = simulated.logs[len(keys)] if len(simulated.logs) > len(keys) else ()
        return Trial(simulated, gas, len(data) // 2, outcomes_of(economy.mint_mine, logs), frozenset(map(address_of, keys)))

    async def preview(self, plan: Plan) -> Preview:
        """Simulate the mint on the newest block and hold it against queue, roles, budget and gas."""
        from app.chain.effects import others

        chain, economy = await self._economy(plan)
        proofs, rows = proofs_of(plan), rows_of(plan)
        needed = [max(1, len(attesters_of(row))) for row in rows]
        trial = await self.simulate(chain, economy, proofs, needed, str(plan.params["submitter"]), plan.title)
        simulated = trial.simulated
        verdicts = await self._judging.verdicts(chain, economy, plan, trial)
        contributors = list(dict.fromkeys(proof.contributor for proof in proofs))
        effects = _token_effects(simulated.effects, contributors, economy)
        effects += others(effects, (effect for effect in simulated.effects if effect.subject not in trial.made_up), {})
        if not simulated.error:
            effects += await self._other_effects(chain, economy, proofs, [str(row["digest"]) for row in rows], trial)
        function = "mint" if len(proofs) == 1 else "mintBatch"
        return Preview(
            effects=tuple(effects),
            verdicts=tuple(verdicts),
            calls=tuple(
                decoded(proof, str(row["digest"]), economy.mint_mine, function) for proof, row in zip(proofs, rows, strict=True)
            ),
            fee=(await self._fees.quote_for(chain, plan.params)).fee(
                trial.gas, chain.network.symbol, _with_room(trial.gas) if len(rows) > 1 else None
            ),
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
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
        digests = [effect.subject for effect in predicted if effect.kind == "proof"]
        before, after = [
            dict(zip(digests, await self._used(chain, economy, digests, block), strict=True))
            for block in (mined[0].block - 1, mined[-1].block)
        ]
        actual, rest = [], iter(tokens)
        for effect in predicted:
            if effect.kind in ("balance", "supply", "allowance", "role"):
                actual.append(next(rest))
            elif effect.kind == "proof":
                actual.append(replace(effect, before=before[effect.subject], after=after[effect.subject]))
            else:
                actual.append(await self._epoch_left(chain, economy, effect, mined[-1].block))
        return tuple(actual)

    async def settle(self, plan: Plan, logs: Sequence[Mapping[str, Any]], tx_hash: str, block: int) -> None:
        """Close the rows of a mined transaction by its events; may be called again."""
        outcomes = outcomes_of(str(plan.params["mint_mine"]), logs)
        place = {"tx_hash": bytes.fromhex(tx_hash[2:]), "block": block}
        minted = [str(row["id"]) for row in rows_of(plan) if outcomes.get(str(row["digest"]), ABSENT) is None]
        held = (ProofStatus.MINTING, ProofStatus.READY)
        await self._queue.move(minted, held, ProofStatus.MINTED, **place, reason="")
        for row in rows_of(plan):
            refused = outcomes.get(str(row["digest"]))
            # A used digest was minted before, by a transaction that came back: where, is looked up when the plan has ended.
            if refused is not None and refused != DIGEST_USED:
                text = f"The contract refused it in block {block:,}: {REFUSALS.get(refused, f'reason {refused}')}."
                ids = [str(row["id"])]
                target = ProofStatus.EXPIRED if refused == EXPIRED else ProofStatus.IN_REVIEW
                await self._queue.move(ids, (ProofStatus.MINTING,), target, plan_id="", reason=text)
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

    async def _used(self, chain: Chain, economy: Economy, digests: Sequence[str], block: int | str) -> list[str]:
        asked = [("usedDigest", [bytes.fromhex(digest[2:])]) for digest in digests]
        return ["minted" if used else "unused" for used in await read_many(chain, economy.mint_mine, MINT_MINE, asked, block)]

    async def _other_effects(
        self, chain: Chain, economy: Economy, proofs: Sequence[ValueProof], digests: Sequence[str], trial: Trial
    ) -> list[Effect]:
        left = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [])))
        refused = {digest for digest, reason in trial.outcomes.items() if reason is not None}
        minted = sum(proof.reward for proof, digest in zip(proofs, digests, strict=True) if digest not in refused)
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
        for digest, before in zip(digests, await self._used(chain, economy, digests, "latest"), strict=True):
            effects.append(Effect("proof", digest, before, before if digest in refused else "minted"))
        return effects

    async def _epoch_left(self, chain: Chain, economy: Economy, effect: Effect, block: int) -> Effect:
        epoch = await read(chain, economy.emission, EMISSION, "epoch", [], block)
        minted = int(str(await read(chain, economy.emission, EMISSION, "mintedInEpoch", [epoch], block)))
        earlier = int(str(await read(chain, economy.emission, EMISSION, "mintedInEpoch", [epoch], block - 1)))
        left = int(str(await read(chain, economy.emission, EMISSION, "remainingInEpoch", [], block)))
        return replace(effect, before=str(left + minted - earlier), after=str(left))


REFUSALS = {number: words for number, words in enumerate(CHOICES["refusal"]) if number}  # 0 is no refusal
EXPIRED = 1
DIGEST_USED = 2
ABSENT = 0  # of outcomes: the transaction says nothing of it


def outcomes_of(contract: str, logs: Sequence[Mapping[str, Any]]) -> dict[str, int | None]:
    """What a transaction's logs say of each digest: None when it was minted, else the number of the refusal."""
    found: dict[str, int | None] = {}
    for entry in logs:
        topics = [str(item).lower() for item in entry["topics"]]
        if str(entry["address"]).lower() != contract.lower() or not topics:
            continue
        if topics[0] == topic(PROOF_MINTED):
            found[topics[1]] = None
        elif topics[0] == topic(PROOF_REFUSED):
            found[topics[1]] = int(str(entry["data"]), 16)
    return found


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
