"""Attesters sign proofs: by a plan here, or by a plan on another machine, to which a file goes and from which a file comes back.

A file of attestations is JSON: ``format`` "azora-attestations-1", ``chain_id``, ``contract`` (the MintMine), and ``proofs`` with
the six signed fields, the ``digest`` and ``signatures`` (a list of attester and signature). Nothing in it is secret; everything in
it is computed again by who reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.mining.planned import proof_params, proofs_of, read_proof, rows_of
from app.mining.proofs import OPEN, Hashed, ProofRow, ValueProof
from app.mining.reading import has_role
from app.mining.signatures import Signature, Signatures
from app.operations.plans import Call, Effect, Plan, Preview, StepSpec, Target, TargetKind, listed
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext
from app.wallets import strict_json
from app.wallets.keys import keccak, parse_address, recover

if TYPE_CHECKING:
    from app.chain import Chain
    from app.chain.signer import Signer
    from app.mining.queue import Queue
    from app.operations import Operations

KIND = "mining.attest"
SIGN = "mining.sign"
FORMAT = "azora-attestations-1"
MOST_BYTES = 64 * 2**20
MOST_PROOFS = 10_000
ATTESTER_ROLE = keccak(b"ATTESTER_ROLE")
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # EIP-2: of secp256k1
NOT_DONE = "Nothing was signed or stored."


@dataclass(frozen=True, slots=True)
class Refused:
    """A signature of a file that was not taken, and why."""

    digest: str
    attester: str
    why: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file: how many signatures are new, how many were known, and those that do not count."""

    added: int
    known: int
    refused: tuple[Refused, ...]


async def sign_proof(
    signer: Signer, attester: str, proof: ValueProof, row: Mapping[str, object], chain_id: int, contract: str, plan_id: str
) -> str:
    """One signature, ``0x…``, checked before it is given back.

    Raises:
        Conflict: the proof no longer gives the digest that was previewed, or the signature is not the attester's.
        Locked, Denied, NotFound, Waiting: from the signer.
    """
    digest = proof.digest(chain_id, contract)
    if "0x" + digest.hex() != row["digest"]:
        raise Conflict(
            f"Proof #{row['number']} no longer gives the digest that was previewed. Nothing was signed.", "Plan it again."
        )
    if await signer.signs_elsewhere(attester):
        signature = await signer.sign_typed_text(attester, proof.typed_text(chain_id, contract), digest, plan_id)
    else:
        signature = await signer.sign_digest(attester, digest)
    if recover(digest, signature) != attester:
        raise Conflict(f"The signature over proof #{row['number']} is not the attester's. Nothing was sent.", "Check the keyring.")
    return "0x" + signature.hex()


def decoded(proof: ValueProof, digest: str, contract: str, function: str) -> Call:
    """A proof field by field, for a preview."""
    arguments = (
        ("contributor", proof.contributor),
        ("reward", str(proof.reward)),
        ("activity", proof.activity.rstrip(b"\0").decode("ascii", "replace")),
        ("evidence", "0x" + proof.evidence.hex()),
        ("deadline", str(proof.deadline)),
        ("salt", "0x" + proof.salt.hex()),
        ("digest", digest),
    )
    return Call("MintMine", contract, function, arguments, verified=True)


class SignStep(Step):
    """One account signs each digest of the plan; signatures over proofs of this queue are kept with them."""

    needs_key: ClassVar[bool] = True

    def __init__(self, signer: Signer, signatures: Signatures) -> None:
        self._signer = signer
        self._signatures = signatures

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        params = context.plan.params
        chain_id, contract, attester = int(str(params["chain_id"])), str(params["mint_mine"]), str(params["attester"])
        signatures = [
            await sign_proof(self._signer, attester, proof, row, chain_id, contract, context.plan.id)
            for proof, row in zip(proofs_of(context.plan), rows_of(context.plan), strict=True)
        ]
        context.report(f"{len(signatures)} digest{'s' if len(signatures) != 1 else ''} signed by {attester}.")
        return {"signatures": signatures, "attester": attester}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        await self._signatures.add(self._kept(prepared, context.plan))

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        wanted = self._kept(prepared, context.plan)
        held = await self._signatures.of([each.proof_id for each in wanted])
        for each in wanted:
            if all(found.attester != each.attester for found in held.get(each.proof_id, ())):
                return Outcome(Happened.NOT_DONE)
        evidence = Evidence(
            EvidenceKind.ROW,
            ", ".join(f"proof #{row['number']}" for row in rows_of(context.plan)),
            read_at=now_ms(),
            status=EvidenceStatus.ASSERTED,
            check=f"EIP-712 signature of attester {prepared['attester']} over each digest",
            trust=Trust.OPERATOR,
        )
        return Outcome(Happened.DONE, dict(prepared), (evidence,))

    def _kept(self, prepared: Mapping[str, object], plan: Plan) -> list[Signature]:
        signed = zip(rows_of(plan), listed(prepared, "signatures", str), strict=True)
        return [
            Signature(str(row["id"]), str(prepared["attester"]), str(signature), plan.name)
            for row, signature in signed
            if row["id"]
        ]


