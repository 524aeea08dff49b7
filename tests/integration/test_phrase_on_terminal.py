"""A new phrase on a terminal: shown once, taken off the screen, and asked back; without a terminal it is not made at all."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Azora

pytestmark = pytest.mark.bus


class Terminal:
    """A pseudo-terminal with a program on it."""

    def __init__(self, *command: str) -> None:
        self.end, other = pty.openpty()
        self.process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, close_fds=True)
        os.close(other)
        self.said = ""

    def until(self, pattern: str) -> re.Match[str]:
        """Read until it says so."""
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            if found := re.search(pattern, self.said):
                self.said = self.said[found.end() :]
                return found
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    self.said += os.read(self.end, 65536).decode()
                except OSError:  # the program has ended
                    break
        found = re.search(pattern, self.said)
        assert found, self.said[-2000:]
        return found

    def type(self, text: str) -> None:
        os.write(self.end, (text + "\n").encode())


def test_a_phrase_on_a_terminal_is_asked_back(azora: Azora, tmp_path: Path) -> None:
    terminal = Terminal(sys.executable, str(ROOT / "main.py"), "--home", str(azora.home), "wallet", "create", "Main")
    shown = terminal.until(r"(?s)shown once\.(.*)Press Enter")[1]
    words = dict(re.findall(r"(\d+)\. ([a-z]+)", shown))
    assert len(words) == 12
    terminal.type("")
    terminal.until(r"\x1b\[2J\x1b\[3J")
    for wrong in (True, False):
        for _ in range(3):
            place = terminal.until(r"Word (\d+): ")[1]
            terminal.type("xylophagous" if wrong else words[place])
        if wrong:
            terminal.until("This is not word")
    terminal.until("PLN-0001 done")
    assert terminal.process.wait(60) == 0
    (account,) = azora("wallet", "list", "--json").json
    (tmp_path / "backup").write_text(" ".join(words[str(number)] for number in range(1, 13)))
    assert azora("wallet", "drill", account["label"], "--backup", tmp_path / "backup", "--json").json["matches"]
    assert "nobody is there" in azora("wallet", "create", "Other", expect=2).err


def test_a_wallet_that_cannot_be_made_leaves_no_phrase_behind(azora, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    azora("wallet", "create", "Main", "--write-phrase", first)
    assert "Nothing" in azora("wallet", "create", "Main", "--write-phrase", second, expect=4).err
    assert len(first.read_text().split()) == 12 and not second.exists()
