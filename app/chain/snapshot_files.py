"""A snapshot as one file that another console can take in: its state, and which chain it is of.

A ZIP archive of two parts: ``snapshot.json`` (the record, the chain's id, genesis and creation, and SHA-256 of the state) and
``state.json.gz`` (what the node dumped). It holds no key: a test phrase is in no chain's folder.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.chain.nodes import HARD_FORKS
from app.chain.timeline import Snapshot
from app.core.errors import Conflict, Invalid
from app.core.urls import shown_url

if TYPE_CHECKING:
    from app.chain.nodes import LocalNode

FORMAT = "azora-snapshot-1"
RECORD, STATE = "snapshot.json", "state.json.gz"
MOST_BYTES = 4 << 30  # of a packed state


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """What such a file says of itself; ``digest`` is SHA-256 of the packed state, ``timestamp`` the chain's creation in seconds."""

    path: Path
    snapshot: Snapshot
    chain_id: int
    timestamp: int
    genesis: str
    hard_fork: str
    fork_url: str
    fork_block: int
    accounts: tuple[str, ...]
    digest: str

    def require(self, node: LocalNode, digest: str = "") -> None:
        """That it is of this chain, and with ``digest`` that it is still the file that was planned.

        Raises:
            Conflict: it is not.
        """
        if (node.chain_id, node.genesis) != (self.chain_id, self.genesis):
            raise Conflict(
                f"{self.path.name} is of another chain (id {self.chain_id}, genesis {self.genesis[:10]}…) than {node.name}. "
                "Nothing was taken in.",
                "Name a chain that is not there yet: it is made of the file.",
                field="name",
            )
        if digest and digest != self.digest:
            raise Conflict(f"{self.path.name} is not the file that was planned. Nothing was taken in.", "Plan it again.")

    def state(self) -> bytes:
        """The packed state.

        Raises:
            Conflict: it is not the one that the record names.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                state = archive.read(STATE)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise Conflict(f"{self.path.name} cannot be read ({error}). Nothing was taken in.", "Export it again.") from error
        if hashlib.sha256(state).hexdigest() != self.digest:
            raise Conflict(
                f"The state in {self.path.name} is not the one that its record names. Nothing was taken in.", "Export it again."
            )
        return state


def write_snapshot_file(path: Path, node: LocalNode, snapshot: Snapshot, state: bytes) -> None:
    """Pack a snapshot of a chain; a file that is there is replaced once the new one is whole.

    Raises:
        Invalid: it cannot be written there; ``field`` is ``file``.
    """
    record = {
        "format": FORMAT,
        "snapshot": asdict(snapshot),
        **{name: getattr(node, name) for name in ("chain_id", "timestamp", "genesis", "hard_fork", "fork_url", "fork_block")},
        "accounts": list(node.accounts),
        "digest": hashlib.sha256(state).hexdigest(),
    }
    unfinished = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(RECORD, json.dumps(record, indent=1))
            archive.writestr(STATE, state)
        unfinished.replace(path)
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}).", "Choose another place.", field="file") from error


def read_snapshot_file(path: Path) -> SnapshotFile:
    """What a file says; its state is read later.

    Raises:
        Invalid: it is no snapshot file of this console; ``field`` is ``file``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(RECORD).file_size > 1 << 20 or archive.getinfo(STATE).file_size > MOST_BYTES:
                raise ValueError("it is too large")
            found = msgspec.json.decode(archive.read(RECORD))
        if found["format"] != FORMAT:
            raise ValueError("it is of another version")
        file = msgspec.convert({**found, "path": path}, SnapshotFile)
        if file.hard_fork not in HARD_FORKS:
            raise ValueError("its hard fork is none of this console")
        if file.fork_url and (not file.fork_url.startswith(("http://", "https://")) or shown_url(file.fork_url) != file.fork_url):
            raise ValueError("it forks an address that is none, or holds a key")
        return file
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, msgspec.MsgspecError) as error:
        raise Invalid(
            f"{path.name} is no snapshot file ({error}). Nothing was planned.",
            "Export one: azora chain export NAME SNAPSHOT FILE",
            field="file",
        ) from error
