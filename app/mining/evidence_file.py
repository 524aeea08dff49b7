"""The evidence of a proof as it is now: hashed again, and its beginning to look at.

Hash and preview come from one reading of the file, so what is shown is what was hashed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.mining.proofs import ProofRow

MOST_TEXT = 64 * 1024  # bytes of a text that are shown
MOST_IMAGE = 16 * 1024 * 1024  # bytes of an image that is shown
CHUNK = 1 << 20
# What it means that a file is gone, for whoever accepts or mints.
GONE_MEANS = "Its digest was kept, and that is signed; its content can no longer be shown to anybody from here."
IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")


class EvidenceState(StrEnum):
    """How the evidence stands to the hash that is signed."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"  # the file is no longer where it was
    UNKNOWN = "unknown"  # it never was a file of this machine
    ADDRESS = "address"  # only an address was given: the hash binds its text, not what is found there


@dataclass(frozen=True, slots=True)
class EvidenceLook:
    """What was found.

    Attributes:
        path: where the file was when the proof was submitted, or empty.
        sha256: of what is there now, ``0x…``, or empty.
        size: bytes now.
        text: the beginning of a text; ``cut`` says that there is more.
        image: all bytes of an image.
        why: why it cannot be read, or empty.
    """

    state: EvidenceState
    path: str = ""
    sha256: str = ""
    size: int = 0
    text: str = ""
    cut: bool = False
    image: bytes = field(default=b"", repr=False)
    why: str = ""


def look(row: ProofRow) -> EvidenceLook:
    """Read and hash the evidence of a proof; blocks, so call it in a thread."""
    if row.evidence_kind == "url":
        found = "0x" + hashlib.sha256(row.evidence_name.encode()).hexdigest()
        state = EvidenceState.ADDRESS if found == row.evidence_hash else EvidenceState.CHANGED
        return EvidenceLook(state, sha256=found, size=len(row.evidence_name.encode()), text=row.evidence_name)
    if not row.evidence_path:
        return EvidenceLook(EvidenceState.UNKNOWN)
    path = Path(row.evidence_path)
    hashed, size, head = hashlib.sha256(), 0, b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                hashed.update(chunk)
                size += len(chunk)
                if len(head) < MOST_IMAGE:
                    head += chunk
    except OSError as error:
        return EvidenceLook(EvidenceState.GONE, row.evidence_path, why=error.strerror or "it cannot be read")
    found = "0x" + hashed.hexdigest()
    state = EvidenceState.SAME if found == row.evidence_hash else EvidenceState.CHANGED
    if head.startswith(IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return EvidenceLook(state, row.evidence_path, found, size, image=head if size <= MOST_IMAGE else b"")
    text = _text(head[:MOST_TEXT])
    return EvidenceLook(state, row.evidence_path, found, size, text, bool(text) and size > MOST_TEXT)


def gone(row: ProofRow) -> bool:
    """Whether the file of a proof cannot be read any more; cheaper than :func:`look`, and blocks too."""
    if row.evidence_kind == "url" or not row.evidence_path:
        return False
    try:
        with Path(row.evidence_path).open("rb") as file:
            file.read(1)
    except OSError:
        return True
    return False


def _text(data: bytes) -> str:
    """UTF-8 text, or empty where it is none; a letter that the cut halves is left out."""
    if b"\0" in data:
        return ""
    for end in range(len(data), max(len(data) - 4, -1), -1):
        try:
            return data[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return ""
