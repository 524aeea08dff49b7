"""The journal: every confirmed change and every lock, unlock and failed attempt, chained by hash.

``entry_hash = SHA256(previous ‖ canonical JSON of {actor, at, body, kind, sequence})``, where ``previous`` is the 32 bytes of the
entry before (zeros for the first) and canonical JSON is RFC 8785 with integers as strings. Changing, removing or reordering an
entry breaks the chain at a place that can be named. Cutting off the tail does not: therefore the head is also kept elsewhere
(:class:`HeadKeeper`: the OS keyring), in each receipt and in each bundle.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.audit.tables import journal
from app.core.canonical import canonical
from app.core.clock import now_ms
from app.core.errors import ConsoleError
from app.core.events import Bus, JournalGrew
from app.core.jobs import Jobs
from app.database import Database, on_commit

log = logging.getLogger(__name__)
GENESIS = bytes(32)
# PostgreSQL advisory lock "AzoraJnl": one appender at a time over all consoles of a store.
LOCK = int.from_bytes(b"AzoraJnl", "big")
BATCH = 1_000
PAUSE_SECONDS = 2.0  # between two visits to the keeper: a keyring has others to serve, and one head stands for all before it


class HeadKeeper(Protocol):
    """Keeps the newest head outside the store, so that a cut-off tail or a rewritten journal is found."""

    async def remember(self, sequence: int, entry_hash: str) -> None:
        """Keep this head in place of the one before."""

    async def recall(self) -> tuple[int, str] | None:
        """The head last kept, or None when none was."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``at`` is UTC milliseconds; hashes are 64 hex digits; ``plan_id`` is a UUID or empty."""

    sequence: int
    at: int
    actor: str
    kind: str
    body: Mapping[str, Any]
    previous: str
    entry_hash: str

    @property
    def plan(self) -> str:
        """The plan it belongs to as people say it, ``PLN-0001``, or empty."""
        return str(self.body.get("plan", ""))

    @property
    def plan_id(self) -> str:
        """The plan's UUID, or empty."""
        return str(self.body.get("plan_id", ""))

    @property
    def text(self) -> str:
        """One plain sentence."""
        return _sentence(self)

    @property
    def computed_hash(self) -> str:
        """The hash its content asks for."""
        return _hash(bytes.fromhex(self.previous), self.sequence, self.at, self.actor, self.kind, self.body).hex()

    def to_json(self) -> dict[str, object]:
        """The form in bundles; ``verifier.verify_journal`` reads it."""
        return {
            "sequence": self.sequence,
            "at": self.at,
            "actor": self.actor,
            "kind": self.kind,
            "body": dict(self.body),
            "previous": self.previous,
            "entry_hash": self.entry_hash,
        }


@dataclass(frozen=True, slots=True)
class JournalVerdict:
    """What a check of the whole journal found.

    ``problem`` is empty or names the first entry at fault and what is wrong with it. ``kept`` says against what the end was
    checked: "keyring head 42", or why it could not be.
    """

    ok: bool
    entries: int
    head_sequence: int
    head_hash: str
    problem: str = ""
    kept: str = ""


