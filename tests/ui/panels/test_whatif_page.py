"""What-if in the panel: the contracts' own answer, called a simulation; a field that cannot be read is named and nothing runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.compiler]
AZR = 10**18


@pytest.fixture
def page(shell: Shell) -> Any:
    shell.window.open("mining", tab="whatif")
    return shell.panel.emission.whatif


def test_a_field_out_of_range_is_named_and_nothing_runs(page: Any) -> None:
    for name, wrong in (("epochs", "many"), ("cap", "-5"), ("burn_rate", "10001")):
        before = page.edits[name].text()
        page.edits[name].setText(wrong)
        page.simulate()
        assert page.fields[name].error and page.try_.isEnabled() and not page.table.rows()
        page.edits[name].setText(before)


def test_the_contracts_answer_epoch_by_epoch_and_it_is_called_a_simulation(shell: Shell, page: Any) -> None:
    asked = {"epochs": "3", "epoch_budget": "250", "proofs": "3", "reward": "100", "cap": "450"}
    for name, text in asked.items():
        page.edits[name].setText(text)
    page.simulate()
    shell.until(lambda: page.table.rows(), 120_000)
    cells = [row.cells for row in page.table.rows()]
    assert [row["value"].value for row in cells] == [200 * AZR, 200 * AZR, 0]
    assert cells[0]["supply"].value == 200 * AZR and "1 " in cells[0]["refused"]
    assert "The cap refuses from epoch" in page.note.text() and "Simulation" in page.note.text()
    assert "Proven" not in readable(page)
