"""Findings of bank statements in the panel: named, called an external document, hidden with other amounts, never proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Invalid
from app.mining.matching import Finding, match_payments
from app.mining.redemption import RedemptionRow, RedemptionStatus
from app.mining.statements import BankEntry, Statement
from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import POOL, Shell
from ui.panels.mining.forms import CancelForm, CompleteForm, RefundForm
from ui.panels.mining.redemptions import RedemptionsTab
from ui.panels.mining.statements import FINDINGS, StatementForm
from ui.widgets import privacy

pytestmark = pytest.mark.gui
AZR = 10**18
NOON = 1_772_366_400  # 1 March 2026
ROWS = [
    RedemptionRow(1, POOL, 100 * AZR, "INVOICE-1", RedemptionStatus.REQUESTED, 5, 0, "0x" + "01" * 32),
    RedemptionRow(2, POOL, 50 * AZR, "INVOICE-2", RedemptionStatus.REQUESTED, 5, 0, "0x" + "02" * 32),
]
ENTRIES = (
    BankEntry(2, date(2026, 3, 2), Decimal("-10.00"), "EUR", "INVOICE-1", "Ada", "B1"),
    BankEntry(3, date(2026, 3, 3), Decimal("-4.99"), "EUR", "INVOICE-2", "Ben", "B2"),
    BankEntry(4, date(2026, 3, 4), Decimal("-777.00"), "EUR", "RENT", "House", "B3"),
)
STATEMENT = Statement("march.csv", "ab" * 32, "CSV", "", ENTRIES)


@pytest.fixture(scope="module", autouse=True)
def unread() -> Iterator[None]:
    """No network is selected, and a reading of nothing would come late: what is shown is given here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RedemptionsTab, "show_rows", lambda *_: None)
        yield


@pytest.fixture
def tab(shell: Shell) -> Any:
    shell.window.open("mining", tab="redemptions")
    tab = shell.panel.redemptions
    tab.view.set_value("all")
    tab._fill(ROWS)
    tab.show_matching(1, match_payments(ROWS, [STATEMENT], {5: NOON}, Decimal("0.10"), "EUR"))
    return tab


def test_every_finding_has_a_word() -> None:
    assert set(FINDINGS) == {finding.value for finding in Finding}


def test_findings_stand_beside_the_requests_as_an_external_document(shell: Shell, tab: Any) -> None:
    found = {row.id: row.cells["found"].word for row in tab.table.rows()}
    assert found == {"1": "To complete", "2": "Wrong amount"}
    assert "External document, 1 statement from 2026-03-02 to 2026-03-04: 1 to look at, 1 payment named" in tab.bank_text.text()
    tab.table.select("2")
    tab._select()
    said = readable(tab)
    assert "4.99 EUR were paid, 5.00 EUR are owed." in said and "never proven" in said and "Proven" not in said
    lines = {row.id: row.cells for row in tab.detail.compared.rows()}
    assert lines["Amount"]["chain"].endswith("AZR, 5.00 EUR") and lines["Amount"]["agrees"].word == "differs"
    assert lines["Reference"]["agrees"].word == "agrees"
    privacy.set_hidden(True)
    shell.until(lambda: "4.99" not in readable(tab.detail))  # the labels of before go with the next turn of the loop
    assert "4.99" not in str([row.cells["bank"] for row in tab.detail.compared.rows()])


def test_views_count_what_they_show_and_a_payment_leads_to_its_request(shell: Shell, tab: Any) -> None:
    words = [tab.view.button(view).text() for view in ("all", "open", "look", "closed", "payments")]
    assert words == ["All 2", "Open 2", "To look at 1", "Closed 0", "Payments 3"]
    tab.view.set_value("look")
    tab._show_view()
    assert [row.id for row in tab.table.rows()] == ["2"]
    tab.view.set_value("payments")
    tab._show_view()
    listed = [(row.cells["reference"], row.cells["request"], row.cells["found"].word) for row in tab.payments.rows()]
    assert listed == [  # what a person must look at comes first
        ("RENT", "–", "No request"),
        ("INVOICE-2", "R-2", "Wrong amount"),
        ("INVOICE-1", "R-1", "To complete"),
    ]
    assert not tab.detail.isVisibleTo(tab)  # the rent is nobody's
    tab.act("next")
    assert tab.detail.pane.title() == "R-2"
    tab.payments.activated.emit(tab.payments.rows()[2].id)
    assert tab.view.value() == "all" and tab.table.selected_id() == "1"


