"""Signatures in the panel: how many there are and are needed, what a file brought, and what one transaction takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.core.errors import Invalid
from app.core.events import PlanChanged
from app.mining.attesting import Refused, Taken
from app.mining.batching import Batch, Left
from app.mining.proofs import ProofRow, ProofStatus
from app.mining.signatures import Signature
from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import Shell
from ui.panels.mining.forms import MintForm
from ui.panels.mining.signatures import ImportSignaturesForm, SignaturesBox, offer_signed

pytestmark = pytest.mark.gui
WHO, OTHER = "0x" + "33" * 20, "0x" + "44" * 20
ROW = ProofRow(
    id="p1",
    number=12,
    network="195:0x",
    contract="0x" + "11" * 20,
    status=ProofStatus.READY,
    contributor=WHO,
    activity="translation",
    activity_name="Translation",
    score=90,
    reward=10**18,
    evidence_hash="0x" + "ab" * 32,
    evidence_kind="file",
    evidence_name="a.md",
    evidence_size=3,
    evidence_path="",
    digest="0x" + "cd" * 32,
    deadline=2_000_000_000,
    salt="0x" + "00" * 32,
    policy="value-v1",
    reason="",
    plan_id="",
    tx_hash="",
    block=0,
    created_at=0,
    updated_at=0,
)


@pytest.fixture
def box(shell: Shell) -> Any:
    shell.window.open("mining", tab="review")
    box: SignaturesBox = shell.panel.review.answer.signatures
    box.ask(ROW, [ROW])
    return box


def test_signatures_are_counted_against_what_the_contract_asks(shell: Shell, box: SignaturesBox) -> None:
    held = [Signature("p1", WHO, "0x" + "01" * 65, "PLN-0012")]
    box.show_signed("p1", held, 2, {WHO: "Attester"})
    assert (box.state.state, box.state.text()) == ("pend", "1 of 2 collected") and box.who.pairs == [("Attester", "PLN-0012")]
    box.show_signed("p1", [*held, replace(held[0], attester=OTHER, source="back.json")], 2, {})
    assert box.state.state == "ok" and box.who.pairs[1] == ("0x4444…4444", "back.json")
    box.show_signed("p2", [], 1, {})  # an answer about a proof that is no longer chosen
    assert box.state.text() == "2 of 2 collected"
    box.ask(ROW, [replace(ROW, status=ProofStatus.MINTED)])
    assert not box.isVisibleTo(box.parentWidget())


def test_what_a_file_brought_is_told_with_each_refusal(shell: Shell, box: SignaturesBox) -> None:
    form = ImportSignaturesForm(shell.panel)
    form.finished(Taken(2, 1, (Refused("0x" + "cd" * 32, OTHER, "The account does not hold the attester role."),)))
    said = readable(form)
    assert "2 new, 1 known before, 1 refused." in said and "0xcdcd…cdcd: The account does not hold the attester role." in said


def test_a_file_must_be_named_before_anything_is_asked(shell: Shell, box: SignaturesBox, monkeypatch: pytest.MonkeyPatch) -> None:
    form = ImportSignaturesForm(shell.panel)
    monkeypatch.setattr(form, "network_id", lambda: "lab")
    with pytest.raises(Invalid) as told:
        form.work()
    assert form.show_error(told.value) and "Nothing was imported" in readable(form)


def test_a_mint_says_what_one_transaction_takes_and_why_the_rest_stays(shell: Shell, box: SignaturesBox) -> None:
    form = MintForm(shell.panel, [ROW, replace(ROW, id="p2", number=13)])
    form.show_batch(Batch((ROW,), {}, 120_000, 120_000, 15_000_000, (Left(13, "It needs 2 attesters and has 1."),), 0))
    text = form.size_note.accessibleName()
    assert text == "One transaction takes 1 of 2: about 120,000 of 15,000,000 gas. #13: It needs 2 attesters and has 1."
    assert form.size_note.level == "warn"


def test_what_was_signed_for_another_console_is_offered_once(shell: Shell, box: SignaturesBox) -> None:
    panel = shell.panel
    before = len(shell.window.notifications.history)
    offer_signed(panel, PlanChanged("other", "done"))
    panel.signed_elsewhere.add("plan")
    offer_signed(panel, PlanChanged("plan", "running"))
    assert len(shell.window.notifications.history) == before
    offer_signed(panel, PlanChanged("plan", "done"))
    assert shell.said() == "The proofs of the file are signed." and not panel.signed_elsewhere
    offer_signed(panel, PlanChanged("plan", "done"))
    assert len(shell.window.notifications.history) == before + 1
