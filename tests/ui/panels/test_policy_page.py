"""The reward policy in the panel: versions, a text that cannot be read, a dry run called a simulation, and a version set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind
from app.mining.burning import BurnRates
from app.mining.policies import DryRun, Tried
from app.mining.policy import policy_v1
from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import Shell
from ui.panels.mining.policy import BurnRateForm, PolicyForm, PolicyPage

pytestmark = pytest.mark.gui
AZR = 10**18


@pytest.fixture
def page(shell: Shell) -> Any:
    shell.window.open("mining", tab="policy")
    page: PolicyPage = shell.panel.emission.policy
    shell.until(lambda: page.table.rows() and page.text.toPlainText())
    return page


def test_the_release_has_a_version_with_its_rates_and_digest(shell: Shell, page: PolicyPage) -> None:
    (row,) = page.table.rows()
    assert row.cells["name"] == "value-v1" and row.cells["state"].word == "Now"  # type: ignore[attr-defined]
    shell.until(lambda: "Translation" in readable(page))
    assert policy_v1().digest[:8] in readable(page).replace("\u200b", "")
    assert json.loads(page.text.toPlainText())["version"] == 1


def test_a_text_that_is_no_policy_is_refused_at_the_page(page: PolicyPage) -> None:
    page.text.setPlainText('{"a": 1, "a": 2}')
    page.dry_run()
    assert page.problem.isVisibleTo(page) and "Nothing was done" in page.problem.accessibleName()
    page.text.setPlainText("[]")
    with pytest.raises(Invalid, match="A policy is a JSON object"):
        page.body()


def test_a_dry_run_says_what_would_have_been_and_that_it_is_a_simulation(shell: Shell, page: PolicyPage) -> None:
    rows = (
        Tried(3, "0x" + "33" * 20, "translation", 90, 50 * AZR, 40 * AZR, "", "", ""),
        Tried(4, "0x" + "33" * 20, "translation", 90, 50 * AZR, 0, "The day's cap is reached.", "day", ""),
    )
    evidence = Evidence(EvidenceKind.ROW, "2 proofs")
    page.show_tried(DryRun(policy_v1(), rows, 100 * AZR, 40 * AZR, 2 * AZR, {"day": 1}, 1, 0, (), evidence))
    said = page.told.text()
    assert "100.0000 AZR then, 40.0000 AZR now, 2.0000 AZR of it burned" in said and "day 1" in said
    assert said.endswith("Simulation over the proofs of this queue: nothing was changed.")
    assert [row.cells["why"] for row in page.rows.rows()] == ["–", "The day's cap is reached."]


def test_the_next_version_is_set_by_a_plan_and_listed(shell: Shell, page: PolicyPage, monkeypatch: pytest.MonkeyPatch) -> None:
    page.table.select("1")
    page._shown = ""
    page._chosen()
    page.begin_next()
    body = page.body()
    assert body["version"] == 2
    form = PolicyForm(shell.panel, body)
    form.since.setText("soon")
    with pytest.raises(Invalid) as told:
        form.work()
    assert told.value.field == "valid_from"
    form.since.clear()
    form.note.setText("Spring")
    plan = shell.ask(form.work())
    done = shell.ask(lambda: shell.console.operations.execute(plan.id))
    assert str(done.state) == "done", done.reason
    page.refresh()
    shell.until(lambda: len(page.table.rows()) == 2)
    first, second = page.table.rows()
    assert (first.cells["name"], first.cells["note"], second.cells["state"].word) == ("value-v2", "Spring", "Before")  # type: ignore[attr-defined]


def test_a_contract_that_burns_something_else_is_told_with_a_way_out(shell: Shell, page: PolicyPage) -> None:
    evidence = Evidence(EvidenceKind.BLOCK, "7")
    page.show_rates(BurnRates(250, 100, "value-v1", evidence))
    assert "burns 2.50 % of each reward, value-v1 says 1.00 %. The contract decides." in readable(page)
    page.set_rate.click()
    form = shell.window.findChild(BurnRateForm)
    with pytest.raises(Invalid, match="Nothing was planned"):  # no network is selected
        form.work()
    page.show_rates(BurnRates(100, 100, "value-v1", evidence))
    assert not page.set_rate.isVisibleTo(page) and "as value-v1 says" in readable(page)
    page.show_rates(None)
    assert not page.rates.isVisibleTo(page)
