"""A reward is the same for everyone who has the policy; a digest is the one that EIP-712 gives."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid, NotFound
from app.mining.policy import FULL, Policy, activity_word, policy_v1
from app.mining.proofs import ProofDraft, ValueProof
from app.wallets import typed

SOMEBODY = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
words = st.binary(min_size=32, max_size=32)


def test_policy_v1_prices_these_to_the_last_unit():
    """Known answers: changing the policy's text or its arithmetic must be a new version."""
    policy = policy_v1()
    assert policy.price("code-review", 100).reward == 100 * 10**18
    assert policy.price("code-review", 85).reward == 92_500_000_000_000_000_000  # 9,250 basis points
    assert policy.price("data-labelling", 61).reward == 39 * 10**18  # 5,200 basis points
    assert policy.price("security-report", 100).review
    assert policy.price("code-review", 69).review
    assert not policy.price("code-review", 85).review
    assert policy.price("code-review", 85, asked=10**18).review


@given(first=st.integers(0, 100), second=st.integers(0, 100), activity=st.sampled_from(sorted(policy_v1().activities)))
def test_a_higher_score_never_earns_less_and_never_more_than_the_cap(first, second, activity):
    policy = policy_v1()
    low, high = sorted((first, second))
    assert 0 <= policy.share(low) <= policy.share(high) <= FULL
    if policy.share(low):
        less, more = policy.price(activity, low).reward, policy.price(activity, high).reward
        assert less <= more <= policy.proof_cap
        assert more % policy.step == 0


@pytest.mark.parametrize(("activity", "score", "asked"), [("x", 80, None), ("code-review", 101, None), ("code-review", 10, None)])
def test_what_the_policy_does_not_know_is_refused(activity, score, asked):
    with pytest.raises(Invalid):
        policy_v1().price(activity, score, asked)
    with pytest.raises(Invalid, match="cap"):
        policy_v1().price("code-review", 80, policy_v1().proof_cap + 1)


def test_a_broken_policy_is_refused():
    with pytest.raises(Invalid):
        Policy.from_json({"id": "value"})
    with pytest.raises(Invalid):
        activity_word("ä" * 3)
    with pytest.raises(Invalid):
        activity_word("a" * 32)


@given(
    contributor=st.binary(min_size=20, max_size=20),
    reward=st.integers(0, 2**256 - 1),
    activity=words,
    evidence=words,
    deadline=st.integers(0, 2**64 - 1),
    salt=words,
    chain_id=st.integers(1, 2**64),
    contract=st.binary(min_size=20, max_size=20),
)
@settings(max_examples=50, deadline=None)
def test_the_digest_is_the_one_of_eth_account(contributor, reward, activity, evidence, deadline, salt, chain_id, contract):
    proof = ValueProof("0x" + contributor.hex(), reward, activity, evidence, deadline, salt)
    fields = [
        ("contributor", "address"),
        ("reward", "uint256"),
        ("activity", "bytes32"),
        ("evidence", "bytes32"),
        ("deadline", "uint64"),
        ("salt", "bytes32"),
    ]
    message = encode_typed_data(
        {"name": "Azora MintMine", "version": "1", "chainId": chain_id, "verifyingContract": "0x" + contract.hex()},
        {"ValueProof": [{"name": name, "type": kind} for name, kind in fields]},
        dict(zip([name for name, _ in fields], proof.words(), strict=True)),
    )
    theirs = keccak(b"\x19" + message.version + message.header + message.body)
    assert proof.digest(chain_id, "0x" + contract.hex()) == theirs
    assert replace(proof, reward=reward ^ 1).digest(chain_id, "0x" + contract.hex()) != theirs
    if chain_id < 2**53:  # as text for a signer that shows it to a person, it is the same
        assert typed.parse(proof.typed_text(chain_id, "0x" + contract.hex())).digest == theirs


def test_evidence_is_hashed_with_sha256_whatever_its_form(tmp_path):
    file = tmp_path / "work.md"
    file.write_bytes(b"what I did")
    by_path = ProofDraft(SOMEBODY, "code-review", 80, evidence_path=file).evidence()
    by_bytes = ProofDraft(SOMEBODY, "code-review", 80, evidence_bytes=b"what I did").evidence()
    assert by_path.sha256 == by_bytes.sha256 == hashlib.sha256(b"what I did").digest()
    assert (by_path.name, by_path.size, by_path.kind) == ("work.md", 10, "file")
    by_url = ProofDraft(SOMEBODY, "code-review", 80, url="https://example.org/1").evidence()
    assert (by_url.kind, by_url.sha256) == ("waiting", hashlib.sha256(b"https://example.org/1").digest())


def test_a_draft_without_sound_evidence_is_refused(tmp_path):
    with pytest.raises(Invalid, match="evidence"):
        ProofDraft(SOMEBODY, "code-review", 80)
    with pytest.raises(Invalid, match="empty"):
        ProofDraft(SOMEBODY, "code-review", 80, evidence_bytes=b"").evidence()
    with pytest.raises(NotFound):
        ProofDraft(SOMEBODY, "code-review", 80, evidence_path=tmp_path / "gone").evidence()
    with pytest.raises(Invalid, match="checksum"):
        ProofDraft(SOMEBODY.replace("Ef", "eF"), "code-review", 80, evidence_bytes=b"x")
