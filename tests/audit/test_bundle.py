"""A bundle is handed over only when a stranger's check holds; the console's journal is one the verifier understands."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.audit import verifier
from app.audit.bundle import Bundle, check, write
from app.audit.journal import Journal
from app.core.errors import Conflict, Unavailable
from app.database import Database


def test_the_consoles_journal_holds_for_the_verifier(tmp_path: Path) -> None:
    async def entries() -> list[dict[str, Any]]:
        database = Database(f"sqlite:///{tmp_path}/console.db")
        await database.open()
        journal = Journal(database)
        bodies: list[dict[str, Any]] = [
            {"plan": "PLN-0001", "amount": 2**255, "hash": b"\1\2"},
            {"nested": {"b": [1, None, True], "ä": "€\u2028"}, "": ""},
            {},
        ]
        try:
            for body in bodies:
                await database.write(lambda connection, body=body: journal.append(connection, "plan.done", "ana", body))
            return [entry.to_json() for entry in await journal.all()]
        finally:
            await database.close()

    found = asyncio.run(entries())
    assert verifier.verify_journal(json.loads(json.dumps(found))) == ""
    assert len(found) == 3


def forged() -> Bundle:
    header = {"number": "0x1", "hash": "0x" + "11" * 32}
    return Bundle("1337:0x", {}, {}, [header], [], [], [], [])


def test_a_bundle_that_does_not_hold_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="does not hold: headers"):
        asyncio.run(write(forged(), tmp_path / "evidence.zip"))
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failed_export(tmp_path: Path) -> None:
    path = tmp_path / "evidence.zip"
    path.write_bytes(b"the older one")
    with pytest.raises(Conflict):
        asyncio.run(write(forged(), path))
    assert path.read_bytes() == b"the older one"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="could not be written"):
        asyncio.run(write(forged(), tmp_path / "none" / "evidence.zip"))


def test_the_check_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "noise.zip"
    path.write_bytes(b"noise")
    found = asyncio.run(check(path))
    assert [entry.ok for entry in found] == [False] and found[0].name == "archive"
