"""Told inside a private session bus by ``test_vault.py``: ``python vault_story.py FOLDER unlocked|never``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import keyring

from app.access import Access, JournalHead, KeyringState, Vault
from app.audit.journal import Journal
from app.core.errors import ConsoleError, Denied, Locked
from app.core.paths import Home
from app.core.secret import Secret
from app.database import Database


async def refused(kind: type[ConsoleError], awaitable: object) -> ConsoleError:
    try:
        await awaitable  # type: ignore[misc]
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


async def unlocked(folder: Path) -> None:
    home = Home(folder).ensure()
    database = Database.at(home.database)
    await database.open()
    vault = Vault(home, {})
    journal = Journal(database, JournalHead(vault, database.name))
    access = Access(database, vault, journal.append)
    await access.load()
    assert (await vault.state()).state is KeyringState.AVAILABLE
    await vault.put("key", Secret(b"\x01" * 32))
    assert (await vault.get("key")).reveal_bytes() == b"\x01" * 32
    assert not await Vault(Home(folder / "other").ensure(), {}).has("key"), "two homes meet"
    await access.set_passphrase(None, Secret("four random words"))
    assert str(keyring.get_password(vault.service, "key")).startswith("e1:")
    await access.set_passphrase(Secret("four random words"), Secret("other random words"))
    await access.lock()
    await refused(Locked, vault.get("key"))
    await refused(Locked, vault.put("new", Secret("x")))
    for _ in range(3):
        await refused(Denied, access.unlock(Secret("four random words")))
    assert "can be tried in" in (await refused(Denied, access.unlock(Secret("other random words")))).message
    access._clock = lambda now=access._clock: now() + 60_000  # type: ignore[misc]
    await access.unlock(Secret("other random words"))
    assert (await vault.get("key")).reveal_bytes() == b"\x01" * 32
    await access.set_passphrase(Secret("other random words"), None)
    assert str(keyring.get_password(vault.service, "key")).startswith("b1:")
    await journal.keep_head()
    verdict = await journal.verify()
    assert verdict.ok and verdict.kept == f"keyring head {verdict.head_sequence}", verdict
    kinds = [entry.kind for entry in await journal.page()]
    assert kinds.count("access.refused") == 3
    await vault.delete("key")
    assert not await vault.has("key")
    for file in folder.rglob("*"):
        if file.is_file():
            assert b"random words" not in file.read_bytes(), file
    await access.close()
    await database.close()


async def never(folder: Path) -> None:
    vault = Vault(Home(folder).ensure(), {}, limit_seconds=2)
    status = await vault.state()
    assert status.state is not KeyringState.AVAILABLE and status.why and status.remedy, status
    error = await refused(ConsoleError, vault.put("key", Secret("x")))
    assert "Nothing was kept" in error.message
    error = await refused(ConsoleError, vault.ask_system_unlock()) if status.state is KeyringState.UNAVAILABLE else error


if __name__ == "__main__":
    asyncio.run({"unlocked": unlocked, "never": never}[sys.argv[2]](Path(sys.argv[1])))
