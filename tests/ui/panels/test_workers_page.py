"""The workers page: what is shown of a worker and where it comes from, what can be asked of whom, and what a refused form says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtWidgets import QPushButton

from app.core.errors import Invalid
from app.mining.kernel.bench import Bench, Rate
from app.mining.work.contract import WorkState
from app.mining.work.economics import Prices, profit_of
from app.mining.work.roll import Worker, WorkerState
from app.mining.work.rules import propose
from app.mining.work.scaling import Crew
from tests.ui.panels.test_wallets_panel import readable
from tests.ui.shell.desk import Shell
from ui.panels.mining.worker_forms import PricesForm, StartForm
from ui.panels.mining.workers import Reading, WorkersPage
from ui.widgets import privacy

pytestmark = pytest.mark.gui
AZR = 10**18
WORK = WorkState(
    "0x" + "11" * 20, 4_711, "0x" + "22" * 32, 1_700_000_000, b"c" * 32, (1 << 236) - 1, 1024, 50 * AZR, 5, 0, 250 * AZR, 0, 2
)
PRICES = Prices(Decimal("0.10"), Decimal("0.30"), "EUR")
RIG = Worker(
    id="w1", name="rig", network="1:0x", contract=WORK.contract, miner="0x" + "33" * 20, host="desk", place="local", pid=1,
    state=WorkerState.SEARCHING, problem="", instruction_set="AVX-512", threads=2, throttle=100, hash_rate=1_250_000,
    hashes=10**9, accepted=10, stale=1, rejected=0, wrong=0, watts=100.0, watts_from="measured", celsius=60.0, wanted={},
    started_at=0, seen_at=1_000_000, ended_at=0,
)  # fmt: skip


@pytest.fixture
def page(shell: Shell) -> Any:
    """The page in front, over a console without a network: what it shows is given to it."""
    shell.window.open("mining", tab="workers")
    page: WorkersPage = shell.panel.workers
    shell.until(lambda: page.read.why or page.empty.isVisible())
    page._again.stop()
    shell.until(lambda: not page._reading)
    return page


def show(page: WorkersPage, *workers: Worker, prices: Prices = PRICES, crew: Crew | None = None) -> None:
    told = tuple((worker, profit_of(worker, WORK, prices)) for worker in workers)
    page.show_reading(Reading("lab", "Lab", "", WORK, told, tuple(propose(workers, WORK, prices, 0, crew))))


def cells(page: WorkersPage, worker_id: str) -> Any:
    return next(row.cells for row in page.table.rows() if row.id == worker_id)


def test_figures_name_their_block_and_power_says_where_it_comes_from(page: WorkersPage) -> None:
    read_off = replace(RIG, id="w2", watts_from="entered")
    unknown = replace(RIG, id="w3", watts=None, watts_from="")
    show(page, RIG, read_off, unknown)
    said = readable(page)
    assert "at block 4,711" in said and "3.75 MH/s" in said and "1.0 M" in said
    assert [cells(page, name)["power"] for name in ("w1", "w2", "w3")] == ["100.0 W measured", "100.0 W entered", "–"]
    assert cells(page, "w3")["profit"] == "–" and cells(page, "w1")["profit"].unit == "EUR"
    page.table.select("w3")
    page._chosen()
    assert "without: power" in page.about.text()


def test_what_is_earned_is_hidden_with_the_other_amounts(page: WorkersPage) -> None:
    privacy.set_hidden(True)
    show(page, RIG)
    said = readable(page)
    profit = cells(page, "w1")["profit"].value
    assert not [number for number in ("50.0000", f"{profit // 10**6:,}.") if number in said]
    assert "hidden amount EUR" in said
    privacy.set_hidden(False)


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        ("searching", {"pause", "throttle", "stop"}),
        ("waiting", {"pause", "throttle", "stop"}),
        ("paused", {"resume", "throttle", "stop"}),
        ("silent", {"forget"}),
        ("stopped", {"forget"}),
    ],
)
def test_only_what_a_worker_can_follow_is_offered_in_bar_and_menu(page: WorkersPage, state: str, offered: set[str]) -> None:
    show(page, replace(RIG, state=WorkerState(state)))
    assert {act for act, made in page.orders.items() if made.isVisibleTo(page)} == offered
    menu = [action.text() for action in page.table.context_menu().actions()]
    words = {made.text() for made in page.orders.values()}
    assert {word for word in menu if word in words} == {page.orders[act].text() for act in offered}


def test_an_order_and_a_proposal_become_the_plans_they_say(page: WorkersPage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(page._panel.window_, "run_plan", lambda work, label: asked.append(work))
    monkeypatch.setattr(page._panel.window_, "open_form", lambda form: asked.append(form))
    show(page, replace(RIG, state=WorkerState.SILENT))
    assert "has not been heard of" in readable(page)
    page.take(page.read.proposals[0])
    page.order("forget")
    assert len(asked) == 2 and all(callable(work) for work in asked)
    page.take(SimpleNamespace(act="start", threads=3, reason="3 cores are idle."))  # type: ignore[arg-type]
    assert isinstance(asked[2], StartForm) and asked[2].threads.value() == 3


def test_pods_are_scaled_where_their_deployment_is_known_and_else_the_button_says_why_not(
    page: WorkersPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(page._panel.window_, "run_plan", lambda work, label: asked.append(work))
    pods = [replace(RIG, id=f"p{n}", host=f"mint-worker-{n}", place="kubernetes", watts=1e9) for n in range(2)]
    show(page, *pods, replace(RIG, place="remote"), crew=Crew("their Deployment", 2, "No connected cluster runs these pods."))
    assert (cells(page, "p0")["place"], cells(page, "w1")["place"]) == ("Pod", "Remote")
    button = page.findChildren(QPushButton, "mining.proposal.0")[-1]  # those before it are about to go
    assert button.text() == "Scale to 0…" and not button.isEnabled()
    assert "No connected cluster" in button.toolTip() and "No connected cluster" in readable(page)
    show(page, *pods, crew=Crew("mint-worker", 2))
    button = page.findChildren(QPushButton, "mining.proposal.0")[-1]
    assert button.isEnabled() and "2 of the 2 pods of mint-worker" in readable(page)
    button.click()
    assert len(asked) == 1


def test_a_measured_machine_is_told_by_instruction_set(page: WorkersPage) -> None:
    show(page, RIG)
    page.machine.show_bench(
        Bench("AVX-512", 21.5, 41.25, 2, 2.0, 0.4, 9_000_000, (Rate("AVX-512", 21.5, 0.2), Rate("plain", 0.01, 0)))
    )
    said = readable(page)
    assert "41.25 MH/s by the clock, AVX-512" in said and "0.010 MH/s per core" in said


def test_prices_are_kept_all_or_none(shell: Shell, page: WorkersPage) -> None:
    form = PricesForm(page._panel)
    form.azr.setText("0.28")
    form.energy.setText("cheap")
    with pytest.raises(Invalid) as told:
        form.work()
    assert told.value.field == "energy_price" and form.show_error(told.value)
    assert shell.console.settings.value.mining.azr_price == ""
    form.energy.setText("0.31")
    form.currency.setText("chf")
    shell.ask(form.work())
    kept = shell.console.settings.value.mining
    assert (kept.azr_price, kept.energy_price, kept.currency) == ("0.28", "0.31", "CHF")


def test_without_proof_of_work_the_page_says_so_and_leads_to_its_deployment(shell: Shell, page: WorkersPage) -> None:
    page.show_reading(Reading("lab", "Lab", "work"))
    assert "Lab has no proof of work" in page.empty.accessibleName()
    assert page.empty.button is not None
    page.empty.button.click()
    shell.until(lambda: shell.at == "contracts" and shell.window.sheet is not None)
    form = shell.window.sheet._form
    assert form.chosen.id == "work"
    shell.window.sheet.close_sheet()
    shell.window.open("contracts", form="deploy", system="no-such")  # a link is input from outside
    assert "no-such" in shell.said()
