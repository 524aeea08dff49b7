"""Projects, messages and sources in the Contracts panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from app.core.jobs import JobState
from tests.ui.shell.desk import Shell
from ui.panels.contracts.source_view import SourceView
from ui.theme import theme

pytestmark = [pytest.mark.gui, pytest.mark.compiler]
FAULTY = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.20;

contract Faulty {
    function f() external returns (uint256) {
        uint256 unused = 1;
        return 2;
    }
}
"""


@pytest.fixture
def panel(shell: Shell) -> Any:
    shell.window.open("contracts")
    shell.until(lambda: shell.panel.sources.tree.topLevelItemCount())
    return shell.panel


def test_a_message_leads_to_its_line_in_a_project_that_was_opened(shell: Shell, panel: Any, tmp_path: Path) -> None:
    folder = tmp_path / "faulty"
    folder.mkdir()
    (folder / "Faulty.sol").write_text(FAULTY)
    panel.sources.add(str(folder))
    shell.until(lambda: panel.sources.tree.topLevelItemCount() == 2)
    panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(1))
    assert panel.sources.project() == folder
    shell.window.trigger("contracts.compile")
    shell.until(lambda: panel.build.messages.rows(), 120_000)
    rows = panel.build.messages.rows()
    unused = next(row for row in rows if "Unused" in row.cells["text"])
    assert unused.cells["place"] == "Faulty.sol:6" and unused.cells["excerpt"] == "uint256 unused = 1;"
    panel.build.messages.setFocus()
    panel.build.messages.select(unused.id)
    shell.key(Qt.Key.Key_Return)
    shell.until(lambda: panel.build.source.line == 6)
    assert panel.build.source.textCursor().block().text().strip() == "uint256 unused = 1;"
    assert panel.sources.current() == folder / "Faulty.sol"
    assert [row.cells["name"] for row in panel.build.artifacts.rows()] == ["Faulty"]


def test_a_watched_project_compiles_again_whenever_a_source_changes(shell: Shell, panel: Any, tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    source = folder / "One.sol"
    source.write_text("pragma solidity 0.8.20; contract One {}")
    count = panel.sources.tree.topLevelItemCount()
    panel.sources.add(str(folder))
    shell.until(lambda: panel.sources.tree.topLevelItemCount() == count + 1)
    panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(count))
    panel.show_page("build")
    toggle, built = panel.build.watch_button, panel.build.artifacts
    shell.window.trigger("contracts.watch")
    assert toggle.text() == "Stop watching"
    shell.until(lambda: [row.cells["name"] for row in built.rows()] == ["One"], 120_000)
    source.write_text("pragma solidity 0.8.20; contract One {} contract Two {}")
    shell.until(lambda: [row.cells["name"] for row in built.rows()] == ["One", "Two"], 120_000)
    job = panel.build.watching.job
    panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(0))
    assert not toggle.isChecked() and toggle.text() == "Watch" and panel.build.watching.job is None
    shell.until(lambda: job.state is not JobState.RUNNING)
    source.write_text("pragma solidity 0.8.20; contract Three {}")
    assert [row.cells["name"] for row in built.rows()] == ["One", "Two"]


def test_a_network_of_the_project_fills_the_form_of_the_settings(shell: Shell, panel: Any, tmp_path: Path) -> None:
    url = "https://node.example/v3/0123456789abcdef0123456789abcdef"
    folder = tmp_path / "hat"
    folder.mkdir()
    config = f'networks: {{ hardhat: {{}}, main: {{ url: "{url}", chainId: 10 }}, far: {{ url: process.env.FAR }} }}'
    (folder / "hardhat.config.js").write_text(f"module.exports = {{ {config} }}")
    shell.window.trigger("contracts.network")
    shell.until(lambda: "names no network" in shell.said())
    count = panel.sources.tree.topLevelItemCount()
    panel.sources.add(str(folder))
    shell.until(lambda: panel.sources.tree.topLevelItemCount() == count + 1)
    panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(count))
    panel.sources.network_button.click()
    find = shell.window.dock.findChild
    shell.until(lambda: find(QComboBox, "contracts.network.network") is not None)
    offered = find(QComboBox, "contracts.network.network")
    assert [offered.itemData(at) for at in range(offered.count())] == ["main"] and "0123456789abcdef" not in offered.currentText()
    find(QWidget, "plan.sheet").preview.click()
    shell.until(lambda: shell.at == "settings" and shell.panel.networks.url.address() == url)
    section = shell.panel.networks
    assert section.url.text() == "https://node.example/v3/…"
    assert (section.name.text(), section.chain_id.value(), section.environment.value()) == ("main", 10, "production")
    assert all(network.name != "main" for network in shell.console.networks.list()), "it is added by its button alone"


def test_a_project_that_cannot_be_compiled_says_why_where_its_contracts_would_be(shell: Shell, panel: Any, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    (folder / "A.sol").write_text('import "./missing.sol";')
    count = panel.sources.tree.topLevelItemCount()
    panel.sources.add(str(folder))
    shell.until(lambda: panel.sources.tree.topLevelItemCount() == count + 1)
    panel.sources.tree.setCurrentItem(panel.sources.tree.topLevelItem(count))
    shell.window.trigger("contracts.compile")
    shell.until(lambda: panel.compile_button.isEnabled() and panel.build.context.text() != "Compiling…", 60_000)
    said = " ".join(str(row.cells["text"]) for row in panel.build.messages.rows()) + panel.build.failed.accessibleName()
    assert "missing.sol" in said


def colour_at(view: SourceView, line: int, column: int) -> str:
    """The colour that the highlighter gave a character (both from 0)."""
    for part in view.document().findBlockByNumber(line).layout().formats():
        if part.start <= column < part.start + part.length:
            name = part.format.foreground().color().name()
    return name


def test_solidity_is_coloured_and_a_comment_may_go_over_lines(qapp: Any) -> None:
    view = SourceView("test.source")
    view.show_source(Path("A.sol"), 'contract A {\n  /* uint256\n  bool */ string s = "contract"; // contract\n}', 3)
    assert colour_at(view, 0, 0) == theme.hex("accent")
    assert colour_at(view, 1, 6) == colour_at(view, 2, 3) == theme.hex("text-3")
    assert colour_at(view, 2, 10) == theme.hex("pend")
    assert colour_at(view, 2, 22) == theme.hex("ok") and colour_at(view, 2, 36) == theme.hex("text-3")
    assert view.isReadOnly() and view.textCursor().blockNumber() == 2
