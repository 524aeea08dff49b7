"""The evidence of a proof as it is now: hashed again, and its beginning to look at.

Hash and preview come from one reading, so what is shown is what was hashed. A file is read whenever somebody looks; an address is
fetched when somebody asks for it, accepts the proof or mints it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from app.mining.fetching import Fetched, Fetcher, Missed
from app.mining.proofs import Hashed

if TYPE_CHECKING:
    from app.mining.proofs import ProofRow

MOST_TEXT = 64 * 1024  # bytes of a text that are shown
MOST_IMAGE = 16 * 1024 * 1024  # bytes of an image that is shown
CHUNK = 1 << 20
# What it means that a file or the content of an address is gone, for whoever accepts or mints.
GONE_MEANS = "Its digest was kept, and that is signed; its content can no longer be shown to anybody from here."
IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")


class EvidenceState(StrEnum):
    """How the evidence stands to the hash that is signed."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"  # the file is no longer where it was
    UNKNOWN = "unknown"  # it never was a file of this machine
    ADDRESS = "address"  # only the text of an address was hashed, as it was done once: not what is found there
    KEPT = "kept"  # an address was fetched, hashed and kept; it was not fetched anew by this look
    UNREACHABLE = "unreachable"  # the address gives nothing now
    WAITING = "waiting"  # the address was never fetched


UNREAD = (EvidenceState.GONE, EvidenceState.UNREACHABLE)


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
    if row.evidence_kind is Hashed.WAITING:
        return EvidenceLook(EvidenceState.WAITING)
    if row.evidence_kind is Hashed.CONTENT:
        return EvidenceLook(EvidenceState.KEPT, sha256=row.evidence_hash, size=row.evidence_size)
    if row.evidence_kind is Hashed.ADDRESS:
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
    return _seen(row, "0x" + hashed.hexdigest(), size, head)


def compared(row: ProofRow, found: Fetched | Missed) -> EvidenceLook:
    """What an address gives now, against what it gave when it was hashed."""
    if isinstance(found, Missed):
        return EvidenceLook(EvidenceState.UNREACHABLE, why=found.why)
    return _seen(row, "0x" + found.sha256.hex(), found.size, found.head)


async def look_at_all(rows: Sequence[ProofRow], fetcher: Fetcher) -> list[EvidenceLook]:
    """Read files and fetch addresses anew, without a preview of what was fetched."""
    got = await fetcher.fetch_many([row.evidence_url for row in rows if row.evidence_kind is Hashed.CONTENT])
    files = [row for row in rows if row.evidence_kind is not Hashed.CONTENT]
    looks = dict(zip([row.id for row in files], await asyncio.to_thread(lambda: list(map(look, files))), strict=True))
    return [looks[row.id] if row.id in looks else compared(row, got[row.evidence_url]) for row in rows]


def _seen(row: ProofRow, found: str, size: int, head: bytes) -> EvidenceLook:
    state = EvidenceState.SAME if found == row.evidence_hash else EvidenceState.CHANGED
    if head.startswith(IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return EvidenceLook(state, row.evidence_path, found, size, image=head if size <= MOST_IMAGE else b"")
    text = _text(head[:MOST_TEXT])
    return EvidenceLook(state, row.evidence_path, found, size, text, bool(text) and size > MOST_TEXT)


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
