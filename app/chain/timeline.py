"""Named snapshots of local chains as a tree, kept as files: they outlive the node, and returning to one does not use it up.

The node's own ``evm_snapshot`` dies with its process and is consumed by a revert, so each snapshot is a whole dump (blocks,
transactions, historical states) beside a small record. The tree hangs together by ``parent``: the snapshot from which the blocks
descend. A chain says in ``base`` from which one its present blocks do.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from app.core.clock import uuid7
from app.core.errors import Conflict, Invalid, NotFound, Unavailable

FOLDER = "snapshots"
MOST_AUTOMATIC = 8  # kept for Undo, oldest go first
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state to return to.

    Attributes:
        parent: id of the snapshot from which it descends, or empty.
        height: its newest block; ``block_hash`` names it, ``chain_time`` is its time in seconds.
        created_at: UTC milliseconds.
        size: bytes on disk.
        automatic: taken before a quick plan, for Undo; old ones are removed by themselves.
    """

    id: str
    name: str
    parent: str
    height: int
    block_hash: str
    chain_time: int
    created_at: int
    size: int
    automatic: bool = False


def check_snapshot_name(name: str) -> None:
    """Raises Invalid for other characters than letters, digits, dots, dashes and underscores, or more than 40."""
    if not NAME.fullmatch(name):
        raise Invalid(
            f"“{name}” cannot name a snapshot. Nothing was done.",
            "Use letters, digits, dots, dashes and underscores, 40 at most.",
            field="snapshot",
        )


class Timeline:
    """The snapshots of one chain, in its folder."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._folder = place / FOLDER

    def list(self) -> list[Snapshot]:
        """Every snapshot, oldest first. What a killed console left half written is not one."""
        found = [Snapshot(**json.loads(path.read_text(encoding="utf-8"))) for path in self._folder.glob("*.json")]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def find(self, name: str) -> Snapshot:
        """A snapshot by name or id.

        Raises:
            NotFound: there is none.
        """
        for each in self.list():
            if name in (each.name, each.id):
                return each
        raise NotFound(
            f"There is no snapshot “{name}”. Nothing was done.", "List them: azora chain snapshots NAME", field="snapshot"
        )

    def check_new(self, name: str) -> None:
        """Whether a new snapshot may have this name.

        Raises:
            Invalid: other characters than letters, digits, dots, dashes and underscores, or more than 40.
            Conflict: another has it.
        """
        check_snapshot_name(name)
        if any(name in (each.name, each.id) for each in self.list()):
            raise Conflict(f"There is a snapshot “{name}” already. Nothing was done.", "Take another name.", field="snapshot")

    def keep(self, snapshot: Snapshot, dump: bytes) -> Snapshot:
        """Write a snapshot: first its state, then its record, so that a record always has a state."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = replace(snapshot, size=len(dump))
        _write(self._state(kept.id), dump)
        _write(self._record(kept.id), json.dumps(asdict(kept)).encode())
        self._prune()
        return kept

    def put_back(self, snapshot: Snapshot) -> None:
        """Make a snapshot the state with which the stopped node starts.

        Raises:
            Unavailable: its file is gone or damaged; the chain has the state that it had.
        """
        try:
            state = gzip.decompress(self.packed(snapshot))
        except (OSError, EOFError) as error:
            raise Unavailable(
                f"The snapshot “{snapshot.name}” cannot be read ({error}). The chain has the state that it had.",
                "Delete it, and return to another one.",
            ) from error
        _write(self._place / "state.json", state)

    def packed(self, snapshot: Snapshot) -> bytes:
        """Its state as the node gave it: JSON, gzipped.

        Raises:
            Unavailable: its file is gone.
        """
        try:
            return self._state(snapshot.id).read_bytes()
        except OSError as error:
            raise Unavailable(
                f"The snapshot “{snapshot.name}” cannot be read ({error}). Nothing was done.", "Delete it, and take another one."
            ) from error

    def delete(self, snapshot: Snapshot) -> None:
        """Remove a snapshot; those that descend from it now descend from its parent."""
        for each in self.list():
            if each.parent == snapshot.id:
                _write(self._record(each.id), json.dumps(asdict(replace(each, parent=snapshot.parent))).encode())
        self._record(snapshot.id).unlink(missing_ok=True)
        self._state(snapshot.id).unlink(missing_ok=True)

    def _prune(self) -> None:
        base = json.loads((self._place / "node.json").read_text(encoding="utf-8")).get("base", "")
        automatic = [each for each in self.list() if each.automatic and each.id != base]
        for each in automatic[:-MOST_AUTOMATIC]:
            self.delete(each)

    def _state(self, snapshot_id: str) -> Path:
        return self._folder / f"{snapshot_id}.state.gz"

    def _record(self, snapshot_id: str) -> Path:
        return self._folder / f"{snapshot_id}.json"


def new_id() -> str:
    """An id for a snapshot; a plan's step knows it before the snapshot is taken."""
    return str(uuid7())


def lanes(snapshots: Sequence[Snapshot]) -> dict[str, int]:
    """In which row of a drawing each snapshot lies: the first child goes on in its parent's, every other begins a new one."""
    row: dict[str, int] = {}
    followed: set[str] = set()
    last = -1
    for each in snapshots:
        if each.parent in row and each.parent not in followed:
            row[each.id] = row[each.parent]
        else:
            last += 1
            row[each.id] = last
        followed.add(each.parent)
    return row


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
