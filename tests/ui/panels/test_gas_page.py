"""Gas is measured by tests and on the chain, kept as a baseline, and what grew is seen against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.compiler, pytest.mark.node]
HEAD = "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\n"
COUNTER = HEAD + "contract Counter { uint256 public count; function set(uint256 to) external { count = to; } }"
TESTED = (
    HEAD + 'import "../src/Counter.sol"; contract CounterTest { function test_sets() external {\n'
    "Counter c = new Counter(); c.set(1); c.set(2); c.set(3); require(c.count() == 3); } }"
)


@pytest.fixture
def page(shell: Shell) -> Any:
    shell.window.open("contracts", page="gas")
    shell.until(lambda: shell.panel.sources.tree.topLevelItemCount())
    return shell.panel.pages["gas"]


def measured(shell: Shell, page: Any, go: Any) -> dict[str, Any]:
    """Press a button and wait; rows of functions by name."""
    go.click()
    assert page.stack.currentWidget() is page.loading and not page.tests.isEnabled()
    shell.until(lambda: page.stack.currentWidget() is not page.loading, 120_000)
    return {row.cells["function"]: row.cells for row in page.functions.rows()}


def test_tests_are_measured_and_what_grew_is_shown_against_the_kept_baseline(shell: Shell, page: Any, tmp_path: Path) -> None:
    folder = tmp_path / "counter"
    for name, text in (
        ("foundry.toml", "[profile.default]\noptimizer = true\n"),
        ("src/Counter.sol", COUNTER),
        ("test/Counter.t.sol", TESTED),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    tree = shell.panel.sources.tree
    count = tree.topLevelItemCount()
    shell.panel.sources.add(str(folder))
    shell.until(lambda: tree.topLevelItemCount() == count + 1)
    tree.setCurrentItem(tree.topLevelItem(count))
    assert not page.keep.isEnabled()
    found = measured(shell, page, page.tests)
    assert found["set(uint256)"]["calls"] == 3 and found["set(uint256)"]["before"] is None
    (row,) = page.contracts.rows()
    assert row.cells["contract"] == "Counter" and row.cells["share"].word == "1%"
    assert "No baseline is kept." in page.note.text()
    page.keep.click()
    shell.until(lambda: "every figure is as in the baseline" in page.note.text().lower())
    tree.topLevelItem(count).setText(0, "Before")
    shell.panel.refresh()
    shell.until(lambda: tree.topLevelItem(count) is not None and tree.topLevelItem(count).text(0) == "counter")
    assert shell.panel.sources.project() == folder
    assert (folder / "gas-baseline.json").is_file()
    (folder / "src/Counter.sol").write_text(COUNTER.replace("count = to;", "count = to; count = to + 1; count = to;"))
    before, found = found["set(uint256)"]["median"], measured(shell, page, page.tests)
    assert found["set(uint256)"]["before"] == before and found["set(uint256)"]["change"].startswith("+")
    assert "grew" in page.note.text()
    page.export_to(tmp_path / "gas.csv")
    shell.until(lambda: "gas.csv" in shell.said())
    assert (tmp_path / "gas.csv").read_text().startswith("contract,source,function,calls,min")
    (folder / "test/Counter.t.sol").write_text(TESTED.replace("== 3", "== 4"))
    measured(shell, page, page.tests)
    assert page.stack.currentWidget() is page.failed and "A test fails" in page.failed.accessibleName()
    assert not page.keep.isEnabled() and page.tests.isEnabled()


def test_a_run_that_was_stopped_says_so_and_can_be_begun_again(shell: Shell, page: Any) -> None:
    assert not page.stop_.isEnabled()
    page.tests.click()
    assert page.stop_.isEnabled() and not page.tests.isEnabled()
    page.stop_.click()
    shell.until(lambda: page.stack.currentWidget() is page.failed)
    assert "was stopped" in page.failed.accessibleName()
    assert page.tests.isEnabled() and not page.stop_.isEnabled() and page.measured is None


def test_the_chain_is_measured_and_its_baseline_is_a_file_of_the_persons_choice(
    shell: Shell, page: Any, made: Any, tmp_path: Path
) -> None:
    shell.until(lambda: len(shell.panel.deployed.table.rows()) == 4)
    found = measured(shell, page, page.chain)
    assert {row.cells["contract"] for row in page.contracts.rows()} == {"AzoraToken", "Emission", "MintMine", "Redemption"}
    grant = found["grantRole(bytes32,address)"]
    assert grant["calls"] >= 1 and 21_000 < grant["least"] <= grant["median"] <= grant["most"]
    assert "21,000" in page.note.text() and all(row.cells["deployment"] > 100_000 for row in page.contracts.rows())
    page.keep_in(tmp_path / "chain.json")
    shell.until(lambda: "as in the baseline" in page.note.text())
    assert measured(shell, page, page.chain)["grantRole(bytes32,address)"]["before"] == grant["median"]
