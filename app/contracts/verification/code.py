"""Two codes held against each other: where they differ, and whether it is more than the metadata that the compiler appends.

The metadata is CBOR (Solidity documentation, “Contract Metadata”); contracts that create others carry those' metadata within.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

# {"ipfs": 34 bytes, "solc": 3 bytes}, its length behind; or the older "bzzr1"; or the compiler's version alone.
_METADATA = re.compile(
    rb"\xa2\x64ipfs\x58\x22.{34}\x64solc\x43.{3}\x00\x33|\xa2\x65bzzr1\x58\x20.{32}\x64solc\x43.{3}\x00\x32|\xa1\x64solc\x43.{3}\x00\x0a",
    re.DOTALL,
)
MOST = 20  # differences of one kind that are named


class Kind(StrEnum):
    """What differs."""

    ARGUMENT = "constructor argument"
    IMMUTABLE = "immutable"
    LIBRARY = "library"
    METADATA = "metadata"
    CODE = "code"
    LENGTH = "length"
    TRAILING = "trailing bytes"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what should be there, and what is."""

    kind: Kind
    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.where}: {self.expected} expected, {self.found} found"


def metadata_spans(code: bytes) -> list[tuple[int, int]]:
    """Start and end of each piece of metadata."""
    return [found.span() for found in _METADATA.finditer(code)]


def masked(code: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
    """The code with zeros at ``(start, end)``."""
    copy = bytearray(code)
    for start, end in spans:
        copy[start:end] = bytes(max(0, min(end, len(copy)) - start))
    return bytes(copy)


def compare(expected: bytes, found: bytes, what: str, ignored: Sequence[tuple[int, int]] = ()) -> list[Difference]:
    """What differs outside of ``ignored`` spans. Metadata counts as such only where both have some, of one length, at one place."""
    differences: list[Difference] = []
    common = [span for span in metadata_spans(expected) if span in set(metadata_spans(found))]
    for start, end in common:
        if expected[start:end] != found[start:end]:
            differences.append(Difference(Kind.METADATA, f"{what}, byte {start}", *_told(expected, found, start, end)))
    ours, theirs = masked(expected, [*ignored, *common]), masked(found, [*ignored, *common])
    if len(ours) != len(theirs):
        differences.append(Difference(Kind.LENGTH, what, f"{len(ours):,} bytes", f"{len(theirs):,} bytes"))
    runs = _runs(ours, theirs)
    for start, end in runs[:MOST]:
        differences.append(Difference(Kind.CODE, f"{what}, byte {start}", *_told(expected, found, start, end)))
    if len(runs) > MOST:
        differences.append(Difference(Kind.CODE, what, "the same", f"{len(runs) - MOST:,} more places that differ"))
    return differences


def _told(expected: bytes, found: bytes, start: int, end: int) -> tuple[str, str]:
    return _hex(expected[start:end]), _hex(found[start:end])


def _hex(data: bytes) -> str:
    return "0x" + data.hex() if len(data) <= 64 else f"0x{data[:64].hex()}… ({len(data):,} bytes)"


def _runs(one: bytes, other: bytes) -> list[tuple[int, int]]:
    """Start and end of the runs in which they differ; runs less than 4 bytes apart count as one."""
    if one == other:
        return []
    runs: list[tuple[int, int]] = []
    for at, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            if runs and at - runs[-1][1] < 4:
                runs[-1] = runs[-1][0], at + 1
            else:
                runs.append((at, at + 1))
    return runs
