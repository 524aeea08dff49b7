"""Triage by keys: proofs of the store are accepted, rejected with a reason, answered together, taken back; fields keep letters."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.core.events import Bus
from app.mining.evidence_file import EvidenceLook, EvidenceState
from app.mining.policy import policy_v1
from app.mining.proofs import Hashed, ProofDraft, ProofRow, ProofStatus, ValueProof
from app.mining.queue import Queue
from app.mining.remarks import remarks_of
from app.mining.reviewing import Examination, ReviewCheck
from app.mining.tables import value_proofs as table
from app.wallets.keys import checksum
from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import Shell
from ui.panels.mining.review import ReviewPage
from ui.widgets import CodeBlock

pytestmark = pytest.mark.gui
CONTRACT, WHO = checksum(b"\x11" * 20), checksum(b"\x33" * 20)


@pytest.fixture
def page(shell: Shell) -> Any:
    shell.window.open("mining", tab="review")
    page: ReviewPage = shell.panel.review
    page._undo.clear()
    page._marked.clear()
    return page


@pytest.fixture
def rows(shell: Shell, page: ReviewPage) -> list[ProofRow]:
    """Three proofs in the console's own store that wait for a review, shown on the page."""
    queue = Queue(shell.console.database, Bus())

    async def submit() -> list[ProofRow]:
        made = []
        for _ in range(3):
            draft = ProofDraft(WHO, "translation", 60, evidence_bytes=secrets.token_bytes(8))
            price, evidence = policy_v1().price("translation", 60), draft.evidence()
            proof = ValueProof(WHO, price.reward, b"translation".ljust(32, b"\0"), evidence.sha256, 2_000_000_000, draft.salt)
            network = f"195:0x{draft.salt.hex()[:8]}"  # one each: the day's cap of a contributor is another test's
            digest = proof.digest(195, CONTRACT)
            made.append(await queue.add(network, CONTRACT, draft, proof, digest, evidence, price, policy_v1()))
        return made

    made = shell.ask(submit)
    page.show_rows(made, {}, ([], []), {WHO: "lena"})
    page.table.setFocus()
    return made


def states(shell: Shell, rows: list[ProofRow]) -> list[str]:
    async def read() -> list[ProofRow]:
        return [await shell.console.mining.get(row.id) for row in rows]

    return [str(row.status) for row in shell.ask(read)]


