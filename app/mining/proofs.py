"""The proof of value: what somebody did, as EIP-712 data that an attester signs and the chain accepts once.

The type is frozen:
``ValueProof(address contributor,uint256 reward,bytes32 activity,bytes32 evidence,uint64 deadline,bytes32 salt)`` in the
domain 'Azora MintMine', version '1', chain id, contract.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from app.core.errors import Invalid, NotFound
from app.mining.fetching import Fetched, require_address
from app.wallets.keys import keccak, parse_address

DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
PROOF_TYPE = b"ValueProof(address contributor,uint256 reward,bytes32 activity,bytes32 evidence,uint64 deadline,bytes32 salt)"
DOMAIN_NAME = b"Azora MintMine"
DOMAIN_VERSION = b"1"
MOST_EVIDENCE = 256 * 1024 * 1024  # bytes; larger files are hashed elsewhere and submitted by their URL
UINT64_MAX = 2**64 - 1
_PROOF_HASH = keccak(PROOF_TYPE)


class ProofStatus(StrEnum):
    """Where a proof is on its way."""

    IN_REVIEW = "in_review"
    ASKED = "asked"  # sent back to its contributor with a question
    READY = "ready"
    REJECTED = "rejected"
    MINTING = "minting"  # claimed by one plan, nobody else may mint it
    MINTED = "minted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Hashed(StrEnum):
    """What the evidence hash of a proof is taken of, always with SHA-256."""

    FILE = "file"
    CONTENT = "content"  # the bytes that an address gave
    WAITING = "waiting"  # of an address, until what it gives was fetched: such a proof is neither signed nor minted
    ADDRESS = "url"  # of an address alone: proofs from before contents were fetched


OPEN = (ProofStatus.IN_REVIEW, ProofStatus.ASKED, ProofStatus.READY)
DEAD = (ProofStatus.REJECTED, ProofStatus.EXPIRED, ProofStatus.REVOKED)


@dataclass(frozen=True, slots=True)
class ValueProof:
    """The six fields that are signed. Words are 32 bytes; ``reward`` is in the smallest unit, ``deadline`` in seconds."""

    contributor: str
    reward: int
    activity: bytes
    evidence: bytes
    deadline: int
    salt: bytes

    @property
    def contributor_word(self) -> bytes:
        """The address as a word of 32 bytes."""
        return bytes.fromhex(self.contributor[2:]).rjust(32, b"\0")

    def struct_hash(self) -> bytes:
        """``hashStruct`` of EIP-712."""
        words = (
            _PROOF_HASH,
            self.contributor_word,
            self.reward.to_bytes(32, "big"),
            self.activity,
            self.evidence,
            self.deadline.to_bytes(32, "big"),
            self.salt,
        )
        return keccak(b"".join(words))

    def digest(self, chain_id: int, contract: str) -> bytes:
        """The 32 bytes an attester signs: ``keccak256(0x1901 ‖ domain separator ‖ struct hash)``."""
        return _digest(self, chain_id, contract)

    def typed_text(self, chain_id: int, contract: str) -> str:
        """The same as ``eth_signTypedData_v4`` takes it, for a signer that shows it to a person."""
        members = [member.split() for member in PROOF_TYPE.decode().partition("(")[2].rstrip(")").split(",")]
        domain = [member.split() for member in DOMAIN_TYPE.decode().partition("(")[2].rstrip(")").split(",")]
        message = {
            "contributor": self.contributor,
            "reward": str(self.reward),
            "activity": "0x" + self.activity.hex(),
            "evidence": "0x" + self.evidence.hex(),
            "deadline": str(self.deadline),
            "salt": "0x" + self.salt.hex(),
        }
        body = {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for kind, name in domain],
                "ValueProof": [{"name": name, "type": kind} for kind, name in members],
            },
            "primaryType": "ValueProof",
            "domain": {
                "name": DOMAIN_NAME.decode(),
                "version": DOMAIN_VERSION.decode(),
                "chainId": chain_id,
                "verifyingContract": contract,
            },
            "message": message,
        }
        return json.dumps(body)

    def words(self) -> tuple[object, ...]:
        """The tuple as ABI encoding takes it."""
        return (self.contributor, self.reward, self.activity, self.evidence, self.deadline, self.salt)


@lru_cache(maxsize=4096)  # a proof is hashed when it is sized, previewed, previewed again before the signature, and signed
def _digest(proof: ValueProof, chain_id: int, contract: str) -> bytes:
    return keccak(b"\x19\x01" + domain_separator(chain_id, contract) + proof.struct_hash())


@lru_cache(maxsize=64)  # one for each deployment, asked for with every proof
def domain_separator(chain_id: int, contract: str) -> bytes:
    """EIP-712 domain separator of the MintMine at ``contract``."""
    words = (
        keccak(DOMAIN_TYPE),
        keccak(DOMAIN_NAME),
        keccak(DOMAIN_VERSION),
        chain_id.to_bytes(32, "big"),
        bytes.fromhex(contract[2:]).rjust(32, b"\0"),
    )
    return keccak(b"".join(words))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows the work. ``sha256`` is over the bytes of a file or of what an address gave, ``kind`` says which.

    ``path`` is where a file of this machine is, so that a reviewer can look at it, and ``url`` where it was fetched or came from;
    ``type`` and ``fetched_at`` (UTC milliseconds) belong to what was fetched. None of them is part of the proof.
    """

    sha256: bytes
    kind: Hashed
    name: str
    size: int
    path: str = ""
    url: str = ""
    type: str = ""
    fetched_at: int = 0


