"""The operator's editor is a command without a shell: a file's name stays one word, whatever it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.contracts.editor import command, open_in_editor
from app.core.errors import Invalid, NotFound, Unavailable


def test_a_file_name_is_one_word_whatever_it_says(tmp_path: Path) -> None:
    odd = tmp_path / "{line}; rm -rf $(HOME).sol"
    assert command("code --goto {file}:{line}:{column}", odd, 7, 3) == ["code", "--goto", f"{odd}:7:3"]


@pytest.mark.parametrize(
    ("visual", "made"),
    [
        ("/usr/bin/code", ["/usr/bin/code", "--goto", "A.sol:4:1"]),
        ("my-editor --fast", ["my-editor", "--fast", "A.sol"]),
    ],
)
def test_the_environment_says_which_editor(visual: str, made: list[str]) -> None:
    assert command("", Path("A.sol"), 4, 1, {"VISUAL": visual, "PATH": ""}) == made


def test_an_editor_that_needs_a_terminal_is_passed_over_for_one_with_a_window(tmp_path: Path) -> None:
    fake = tmp_path / "kate"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    made = command("", Path("A.sol"), 2, 1, {"VISUAL": "vim", "PATH": str(tmp_path)})
    assert made[0] == "kate" and made[-1] == "A.sol"
    with pytest.raises(NotFound, match="No editor with a window"):
        command("", Path("A.sol"), 2, 1, {"VISUAL": "vim", "PATH": ""})


@pytest.mark.parametrize("template", ["code", "code 'unfinished {file}"])
def test_a_template_that_cannot_be_used_is_said(template: str) -> None:
    with pytest.raises(Invalid, match="setting editor") as told:
        command(template, Path("A.sol"))
    assert told.value.field == "editor"


def test_it_is_started_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "A.sol"
    file.write_text("contract A {}")
    words = open_in_editor(f"{sys.executable} -c pass {{file}} {{line}}", file, 3)
    assert words[-2:] == [str(file), "3"]
    with pytest.raises(Unavailable, match="could not be started"):
        open_in_editor("/no/such/editor {file}", file)
    with pytest.raises(NotFound, match="no longer there"):
        open_in_editor("code {file}", tmp_path / "gone.sol")
