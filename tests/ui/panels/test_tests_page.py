"""The tests of a project in the Contracts panel: states, a failure with its reason, calls and line, and what may not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.contracts import TestStatus
from tests.ui.shell.desk import Shell

pytestmark = [pytest.mark.gui, pytest.mark.compiler]
TESTS = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

contract Box {
    error TooWide(uint256 width);
    uint256 public width;
    function set(uint256 to) external { if (to > 10) revert TooWide(to); width = to; }
}

contract BoxTest {
    Box box = new Box();
    function test_fits() public { box.set(7); require(box.width() == 7); }
    function test_tooWide() public { box.set(11); }
}
"""


@pytest.fixture
def opened(shell: Shell, tmp_path: Path) -> Any:
    """A way to open a project of one file in front of the page."""

    def open_it(name: str, settings: str = "") -> Any:
        folder = tmp_path / name
        (folder / "src").mkdir(parents=True)
        (folder / "test").mkdir()
        (folder / "test" / "Box.t.sol").write_text(TESTS)
        (folder / "foundry.toml").write_text(f"[profile.default]\n{settings}")
        shell.window.open("contracts")
        panel = shell.panel
        shell.until(lambda: panel.sources.tree.topLevelItemCount())
        known = panel.sources.tree.topLevelItemCount()
        panel.sources.add(str(folder))
        shell.until(lambda: panel.sources.tree.topLevelItemCount() == known + 1)
        panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(known))
        assert panel.sources.project() == folder
        shell.window.trigger("contracts.tests")
        page = panel.pages["tests"]
        shell.until(lambda: page.root == folder and page.suites and not page.stop_button.isEnabled(), 120_000)
        return page

    return open_it


def states(page: Any) -> dict[str, TestStatus]:
    return {test.name.partition("(")[0]: test.status for suite in page.suites.values() for test in suite.tests}


def test_a_failure_tells_its_reason_its_calls_and_its_line(shell: Shell, opened: Any, tmp_path: Path) -> None:
    page = opened("boxes")
    assert states(page) == {"test_fits": TestStatus.LISTED, "test_tooWide": TestStatus.LISTED}
    page.run_button.click()
    assert page.stop_button.isEnabled() and not page.run_button.isEnabled()
    shell.until(lambda: page.report is not None, 120_000)
    assert states(page) == {"test_fits": TestStatus.PASSED, "test_tooWide": TestStatus.FAILED}
    assert page.count.text() == "1 failed, 1 passed" and page.which.button("failed").text() == "Failed 1"
    detail = page.detail
    assert detail.test.name == "test_tooWide()" and "TooWide(11)" in detail.reason.text()
    call = detail.tree.topLevelItem(detail.tree.topLevelItemCount() - 1)
    assert "BoxTest::test_tooWide()" in call.text(0) and "Box::set(11)" in call.child(0).text(0)
    shell.until(lambda: "revert TooWide(to)" in detail.lines.rows()[0].cells["text"])
    page.which.button("failed").click()
    top = page.tree.topLevelItem(0)
    assert [top.child(at).text(0) for at in range(2) if not top.child(at).isHidden()] == ["test_tooWide"]
    page.export(tmp_path / "run.xml")
    shell.until(lambda: "2 tests are written" in shell.said())
    assert ElementTree.parse(tmp_path / "run.xml").getroot().get("failures") == "1"
    detail.lines.activated.emit("0")
    shell.until(lambda: shell.panel.tabs.value() == "build" and shell.panel.build.source.line == 7)


def test_only_what_failed_runs_again_and_a_run_can_be_stopped(shell: Shell, opened: Any) -> None:
    page = opened("again")
    page.which.set_value("all")
    page.run()
    shell.until(lambda: page.report is not None, 120_000)
    page.report = None
    source = page.root / "test" / "Box.t.sol"
    source.write_text(TESTS.replace("box.set(11)", "box.set(10)"))
    page.failed_button.click()
    shell.until(lambda: page.report is not None, 120_000)
    assert [test.name for test in page.report] == ["test_tooWide()"]
    assert set(states(page).values()) == {TestStatus.PASSED} and not page.failed_button.isEnabled()
    page.report = None
    page.watch_button.click()
    shell.until(lambda: page.report is not None, 120_000)
    source.write_text(TESTS)
    shell.until(lambda: page.report is not None and page.report.failed == 1, 120_000)
    page.watch_button.click()
    assert page.watch_button.text() == "Watch" and page.watching.job is None
    report = page.report
    page.run()
    page.stop_button.click()
    assert page.run_button.isEnabled() and not page.stop_button.isEnabled() and page.report is report
    page._list()
    page.stop_button.click()
    assert page.stack.currentWidget() is page.failure and "was stopped" in page.failure.accessibleName()


def test_a_project_that_may_run_programs_is_refused_in_its_words(shell: Shell, opened: Any) -> None:
    page = opened("programs", "ffi = true\n")
    page.run()
    shell.until(lambda: not page.note.isHidden(), 120_000)
    read: list[int] = []
    shell.panel.sources.tree.model().modelReset.connect(lambda: read.append(1))
    shell.panel.refresh()
    shell.until(lambda: read)
    assert shell.panel.sources.project() == page.root  # the project in front stays there
    assert "ffi = true" in page.note.text() and TestStatus.LISTED in states(page).values()
    assert page.report is None and page.run_button.isEnabled()
