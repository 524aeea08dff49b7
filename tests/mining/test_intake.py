"""Lists of proofs: each row stands for itself, is taken once whatever happens, and says why it was not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from app.cli.mint import _proofs
from app.core.errors import Invalid
from tests.conftest import ROOT
from tests.contracts.test_contract_commands import known
from tests.mining.lists import ADA, BOB, HEAD, NETWORK


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
    assert {(row.contributor, row.evidence_kind) for row in rows} == {(ADA, "file"), (BOB, "waiting")}


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


@pytest.mark.node
def test_ctrl_c_ends_a_watch_with_what_was_read_and_what_stays(azora, home, node, folder):
    known(home, node)
    azora("network", "status")
    (folder / "old.csv").write_text("a,b\n1,2\n")
    command = [sys.executable, str(ROOT / "main.py"), "--home", str(home), "mint", "intake", str(folder)]
    watch = subprocess.Popen(command, env=azora.environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert watch.stderr is not None
    while "1 list read" not in (line := watch.stderr.readline()):
        assert line, "the watch ended by itself"
    watch.send_signal(signal.SIGINT)
    _, said = watch.communicate()
    assert watch.returncode == 8
    assert f"The watch of {folder} has ended. 1 list read, the last went to refused: old.csv." in said
    assert "no proof is taken twice" in said and "Traceback" not in said


def test_one_proof_is_not_one_proofs():
    assert [_proofs(count) for count in (1, 2, 1_200)] == ["1 proof", "2 proofs", "1,200 proofs"]