@dataclass(frozen=True, slots=True)
class ProofDraft:
    """A proof as somebody submits it. Exactly one of the three kinds of evidence is given; a URL may accompany a file.

    Attributes:
        contributor: address that earns the reward.
        activity: id of the policy's activity.
        score: 0 to 100.
        evidence_path, evidence_bytes: the evidence itself; hashed with SHA-256.
        url: where it can be found. Alone, it is fetched and what it gives is hashed; beside a file, where the file came from.
        reward: set by a person instead of the policy, in the smallest unit.
        deadline: Unix seconds until which it may be minted; default: the policy's lifetime.
        salt: 32 bytes; default: random.

    Raises:
        Invalid: no address, no or contradicting evidence, a URL that is not fetched, a deadline beyond uint64, a salt of another
            length.
    """

    contributor: str
    activity: str
    score: int
    evidence_path: Path | None = None
    evidence_bytes: bytes | None = None
    evidence_name: str = ""
    url: str = ""
    reward: int | None = None
    deadline: int | None = None
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        object.__setattr__(self, "contributor", parse_address(self.contributor, "contributor"))
        if int(self.contributor, 16) == 0:
            raise Invalid(
                "The zero address cannot earn a reward. Nothing was queued.", "Choose the contributor.", field="contributor"
            )
        if self.evidence_path is not None and self.evidence_bytes is not None:
            raise Invalid("Two kinds of evidence were given. Nothing was queued.", "Give a file or its bytes.", field="evidence")
        if self.evidence_path is None and self.evidence_bytes is None and not self.url.strip():
            raise Invalid("A proof needs evidence. Nothing was queued.", "Choose a file, or give an address.", field="evidence")
        object.__setattr__(self, "url", self.url.strip())
        if self.url:
            require_address(self.url, to_fetch=self.is_address)
        if self.deadline is not None and not 0 < self.deadline <= UINT64_MAX:
            raise Invalid("The deadline is not a time. Nothing was queued.", "Choose a day to come.", field="deadline")
        if len(self.salt) != 32:
            raise Invalid("A salt has 32 bytes. Nothing was queued.", "Leave it out to get a random one.", field="salt")

    @property
    def is_address(self) -> bool:
        """Whether an address is all there is, so that the evidence has to be fetched."""
        return self.evidence_path is None and self.evidence_bytes is None

    def evidence(self) -> Evidence:
        """Read and hash the evidence; blocks, so call it in a thread. An address alone is waiting to be fetched.

        Raises:
            NotFound: the file is not there or cannot be read.
            Invalid: it is empty, or larger than 256 MiB.
        """
        if self.evidence_path is not None:
            try:
                size = self.evidence_path.stat().st_size
                _require_size(size)
                with self.evidence_path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").digest()
            except OSError as error:
                raise NotFound(
                    f"The evidence {self.evidence_path} cannot be read: {error.strerror}. Nothing was queued.",
                    "Check the path.",
                    field="evidence",
                ) from error
            name, path = self.evidence_name or self.evidence_path.name, str(self.evidence_path.absolute())
            return Evidence(found, Hashed.FILE, name, size, path, self.url)
        if self.evidence_bytes is not None:
            _require_size(len(self.evidence_bytes))
            found, size = hashlib.sha256(self.evidence_bytes).digest(), len(self.evidence_bytes)
            return Evidence(found, Hashed.FILE, self.evidence_name, size, url=self.url)
        return Evidence(hashlib.sha256(self.url.encode()).digest(), Hashed.WAITING, self.url, 0, url=self.url)


def content_of(url: str, found: Fetched) -> Evidence:
    """The evidence that an address gave."""
    return Evidence(found.sha256, Hashed.CONTENT, url, found.size, url=url, type=found.type, fetched_at=found.at)


def _require_size(size: int) -> None:
    if not 0 < size <= MOST_EVIDENCE:
        problem = "is empty" if not size else "is larger than 256 MiB"
        raise Invalid(f"The evidence {problem}. Nothing was queued.", "Choose the file that shows the work.", field="evidence")


@dataclass(frozen=True, slots=True)
class ProofRow:
    """A proof in the queue.

    Attributes:
        id, number: UUIDv7 and the number people say (``#12``).
        network: ``NetworkKey.text``; ``contract``: the MintMine its digest is bound to.
        reward: smallest unit; ``deadline``: Unix seconds.
        activity_name: as the policy calls it.
        evidence_hash, digest, salt: ``0x…`` of 32 bytes. The evidence hash is SHA-256.
        evidence_kind: what the evidence hash is taken of, see :class:`Hashed`.
        evidence_path: where its file was when it was submitted; empty for addresses and files of elsewhere.
        evidence_url: where it was fetched, or where its file came from; ``evidence_type`` is the content type, ``fetched_at`` when.
        reason: why it waits for a review, was rejected or went back.
        plan_id: the plan that has claimed it, or minted it.
        tx_hash, block: where it was minted.
        created_at, updated_at: UTC milliseconds.
    """

    id: str
    number: int
    network: str
    contract: str
    status: ProofStatus
    contributor: str
    activity: str
    activity_name: str
    score: int
    reward: int
    evidence_hash: str
    evidence_kind: Hashed
    evidence_name: str
    evidence_size: int
    evidence_path: str
    digest: str
    deadline: int
    salt: str
    policy: str
    reason: str
    plan_id: str
    tx_hash: str
    block: int
    created_at: int
    updated_at: int
    evidence_url: str = ""
    evidence_type: str = ""
    fetched_at: int = 0

    def proof(self) -> ValueProof:
        """The signed fields."""
        from app.mining.policy import activity_word

        return ValueProof(
            self.contributor,
            self.reward,
            activity_word(self.activity),
            bytes.fromhex(self.evidence_hash[2:]),
            self.deadline,
            bytes.fromhex(self.salt[2:]),
        )
