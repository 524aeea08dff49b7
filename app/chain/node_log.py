"""What a local node wrote, and what it tells about how it ended."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL = 262_144  # bytes: some thousand blocks
LAST_LINES = 5
_BLOCK = re.compile(r"Block Number: (\d+)")
# Each request that the node answers, the console's own reading included: nothing of it tells how a node ended.
_CALL = re.compile(r"(eth|net|web3|evm|anvil|txpool|debug|trace|hardhat)_\w+")
_HASH = re.compile(r"Block Hash: (0x[0-9a-f]{64})")


def tail(path: Path, *, begin: int = 0) -> list[str]:
    """The last lines of a log, not before byte ``begin``; none when there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(begin, size - TAIL))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def matching(lines: Sequence[str], containing: str) -> list[str]:
    """Lines with a text in them, whatever its case; empty ones never."""
    asked = containing.casefold()
    return [line for line in lines if line.strip() and asked in line.casefold()]


def without_calls(lines: Sequence[str]) -> list[str]:
    """Lines that are more than the name of a method that somebody called."""
    return [line for line in lines if not _CALL.fullmatch(line.strip())]


@dataclass(frozen=True, slots=True)
class Crash:
    """How a node ended that nobody stopped: ``text`` in sentences, and the last block that it said it had made."""

    text: str
    block: int
    block_hash: str

    def compared(self, head: tuple[int, str]) -> str:
        """What it cost: the last block it made against the head with which it came back."""
        number, block_hash = head
        if not self.block_hash or (self.block, self.block_hash) == (number, block_hash):
            return f"{self.text} It came back at block {number:,}; no block is known to be lost."
        if self.block <= number:
            return f"{self.text} It came back at block {number:,}; the last block that it had made is not the one it has now."
        lost = self.block - number
        blocks = f"block {self.block:,} is" if lost == 1 else f"blocks {number + 1:,} to {self.block:,} are"
        return f"{self.text} It came back at block {number:,}; {blocks} lost. What this console had sent in them is sent again."


def last_words(name: str, code: int | None, lines: Sequence[str]) -> Crash:
    """Explain an end from its exit code (minus the signal; None when another console started it) and its log."""
    said = without_calls(matching(lines, ""))[-LAST_LINES:]
    numbers = [int(found[1]) for line in lines if (found := _BLOCK.search(line))]
    hashes = [found[1] for line in lines if (found := _HASH.search(line))]
    quoted = " | ".join(line.strip() for line in said) or "nothing"
    return Crash(
        f"{name} ended without being stopped ({_ended(code)}). It last said: {quoted}",
        numbers[-1] if numbers else 0,
        hashes[-1] if hashes else "",
    )


def _ended(code: int | None) -> str:
    if code is None:
        return "how is not known: another console had started it"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
