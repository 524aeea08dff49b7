"""What was fetched is what was pinned, or it is not used."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "resources" / "setup"))

import toolchain  # noqa: E402


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A copy of the compiler and the contract library that may be spoiled."""
    for name in ("solc", "@openzeppelin/contracts"):
        shutil.copytree(toolchain.MODULES / name, tmp_path / "contracts" / "node_modules" / name)
    monkeypatch.setattr(toolchain, "ROOT", tmp_path)
    monkeypatch.setattr(toolchain, "MODULES", tmp_path / "contracts" / "node_modules")
    return toolchain.MODULES


def tool(name: str) -> dict:
    return next(entry for entry in toolchain.table() if entry["name"] == name)


def test_everything_that_was_fetched_is_what_was_pinned():
    assert [problem for entry in toolchain.table() for problem in toolchain.problems(entry)] == []


def test_one_changed_byte_of_the_compiler_is_named(modules):
    with (modules / "solc" / "soljson.js").open("ab") as file:
        file.write(b" ")
    assert "soljson.js is not the file that was pinned" in toolchain.problems(tool("solc"))[0]


def test_an_added_removed_or_renamed_source_is_noticed(modules):
    library = modules / "@openzeppelin" / "contracts"
    assert toolchain.problems(tool("openzeppelin")) == []
    (library / "Extra.sol").write_text("")
    assert toolchain.problems(tool("openzeppelin"))
    (library / "Extra.sol").unlink()
    source = library / "token" / "ERC20" / "ERC20.sol"
    source.rename(source.with_name("Other.sol"))
    assert toolchain.problems(tool("openzeppelin"))
