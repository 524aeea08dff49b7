"""Ten thousand proofs: read in pages, sorted and filtered by the store, all of them reached by scrolling, none of them twice."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.settings import NetworkSetting
from app.mining.proofs import ProofStatus
from app.mining.tables import value_proofs as table
from tests.conftest import Node
from tests.mining.many import rows_of
from tests.ui.shell.desk import Shell
from ui.panels.mining.paging import PAGE
from ui.panels.mining.review import ReviewPage

pytestmark = [pytest.mark.gui, pytest.mark.node]
MANY = 10_000


@pytest.fixture
def page(shell: Shell, node: Node) -> Any:
    """The page of review over a network with that many proofs, a half of them waiting."""
    console = shell.console
    if all(network.id != "many" for network in console.networks.list()):
        setting = NetworkSetting(id="many", name="Many", rpc_url=node.url, chain_id=1337, environment="local")
        shell.ask(lambda: console.networks.add(setting))
        key = console.networks.get("many").key.text
        shell.ask(
            lambda: console.database.write(lambda connection: connection.execute(table.insert(), rows_of(key, MANY)) and None)
        )
    shell.ask(lambda: console.networks.select("many"))
    shell.window.open("mining", tab="review")
    page: ReviewPage = shell.panel.review
    page.text.clear()
    page.state.setCurrentIndex(page.state.findData("in_review"))
    page.pages.rows.clear()  # from the beginning, whatever the test before has loaded
    page.pages._sort("number", False)
    shell.until(lambda: len(page.pages.rows) == PAGE and not page.pages.complete)
    return page


def turned(shell: Shell, page: ReviewPage) -> list[int]:
    """The newest first; the numbers that are shown."""
    page.pages._sort("number", True)
    shell.until(lambda: numbers(page)[:1] == [MANY - 1])
    return numbers(page)


def numbers(page: ReviewPage) -> list[int]:
    """As the table shows them."""
    assert [row.id for row in page.table.rows()] == list(page.pages.rows)
    return [row.number for row in page.pages.rows.values()]


def move(shell: Shell, number: int, status: ProofStatus) -> None:
    """Another console moves a proof."""
    query = table.update().where(table.c.number == number).values(status=status.value)
    shell.ask(lambda: shell.console.database.write(lambda connection: connection.execute(query) and None))


def read(shell: Shell, page: ReviewPage, asked: Any) -> list[Any]:
    """What the store gives to a refresh."""
    question, network = asked.question, shell.console.networks.current.id
    reviewing = shell.console.mining.reviewing
    return shell.ask(lambda: reviewing.page(network, question.wanted, asked.size, by=question.by, descending=question.descending))


def to_the_end(shell: Shell, page: ReviewPage) -> None:
    """Scroll down until nothing more comes."""
    bar = page.table.verticalScrollBar()
    while not page.pages.complete:
        before = len(page.pages.rows)
        bar.setValue(bar.maximum())
        shell.until(lambda before=before: len(page.pages.rows) > before or page.pages.complete)  # type: ignore[misc]


def test_everything_is_reached_by_scrolling_once_and_in_order(shell: Shell, page: ReviewPage) -> None:
    assert page.marks.text() == "5,000 proofs here"
    to_the_end(shell, page)
    numbers = [row.number for row in page.pages.rows.values()]
    assert numbers == list(range(1, MANY, 2))
    assert [row.id for row in page.table.rows()] == list(page.pages.rows)
    shown = page.pages.rows
    page.refresh()  # as when the queue changed: the place is kept
    shell.until(lambda: page.pages.rows is not shown)
    assert len(page.pages.rows) == MANY // 2


def test_the_store_sorts_all_of_them_not_only_those_that_are_here(shell: Shell, page: ReviewPage) -> None:
    heading = [column.id for column in page.table._columns].index("reward")
    for press in range(2):  # the second press turns it around
        page.table._sort(heading)
        shell.until(lambda most=press * 10 * 10**18: next(iter(page.pages.rows.values())).reward == most)  # type: ignore[misc]
    to_the_end(shell, page)
    found = [(row.reward, row.number) for row in page.pages.rows.values()]
    assert found == sorted(found, reverse=True) and len(set(found)) == MANY // 2


def test_a_filter_begins_at_the_beginning_and_a_proof_of_a_later_page_is_looked_at(shell: Shell, page: ReviewPage) -> None:
    to_the_end(shell, page)
    page.text.setText("chapter_99")
    shell.until(lambda: len(page.pages.rows) < PAGE)
    names = [row.evidence_name for row in page.pages.rows.values()]
    assert names and all(name.startswith("chapter_99") for name in names) and page.pages.complete
    page.look_at("many-08000")
    shell.until(lambda: page.table.selected_id() == "many-08000")
    assert page.pages.rows["many-08000"].number == 8_000 and len(page.pages.rows) == PAGE + 1


@pytest.mark.parametrize("first", ["page", "refresh"])
def test_a_page_that_comes_while_all_is_read_again_doubles_and_loses_nothing(shell: Shell, page: ReviewPage, first: str) -> None:
    """Another console puts one proof on top and takes one away while the reader scrolls on."""
    turned(shell, page)
    chosen = page.table.rows()[40].id
    page.table.select(chosen)
    try:
        move(shell, MANY, ProofStatus.IN_REVIEW)  # a new one on top: all others move down by one
        asked = page.pages.request()
        rows = read(shell, page, asked)
        page.pages.more()
        if first == "page":
            shell.until(lambda: len(page.pages.rows) == 2 * PAGE)
        page.pages.show(rows, asked)
        wanted = [MANY, *range(MANY - 1, 0, -2)]
        shell.until(lambda: len(page.pages.rows) >= 2 * PAGE and numbers(page)[:1] == [MANY])
        assert numbers(page) == wanted[: len(page.pages.rows)]
        assert page.table.selected_ids() == [chosen]

        move(shell, MANY, ProofStatus.REJECTED)  # and gone again, with the page after next on its way
        many = len(page.pages.rows)
        asked = page.pages.request()
        rows = read(shell, page, asked)
        page.pages.more()
        if first == "page":
            shell.until(lambda: len(page.pages.rows) > many)
        page.pages.show(rows, asked)
        shell.until(lambda: len(page.pages.rows) > many and numbers(page)[0] == MANY - 1)
        assert numbers(page) == wanted[1 : len(page.pages.rows) + 1]
        assert page.table.selected_ids() == [chosen] and not page.pages.complete
    finally:
        move(shell, MANY, ProofStatus.REJECTED)


def test_a_refresh_leaves_the_reader_where_they_are(shell: Shell, page: ReviewPage) -> None:
    turned(shell, page)
    page.table.select(page.table.rows()[3].id)
    bar = page.table.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    place, shown = bar.value(), page.pages.rows
    page.refresh()
    shell.until(lambda: page.pages.rows is not shown)
    assert bar.value() == place and page.table.selected_ids() == [page.table.rows()[3].id]