class Attesting:
    """Plans, files and what came back."""

    def __init__(self, operations: Operations, queue: Queue, signatures: Signatures, signer: Signer) -> None:
        self._operations = operations
        self._queue = queue
        self._signatures = signatures
        operations.register_kind(
            PlanKind(
                KIND, self._preview, self._measure, frozenset({"administrator", "developer"}), undo="A signature cannot be unsaid."
            )
        )
        operations.register_step(SIGN, lambda plan, spec: SignStep(signer, signatures))

    async def plan(self, chain_id: int, rows: Sequence[ProofRow], attester: str) -> Plan:
        """Plan that an account signs proofs of this queue; nothing goes on chain.

        Raises:
            Invalid: no proofs, or of several deployments. Conflict: one of them is closed, or its address was not fetched yet.
        """
        _require_fetched(rows, "planned")
        for row in rows:
            if row.status not in OPEN:
                words = row.status.value.replace("_", " ")
                raise Conflict(f"Proof #{row.number} is {words}. Nothing was planned.", "Choose open proofs.", field="proofs")
        if len({row.contract for row in rows}) != 1:
            raise Invalid("The proofs belong to several deployments, or there are none. Nothing was planned.", "Choose others.")
        return await self._plan(chain_id, rows[0].contract, [proof_params(row) for row in rows], attester)

    async def plan_file(self, data: bytes, attester: str) -> Plan:
        """Plan that an account signs the proofs of a file of attestations.

        Raises:
            Invalid: the file cannot be read, or a digest is not the one its proof gives.
        """
        chain_id, contract, entries = _read(data)
        proofs = [
            {**{name: entry[name] for name in PARTS}, "id": "", "number": place, "attesters": []}
            for place, entry in enumerate(entries, 1)
        ]
        return await self._plan(chain_id, contract, proofs, attester)

    def signed_file(self, plan: Plan) -> bytes:
        """What a plan signed, as a file of attestations.

        Raises:
            Conflict: it has not signed.
        """
        result = plan.steps[0].result
        signatures = result.get("signatures")
        if not isinstance(signatures, list):
            raise Conflict(f"{plan.name} has signed nothing. Nothing was written.", "Carry it out first.")
        signed = [
            (row, [{"attester": str(result["attester"]), "signature": str(each)}])
            for row, each in zip(rows_of(plan), signatures, strict=True)
        ]
        return _file(int(str(plan.params["chain_id"])), str(plan.params["mint_mine"]), signed)

    async def export(self, chain_id: int, rows: Sequence[ProofRow]) -> bytes:
        """Proofs with the signatures that they have, for attesters on other machines.

        Raises:
            Invalid: no proofs, or of several deployments. Conflict: the address of one was not fetched yet.
        """
        _require_fetched(rows, "written")
        if len({row.contract for row in rows}) != 1:
            raise Invalid("The proofs belong to several deployments, or there are none. Nothing was written.", "Choose others.")
        held = await self._signatures.of([row.id for row in rows])
        return _file(
            chain_id,
            rows[0].contract,
            [
                (proof_params(row), [{"attester": one.attester, "signature": one.signature} for one in held.get(row.id, ())])
                for row in rows
            ],
        )

    async def take(self, chain: Chain, contract: str, data: bytes, name: str) -> Taken:
        """Keep the signatures of a file that count: over a proof of this queue that is open, by an account with the role, and good.

        Raises:
            Invalid: the file cannot be read or belongs to another deployment; nothing was stored.
        """
        chain_id, mint_mine, entries = _read(data)
        if (chain_id, mint_mine) != (chain.network.chain_id, contract):
            raise Invalid(f"The file is for the contract {mint_mine} on chain {chain_id}. {NOT_DONE}", "Choose its network.")
        rows = {row.digest: row for row in await self._queue.by_digest([str(entry["digest"]) for entry in entries])}
        roles: dict[str, bool] = {}
        good: list[Signature] = []
        refused: list[Refused] = []
        for entry in entries:
            digest = str(entry["digest"])
            for attester, signature in _signatures(entry):
                if attester not in roles:
                    roles[attester] = await has_role(chain, contract, ATTESTER_ROLE, attester)
                if why := _why_not(rows.get(digest), digest, attester, signature, roles[attester]):
                    refused.append(Refused(digest, attester, why))
                else:
                    good.append(Signature(rows[digest].id, attester, "0x" + signature.hex(), name))
        added = await self._signatures.add(good)
        return Taken(added, len(good) - added, tuple(refused))

    async def _plan(self, chain_id: int, contract: str, proofs: Sequence[Mapping[str, object]], attester: str) -> Plan:
        params = {
            "chain_id": chain_id,
            "mint_mine": contract,
            "attester": parse_address(attester, "attester"),
            "proofs": list(proofs),
        }
        which = f"proof #{proofs[0]['number']}" if len(proofs) == 1 and proofs[0]["id"] else f"{len(proofs)} proofs"
        target = Target(TargetKind.CONSOLE, "console", "this console")
        return await self._operations.plan(KIND, f"Attest {which}", target, params, [StepSpec(SIGN, f"Sign {which}")])

    async def _preview(self, plan: Plan) -> Preview:
        attester, contract = str(plan.params["attester"]), str(plan.params["mint_mine"])
        rows = rows_of(plan)
        return Preview(
            effects=tuple(Effect("proof", str(row["digest"]), "", "signed", label=f"by {attester}") for row in rows),
            calls=tuple(
                decoded(proof, str(row["digest"]), contract, "sign (EIP-712)")
                for proof, row in zip(proofs_of(plan), rows, strict=True)
            ),
            simulated_at=now_ms(),
            method="nothing goes on chain",
            notes=(
                f"The signatures count for the contract {contract} on chain {plan.params['chain_id']} alone.",
                "Whoever has enough of them may mint the proof, once, before its deadline.",
            ),
        )

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        return plan.preview.effects if plan.preview else ()