class Journal:
    """The one journal of a store.

    Args:
        database: the store; entries are appended inside its write transactions.
        head: keeps the newest head elsewhere; without it a cut-off tail cannot be noticed, and the verdict says so.
        bus: hears ``JournalGrew`` after each commit.
        jobs: writes the head away beside the work; without it only :meth:`keep_head` does.
    """

    def __init__(
        self, database: Database, head: HeadKeeper | None = None, bus: Bus | None = None, jobs: Jobs | None = None
    ) -> None:
        self._database = database
        self._keeper = head
        self._bus = bus
        self._jobs = jobs
        self._grown = False  # by this process, since the head was kept
        self._keeping = False
        self._next_visit = 0.0  # to the keeper: the loop's time at which the next one may be
        self._due: asyncio.TimerHandle | None = None

    def append(self, connection: Connection, kind: str, actor: str, body: Mapping[str, Any]) -> Entry:
        """Add an entry inside the running transaction of ``Database.write``: it stands or falls with what it describes.

        Args:
            kind: ``plan.confirmed``, ``step.done``, ``access.unlocked`` …
            actor: the operator's name.
            body: JSON without floats, never a secret; ``plan`` and ``plan_id`` name the plan it belongs to.
        """
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        newest = connection.execute(
            sa.select(journal.c.sequence, journal.c.entry_hash).order_by(journal.c.sequence.desc()).limit(1)
        ).first()
        sequence, previous = (newest.sequence + 1, newest.entry_hash) if newest else (1, GENESIS)
        at = now_ms()
        entry_hash = _hash(previous, sequence, at, actor, kind, body)
        connection.execute(
            journal.insert().values(
                sequence=sequence,
                at=at,
                actor=actor,
                kind=kind,
                plan_id=str(body.get("plan_id", "")),
                body=dict(body),
                previous=previous,
                entry_hash=entry_hash,
            )
        )
        on_commit(connection, lambda: self._grew(sequence))
        return Entry(sequence, at, actor, kind, dict(body), previous.hex(), entry_hash.hex())

    async def page(self, before: int | None = None, limit: int = 100, plan_id: str = "") -> list[Entry]:
        """Entries, newest first, older than sequence ``before``; those of one plan when it is named."""

        def look(connection: Connection) -> list[Entry]:
            query = sa.select(journal).order_by(journal.c.sequence.desc()).limit(limit)
            if before is not None:
                query = query.where(journal.c.sequence < before)
            if plan_id:
                query = query.where(journal.c.plan_id == plan_id)
            return [_entry(row) for row in connection.execute(query)]

        return await self._database.read(look)

    async def all(self) -> list[Entry]:
        """Every entry, oldest first: for a bundle."""
        return await self._database.read(lambda connection: list(_every(connection)))

    async def head(self) -> Entry | None:
        """The newest entry, or None in a new store."""
        newest = await self.page(limit=1)
        return newest[0] if newest else None

    async def verify(self) -> JournalVerdict:
        """Recompute the whole chain and compare its end with the head kept elsewhere."""
        kept, why = await self._recall()

        def check(connection: Connection) -> JournalVerdict:
            return verdict(_every(connection), kept, why)

        return await self._database.read(check)

    async def keep_head(self) -> None:
        """Keep the newest head elsewhere now, when this process made the journal grow since.

        A keyring that does not answer is logged and stops nothing.
        """
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._keeper is None or self._keeping:
            return
        self._keeping = True
        try:
            while self._grown and (newest := await self.head()):
                self._grown = False
                await self._keeper.remember(newest.sequence, newest.entry_hash)
        except ConsoleError as error:
            self._grown = True
            log.info("the journal's head was not kept: %s", error)
        finally:
            self._next_visit = asyncio.get_running_loop().time() + PAUSE_SECONDS
            self._keeping = False

    def _grew(self, sequence: int) -> None:
        self._grown = True
        if self._bus is not None:
            self._bus.publish(JournalGrew(sequence))
        if self._jobs is not None and self._keeper is not None and self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(
                max(loop.time(), self._next_visit), self._jobs.quietly, "keep the journal's head", self.keep_head
            )

    async def _recall(self) -> tuple[tuple[int, str] | None, str]:
        if self._keeper is None:
            return None, "no head is kept outside the store"
        try:
            kept = await self._keeper.recall()
        except ConsoleError as error:
            return None, f"the head kept in the keyring could not be read: {error.message}"
        return kept, "" if kept else "no head was kept yet"


def verdict(entries: Iterable[Entry], kept: tuple[int, str] | None, why: str = "") -> JournalVerdict:
    """Check a chain of entries in their stored order, oldest first, against the head that was kept."""
    count, previous, before = 0, GENESIS.hex(), 0
    problem = ""
    at_kept = ""
    for entry in entries:
        count += 1
        if not problem:
            problem = _fault(entry, before, previous)
        before, previous = entry.sequence, entry.entry_hash
        if kept and entry.sequence == kept[0]:
            at_kept = entry.entry_hash
    against = why or (f"keyring head {kept[0]}" if kept else "")
    if not problem and kept and at_kept != kept[1]:
        if before < kept[0]:
            problem = (
                f"The journal was cut off: it ends at entry {before}, but entry {kept[0]} was its head before. "
                f"{kept[0] - before} or more entries are missing at the end."
            )
        else:
            problem = f"The journal was rewritten: entry {kept[0]} has another hash than the head kept in the keyring."
    return JournalVerdict(not problem, count, before, previous if count else "", problem, against)


