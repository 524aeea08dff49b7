"""A contract of the demo's chain is verified; its bundle proves it again, and a bundle that was touched proves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QFileDialog

from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.compiler, pytest.mark.node]


@pytest.fixture
def page(shell: Shell, made: Any) -> Any:
    """The page on the token of the demo."""
    shell.window.open("contracts", page="verify")
    shell.until(lambda: len(shell.panel.deployed.table.rows()) == 4)
    shell.panel.deployed.table.select(next(item.address for item in shell.panel.book if item.name == "AzoraToken"))
    shell.panel.show_page("verify")
    page = shell.panel.pages["verify"]
    page.refresh()
    return page


def verified(shell: Shell, page: Any) -> Any:
    page.go.click()
    assert page.stack.currentWidget() is page.loading and not page.go.isEnabled()
    shell.until(lambda: page.stack.currentWidget() is not page.loading, 120_000)
    assert page.stack.currentWidget() is page.content, page.failed.accessibleName()
    return page.result.found


def test_the_verdict_says_what_is_proven_by_three_checks(shell: Shell, page: Any) -> None:
    assert page.stack.currentWidget() is page.none and not page.export.isEnabled()
    found = verified(shell, page)
    assert page.verdict.text() == f"Exact. {found.statement}"
    assert {key: state.text() for key, (state, _) in page.checks.items()} == dict.fromkeys(
        ("creation", "runtime", "replay"), "Matches"
    )
    assert all(text.text() for _, text in page.checks.values())
    assert {row.cells["kind"] for row in page.values.rows()} == {"Address", "Transaction", "Argument", "Immutable"}
    assert page.alike.isVisible() and not page.differences.isVisible()
    page.export.click()
    dialog = page.findChild(QFileDialog, "file.dialog")
    assert dialog.isVisible() and dialog.fileMode() is QFileDialog.FileMode.Directory
    dialog.close()


def test_a_bundle_proves_it_again_and_one_that_was_touched_proves_nothing(shell: Shell, page: Any, tmp_path: Any) -> None:
    verified(shell, page)
    page.export_to(tmp_path)
    shell.until(lambda: list(tmp_path.rglob("manifest.json")))
    (place,) = (file.parent for file in tmp_path.rglob("manifest.json"))
    assert place.parent.parent.name == "full_match"
    shell.until(lambda: str(place) in shell.said())
    before = page.result
    page.verify_bundle(place)
    shell.until(lambda: page.result is not before and page.stack.currentWidget() is page.content, 120_000)
    assert page.result.found.verdict.value == "exact"
    source = next(file for file in place.rglob("AzoraToken.sol"))
    source.write_text(source.read_text() + " ")
    page.verify_bundle(place)
    shell.until(lambda: page.stack.currentWidget() is page.failed)
    assert "is not the file that its manifest names" in page.failed.accessibleName()
    assert not page.export.isEnabled()


def test_a_difference_is_named_in_the_table(shell: Shell, page: Any, tmp_path: Any) -> None:
    """The bundle of the token, moved to the address of another contract: the code there is another."""
    verified(shell, page)
    page.export_to(tmp_path)
    shell.until(lambda: list(tmp_path.rglob("manifest.json")))
    (place,) = (file.parent for file in tmp_path.rglob("manifest.json"))
    shell.until(lambda: str(place) in shell.said())
    other = next(item.address for item in shell.panel.book if item.name == "Emission")
    (place / "creator-tx-hash.txt").unlink()
    (place / "manifest.json").unlink()
    page.verify_bundle(place.rename(place.parent / other))
    shell.until(lambda: page.verdict.text().startswith("Another code."), 120_000)
    assert page.result.found.address == other and "Emission" not in page.about.text()
    assert page.differences.isVisible() and not page.export.isEnabled()
    assert {row.cells["kind"] for row in page.differences.rows()} & {"Code", "Length"}
    assert page.checks["runtime"][0].text() == "Differs"
