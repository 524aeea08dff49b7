"""Told inside a private session bus by ``test_lost_store.py``: ``python -m tests.access.lost_store_story HOME``.

A console with a passphrase and wallets loses its database. Nothing in the keyring is lost with it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import keyring

from app.access import items
from app.console import Console
from app.core.errors import Conflict, ConsoleError, Denied, Locked, NotFound
from app.core.secret import Secret
from app.wallets import keys

PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"  # BIP-39's own test vector
PASSPHRASE, LATER = Secret("four random words"), Secret("four other words")


async def refused(kind: type[ConsoleError], awaitable: object) -> str:
    try:
        await awaitable  # type: ignore[misc]
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was expected")


async def lived(home: Path) -> list[str]:
    """Wallets under a passphrase that was changed once; their addresses."""
    console = await Console.open(home)
    wallets = console.wallets
    assert not await console.access.recoverable()
    await refused(NotFound, console.access.recover(PASSPHRASE))
    for plan in (
        await wallets.plan_create("Treasury", Secret(PHRASE), accounts=2, passphrase=Secret("salt")),
        await wallets.plan_import_key("Hot", Secret("11" * 32)),
    ):
        assert (await console.operations.execute(plan.id)).state.value == "done"
    await console.access.set_passphrase(None, PASSPHRASE)
    await console.access.set_passphrase(PASSPHRASE, LATER)
    assert "four" not in str(keyring.get_password(console.vault.service, items.PROOF))
    addresses = [account.address for account in await wallets.list()]
    await console.close()
    return addresses


async def recovered(home: Path, addresses: list[str]) -> None:
    """A new store beside the old keyring."""
    for file in home.glob("console.db*"):
        file.unlink()
    console = await Console.open(home)
    access, wallets = console.access, console.wallets
    assert not access.passphrase_set and await access.recoverable() and await wallets.list() == []
    strays = await wallets.strays()
    assert len(strays) == 2
    assert "azora access recover" in await refused(Locked, wallets.plan_adopt(strays[0], "Found"))
    assert "lock them away" in await refused(Conflict, access.set_passphrase(None, Secret("a hasty new one")))
    await refused(Denied, access.recover(PASSPHRASE))  # the one before the last
    await access.recover(LATER)
    assert access.passphrase_set and not access.locked and not await access.recoverable()
    await refused(Conflict, access.recover(LATER))
    for stray in strays:
        single = (await console.vault.get(f"wallet/{stray}")).reveal().startswith("0x")
        given_up = await wallets.plan_adopt(stray, "Given up")
        await console.operations.discard(given_up.id)
        await wallets.start()
        plan = await wallets.plan_adopt(stray, "Hot" if single else "Treasury", 1 if single else 2)
        assert (await console.operations.execute(plan.id)).state.value == "done"
    assert {account.address for account in await wallets.list()} == set(addresses) and not await wallets.strays()
    for address in addresses:
        assert keys.recover(b"\1" * 32, await wallets.sign_digest(address, b"\1" * 32)) == address
    await access.lock()
    await access.unlock(LATER)
    assert (await console.vault.get(f"wallet/{strays[0]}")).reveal()
    await access.set_passphrase(LATER, None)
    assert keyring.get_password(console.vault.service, items.PROOF) is None
    await console.close()


async def forgotten(home: Path) -> None:
    """A passphrase that nobody knows any more can be given up, but only explicitly."""
    console = await Console.open(home)
    await console.access.set_passphrase(None, PASSPHRASE)
    await console.close()
    for file in home.glob("console.db*"):
        file.unlink()
    console = await Console.open(home)
    await refused(Conflict, console.access.set_passphrase(None, LATER))
    await console.access.set_passphrase(None, LATER, forget_lost=True)
    await console.vault.put("key", Secret("new"))
    assert (await console.vault.get("key")).reveal() == "new"
    await console.close()


async def main() -> None:
    """The whole story."""
    home = Path(sys.argv[1])
    await recovered(home, await lived(home))
    await forgotten(home.with_name("another"))


if __name__ == "__main__":
    asyncio.run(main())
