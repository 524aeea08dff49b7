"""What a reviewer sees: filters that the store applies, evidence hashed again, other proofs compared; and an answer taken back."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import pytest_asyncio

from app.core.errors import Conflict, Invalid, Unavailable
from app.core.events import Bus
from app.database import Database
from app.mining.evidence_file import EvidenceState
from app.mining.likeness import plain_url
from app.mining.policies import Policies
from app.mining.policy import policy_v1
from app.mining.proofs import Hashed, ProofDraft, ProofStatus, ValueProof
from app.mining.queue import Queue
from app.mining.remarks import Said
from app.mining.reviewing import ORDERS, ProofFilter, Reviewing
from app.wallets.keys import checksum

pytestmark = pytest.mark.asyncio
NETWORK, CONTRACT = "195:0xabc", checksum(b"\x11" * 20)
LENA, KOFI = checksum(b"\x33" * 20), checksum(b"\x44" * 20)
READY, REVIEW, REJECTED = ProofStatus.READY, ProofStatus.IN_REVIEW, ProofStatus.REJECTED


class Nowhere:
    """A network whose node does not answer."""

    def get(self, network_id):
        return SimpleNamespace(genesis="0xabc", key=SimpleNamespace(text=NETWORK), chain_id=195)

    async def connect(self, network_id):
        raise Unavailable("No endpoint of the network answered.")


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def desk(request, tmp_path):
    database = Database.at(tmp_path / "console.db") if request.param == "sqlite" else Database(request.getfixturevalue("postgres"))
    await database.open()
    queue = Queue(database, Bus())
    registry = SimpleNamespace(register_kind=lambda _kind: None, register_step=lambda _kind, _builder: None)
    yield queue, Reviewing(database, queue, Nowhere(), None, Policies(database, registry, queue, None, Bus()), lambda: "Ada")
    await database.close()


async def submit(queue, folder, name, who=LENA, activity="code-review", score=85, content=None, url=""):
    path = folder / name
    if not url:
        path.write_bytes(content if content is not None else f"work of {name}".encode())
    draft = ProofDraft(who, activity, score, evidence_path=None if url else path, url=url)
    policy, evidence = policy_v1(), draft.evidence()
    price = policy.price(activity, score)
    proof = ValueProof(who, price.reward, activity.encode().ljust(32, b"\0"), evidence.sha256, 2_000_000_000, draft.salt)
    return await queue.add(NETWORK, CONTRACT, draft, proof, proof.digest(195, CONTRACT), evidence, price, policy)


async def test_filters_are_applied_by_the_store_and_words_are_never_patterns(desk, tmp_path):
    queue, reviewing = desk
    first = await submit(queue, tmp_path, "guide_de.md")
    second = await submit(queue, tmp_path, "guideXde.md", KOFI)
    await submit(queue, tmp_path, "other.md", KOFI, "translation", 60)
    await queue.move([second.id], (READY,), REJECTED, reason="copied from the web")

    async def found(**wanted):
        return [row.number for row in await reviewing.page("lab", ProofFilter(**wanted))]

    assert await found() == [1, 2, 3]
    assert await found(statuses=(REJECTED,)) == [2] and await found(statuses=()) == []
    assert await found(activity="translation") == [3] and await found(contributor=KOFI) == [2, 3]
    assert await found(text="guide_de") == [1]  # an underscore is itself
    assert await found(text="GUIDE") == [1, 2] and await found(text="the Web") == [2]
    assert await found(text="#3") == [3] and await found(text="%") == []
    assert await found(text=first.digest[:12]) == [1] and await found(text=first.evidence_hash) == [1]
    assert [row.number for row in await reviewing.page("lab", ProofFilter(), limit=2, descending=True)] == [3, 2]
    assert [row.number for row in await reviewing.page("lab", ProofFilter(), after=first)] == [2, 3]
    counts = await reviewing.counts("lab", ProofFilter(statuses=(REVIEW,), text="guide"))
    assert counts == {READY: (1, first.reward), REJECTED: (1, second.reward)}
    activities, people = await reviewing.choices("lab")
    assert [key for key, _ in activities] == ["code-review", "translation"] and people == sorted([LENA, KOFI])


async def test_evidence_is_hashed_again_and_a_change_is_seen(desk, tmp_path):
    queue, reviewing = desk
    row = await submit(queue, tmp_path, "guide.md", content="Zwölf Kapitel.\n".encode() * 8_000)
    told = (await reviewing.examine("lab", row.id)).evidence
    assert (told.state, told.sha256, told.size) == (EvidenceState.SAME, row.evidence_hash, row.evidence_size)
    assert told.text.startswith("Zwölf Kapitel.") and told.cut
    (tmp_path / "guide.md").write_bytes(b"\x89PNG\r\n\x1a\nnot what was submitted")
    told = (await reviewing.examine("lab", row.id)).evidence
    assert told.state is EvidenceState.CHANGED and told.sha256 != row.evidence_hash and told.image and not told.text
    (tmp_path / "guide.md").unlink()
    told = (await reviewing.examine("lab", row.id)).evidence
    assert told.state is EvidenceState.GONE and "No such file" in told.why
    link = await submit(queue, tmp_path, "", url="https://example.org/work")
    assert (await reviewing.examine("lab", link.id)).evidence.state is EvidenceState.WAITING
    await queue.move([link.id], list(ProofStatus), REVIEW, evidence_kind=Hashed.ADDRESS)  # as proofs were hashed before
    assert (await reviewing.examine("lab", link.id)).evidence.state is EvidenceState.ADDRESS
    assert await reviewing.require_unchanged([await queue.get(link.id)]) == []


async def test_changed_evidence_is_not_accepted_and_the_proof_is_named(desk, tmp_path):
    queue, reviewing = desk
    rows = [await submit(queue, tmp_path, name) for name in ("a.md", "b.md")]
    await reviewing.require_unchanged(rows)
    (tmp_path / "b.md").write_text("another")
    with pytest.raises(Conflict, match="proof #2 was changed .* Nothing was accepted"):
        await reviewing.require_unchanged(rows)
    (tmp_path / "b.md").unlink()
    assert await reviewing.require_unchanged(rows) == rows[1:]  # what is not here cannot be compared; the reviewer is told


async def test_a_question_is_kept_with_its_author_and_the_proof_waits_until_it_is_answered(desk, tmp_path):
    queue, reviewing = desk
    row = await submit(queue, tmp_path, "a.md")
    assert await queue.answer([row.id], (READY,), ProofStatus.ASKED, Said.ASKED, "Ada", "Which chapter?") == 1
    assert await queue.answer([row.id], (READY,), REJECTED, Said.REJECTED, "Ben", "late") == 0  # and nothing is kept of it
    asked = await queue.get(row.id)
    assert (asked.status, asked.reason) == (ProofStatus.ASKED, "Which chapter?")
    with pytest.raises(Conflict):
        await queue.claim([row.id], "plan")
    await queue.answer([row.id], (ProofStatus.ASKED,), REVIEW, Said.ANSWERED, "Ada", "The third.")
    told = (await reviewing.examine("lab", row.id)).remarks
    assert [(remark.said, remark.author, remark.text) for remark in told] == [
        (Said.ASKED, "Ada", "Which chapter?"),
        (Said.ANSWERED, "Ada", "The third."),
    ]
    await queue.answer([row.id], (REVIEW,), ProofStatus.ASKED, Said.ASKED, "Ada", "Sure?")
    assert await queue.expire(NETWORK, 2_000_000_001) == 1  # a question does not stop the clock


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://Example.org/a/", "http://www.example.org/a#top", True),
        ("https://example.org:443/a?b=2&a=1", "https://example.org/a?a=1&b=2&utm_source=x", True),
        ("https://example.org/a", "https://example.org/A", False),  # paths may differ by case alone
        ("https://example.org/a?x=1", "https://example.org/a?x=2", False),
        ("https://example.org:8443/a", "https://example.org/a", False),
        ("ipfs://Qm/a", "ipfs://Qm/a/", False),
        ("https://[broken", "https://[broken", True),
    ],
)
async def test_addresses_are_compared_without_what_does_not_change_where_they_lead(one, other, same):
    assert (plain_url(one) == plain_url(other)) is same


async def test_near_duplicates_are_a_warning(desk, tmp_path):
    queue, reviewing = desk
    first = await submit(queue, tmp_path, "", url="https://example.org/work")
    second = await submit(queue, tmp_path, "", KOFI, url="https://www.EXAMPLE.org/work/?utm_source=mail")
    third = await submit(queue, tmp_path, "other.md", KOFI, "translation", 60)

    async def warned(row):
        return [check.title for check in (await reviewing.examine("lab", row.id)).checks if check.level == "warn"]

    assert await warned(second) == [f"The same address, spelled otherwise, stands in #{first.number}"]
    assert await warned(third) == []  # another activity, and a file
    fourth = await submit(queue, tmp_path, "again.md", KOFI)
    assert await warned(fourth) == [f"The same contributor and activity within an hour: #{second.number}"]
    await queue.move([second.id], (READY,), REJECTED, reason="copied")
    assert await warned(fourth) == []


async def test_what_is_signed_is_shown_and_a_silent_chain_is_told(desk, tmp_path):
    queue, reviewing = desk
    row = await submit(queue, tmp_path, "guide.md")
    told = await reviewing.examine("lab", row.id)
    assert dict(told.message)["contributor"] == LENA and dict(told.message)["reward"] == str(row.reward)
    from app.wallets.keys import keccak

    signed = keccak(b"\x19\x01" + bytes.fromhex(told.separator[2:]) + bytes.fromhex(told.struct[2:]))
    assert "0x" + signed.hex() == row.digest
    assert dict(told.priced)["By the policy"] == f"{row.reward / 10**18:.4f} AZR"
    assert [(check.level, check.title) for check in told.checks][0] == ("idle", "The chain was not asked")
    await queue.move([row.id], (READY,), REJECTED, reason="copied")
    again = await submit(queue, tmp_path, "again.md", content=(tmp_path / "guide.md").read_bytes())
    titles = [check.title for check in (await reviewing.examine("lab", again.id)).checks if check.level == "warn"]
    assert titles == [f"The same evidence stands in #{row.number} (rejected)"]


async def test_an_answer_is_taken_back_until_somebody_acts_on_it(desk, tmp_path):
    queue, reviewing = desk
    row = await submit(queue, tmp_path, "guide.md")
    back = await reviewing.reopen(row.id, "The score is below 60.")
    assert (back.status, back.reason) == (REVIEW, "The score is below 60.")
    await queue.move([row.id], (REVIEW,), REJECTED, reason="copied")
    assert (await reviewing.reopen(row.id)).status is REVIEW
    await queue.move([row.id], (REVIEW,), REJECTED, reason="copied")
    await submit(queue, tmp_path, "again.md", content=(tmp_path / "guide.md").read_bytes())
    with pytest.raises(Conflict, match="submitted again since"):
        await reviewing.reopen(row.id)
    other = await submit(queue, tmp_path, "other.md")
    await queue.move([other.id], (READY,), ProofStatus.MINTED)
    with pytest.raises(Conflict, match="is minted: its answer stands"):
        await reviewing.reopen(other.id)


async def test_pages_of_every_order_meet_without_gap_or_repetition(desk, tmp_path):
    queue, reviewing = desk
    for at, (who, activity, score) in enumerate(
        [(LENA, "code-review", 85), (KOFI, "translation", 60), (LENA, "translation", 85), (KOFI, "code-review", 85)]
    ):
        await submit(queue, tmp_path, f"{at}.md", who, activity, score)
    for by, descending in itertools.product(ORDERS, (False, True)):
        whole = await reviewing.page("lab", ProofFilter(), by=by, descending=descending)
        expected = sorted(whole, key=lambda row: (ORDERS[by][1](row), row.number), reverse=descending)
        assert [row.number for row in whole] == [row.number for row in expected] and len(whole) == 4, by
        pieces, last = [], None
        while piece := await reviewing.page("lab", ProofFilter(), 1, last, by=by, descending=descending):
            pieces += piece
            last = piece[-1]
        assert [row.id for row in pieces] == [row.id for row in whole], by
    with pytest.raises(Invalid):
        await reviewing.page("lab", ProofFilter(), by="evidence")