def _fault(entry: Entry, before: int, previous: str) -> str:
    if entry.sequence != before + 1:
        missing = f"entry {before + 1}" if entry.sequence == before + 2 else f"entries {before + 1} to {entry.sequence - 1}"
        return f"Removed: {missing} missing before entry {entry.sequence}."
    if entry.computed_hash != entry.entry_hash:
        return f"Changed: the content of entry {entry.sequence} ({entry.kind}) does not give its hash."
    if entry.previous != previous:
        return f"Reordered or replaced: entry {entry.sequence} ({entry.kind}) does not follow the entry before it."
    return ""


def _hash(previous: bytes, sequence: int, at: int, actor: str, kind: str, body: Mapping[str, Any]) -> bytes:
    content = canonical({"sequence": sequence, "at": at, "actor": actor, "kind": kind, "body": body})
    return hashlib.sha256(previous + content).digest()


def _every(connection: Connection) -> Iterable[Entry]:
    after = None
    while True:
        query = sa.select(journal).order_by(journal.c.sequence).limit(BATCH)
        if after is not None:
            query = query.where(journal.c.sequence > after)
        rows = connection.execute(query).all()
        yield from (_entry(row) for row in rows)
        if len(rows) < BATCH:
            return
        after = rows[-1].sequence


def _entry(row: Any) -> Entry:
    return Entry(row.sequence, row.at, row.actor, row.kind, row.body, row.previous.hex(), row.entry_hash.hex())


_SENTENCES = {
    "plan.confirmed": "{actor} confirmed {plan}: {title}.",
    "plan.started": "{plan} began to run.",
    "plan.resumed": "{plan} was taken up again after its process had ended.",
    "plan.done": "{plan} is done: {title}.",
    "plan.failed": "{plan} failed: {reason}",
    "plan.stopped": "{plan} was stopped: {reason}",
    "plan.disowned": "{plan} was given up: {reason}",
    "step.prepared": "{plan}, step {step}, is prepared and stored: {step_title}.",
    "step.done": "{plan}, step {step}, is done: {step_title}.",
    "step.failed": "{plan}, step {step}, failed: {reason}",
    "step.disowned": "{plan}, step {step}, was given up before it acted: {step_title}.",
    "access.operator": "{actor} became an operator of this store, as {role}.",
    "access.role": "{actor} took the role {role} (was {before}).",
    "access.locked": "{actor} locked the console ({reason}).",
    "access.unlocked": "{actor} unlocked the console.",
    "access.refused": "A wrong passphrase was given ({attempts} in a row).",
    "access.passphrase_set": "{actor} set a console passphrase; keyring items are encrypted with it.",
    "access.passphrase_changed": "{actor} changed the console passphrase.",
    "access.passphrase_recovered": "{actor} took the console passphrase over from the keyring, after a store was lost.",
    "wallet.drill": "{actor} held a backup against the wallet {label} ({accounts} accounts).",
    "secret.revealed": "{actor} was shown the {part} of {label} ({account}).",
    "secret.exported": "{actor} exported the key of {label} ({account}) as {form}.",
    "request.signed": "{actor} signed a request of another console ({plan}) as {account}, digest {digest}.",
    "access.passphrase_removed": "{actor} removed the console passphrase; keyring items hang on the keyring alone.",
}


class _Gaps(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


def _sentence(entry: Entry) -> str:
    template = _SENTENCES.get(entry.kind)
    if template is None:
        return f"{entry.actor}: {entry.kind.replace('.', ' ')}."
    words = _Gaps({key: value for key, value in entry.body.items() if isinstance(value, (str, int))})
    words["actor"] = entry.actor
    text = template.format_map(words)
    return text if text.endswith((".", "!", "?")) else text + "."
