"""Lists of proofs: each row stands for itself, is taken once whatever happens, and says why it was not."""

from __future__ import annotations

import asyncio
import json

import pytest
import pytest_asyncio

from app.core.errors import Invalid, NotFound, Unavailable
from app.core.events import Bus
from app.core.jobs import Jobs
from app.database import Database
from app.mining.intake import Intake
from app.mining.policy import activity_word, policy_v1
from app.mining.proofs import ValueProof
from app.mining.queue import Queue
from app.wallets.keys import checksum

NETWORK, CONTRACT = "1337:0x" + "11" * 32, checksum(b"\x22" * 20)
ADA, BOB = checksum(b"\x33" * 20), checksum(b"\x44" * 20)
HEAD = "contributor,activity,score,evidence,reward\n"


class Desk:
    """An intake over a real queue; the network can be taken away."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.away = queue, False
        self.intake = Intake(self.submit, self.resolve)

    async def resolve(self, text):
        if text == "Ada":
            return ADA
        if not text.startswith("0x"):
            raise NotFound(f"There is no account “{text}”.")
        return text

    async def submit(self, _network, draft):
        if self.away:
            raise Unavailable("The node does not answer. Nothing was queued.", retryable=True)
        price, evidence = policy_v1().price(draft.activity, draft.score, draft.reward), draft.evidence()
        proof = ValueProof(
            draft.contributor, price.reward, activity_word(draft.activity), evidence.sha256, 4_000_000_000, draft.salt
        )
        return await self.queue.add(NETWORK, CONTRACT, draft, proof, proof.digest(1337, CONTRACT), evidence, price, policy_v1())

    async def taken(self, data, folder):
        text = data if isinstance(data, bytes) else data.encode()
        return await self.intake.take("net", "list", await self.intake.read(text, folder))


@pytest_asyncio.fixture
async def desk(tmp_path):
    store = Database.at(tmp_path / "console.db")
    await store.open()
    yield Desk(Queue(store, Bus()))
    await store.close()


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "lists"
    place.mkdir()
    for name in "abcd":
        (place / f"{name}.txt").write_text(f"work {name}")
    (tmp_path / "secret.txt").write_text("not evidence")
    return place


@pytest.mark.asyncio
async def test_good_rows_are_queued_and_each_bad_one_says_why(desk, folder):
    report = await desk.taken(
        HEAD + "Ada,code-review,90,a.txt,\n"
        f"{BOB},code-review,80,https://example.org/work/7,\n"
        "Nobody,code-review,90,b.txt,\n"
        f"{BOB},juggling,90,b.txt,\n"
        f"{BOB},code-review,101,b.txt,\n"
        f"{BOB},code-review,high,b.txt,\n"
        f"{BOB},code-review,90,missing.txt,\n"
        f"{BOB},code-review,90,../secret.txt,\n"
        "0x1234,code-review,90,b.txt,\n"
        f"{BOB},code-review,90,b.txt,1e5\n"
        f"{BOB},code-review,90\n"
        f"{BOB},code-review,90,a.txt,\n",
        folder,
    )
    assert (report.queued, report.known, report.refused) == (2, 1, 9)
    said = {outcome.line: outcome.problem for outcome in report.outcomes}
    for line, words in (
        (4, "Nobody"),
        (5, "juggling"),
        (6, "score"),
        (7, "score"),
        (8, "not there"),
        (9, "outside"),
        (11, "amount"),
    ):
        assert words in said[line], said[line]
    assert "#1" in said[13], "the same evidence names the proof that has it"
    rows = await desk.queue.page(NETWORK, None, None, 10)
    assert {(row.contributor, row.evidence_kind) for row in rows} == {(ADA, "file"), (BOB, "url")}


@pytest.mark.asyncio
async def test_a_list_that_is_taken_again_doubles_nothing(desk, folder):
    text = HEAD + "".join(f"Ada,code-review,9{n},{name}.txt,\n" for n, name in enumerate("abcd"))
    first, again = await desk.taken(text, folder), await desk.taken(text, folder)
    assert (first.queued, again.queued, again.known) == (4, 0, 4)
    assert len(await desk.queue.page(NETWORK, None, None, 10)) == 4


@pytest.mark.asyncio
async def test_json_says_the_same_as_csv(desk, folder):
    rows = [
        {"contributor": "Ada", "activity": "code-review", "score": 90, "evidence": "a.txt", "reward": "12.5"},
        {"contributor": "Ada", "activity": "code-review", "score": 90.5, "evidence": "b.txt"},
        {"contributor": "Ada", "activity": "code-review", "score": 90, "evidence": "b.txt", "colour": "red"},
        ["Ada"],
        {"contributor": "Ada", "activity": "code-review", "score": 90, "evidence": "b.txt", "deadline": "soon"},
    ]
    report = await desk.taken(json.dumps(rows), folder)
    assert (report.queued, report.refused) == (1, 4)
    (row,) = await desk.queue.page(NETWORK, None, None, 10)
    assert row.reward == 12_500_000_000_000_000_000 and "set by a person" in row.reason


@pytest.mark.parametrize(
    "data", [b"", b"a,b\n1,2\n", b"{}", b'[{"a":1]', b"[" * 100_000, b"\xff\xfe\x00", b'[{"score":1,"score":2}]']
)
@pytest.mark.asyncio
async def test_a_file_that_is_no_list_is_refused_as_a_whole(desk, folder, data):
    with pytest.raises(Invalid):
        await desk.taken(data, folder)


@pytest.mark.asyncio
async def test_a_watched_folder_takes_what_lies_still_and_leaves_a_report(desk, folder):
    jobs = Jobs()
    job = jobs.start("watch", lambda job: desk.intake.watch("net", folder, job))
    try:
        (folder / "good.csv").write_text(HEAD + "Ada,code-review,90,a.txt,\nAda,juggling,90,b.txt,\n")
        (folder / "bad.json").write_text("{}")
        report = await _there(folder / "taken" / "good.csv.report.json")
        assert (report["queued"], report["refused"], report["rows"][0]["proof"]) == (1, 1, 1)
        assert (folder / "taken" / "good.csv").exists() and not (folder / "good.csv").exists()
        assert "JSON list" in (await _there(folder / "refused" / "bad.json.report.json"))["problem"]
        # While the network is away a list waits, and is taken when it is back.
        desk.away = True
        (folder / "later.csv").write_text(HEAD + "Ada,code-review,90,c.txt,\n")
        await asyncio.sleep(2.5)
        assert (folder / "later.csv").exists() and job.state.value == "running"
        desk.away = False
        assert (await _there(folder / "taken" / "later.csv.report.json"))["queued"] == 1
    finally:
        jobs.cancel(job.id)
        await jobs.close()


async def _there(path):
    for _ in range(400):
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        await asyncio.sleep(0.05)
    raise AssertionError(f"{path.name} never came")


@pytest.mark.asyncio
async def test_a_name_that_no_file_can_have_refuses_its_row_alone(desk, folder):
    rows = [
        {"contributor": "Ada", "activity": "audit", "score": 90, "evidence": evidence}
        for evidence in ("x" * 300, "a\0.txt", "a.txt")
    ]
    read = await desk.intake.read(json.dumps(rows).encode(), folder)
    assert [row.draft is not None for row in read] == [False, False, True]
    assert "no file that can be read" in read[0].problem


@pytest.mark.asyncio
async def test_one_proof_by_words_names_an_address_or_any_file_of_this_machine(desk, folder):
    words = {"contributor": "Ada", "activity": "audit", "score": "90"}
    link = await desk.intake.draft({**words, "evidence": "https://example.org/work/7", "deadline": "2033-05-18T03:33:20Z"})
    assert (link.url, link.evidence_path, link.deadline, link.reward) == ("https://example.org/work/7", None, 2_000_000_000, None)
    elsewhere = folder.parent / "secret.txt"  # a list may not name it; a person who types it may
    file = await desk.intake.draft({**words, "evidence": str(elsewhere), "reward": "12.5"})
    assert (file.evidence_path, file.url, file.reward) == (elsewhere.resolve(), "", 12_500_000_000_000_000_000)
    for wrong in ({"evidence": "no-such-file"}, {"evidence": str(elsewhere), "score": "-5"}, {"evidence": ""}):
        with pytest.raises(Invalid, match="Nothing was queued"):
            await desk.intake.draft({**words, **wrong})


def test_the_command_line_refuses_one_proof_in_words_before_anything_is_asked(azora):
    words = ("mint", "submit", "--contributor", "0x" + "11" * 20, "--activity", "audit", "--score", "90")
    soon = azora(*words, "--evidence", "https://example.org/work/7", "--deadline", "soon", expect=2)
    assert "“soon” is no time. Nothing was queued." in soon.err
    gone = azora(*words, "--evidence", "no-such-file", expect=2)
    assert "The evidence no-such-file is not there. Nothing was queued." in gone.err


def test_a_worker_is_told_something_or_nothing_is_asked(azora):
    assert "Nothing was asked" in azora("mint", "tell", "rig", expect=2).err
    none = azora("mint", "tell", "rig", "--throttle", "0", expect=2).err
    assert "greater than or equal to 1" in none
