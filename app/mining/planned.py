"""Proofs as a plan carries them: what was previewed is what is signed and sent, whatever the store says by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.core.errors import Invalid
from app.mining.proofs import ProofRow, ValueProof
from app.operations.plans import Plan, listed
from app.wallets.keys import parse_address

HASH_DIGITS = 66  # 0x and 32 bytes


def rows_of(plan: Plan) -> list[Mapping[str, object]]:
    """The proofs of a plan: mappings with id, number, digest and attesters beside the six signed fields."""
    return list(listed(plan.params, "proofs", dict))


def proofs_of(plan: Plan) -> list[ValueProof]:
    """The signed fields of a plan's proofs."""
    return [read_proof(row) for row in rows_of(plan)]


def attesters_of(row: Mapping[str, object]) -> list[str]:
    """Who signs a proof of a plan, in the order of the contract."""
    return listed(row, "attesters", str)


def proof_params(row: ProofRow, attesters: Sequence[str] = ()) -> dict[str, object]:
    """A row as a plan's params and a file of attestations carry it."""
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
        "attesters": list(attesters),
    }


def read_proof(row: Mapping[str, object]) -> ValueProof:
    """The six fields out of a plan or a file.

    Raises:
        Invalid: a field is missing or has another form.
    """
    try:
        reward, deadline = int(str(row["reward"])), int(str(row["deadline"]))
        words = [read_word(str(row[name]), name) for name in ("activity", "evidence", "salt")]
        contributor = parse_address(str(row["contributor"]), "contributor")
    except (KeyError, ValueError) as error:
        raise Invalid(
            f"A proof cannot be read: {error}. Nothing was signed or stored.", "Export it again.", field="file"
        ) from error
    if not (0 < reward < 2**256 and 0 < deadline < 2**64):
        raise Invalid("A reward or a deadline is out of range. Nothing was signed or stored.", "Export it again.", field="file")
    return ValueProof(contributor, reward, words[0], words[1], deadline, words[2])


def read_word(text: str, name: str) -> bytes:
    """32 bytes written as 0x and 64 digits.

    Raises:
        Invalid: another form.
    """
    try:
        found = bytes.fromhex(text[2:]) if text[:2] == "0x" and len(text) == HASH_DIGITS else b""
    except ValueError:
        found = b""
    if not found:
        raise Invalid(f"Its {name} is not 0x and 64 digits. Nothing was signed or stored.", "Export it again.", field="file")
    return found
