"""Real flows against a gnome-keyring that is locked, denied, killed, restarted, hanging, robbed: a sentence, nothing half-done."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import pytest_asyncio

from app.access import Access, KeyringState, Vault
from app.access import items as forms
from app.audit.journal import Journal
from app.console import Console
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Denied, Locked, NotFound, Unavailable
from app.core.paths import Home
from app.core.secret import Secret
from app.database import Database
from app.operations import PlanState
from app.operations.runner import KEYRING
from app.wallets import KeyState
from app.wallets.creation import final_name
from tests.access.desktop import Prompter
from tests.access.ring import Ring
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(
        not (shutil.which("dbus-daemon") and shutil.which("gnome-keyring-daemon")), reason="no gnome-keyring on this machine"
    ),
]
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"  # BIP-39's own test vector
OTHER = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"
WORDS = "four random words"


@pytest.fixture
def ring(tmp_path, monkeypatch):
    ring = Ring(tmp_path)
    for name, value in ring.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    ring.start()
    yield ring
    ring.close()


@pytest_asyncio.fixture
async def console(ring, tmp_path):
    console = await Console.open(tmp_path / "azora")
    console.vault._limit = 6.0
    console.operations._runner._patience = 1.0
    yield console
    await console.close()


async def wallet(console: Console, label: str = "Main", phrase: str = PHRASE) -> str:
    """Create one; the name of its keyring item."""
    plan = await console.wallets.plan_create(label, Secret(phrase))
    assert (await console.operations.execute(plan.id)).state is PlanState.DONE
    return final_name((await console.wallets.get(label)).wallet_id)


async def sign(console: Console) -> object:
    """Sign a message, as far as it goes."""
    return await console.operations.execute((await console.wallets.plan_sign_message("Main", "hello")).id)


async def refused(kind: type[ConsoleError], awaitable: object) -> str:
    with pytest.raises(kind) as caught:
        await awaitable  # type: ignore[misc]
    return str(caught.value)


async def nothing_left(console: Console, ring: Ring) -> None:
    """No row and no item of a wallet that was not made."""
    assert await console.wallets.list() == []
    assert await console.wallets._keeper.pending() == []
    assert not [name for name in ring.items(console.vault.service) if name.startswith(("pending/", "wallet/"))]


def later(do: object, seconds: float = 0.4) -> threading.Timer:
    timer = threading.Timer(seconds, do)  # type: ignore[arg-type]
    timer.start()
    return timer


# Locked and denied


async def test_a_locked_keyring_makes_plans_wait_and_takes_nothing(console, ring):
    await wallet(console)
    ring.lock()
    assert (await console.vault.state()).state is KeyringState.LOCKED
    assert (await console.wallets.get("Main")).key_state is KeyState.UNKNOWN
    assert "keyring is locked" in await refused(Locked, console.wallets.plan_create("Second", Secret(OTHER)))
    assert "The passphrase was not set." in await refused(Locked, console.access.set_passphrase(None, Secret(WORDS)))
    assert not console.access.passphrase_set
    plan = await sign(console)
    assert (plan.state, plan.reason) == (PlanState.WAITING, KEYRING)
    ring.restart()
    assert (await console.operations.run(plan.id)).state is PlanState.DONE
    assert [account.label for account in await console.wallets.list()] == ["Main"]


async def test_a_keyring_locked_between_preview_and_signature_signs_later(console, ring):
    await wallet(console)
    plan = await console.wallets.plan_sign_message("Main", "hello")
    confirmed = await console.operations.confirm(plan.id, preview_digest=plan.preview_digest)
    ring.lock()
    waiting = await console.operations.run(confirmed.id)
    assert (waiting.state, waiting.reason) == (PlanState.WAITING, KEYRING)
    ring.restart()
    assert (await console.operations.run(plan.id)).state is PlanState.DONE


async def test_a_prompt_that_is_dismissed_leaves_everything_as_it_was(console, ring):
    await wallet(console)
    ring.lock()
    prompter = Prompter(ring.bus.address)
    status = await console.vault.ask_system_unlock()
    assert prompter.asked == ["password"], "the daemon asked the person"
    assert status.state is KeyringState.LOCKED and status.remedy
    plan = await sign(console)
    assert (plan.state, plan.reason) == (PlanState.WAITING, KEYRING)
    assert prompter.asked == ["password"], "nothing but the person's own wish opens a prompt"
    prompter.close()
    ring.restart()
    assert (await console.operations.run(plan.id)).state is PlanState.DONE


# Killed, restarted, hanging


async def test_a_daemon_that_starts_again_is_waited_for(console, ring):
    """Once before each act of a life: reading, planning, confirming, signing, writing."""
    await wallet(console)
    for number in range(2):
        ring.kill()
        timer = later(ring.start)
        plan = await console.wallets.plan_sign_message("Main", f"hello {number}")
        timer.join()
        ring.kill()
        timer = later(ring.start)
        ended = await console.operations.execute(plan.id)  # the preview is computed again: it must say the same
        timer.join()
        assert ended.state is PlanState.DONE, ended.reason
    ring.kill()
    timer = later(ring.start)
    await wallet(console, "Second", OTHER)
    timer.join()
    assert {account.key_state for account in await console.wallets.list()} == {KeyState.IN_KEYRING}


async def test_a_daemon_that_is_gone_leaves_nothing_half_done(console, ring, monkeypatch):
    monkeypatch.setattr("app.access.vault.AGAIN_SECONDS", 0.5)
    await console.vault.names()
    ring.kill()
    said = await refused(Unavailable, console.wallets.plan_create("Main", Secret(PHRASE)))
    assert "Nothing was kept or read." in said and "Secret Service" in said
    ring.start()
    await nothing_left(console, ring)
    await wallet(console)
    plan = await console.wallets.plan_sign_message("Main", "hello")
    confirmed = await console.operations.confirm(plan.id, preview_digest=plan.preview_digest)
    ring.kill()
    ended = await console.operations.run(confirmed.id)
    assert ended.state is PlanState.FAILED and "keyring" in ended.reason and "Nothing was kept or read" in ended.reason
    assert (await console.vault.state()).state is KeyringState.UNAVAILABLE
    ring.start()
    assert (await sign(console)).state is PlanState.DONE


async def test_a_daemon_killed_while_a_wallet_is_kept_loses_no_phrase(console, ring):
    plan = await console.wallets.plan_create("Main", Secret(PHRASE))
    confirmed = await console.operations.confirm(plan.id, preview_digest=plan.preview_digest)
    killer = later(lambda: (ring.kill(), ring.start()), 0.02)
    ended = await console.operations.run(confirmed.id)
    killer.join()
    if ended.state is not PlanState.DONE:
        ended = await console.operations.run(plan.id)
    assert ended.state is PlanState.DONE and (await sign(console)).state is PlanState.DONE
    held = [name for name in ring.items(console.vault.service) if name.startswith(("pending/", "wallet/"))]
    assert held == [final_name((await console.wallets.get("Main")).wallet_id)]


async def test_a_daemon_that_hangs_is_given_up_and_comes_back(console, ring, monkeypatch):
    await wallet(console)
    console.vault._limit = 0.5
    with ring.hanging():
        said = await refused(Unavailable, console.wallets.plan_create("Second", Secret(OTHER)))
        assert "It is not known whether it did what it was asked." in said
        assert (await console.vault.state()).state is KeyringState.UNAVAILABLE
        assert "did not answer within 0.5 seconds" in await refused(Unavailable, console.vault.get("x"))
        assert [account.label for account in await console.wallets.list()] == ["Main"]
    console.vault._limit = 20.0
    async with asyncio.timeout(20):
        while (await console.vault.state()).state is not KeyringState.AVAILABLE:
            await asyncio.sleep(0.05)
    # What the daemon did after all, when it woke up, is swept by a start an hour later: its row says so.
    ((wallet_id, _, _),) = await console.wallets._keeper.pending()
    monkeypatch.setattr("app.wallets.making.now_ms", lambda: now_ms() + 3_700_000)
    await console.wallets.start()
    assert await console.wallets._keeper.pending() == []
    assert not [name for name in ring.items(console.vault.service) if wallet_id in name]
    assert (await sign(console)).state is PlanState.DONE


async def test_never_unlocked_no_daemon_and_no_bus_are_told_apart(ring, tmp_path, monkeypatch):
    ring.kill()
    vault = Vault(Home(tmp_path / "a").ensure(), {}, limit_seconds=3)
    status = await vault.state()
    assert status.state is KeyringState.UNAVAILABLE and "neither running nor activatable" in status.why
    shutil.rmtree(tmp_path / "home" / "data", ignore_errors=True)
    ring.start(unlocked=False)
    status = await vault.state()
    assert status.state is KeyringState.LOCKED and "never unlocked" in status.why
    assert "Nothing was kept or read." in await refused(Locked, vault.put("x", Secret("y")))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    status = await Vault(Home(tmp_path / "b").ensure(), {}, limit_seconds=3).state()
    assert status.state is KeyringState.UNAVAILABLE and "DBUS_SESSION_BUS_ADDRESS is unset" in status.why


# Behind our back


async def test_an_item_deleted_behind_our_back_is_missed(console, ring):
    item = await wallet(console)
    plan = await console.wallets.plan_sign_message("Main", "hello")
    confirmed = await console.operations.confirm(plan.id, preview_digest=plan.preview_digest)
    ring.rob(console.vault.service, item)
    ended = await console.operations.run(confirmed.id)
    assert ended.state is PlanState.FAILED and f"holds no “{item}”" in ended.reason
    assert (await console.wallets.get("Main")).key_state is KeyState.MISSING
    plan = await console.wallets.plan_sign_message("Main", "hello")
    assert plan.preview.blocked
    again = await console.wallets.plan_create("Main again", Secret(PHRASE))
    assert (await console.operations.execute(again.id)).state is PlanState.DONE
    assert (await console.wallets.get("Main")).key_state is KeyState.IN_KEYRING


async def test_an_imported_key_changed_behind_our_back_is_told(console, ring):
    plan = await console.wallets.plan_import_key("Main", Secret("0x" + "11" * 32))
    assert (await console.operations.execute(plan.id)).state is PlanState.DONE
    item = final_name((await console.wallets.get("Main")).wallet_id)
    for written, said in (("p1:0x" + "22" * 32, "makes another address"), ("p1:mist", "is no key")):
        ring.forge(console.vault.service, item, written)
        assert said in (await sign(console)).reason


@pytest.mark.parametrize("written", ["p1:" + OTHER, "p1:nonsense", "b1:AAAA", "b1:%", "x9:what", "s2:a:1", "s1:z", "e1:AAAA"])
async def test_an_item_changed_behind_our_back_signs_nothing(console, ring, written):
    item = await wallet(console)
    ring.forge(console.vault.service, item, written)
    ended = await sign(console)
    assert ended.state in (PlanState.FAILED, PlanState.WAITING), ended.state
    assert ended.steps[0].prepared is None and "unexpected error" not in ended.reason, ended.reason


async def test_a_keyring_that_forgot_this_home_is_not_taken_for_empty(console, ring, monkeypatch):
    monkeypatch.setattr("app.access.vault.AGAIN_SECONDS", 0.2)
    await wallet(console)
    for name in ring.items(console.vault.service):
        ring.rob(console.vault.service, name)
    said = await refused(Unavailable, console.vault.put("x", Secret("y")))
    assert "holds nothing of this home any more" in said and ring.items(console.vault.service) == {}
    ring_list = "p1:[not json"
    other = Vault(Home(console.home.path), {})
    await other.put("x", Secret("y"))
    ring.forge(console.vault.service, forms.INDEX, ring_list)
    assert "list of this home's items is damaged" in await refused(Unavailable, other.put("z", Secret("y")))
    assert ring.items(console.vault.service)[forms.INDEX] == ring_list


# Two consoles


def program(home: Path, *words: str, stdin: str = "", **env: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.access.ring_program", str(home), *words],
        env={**os.environ, **env},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    return process


def ended(process: subprocess.Popen[str], code: int = 0) -> None:
    assert process.stderr is not None
    said = process.stderr.read()
    assert process.wait(60) == code, said


async def test_two_consoles_that_write_at_once_lose_no_name(ring, tmp_path):
    home = tmp_path / "azora"
    Home(home).ensure()
    await Vault(Home(home), {}).put("first/0", Secret("first"))
    for process in [program(home, "write", letter, "8") for letter in "ab"]:
        ended(process)
    vault = Vault(Home(home), {})
    assert set(await vault.names()) == {"first/0", *(f"{letter}/{n}" for letter in "ab" for n in range(8))}


async def keys(folder: Path) -> tuple[Access, Vault, Database]:
    home = Home(folder).ensure()
    database = Database.at(home.database)
    await database.open()
    vault = Vault(home, {})
    access = Access(database, vault, Journal(database).append)
    await access.load()
    return access, vault, database


async def test_a_passphrase_changed_by_another_console_loses_nothing(ring, tmp_path):
    mine, my_vault, first = await keys(tmp_path / "azora")
    theirs, their_vault, second = await keys(tmp_path / "azora")
    await mine.set_passphrase(None, Secret(WORDS))
    await their_vault.put("early", Secret("written by who does not know of it yet"))
    await theirs._look_again()
    assert theirs.locked, "another console's passphrase holds here too"
    await theirs.unlock(Secret(WORDS))
    assert ring.items(my_vault.service)["early"].startswith("e1:")
    await mine.set_passphrase(Secret(WORDS), None)
    assert "has removed the passphrase meanwhile" in await refused(Conflict, their_vault.put("late", Secret("x")))
    assert not await my_vault.has("late")
    await theirs._look_again()
    await their_vault.put("late", Secret("x"))
    assert (await my_vault.get("late")).reveal() == "x"
    await theirs.set_passphrase(None, Secret("another four words"))
    await refused(Denied, mine.set_passphrase(None, Secret(WORDS)))
    for access, database in ((mine, first), (theirs, second)):
        await access.close()
        await database.close()


async def test_a_new_store_in_an_old_home_is_not_held_up_by_what_the_old_one_sealed(ring, tmp_path):
    access, vault, database = await keys(tmp_path / "azora")
    await vault.put("old", Secret("x"))
    await access.set_passphrase(None, Secret(WORDS))
    await access.close()
    await database.close()
    for file in (tmp_path / "azora").glob("console.db*"):
        file.unlink()
    access, vault, database = await keys(tmp_path / "azora")
    await vault.put("new", Secret("y"))
    await access.set_passphrase(None, Secret("another four words"), forget_lost=True)
    await vault.put("newer", Secret("z"))
    assert "cannot be opened" in await refused(Unavailable, vault.get("old"))
    await access.set_passphrase(Secret("another four words"), None)
    assert [(await vault.get(name)).reveal() for name in ("new", "newer")] == ["y", "z"]
    await access.close()
    await database.close()


# Killed while items are written anew


@pytest.mark.parametrize("verb", ["set", "remove"])
async def test_a_passphrase_set_or_removed_is_finished_after_a_kill_at_any_item(ring, tmp_path, verb):
    count = 2
    for kill in range(1, count + 1):
        home = tmp_path / f"azora{kill}"
        access, vault, database = await keys(home)
        for number in range(count):
            await vault.put(f"w/{number}", Secret(f"w {number}"))
        if verb == "remove":
            await access.set_passphrase(None, Secret(WORDS))
        await access.close()
        await database.close()
        ended(program(home, verb, stdin=WORDS, AZORA_FAULT=f"vault.rewrite.item:{kill}"), -signal.SIGKILL)
        access, vault, database = await keys(home)
        assert access.passphrase_set and access.locked, "what the store says holds: the passphrase is set"
        sealed = [form.startswith("e1:") for name, form in sorted(ring.items(vault.service).items()) if name.startswith("w/")]
        assert sealed.count(verb == "set") == kill, "each item is whole, in one form or the other"
        await refused(Denied, access.unlock(Secret("not this one")))
        await access.unlock(Secret(WORDS))
        assert all(form.startswith("e1:") for name, form in ring.items(vault.service).items() if name.startswith("w/"))
        await access.set_passphrase(Secret(WORDS), None)
        assert [(await vault.get(f"w/{n}")).reveal() for n in range(count)] == [f"w {n}" for n in range(count)]
        assert forms.SEALED not in ring.items(vault.service)
        await access.close()
        await database.close()


async def test_an_item_too_large_for_one_is_replaced_whole_or_not_at_all(ring, tmp_path):
    home = tmp_path / "azora"
    Home(home).ensure()
    ended(program(home, "long", "phrase", "a"))
    ended(program(home, "long", "phrase", "b", AZORA_FAULT="vault.item.parts"), -signal.SIGKILL)
    vault = Vault(Home(home), {})
    assert (await vault.get("phrase")).reveal() == "a" * 350
    ended(program(home, "long", "phrase", "c"))
    assert (await vault.get("phrase")).reveal() == "c" * 350
    await vault.delete("phrase")
    with pytest.raises(NotFound):
        await vault.get("phrase")