def test_a_fitting_payment_fills_the_completion_and_one_that_does_not_warns(shell: Shell, tab: Any) -> None:
    tab.table.select("1")
    tab._select()
    tab.act("complete")
    form = shell.window.findChild(CompleteForm)
    assert form.bank_reference.text() == "INVOICE-1"  # the bank's number is too short to be told from others
    assert "One payment fits" in readable(form) and "cannot prove it" in readable(form)
    tab.act("next")  # the list goes from the newest to the oldest: nothing comes after R-1
    tab.act("previous")
    tab.act("cancel")
    assert "shows a payment with its reference" in readable(shell.window.findChild(CancelForm))


def test_nothing_is_planned_for_a_request_that_is_closed(shell: Shell, tab: Any) -> None:
    tab._fill([replace(ROWS[0], status=RedemptionStatus.COMPLETED, bank_reference="INVOICE-1", closed_block=9)])
    tab.act("complete")
    assert shell.said() == "No open request is chosen. Nothing was planned."
    assert not tab.detail.complete.isVisibleTo(tab)


def test_a_refund_waits_for_the_timeout_and_says_until_when(shell: Shell, tab: Any) -> None:
    tab._fill([replace(ROWS[0], refundable_at=NOON + 60)])
    for block_time, may, why in (
        (0, False, "not known yet"),
        (NOON + 59, False, "possible from 01 Mar 2026 12:01:00 UTC; the newest block is of 01 Mar 2026 12:00:59 UTC"),
        (NOON + 60, True, "anybody may send the escrow back"),
    ):
        tab._block_time = block_time
        tab._select()
        assert tab.detail.refund.isVisibleTo(tab) and tab.detail.refund.isEnabled() is may
        assert why in tab.detail.refund.toolTip()
        shell.window.trigger("mining.refund")
        form = shell.window.findChild(RefundForm)
        assert (form is not None) is may
        if not may:
            assert why in shell.said() and shell.said().endswith("Nothing was planned.")
    assert form.title == "Refund redemption R-1" and "Refunded, the holder keeps both" in readable(form)
    assert "Anybody may; it pays the fee" in readable(form)
    tab._fill([replace(ROWS[0], status=RedemptionStatus.REFUNDED, closed_block=9)])
    assert not tab.detail.refund.isVisibleTo(tab)


def test_payments_that_nobody_asked_for_are_listed(shell: Shell, tab: Any) -> None:
    form = StatementForm(shell.panel)
    form.show_read([STATEMENT], match_payments(ROWS, [STATEMENT], {5: NOON}, None, "EUR"))
    said = readable(form)
    assert "RENT" in said and "777.00" in said and "INVOICE-1" not in said


def test_a_statement_is_imported_once_and_what_is_refused_is_said_at_the_field(shell: Shell, tab: Any, tmp_path: Path) -> None:
    file = tmp_path / "march.csv"
    file.write_text("date,amount,currency,reference,name,id\n2026-03-02,-10.00,EUR,INVOICE-1,Ada,B1\n")
    form = StatementForm(shell.panel)
    form.path.setText(str(file))
    form.finished(shell.ask(form.work()))
    assert "march.csv was imported: CSV, 1 payment," in form.note.text() and "never proven" in form.note.text()
    form.path.setText(str(file))
    with pytest.raises(Exception, match="is here already") as told:
        shell.ask(form.work())
    assert form.show_error(told.value)
    form.path.setText(str(tmp_path / "gone.csv"))
    with pytest.raises(Invalid, match="Nothing was imported"):
        shell.ask(form.work())