PARTS = ("contributor", "reward", "activity", "evidence", "deadline", "salt", "digest")


def _require_fetched(rows: Sequence[ProofRow], done: str) -> None:
    """The digest of a proof is final once its evidence is known."""
    waiting = [row for row in rows if row.evidence_kind is Hashed.WAITING]
    if waiting:
        raise Conflict(
            f"The address of proof #{waiting[0].number} was not fetched yet: its digest is not known. Nothing was {done}.",
            "Fetch it first.",
            field="proofs",
        )


def _file(chain_id: int, contract: str, proofs: Sequence[tuple[Mapping[str, object], list[dict[str, str]]]]) -> bytes:
    entries = [{**{name: row[name] for name in PARTS}, "signatures": signatures} for row, signatures in proofs]
    told = {"format": FORMAT, "chain_id": chain_id, "contract": contract, "proofs": entries}
    return (json.dumps(told, indent=1) + "\n").encode()


def _read(data: bytes) -> tuple[int, str, list[Mapping[str, object]]]:
    """Chain id, contract and checked entries of a file of attestations."""
    try:
        found = strict_json.read(data.decode("utf-8"), MOST_BYTES, NOT_DONE)
    except UnicodeDecodeError as error:
        raise Invalid(f"The file is not text (UTF-8). {NOT_DONE}", "Choose another file.", field="file") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Invalid(f"The file holds no attestations of the format {FORMAT}. {NOT_DONE}", "Choose another file.", field="file")
    chain_id, contract, entries = found.get("chain_id"), parse_address(str(found.get("contract")), "file"), found.get("proofs")
    if not isinstance(chain_id, int) or chain_id < 1 or not isinstance(entries, list) or not 0 < len(entries) <= MOST_PROOFS:
        raise Invalid(f"The file needs a chain id and 1 to {MOST_PROOFS:,} proofs. {NOT_DONE}", "Export it again.", field="file")
    for entry in entries:
        if not isinstance(entry, dict):
            raise Invalid(f"A proof of the file is no object. {NOT_DONE}", "Export it again.", field="file")
        if "0x" + read_proof(entry).digest(chain_id, contract).hex() != entry.get("digest"):
            raise Invalid(f"A digest of the file is not the one that its proof gives. {NOT_DONE}", "Export it again.", field="file")
    return chain_id, contract, entries


def _signatures(entry: Mapping[str, object]) -> list[tuple[str, bytes]]:
    given = entry.get("signatures")
    found = []
    for each in given if isinstance(given, list) else []:
        if not isinstance(each, dict):
            raise Invalid(f"A signature of the file is no object. {NOT_DONE}", "Export it again.", field="file")
        try:
            signature = bytes.fromhex(str(each.get("signature")).removeprefix("0x"))
        except ValueError:
            signature = b""
        found.append((parse_address(str(each.get("attester")), "file"), signature))
    return found


def _why_not(row: ProofRow | None, digest: str, attester: str, signature: bytes, has_role_: bool) -> str:
    """Why a signature does not count; empty when it does."""
    if row is None:
        return "The proof is not in this queue."
    if row.status not in OPEN:
        return f"Proof #{row.number} is {row.status.value.replace('_', ' ')}."
    if row.evidence_kind is Hashed.WAITING:
        return f"The address of proof #{row.number} was not fetched yet, so it has another digest then."
    if not has_role_:
        return "The account does not hold ATTESTER_ROLE."
    if len(signature) != 65 or signature[64] not in (27, 28) or int.from_bytes(signature[32:64]) > HALF_ORDER:
        return "It is not 65 bytes r ‖ s ‖ v with v 27 or 28 and the lower s, which alone the contract takes."
    try:
        signer = recover(bytes.fromhex(digest[2:]), signature)
    except ConsoleError:
        signer = ""
    return "" if signer == attester else "The signature is not this account's over this proof."
