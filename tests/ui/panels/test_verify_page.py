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
    words = lambda: {row.id: row.cells["code"].word for row in shell.panel.deployed.table.rows()}  # noqa: E731
    shell.until(lambda: words()[found.address] == "Verified")
    assert sorted(words().values()) == ["Ours"] * 3 + ["Verified"]
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


def against(shell: Shell, page: Any, name: str) -> Any:
    """The form that asks for a source, once our contracts are compiled and this one is chosen."""
    page.against.click()
    form = shell.window.sheet._form
    shell.until(lambda: form.of.contract.count(), 120_000)
    form.of.contract.setCurrentIndex(
        next(at for at in range(form.of.contract.count()) if form.of.contract.itemText(at).split()[0] == name)
    )
    return form


def test_a_contract_is_verified_against_a_source_and_arguments_of_ones_own(shell: Shell, page: Any, made: Any) -> None:
    form = against(shell, page, "AzoraToken")
    assert form.address.text() == page.chosen.address and form.of.arguments.isHidden()
    form.given.setChecked(True)
    accounts = dict(made.accounts)
    form.of.arguments.fields["0"].widget.setEditText(accounts["Demo officer"])  # it was the treasury
    before = page.result
    shell.window.sheet.preview.click()
    shell.until(lambda: page.result is not before, 60_000)
    shell.until(lambda: page.differences.rows())
    (row,) = (row for row in page.differences.rows() if "rgument" in row.cells["kind"])
    assert accounts["Demo officer"].lower()[2:] in str(row.cells["expected"]).lower()

    form, before = against(shell, page, "Emission"), page.result
    shell.window.sheet.preview.click()
    shell.until(lambda: page.result is not before, 60_000)
    assert page.result.found.name == "Emission" and page.verdict.text().startswith("Another code.")


def test_a_folder_of_its_own_is_a_project_to_verify_against(shell: Shell, page: Any, tmp_path: Any) -> None:
    folder = tmp_path / "box"
    folder.mkdir()
    (folder / "Box.sol").write_text("// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\ncontract Box { uint256 public x; }")
    form = against(shell, page, "AzoraToken")
    form.add_folder(folder)
    shell.until(lambda: [form.of.contract.itemText(at).split()[0] for at in range(form.of.contract.count())] == ["Box"], 60_000)
    assert form.given.isHidden(), "its constructor takes nothing"
    shell.window.sheet.preview.click()
    shell.until(lambda: page.result is not None and page.result.found.name == "Box", 60_000)
    assert page.result.found.verdict.value == "differs"
