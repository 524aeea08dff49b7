"""Whatever is done to the journal behind the program's back is found and named."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from app.audit.journal import Journal
from app.database import Database


class Kept:
    """A head kept in memory."""

    head: tuple[int, str] | None = None

    async def remember(self, sequence: int, entry_hash: str) -> None:
        self.head = (sequence, entry_hash)

    async def recall(self) -> tuple[int, str] | None:
        return self.head


def change(db: sqlite3.Connection) -> None:
    db.execute("""UPDATE journal SET body = '{"n":99}' WHERE sequence = 3""")


def remove(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM journal WHERE sequence = 3")


def reorder(db: sqlite3.Connection) -> None:
    db.execute("UPDATE journal SET sequence = 100 WHERE sequence = 2")
    db.execute("UPDATE journal SET sequence = 2 WHERE sequence = 3")
    db.execute("UPDATE journal SET sequence = 3 WHERE sequence = 100")


def cut_off(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM journal WHERE sequence > 4")


def empty(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM journal")


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (change, "Changed: the content of entry 3"),
        (remove, "Removed: entry 3 missing"),
        (reorder, "Changed: the content of entry 2"),
        (cut_off, "ends at entry 4, but entry 6"),
        (empty, "ends at entry 0, but entry 6"),
    ],
)
def test_tampering_is_found_and_named(tmp_path: Path, tamper: Callable[[sqlite3.Connection], None], named: str) -> None:
    async def story() -> None:
        database = Database.at(tmp_path / "console.db")
        await database.open()
        journal = Journal(database, Kept())
        for n in range(6):
            await database.write(lambda connection, n=n: journal.append(connection, "plan.done", "ada", {"n": n}))
        await journal.keep_head()
        verdict = await journal.verify()
        assert verdict.ok and verdict.entries == 6, verdict
        raw = sqlite3.connect(tmp_path / "console.db")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            tamper(raw)
        raw.rollback()
        raw.executescript("DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete;")
        tamper(raw)
        raw.commit()
        raw.close()
        verdict = await journal.verify()
        assert not verdict.ok and named in verdict.problem, verdict.problem
        await database.close()

    asyncio.run(story())


def test_an_entry_stands_or_falls_with_what_it_describes(tmp_path: Path) -> None:
    async def story() -> None:
        database = Database.at(tmp_path / "console.db")
        await database.open()
        journal = Journal(database)

        def fails(connection: object) -> None:
            journal.append(connection, "plan.done", "ada", {})  # type: ignore[arg-type]
            raise IntegrityError("x", None, Exception("undone"))

        with pytest.raises(IntegrityError):
            await database.write(fails)
        assert await journal.head() is None
        await database.close()

    asyncio.run(story())
