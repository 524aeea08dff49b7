"""Whoever closes the lid or locks the screen leaves a locked console behind: the signals are the real ones, on a private bus."""

from __future__ import annotations

import asyncio
import shutil

import pytest
import pytest_asyncio

from app.access import Access, Vault, leaving
from app.audit.journal import Journal
from app.core.events import AccessChanged, Bus
from app.core.jobs import Jobs
from app.core.paths import Home
from app.core.secret import Secret
from app.database import Database
from tests.access.desktop import OTHER, Login, PrivateBus

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="no dbus-daemon here"),
]
PASSPHRASE = Secret("four random words")


class Desk:
    """An unlocked console at a desktop."""

    def __init__(self, access: Access, journal: Journal, bus: Bus) -> None:
        self.access, self.journal, self.on_sleep = access, journal, True
        self._changed = asyncio.Event()
        self._end = bus.subscribe(AccessChanged, lambda _: self._changed.set())

    async def locks(self) -> str:
        """Wait until it is locked; the reason that was journalled."""
        while not self.access.locked:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 20)
        newest = (await self.journal.page(limit=1))[0]
        assert newest.kind == "access.locked", newest
        return str(newest.body["reason"])

    async def listening(self) -> None:
        watch = self.access._leaving
        assert isinstance(watch, leaving.Buses)
        async with asyncio.timeout(20):
            while not watch.listening:
                await asyncio.sleep(0.01)


@pytest.fixture
def private_bus(tmp_path, monkeypatch):
    bus = PrivateBus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    monkeypatch.setattr(leaving, "AGAIN_SECONDS", 0.05)
    yield bus
    bus.stop()


@pytest.fixture
def login(private_bus):
    login = Login(private_bus.address)
    yield login
    login.close()


@pytest_asyncio.fixture
async def desk(tmp_path, private_bus, login):
    home = Home(tmp_path / "home").ensure()
    database, bus = Database.at(home.database), Bus()
    await database.open()
    jobs, journal = Jobs(bus), Journal(database)
    access = Access(database, Vault(home, {}), journal.append, lock_on_sleep=lambda: desk.on_sleep, bus=bus, jobs=jobs)
    desk = Desk(access, journal, bus)
    await access.load()
    await access.set_passphrase(None, PASSPHRASE)
    await desk.listening()
    assert not access.locked
    yield desk
    await jobs.close()
    await access.close()
    await database.close()


async def test_the_machine_sleeps_only_after_the_console_is_locked(desk, login):
    login.inhibited.acquire()
    login.sleep(True)
    await asyncio.to_thread(login.given_back, 0)
    assert desk.access.locked and desk.access._key is None, "the machine was let go while the key was held"
    assert await desk.locks() == "before sleep"
    login.sleep(False)
    assert await asyncio.to_thread(login.inhibited.acquire, True, 20), "the next sleep would not be waited for"
    await desk.access.unlock(PASSPHRASE)
    login.sleep(True)
    await asyncio.to_thread(login.given_back, 1)
    assert desk.access.locked


async def test_the_lock_of_this_session_locks_and_of_another_does_not(desk, login):
    login.lock(OTHER)
    login.hint(False)
    login.lock()
    assert await desk.locks() == "with the session"
    assert [entry.kind for entry in await desk.journal.page()].count("access.locked") == 1
    await desk.access.unlock(PASSPHRASE)
    login.hint(True)
    assert await desk.locks() == "with the session"


async def test_a_screen_saver_is_believed_when_it_is_the_screen_saver(desk, login, private_bus):
    interface = "org.gnome.ScreenSaver"
    impostor = Login(private_bus.address, "org.example.Other")
    impostor.say("/org/gnome/ScreenSaver", interface, "ActiveChanged", "b", True)
    saver = Login(private_bus.address, interface)
    saver.say("/org/gnome/ScreenSaver", interface, "ActiveChanged", "b", False)
    saver.say("/org/gnome/ScreenSaver", interface, "ActiveChanged", "b", True)
    assert await desk.locks() == "with the screen"
    assert [entry.kind for entry in await desk.journal.page()].count("access.locked") == 1
    impostor.close()
    saver.close()


async def test_it_listens_again_after_the_bus_was_restarted_and_not_against_the_setting(desk, login, private_bus):
    private_bus.stop()
    private_bus.start()
    again = Login(private_bus.address)
    await desk.listening()
    desk.on_sleep = False
    again.inhibited.acquire()
    again.sleep(True)
    await asyncio.to_thread(again.given_back, -1)  # a machine that sleeps is not kept awake either way
    assert not desk.access.locked
    desk.on_sleep = True
    again.lock()
    assert await desk.locks() == "with the session"
    again.close()


async def test_a_store_that_fails_keeps_no_console_open(desk, login):
    changed = asyncio.Event()
    end = desk.access._bus.subscribe(AccessChanged, lambda _: changed.set())
    await desk.access._database.close()
    login.lock()
    await asyncio.wait_for(changed.wait(), 20)
    assert desk.access.locked and desk.access._key is None
    end()
