"""A console's keyring in another process: ``python -m tests.access.ring_program HOME VERB …``; passphrases come on standard input.

``set`` and ``remove`` the passphrase, ``write PREFIX COUNT`` items, ``long NAME LETTER`` writes a too large one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from app.access import Access, Vault, items
from app.audit.journal import Journal
from app.core.paths import Home
from app.core.secret import Secret
from app.database import Database


async def main() -> None:
    folder, verb, *rest = sys.argv[1:]
    home = Home(Path(folder)).ensure()
    database = Database.at(home.database)
    await database.open()
    vault = Vault(home)
    access = Access(database, vault, Journal(database).append)
    await access.load()
    match verb:
        case "set":
            await access.set_passphrase(None, Secret(sys.stdin.read()))
        case "remove":
            await access.set_passphrase(Secret(sys.stdin.read()), None)
        case "write":
            for number in range(int(rest[1])):
                await vault.put(f"{rest[0]}/{number}", Secret(f"{rest[0]} {number}"))
        case "long":
            items._part_size = lambda keyring: 100  # as the Windows Credential Manager has a limit
            await vault.put(rest[0], Secret(rest[1] * 350))
    await access.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
