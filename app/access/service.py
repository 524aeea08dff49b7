"""The operator, the role, and the lock of the console."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.access import leaving
from app.access import passphrase as phrases
from app.access.leaving import Watch
from app.access.passphrase import Proof
from app.access.roles import Operator, Role, Somewhere, os_user, why_not
from app.access.tables import operators
from app.access.vault import Vault
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, Locked, NotFound
from app.core.events import AccessChanged, Bus
from app.core.jobs import Jobs
from app.core.secret import Secret
from app.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")
FREE_ATTEMPTS = 2  # wrong passphrases without a delay: typing mistakes
LONGEST_DELAY_MS = 60_000
LEAVING_SECONDS = 4.0  # logind waits five seconds for those who asked for a delay


class JournalAppend(Protocol):
    """``Journal.append``: audit and access do not know each other."""

    def __call__(self, connection: Connection, kind: str, actor: str, body: Mapping[str, Any]) -> object:
        """Add an entry in the running transaction."""


class Access:
    """Who is here, what they may do, and whether the console is locked.

    Without a passphrase there is no lock: the OS session and the keyring protect the keys. With one, a new process starts
    locked, and locking forgets the key that opens keyring items.

    Args:
        database: the store that keeps role and proof.
        vault: told when the key of the passphrase is known.
        journal_append: ``Journal.append``.
        lock_after_minutes: the setting, asked each time; 0 never locks by itself.
        lock_on_sleep: the setting, asked each time: lock when the machine sleeps or its screen is locked.
        bus: hears ``AccessChanged``.
        jobs: runs the idle watch and hears of sleep; without it the console locks when it is next asked.
        user: the operator's name; the OS user by default.
        clock: UTC milliseconds.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        journal_append: JournalAppend,
        lock_after_minutes: Callable[[], int] = lambda: 15,
        lock_on_sleep: Callable[[], bool] = lambda: True,
        bus: Bus | None = None,
        jobs: Jobs | None = None,
        user: str = "",
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._database = database
        self._vault = vault
        self._append = journal_append
        self._minutes = lock_after_minutes
        self._on_sleep = lock_on_sleep
        self._bus = bus or Bus()
        self._jobs = jobs
        self._clock = clock
        self._operator = Operator(user or os_user(), Role.AUDITOR)  # until loaded: the one who can do least
        self._proof: Proof | None = None
        self._key: Secret | None = None
        self._touched = clock()
        self._overdue = False
        self._leaving: Watch | None = None
        self._kdf = ThreadPoolExecutor(1, thread_name_prefix="azora-kdf")
        self._turn = asyncio.Lock()

    @property
    def operator(self) -> Operator:
        """The OS user in the role stored for them."""
        return self._operator

    @property
    def passphrase_set(self) -> bool:
        """Whether a console passphrase protects keyring items."""
        return self._proof is not None

    @property
    def locked(self) -> bool:
        """True while a passphrase is set and not given, or too long nothing was done."""
        if self._proof is None:
            return False
        due = self.locks_at
        if due is not None and self._clock() >= due:
            self._forget()
            self._overdue = True
        return self._key is None

    @property
    def locks_at(self) -> int | None:
        """UTC milliseconds at which it will lock by itself, or None when it will not."""
        minutes = self._minutes()
        return self._touched + minutes * 60_000 if self._key is not None and minutes > 0 else None

    def touch(self) -> None:
        """Somebody did something: the idle time begins again."""
        if not self.locked:
            self._touched = self._clock()

    def require_unlocked(self) -> None:
        """Pass, or say that unlocking is the way on.

        Raises:
            Locked: the console is locked.
        """
        if self.locked:
            raise Locked("The console is locked. Nothing was signed or changed.", "Unlock it with your passphrase.")

    def may(self, plan_roles: frozenset[str], target: Somewhere) -> str:
        """Empty when the operator may confirm such a plan there, else the sentence why not."""
        return why_not(self._operator.role, plan_roles, target)

    async def load(self) -> None:
        """Read role and proof; the first operator of a store becomes its administrator, later ones auditors."""

        def enter(connection: Connection) -> Any:
            found = connection.execute(sa.select(operators).where(operators.c.name == self._operator.name)).first()
            if found is not None:
                return found
            others = connection.execute(sa.select(sa.func.count()).select_from(operators)).scalar_one()
            role = Role.AUDITOR if others else Role.ADMINISTRATOR
            connection.execute(
                operators.insert().values(
                    name=self._operator.name,
                    role=role.value,
                    created_at=self._clock(),
                    passphrase_set_at=0,
                    failed_attempts=0,
                    failed_at=0,
                )
            )
            self._append(connection, "access.operator", self._operator.name, {"role": role.value})
            return connection.execute(sa.select(operators).where(operators.c.name == self._operator.name)).one()

        row = await self._database.write(enter)
        self._operator = Operator(row.name, Role(row.role))
        self._proof = _proof(row)
        self._vault.sealing = self._proof is not None
        if self._jobs is not None:
            self._jobs.quietly("idle lock", self._watch, endless=True)
        self._bus.publish(AccessChanged())

    async def set_role(self, role: Role) -> None:
        """Take another role. With a passphrase set, the console must be unlocked.

        Raises:
            Locked: the console is locked; the role stays.
        """
        self.require_unlocked()
        before = self._operator.role
        if role is before:
            return
        await self._update({"role": role.value}, "access.role", {"role": role.value, "before": before.value})
        self._operator = Operator(self._operator.name, role)
        self._bus.publish(AccessChanged())

    async def set_passphrase(self, old: Secret | None, new: Secret | None, *, forget_lost: bool = False) -> None:
        """Set, change or remove (``new`` None) the console passphrase; keyring items are encrypted or decrypted with it.

        Interrupted in the middle, nothing is lost: each item says how it is written, and the next unlock finishes the work.

        Raises:
            Denied: the old passphrase is wrong; nothing was changed.
            Invalid: the new one is too short, or there is nothing to remove.
            Unavailable, Locked: the keyring cannot be reached to encrypt or decrypt its items; the passphrase stays as it was.
            Conflict: another console changed the passphrase just now, or the keyring holds items under the passphrase of a store
                that was lost; nothing was changed.

        Args:
            forget_lost: give up what is encrypted under the passphrase of a lost store.
        """
        await self._look_again()
        if new is not None:
            phrases.checked_new(new)
        elif self._proof is None:
            raise Invalid("No passphrase is set, so none was removed.")
        key = await self._verified(old) if self._proof is not None else phrases.new_vault_key()
        if new is None:
            self._vault.open_with(key)
            await self._vault.unseal_all()
            nothing = {"hashing": None, "salt": None, "verifier": None, "wrapped_key": None, "passphrase_set_at": 0}
            try:
                await self._update(nothing, "access.passphrase_removed", {}, known=self._proof)
            except BaseException:
                await self._hold(key)  # the passphrase stays, and with it the encryption
                raise
            held, self._proof, self._key = self._key, None, None
            for secret in (key, held):
                if secret is not None:
                    secret.wipe()
            self._bus.publish(AccessChanged())
            return
        changed = self._proof is not None
        if not changed and (await self._vault.state()).state == "locked":
            raise Locked(
                "The OS keyring is locked, so its items could not be encrypted. The passphrase was not set.",
                "Unlock the keyring first.",
            )
        if not changed and not forget_lost and await self._lost():
            raise Conflict(
                "The keyring holds items of this home under the passphrase of a store that was lost. Another passphrase would lock "
                "them away for good. Nothing was changed.",
                "Take it over: azora access recover. Forgotten for good? azora access passphrase --forget-lost.",
            )
        proof = await self._in_thread(lambda: phrases.make(new, key))
        values = {
            "hashing": dict(proof.hashing),
            "salt": proof.salt,
            "verifier": proof.verifier,
            "wrapped_key": proof.wrapped_key,
            "passphrase_set_at": self._clock(),
        }
        kind = "access.passphrase_changed" if changed else "access.passphrase_set"
        await self._update(values, kind, {}, known=self._proof)
        self._proof = proof
        await self._hold(key, first=not changed)

    async def lock(self, reason: str = "by hand") -> None:
        """Forget the key that opens keyring items.

        Raises:
            Invalid: no passphrase is set, so nothing could unlock it again.
        """
        if self._proof is None:
            raise Invalid("No console passphrase is set, so the console was not locked.", "Set one in Settings first.")
        if self._key is None and not self._overdue:
            return
        self._overdue = False
        self._forget()
        try:
            await self._update({}, "access.locked", {"reason": reason})
        finally:  # the windows are covered also when the store cannot note it
            self._bus.publish(AccessChanged())

    async def unlock(self, passphrase: Secret) -> None:
        """Open the console.

        Raises:
            Denied: the passphrase is wrong, or it is too soon after wrong ones; the attempt is journalled.
        """
        if self._proof is None:
            return
        if self.locked and self._overdue:
            await self.lock("after idle time")
        await self._look_again()
        if not self.passphrase_set:
            return
        was_locked = self._key is None
        key = await self._verified(passphrase)
        if was_locked:
            await self._update({}, "access.unlocked", {})
        await self._hold(key)

    async def check_passphrase(self, passphrase: Secret | None) -> None:
        """Ask for the passphrase again, at Confirm or before a secret is shown. Passes when none is set.

        Raises:
            Denied: it is missing or wrong.
        """
        if self._proof is None:
            return
        if passphrase is None:
            raise Denied("This asks for the console passphrase. Nothing was changed.", "Give the passphrase.")
        await self._verified(passphrase)
        self.touch()

    async def recoverable(self) -> bool:
        """Whether the store knows of no passphrase, but the keyring's items of this home are encrypted under one.

        Raises:
            Locked, Unavailable: the keyring cannot be asked.
        """
        return self._proof is None and await self._vault.proof() is not None

    async def _lost(self) -> bool:
        try:
            return await self.recoverable()
        except ConsoleError:  # without a keyring there is nothing to lock away
            return False

    async def recover(self, passphrase: Secret) -> None:
        """Take the passphrase over from the keyring after the store was lost; the items open again. Journalled.

        Raises:
            Conflict: the store knows a passphrase; nothing was changed.
            NotFound: the keyring holds nothing to take over.
            Denied: the passphrase is wrong; counted as any wrong one.
            Invalid: the keyring's copy is damaged.
        """
        await self._look_again()
        if self._proof is not None:
            raise Conflict("This store knows its passphrase. Nothing was recovered.", "Unlock the console with it.")
        text = await self._vault.proof()
        if text is None:
            raise NotFound(
                "The keyring holds no passphrase of this home. Nothing was recovered.", "Open the home in which it was set."
            )
        proof = phrases.from_text(text)
        key = await self._verified(passphrase, proof)
        values = {
            "hashing": dict(proof.hashing),
            "salt": proof.salt,
            "verifier": proof.verifier,
            "wrapped_key": proof.wrapped_key,
            "passphrase_set_at": self._clock(),
        }
        await self._update(values, "access.passphrase_recovered", {}, known=None)
        self._proof = proof
        await self._hold(key)

    async def record(
        self, kind: str, body: Mapping[str, Any], change: Callable[[Connection], object] = lambda connection: None
    ) -> None:
        """Journal what was done with a secret (drilled, revealed, exported), in one transaction with what it changes.

        Args:
            body: JSON that names the account, never the secret.
        """

        def write(connection: Connection) -> None:
            change(connection)
            self._append(connection, kind, self._operator.name, body)

        await self._database.write(write)

    async def close(self) -> None:
        """Forget the key, and listen no longer."""
        if self._leaving is not None:
            self._leaving.stop()
        self._forget()
        self._kdf.shutdown(wait=False)

    async def _verified(self, passphrase: Secret | None, proof: Proof | None = None) -> Secret:
        """The vault's key for a right passphrase; a wrong one is counted, journalled, and makes the next attempt wait."""
        if passphrase is None:
            raise Denied("This asks for the console passphrase. Nothing was changed.", "Give the passphrase.")
        async with self._turn:
            attempts, failed_at = await self._database.read(self._failures)
            wait = failed_at + _delay_ms(attempts) - self._clock()
            if wait > 0:
                seconds = -(-wait // 1000)
                raise Denied(
                    f"{attempts} wrong passphrases in a row: the next can be tried in {seconds} s. This one was not looked at.",
                    f"Wait {seconds} s.",
                    retryable=True,
                )
            known = proof or self._proof
            assert known is not None
            key = await self._in_thread(lambda: phrases.open_key(passphrase, known))
            if key is None:
                await self._update(
                    {"failed_attempts": attempts + 1, "failed_at": self._clock()}, "access.refused", {"attempts": attempts + 1}
                )
                raise Denied("The passphrase is wrong. Nothing was changed.", "Try again.", field="passphrase")
            if attempts:
                await self._update({"failed_attempts": 0, "failed_at": 0})
            return key

    async def _hold(self, key: Secret, *, first: bool = False) -> None:
        before, self._key, self._touched, self._overdue = self._key, key, self._clock(), False
        self._vault.open_with(key)
        if before is not None:
            before.wipe()
        self._notice_leaving()
        try:
            await self._vault.seal_all(first=first)
            if self._proof is not None:
                await self._vault.keep_proof(phrases.to_text(self._proof))
        except ConsoleError as error:  # without a keyring there is nothing to encrypt now; the next unlock looks again
            log.warning("keyring items were not looked at: %s", error)
        self._bus.publish(AccessChanged())

    def _forget(self) -> None:
        """Drop the key. Its bytes are overwritten here; what libraries copied on the way is theirs to clean."""
        key, self._key = self._key, None
        self._vault.shut()
        if key is not None:
            key.wipe()

    def _notice_leaving(self) -> None:
        """Listen for sleep and for the lock of the screen, from the first time that there is something to lock."""
        if self._leaving is None and self._jobs is not None:
            loop = asyncio.get_running_loop()
            self._leaving = leaving.watch(lambda reason: self._left(loop, reason))
            if self._leaving is not None:
                self._leaving.start()

    def _left(self, loop: asyncio.AbstractEventLoop, reason: str) -> None:
        """In the watch's thread: lock, and return when it is done, since the machine waits to sleep."""
        if not self._on_sleep():
            return
        done = threading.Event()

        async def lock() -> None:
            try:
                if self._proof is not None:
                    await self.lock(reason)
            finally:
                done.set()

        jobs = self._jobs
        assert jobs is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the key
            loop.call_soon_threadsafe(lambda: jobs.quietly("lock", lock))
            done.wait(LEAVING_SECONDS)

    async def _watch(self) -> None:
        """Lock when the idle time is over; wakes often enough to notice a changed setting."""
        while True:
            try:
                if self._proof is not None and self.locked and self._overdue:
                    await self.lock("after idle time")
                await self._look_again()
            except ConsoleError as error:  # a store that does not answer: the key is dropped already, and the watch goes on
                log.info("the watch over idle time: %s", error)
            due = self.locks_at
            await asyncio.sleep(min(15.0, max(0.2, (due - self._clock()) / 1000)) if due else 15.0)

    async def _look_again(self) -> None:
        """Take over a passphrase that another console of this store has set, changed or removed."""
        read = sa.select(operators).where(operators.c.name == self._operator.name)
        row = await self._database.read(lambda connection: connection.execute(read).one())
        proof = _proof(row)
        if proof == self._proof:
            return
        had, self._proof = self._proof, proof
        if had is None or proof is None:  # with another passphrase the key that is held stays the same
            self._forget()
            self._vault.sealing = proof is not None
        self._bus.publish(AccessChanged())

    def _failures(self, connection: Connection) -> tuple[int, int]:
        row = connection.execute(
            sa.select(operators.c.failed_attempts, operators.c.failed_at).where(operators.c.name == self._operator.name)
        ).one()
        return row.failed_attempts, row.failed_at

    async def _update(
        self, values: Mapping[str, Any], kind: str = "", body: Mapping[str, Any] | None = None, known: Proof | Any | None = ...
    ) -> None:
        """Change the operator's row with its journal entry.

        Args:
            known: the proof that the change is made against; when another console has stored a different one, nothing is changed.
        """

        def change(connection: Connection) -> None:
            if known is not ...:
                row = connection.execute(sa.select(operators).where(operators.c.name == self._operator.name)).one()
                if _proof(row) != known:
                    raise Conflict("Another console has changed the passphrase just now. Nothing was changed.", "Look again.")
            if values:
                connection.execute(operators.update().where(operators.c.name == self._operator.name).values(**values))
            if kind:
                self._append(connection, kind, self._operator.name, body or {})

        await self._database.write(change)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._kdf, work)


def _proof(row: Any) -> Proof | None:
    """What the row says of a passphrase; None when none is set."""
    if row.verifier is None:
        return None
    return Proof(row.hashing, bytes(row.salt), bytes(row.verifier), bytes(row.wrapped_key))


def _delay_ms(attempts: int) -> int:
    """Growing pause after wrong passphrases: none for two, then 2, 4, 8 … up to 60 s."""
    over = attempts - FREE_ATTEMPTS
    return 0 if over <= 0 else min(LONGEST_DELAY_MS, 1_000 * 2 ** min(over, 10))
