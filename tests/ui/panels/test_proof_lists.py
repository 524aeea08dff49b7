"""Lists of proofs in the panel: what became of each row is read in the form; a watch is a job that the same button ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Invalid
from app.core.jobs import JobState
from app.mining.intake import IntakeOutcome, IntakeReport
from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import Shell
from ui.panels.mining.lists import ImportForm
from ui.panels.mining.panel import Read

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(shell: Shell) -> Any:
    shell.window.open("mining", tab="queue")
    return shell.panel


def test_what_became_of_each_row_is_told_with_its_reason(shell: Shell, panel: Any) -> None:
    form = ImportForm(panel)
    outcomes = (
        IntakeOutcome(2, 4_127, "ready"),
        IntakeOutcome(3, None, "known", "This evidence has earned already, in proof #12."),
        IntakeOutcome(4, None, "refused", "“lots” is no score. Nothing was queued."),
    )
    form.finished(IntakeReport("march.csv", outcomes))
    said = readable(form)
    assert "march.csv: 1 of 3 rows are in the queue now, 1 were known before, 1 were refused." in said
    assert "#4,127" in said and "Refused" in said and "“lots” is no score" in said
    form._tell("4")
    assert form.why.text() == "Line 4: “lots” is no score. Nothing was queued."


def test_a_list_that_is_not_there_is_said_at_the_field(shell: Shell, panel: Any, tmp_path: Path, monkeypatch: Any) -> None:
    form = ImportForm(panel)
    monkeypatch.setattr(form, "network_id", lambda: "lab")
    with pytest.raises(Invalid) as told:
        form.work()
    assert told.value.field == "file"
    form.path.setText(str(tmp_path / "none.csv"))
    with pytest.raises(Invalid, match=r"none\.csv cannot be read") as told:
        shell.ask(form.work())
    assert form.show_error(told.value) and "Nothing was queued" in readable(form)


def test_the_button_that_began_a_watch_ends_it(shell: Shell, panel: Any, tmp_path: Path) -> None:
    networks = shell.ask(lambda: _listed(shell))
    shell.ask(lambda: shell.console.networks.select(networks[0].id))
    panel.queue.watch.watch(str(tmp_path))
    shell.until(lambda: panel.queue.watch.job is not None)
    job = panel.queue.watch.job
    assert panel.queue.watch.button.text() == "Stop watching"
    panel.queue.watch.toggle()
    shell.until(lambda: panel.queue.watch.job is None)
    assert job.state is JobState.CANCELLED and panel.queue.watch.button.text() == "Watch folder…"
    panel.queue.watch.watch(str(tmp_path / "gone"))
    shell.until(lambda: "There is no folder" in shell.said())
    shell.until(lambda: panel.queue.watch.job is None)


async def _listed(shell: Shell) -> Any:
    return shell.console.networks.list()


def test_beside_an_open_sheet_the_panel_fits_into_the_smallest_window(shell: Shell, panel: Any) -> None:
    panel.header.set_context("A network with a long name, MintMine 0x39a6…fCBD")
    panel.show_read(Read("A network with a long name", "0x" + "39" * 20))
    for tab in ("queue", "review", "workers", "emission", "whatif", "redemptions"):
        panel.show_tab(tab)
        wide = [panel.header.minimumSizeHint().width(), panel.stack.minimumSizeHint().width()]
        assert max(wide) <= 686, tab  # 1180 less navigation and sheet
