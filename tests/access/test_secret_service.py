"""The Secret Service is visited over one connection, and what it loses sight of for a moment is looked for again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import secretstorage
from secretstorage.exceptions import ItemNotFoundException

from app.access import KeyringState, Vault
from app.core.errors import Unavailable
from app.core.paths import Home
from app.core.secret import Secret

pytestmark = pytest.mark.bus


@pytest.fixture
def connections(monkeypatch):
    """Every connection to the bus that is opened."""
    opened, real = [], secretstorage.dbus_init

    def counted():
        opened.append(real())
        return opened[-1]

    monkeypatch.setattr(secretstorage, "dbus_init", counted)
    return opened


def test_many_visits_share_a_connection_and_a_lock_closes_it(tmp_path: Path, connections):
    async def story() -> None:
        vault = Vault(Home(tmp_path).ensure())
        await vault.put("first", Secret("one"))
        before = len(connections)
        for number in range(20):
            await vault.put(f"item {number}", Secret(f"{number}"))
            assert (await vault.get("first")).reveal() == "one"
            assert (await vault.state()).state is KeyringState.AVAILABLE
        assert len(connections) == before
        vault.shut()
        assert connections[-1].sock.fileno() == -1
        assert (await vault.get("item 7")).reveal() == "7"
        assert len(connections) > before
        for name in await vault.names():
            await vault.delete(name)
        assert await vault.names() == []
        vault.close()
        assert all(bus.sock.fileno() == -1 for bus in connections)

    asyncio.run(story())


@pytest.mark.parametrize("what", ["is_locked", "search_items", "create_item"])
def test_a_collection_out_of_sight_for_a_moment_is_looked_for_again(tmp_path: Path, monkeypatch, what):
    real, times = getattr(secretstorage.Collection, what), iter(range(3))

    def blinking(*args, **options):
        if next(times, None) is not None:
            raise ItemNotFoundException("Item does not exist!")
        return real(*args, **options)

    monkeypatch.setattr(secretstorage.Collection, what, blinking)

    async def story() -> None:
        vault = Vault(Home(tmp_path).ensure())
        assert (await vault.state()).state is KeyringState.AVAILABLE
        await vault.put("x", Secret("y"))
        assert (await vault.get("x")).reveal() == "y"
        assert await vault.names() == ["x"]
        vault.close()

    asyncio.run(story())


def test_what_stays_out_of_sight_is_said_and_nothing_is_made_in_its_place(tmp_path: Path, monkeypatch):
    async def story() -> None:
        vault = Vault(Home(tmp_path).ensure())
        await vault.put("x", Secret("y"))

        def gone(*_args, **_options):
            raise ItemNotFoundException("Item does not exist!")

        with monkeypatch.context() as patched:
            patched.setattr(secretstorage.Collection, "search_items", gone)
            patched.setattr(secretstorage.collection, "create_collection", lambda *_args: pytest.fail("a collection was made"))
            with pytest.raises(Unavailable, match="Nothing was kept or read"):
                await vault.get("x")
        assert (await vault.get("x")).reveal() == "y"
        vault.close()

    asyncio.run(story())