def test_keys_go_through_the_queue_and_answer(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    QTest.keyClick(page.table, Qt.Key.Key_J)
    assert page.table.selected_id() == rows[1].id
    QTest.keyClick(page.table, Qt.Key.Key_K)
    QTest.keyClick(page.table, Qt.Key.Key_A)
    shell.until(lambda: "is ready to mint" in shell.said())
    assert states(shell, rows) == ["ready", "in_review", "in_review"]
    QTest.keyClick(page.table, Qt.Key.Key_U)
    shell.until(lambda: "waits for an answer again" in shell.said())
    assert states(shell, rows) == ["in_review"] * 3
    assert shell.ask(lambda: shell.console.mining.get(rows[0].id)).reason == "The score is below 70."


def test_a_rejection_asks_for_its_reason_first_and_the_field_keeps_its_letters(
    shell: Shell, page: ReviewPage, rows: list[ProofRow]
) -> None:
    QTest.keyClick(page.table, Qt.Key.Key_R)
    assert page.answer.reason.hasFocus() and "Say why" in readable(page.answer)
    assert states(shell, rows) == ["in_review"] * 3
    QTest.keyClicks(page.answer.reason, "a rough jakuar")
    assert page.answer.reason.text() == "a rough jakuar" and states(shell, rows) == ["in_review"] * 3
    QTest.keyClick(page.answer.reason, Qt.Key.Key_Return)
    shell.until(lambda: "is rejected" in shell.said())
    told = shell.ask(lambda: shell.console.mining.get(rows[0].id))
    assert (str(told.status), told.reason) == ("rejected", "a rough jakuar")


def test_a_question_goes_out_and_its_answer_comes_back_by_keys(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    QTest.keyClick(page.table, Qt.Key.Key_Q)
    assert page.answer.reason.hasFocus() and "Write down what is missing" in readable(page.answer)
    QTest.keyClicks(page.answer.reason, "Which chapter?")
    QTest.keyClick(page.answer.reason, Qt.Key.Key_Return)
    shell.until(lambda: "sent back with a question" in shell.said())
    assert states(shell, rows) == ["asked", "in_review", "in_review"]
    page.show_rows([shell.ask(lambda: shell.console.mining.get(rows[0].id))], {}, ([], []), {})
    assert page.answer.ask.text() == "Answered…" and "Which chapter?" in readable(page.answer)
    page.answer.reason.setText("The third.")
    QTest.keyClick(page.table, Qt.Key.Key_Q)
    shell.until(lambda: "waiting for a review again" in shell.said())
    assert states(shell, rows)[0] == "in_review"
    page.undo()
    shell.until(lambda: "waits for its contributor again" in shell.said())
    assert states(shell, rows)[0] == "asked"
    told = shell.ask(lambda: remarks_of(shell.console.database, rows[0].id))
    assert [str(remark.said) for remark in told] == ["asked", "answered", "asked"]
    assert {remark.author for remark in told} == {shell.console.access.operator.name}


def test_changed_evidence_is_refused_with_a_sentence_and_nothing_is_accepted(
    shell: Shell, page: ReviewPage, rows: list[ProofRow], tmp_path: Path
) -> None:
    file = tmp_path / "guide.md"
    file.write_text("as it was reviewed")
    place = table.update().where(table.c.id == rows[0].id)
    values = {"evidence_path": str(file), "evidence": hashlib.sha256(file.read_bytes()).digest()}
    shell.ask(lambda: shell.console.database.write(lambda connection: connection.execute(place.values(values)).rowcount))
    file.write_text("as it is now")
    page._marked = {rows[0].id, rows[1].id}
    page.decide(True)
    shell.until(lambda: "Nothing was accepted" in shell.said())
    assert f"proof #{rows[0].number} was changed" in shell.said()
    assert states(shell, rows) == ["in_review"] * 3


def test_marked_proofs_are_answered_together_and_taken_back_together(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    QTest.keyClick(page.table, Qt.Key.Key_Space)
    QTest.keyClick(page.table, Qt.Key.Key_Space)
    assert [row.id for row in page.chosen()] == [rows[0].id, rows[1].id]
    assert page.answer.accept.text() == "Accept 2" and "2 proofs marked" in readable(page)
    page.answer.accept.click()
    shell.until(lambda: "2 proofs are ready to mint" in shell.said())
    assert states(shell, rows) == ["ready", "ready", "in_review"]
    shell.window.trigger("mining.undo")
    shell.until(lambda: "2 proofs wait for an answer again" in shell.said())
    assert states(shell, rows) == ["in_review"] * 3


def test_ready_proofs_are_revoked_for_good_and_never_without_a_reason(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    shell.window.trigger("mining.revoke")
    assert "none is chosen" in shell.said() and not page.answer.revoke.isVisibleTo(page)  # they wait for a review
    for row in rows[:2]:
        shell.ask(lambda row=row: shell.console.mining.review(row.id, True))
    ready = [shell.ask(lambda row=row: shell.console.mining.get(row.id)) for row in rows[:2]]
    page.show_rows(ready, {}, ([], []), {})
    page._marked = {row.id for row in ready}
    page._show_answer()
    assert page.answer.revoke.isVisibleTo(page) and page.answer.revoke.text() == "Revoke 2…"
    page.answer.revoke.click()
    assert page.answer.reason.hasFocus() and "does not come back" in readable(page.answer)
    QTest.keyClick(page.answer.reason, Qt.Key.Key_Return)  # no reason yet
    assert states(shell, rows) == ["ready", "ready", "in_review"]
    QTest.keyClicks(page.answer.reason, "copied")
    page.show_rows(ready, {}, ([], []), {})  # a reading that comes meanwhile
    assert "does not come back" in readable(page.answer)
    page._marked = {ready[0].id}
    page._show_answer()
    QTest.keyClick(page.answer.reason, Qt.Key.Key_Return)  # it is another choice now: not what was asked for, nor a rejection
    assert "has changed" in readable(page.answer) and states(shell, rows) == ["ready", "ready", "in_review"]
    page._marked = {row.id for row in ready}
    page._show_answer()
    page.answer.revoke.click()
    page.show_rows(ready, {}, ([], []), {})
    QTest.keyClick(page.answer.reason, Qt.Key.Key_Return)
    shell.until(lambda: "2 proofs are revoked" in shell.said())
    assert states(shell, rows) == ["revoked", "revoked", "in_review"]
    told = shell.ask(lambda: remarks_of(shell.console.database, rows[0].id))
    assert [(str(remark.said), remark.text) for remark in told] == [("accepted", ""), ("revoked", "copied")]
    page.undo()
    assert "Nothing was answered here" in shell.said() and states(shell, rows)[0] == "revoked"


def test_an_acceptance_without_the_evidence_file_warns_and_keeps_the_warning(
    shell: Shell, page: ReviewPage, rows: list[ProofRow], tmp_path: Path
) -> None:
    place = table.update().where(table.c.id == rows[0].id).values(evidence_path=str(tmp_path / "deleted.md"))
    shell.ask(lambda: shell.console.database.write(lambda connection: connection.execute(place).rowcount))
    gone = shell.ask(lambda: shell.console.mining.get(rows[0].id))
    page.show_rows([gone, rows[1]], {}, ([], []), {})
    page._marked = {rows[0].id, rows[1].id}
    page.decide(True)
    shell.until(lambda: "2 proofs are ready to mint" in shell.said())
    assert f"The evidence of #{rows[0].number} cannot be read now. Its digest was kept" in shell.said()
    kept = [shell.ask(lambda row=row: shell.console.mining.get(row.id)).reason for row in rows[:2]]
    assert "could not be read when it was accepted" in kept[0] and kept[1] == ""


def test_what_is_minted_cannot_be_answered_any_more(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    page.show_rows([replace(rows[0], status=ProofStatus.MINTED)], {}, ([], []), {})
    assert not page.answer.accept.isVisibleTo(page) and not page.answer.reject.isVisibleTo(page)
    page.decide(True)
    assert "Nothing was changed" in shell.said() and states(shell, rows) == ["in_review"] * 3


def test_a_change_of_the_evidence_and_each_check_are_told(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    look = EvidenceLook(EvidenceState.CHANGED, "/work/guide.md", "0x" + "ab" * 32, 12, "# Another text")
    checks = (ReviewCheck("warn", "The same evidence stands in #3 (rejected)", "7 other proofs compared"),)
    told = Examination(
        rows[0], look, (("chainId", "195"),), (("reward", str(10**18)), ("deadline", "2000000000")), "0x1", "0x2", (), checks
    )
    page.show_examined(told)
    shell.until(lambda: "It was changed after it was submitted" in readable(page))
    said = readable(page)
    assert "not what was submitted" in said
    assert [block.text() for block in page.findChildren(CodeBlock)] == ["# Another text"]
    assert "The same evidence stands in #3 (rejected)" in said and "18 May 2033 03:33:20 UTC" in said
    page.examined.copy.click()
    assert QApplication.clipboard().text() == rows[0].digest


def test_a_proof_that_was_not_fetched_says_so_and_what_is_fetched_later_is_shown(
    shell: Shell, page: ReviewPage, rows: list[ProofRow]
) -> None:
    address = "https://example.org/work/7"
    waiting = replace(rows[0], evidence_kind=Hashed.WAITING, evidence_name=address, evidence_url=address)
    told = Examination(waiting, EvidenceLook(EvidenceState.WAITING), (), (), "", "", (), ())
    page.show_examined(told)
    said = readable(page.examined)
    assert "Its address was not fetched yet" in said and waiting.evidence_hash not in said and waiting.digest not in said
    assert page.examined.fetch.isVisibleTo(page) and not page.examined.open_file.isVisibleTo(page)
    content = replace(waiting, evidence_kind=Hashed.CONTENT, evidence_type="text/html", fetched_at=1_790_000_000_000)
    page.show_examined(replace(told, row=content, evidence=EvidenceLook(EvidenceState.KEPT)))
    said = readable(page.examined)
    assert "text/html" in said and "fetched anew and compared when you accept" in said and content.evidence_hash in said
    page.examined.show_fetched(EvidenceLook(EvidenceState.UNREACHABLE, why="Its server answered 404 Not Found."))
    assert "404 Not Found. Its digest was kept" in readable(page.examined)
    page.examined.show_fetched(EvidenceLook(EvidenceState.CHANGED, sha256="0x" + "ab" * 32, size=7, text="changed"))
    assert "What is shown is not what was submitted" in readable(page.examined)
    file = replace(rows[0], evidence_url=address)
    page.show_examined(replace(told, row=file, evidence=EvidenceLook(EvidenceState.UNKNOWN)))
    assert address in readable(page.examined) and not page.examined.fetch.isVisibleTo(page)


def test_fetching_asks_for_the_chosen_proof_and_says_what_came_of_it(shell: Shell, page: ReviewPage, rows: list[ProofRow]) -> None:
    page.fetch()
    shell.until(lambda: "is not bound to what an address gives" in shell.said())
    assert page.examined.fetch.isEnabled()
