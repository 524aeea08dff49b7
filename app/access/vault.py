"""The OS keyring: the only place that keeps secrets, and the only module that touches it.

Secrets are items of the desktop's own keyring, under a service name that carries the home's id, so that two homes never meet.
When a console passphrase is set, each item is encrypted once more (AES-256-GCM, the item's name as associated data) under a key
that only the passphrase opens. There is no plain-text fallback: without a keyring that encrypts, the vault says so and keeps
nothing. Keyring daemons hang; every visit runs in a thread of its own with a time limit.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from app.access import items
from app.access.keyrings import Keyrings, KeyringState, KeyringStatus, unlock
from app.access.troubles import Away, Guarded, other_passphrase, passes, silent, translated
from app.core import faults
from app.core.errors import Locked, NotFound, Unavailable
from app.core.paths import Home
from app.core.secret import Secret

__all__ = ["JournalHead", "KeyringState", "KeyringStatus", "Vault"]

T = TypeVar("T")
LIMIT_SECONDS = 20.0
ASKING_SECONDS = 120.0  # a person types into the keyring's own prompt
HUNG_THREADS = 4  # abandoned visits still waiting; beyond that we do not start another
AGAIN_SECONDS = 5.0  # a daemon that ended in mid-request is waited for, since the desktop starts another


class Vault:
    """Named secrets in the OS keyring.

    Args:
        home: the home whose id the service name carries.
        environ: where ``AZORA_EPHEMERAL_KEYRING`` is looked up (1: the keyring is made for this run and dies with it).
        limit_seconds: how long one visit may take.
    """

    def __init__(self, home: Home, environ: Mapping[str, str] | None = None, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._home = home
        self.service = f"azora-console-{home.id}"
        self._ephemeral = (os.environ if environ is None else environ).get("AZORA_EPHEMERAL_KEYRING") == "1"
        self._limit = limit_seconds
        self._keyrings = Keyrings(self._ephemeral)
        self._hung: list[threading.Thread] = []
        self._turn = asyncio.Lock()
        self._key: Secret | None = None
        self._visitor = threading.local()
        self._answered = False  # the keyring was there in this process
        self._indexed = False  # and it listed items of this home
        self._marked = False  # and knows which key encrypts them
        self.sealing = False  # a passphrase is set: protected items are written encrypted

    async def state(self) -> KeyringStatus:
        """Whether secrets can be kept now; asks nobody and opens no prompt."""
        try:
            return await self._visit(lambda: self._found()[1])
        except Unavailable as error:
            return KeyringStatus(KeyringState.UNAVAILABLE, "", error.message, error.remedy, self._ephemeral)

    async def put(self, name: str, secret: Secret, *, protected: bool = True) -> None:
        """Keep a secret under ``name``, replacing the one before.

        Args:
            protected: also encrypt under the console passphrase when one is set.

        Raises:
            Locked: the keyring, or the console while a passphrase is set, is locked; nothing was kept.
            Unavailable: there is no keyring that encrypts, or it did not answer.
        """
        form = items.plain_form(secret)
        if protected and self.sealing:
            form = items.sealed(form, name, self._open_key())
        await self._visit(lambda: self._store(name, form), changes=True)

    async def get(self, name: str) -> Secret:
        """The secret kept under ``name``, as the text or bytes it was put.

        Raises:
            NotFound: nothing is kept under that name.
            Locked: the keyring or the console is locked.
            Unavailable: there is no keyring, or it did not answer; or the item is damaged.
        """
        form = await self._visit(lambda: self._load(name))
        if form is None:
            raise NotFound(
                f"The keyring of this home holds no “{name}”. Nothing was signed or changed.",
                "Import the key again, or open the home in which it was made.",
            )
        return self._opened(name, form)

    async def has(self, name: str) -> bool:
        """Whether something is kept under ``name``; needs the keyring unlocked, but not the console."""
        return await self._visit(lambda: self._load(name) is not None)

    async def delete(self, name: str) -> None:
        """Remove it; a name that is not there is no error."""
        await self._visit(lambda: self._remove(name), changes=True)

    async def names(self) -> list[str]:
        """Everything kept for this home, by name."""
        return await self._visit(lambda: self._listed(self._items()))

    async def ask_system_unlock(self) -> KeyringStatus:
        """Have the desktop's own prompt unlock the keyring; gives the person two minutes."""
        await self._visit(unlock, limit=ASKING_SECONDS)
        return await self.state()

    # Under the passphrase -----------------------------------------------------------------------------------------------

    def open_with(self, key: Secret) -> None:
        """Hold the key of the passphrase until :meth:`shut`."""
        self._key = key
        self.sealing, self._marked = True, False

    def shut(self) -> None:
        """Forget the key; encrypted items cannot be read until it is given again."""
        self._key = None
        self._keyrings.let_go()  # what a connection last received may lie in its memory

    @property
    def is_open(self) -> bool:
        """No passphrase, or its key is held."""
        return not self.sealing or self._key is not None

    async def seal_all(self, *, first: bool = False) -> int:
        """Encrypt every protected item that is not yet; returns how many. Interrupted, it goes on the next time.

        Args:
            first: the key was made just now, so what an earlier store of this home left behind is of no account.

        Raises:
            Conflict: another console of this home has set another passphrase meanwhile; nothing was encrypted.
        """
        key = self._open_key()
        return await self._visit(lambda: self._seal(key, first), changes=True)

    async def unseal_all(self) -> int:
        """Take the passphrase's encryption off every item; afterwards no passphrase is needed."""
        key = self._open_key()
        count = await self._visit(lambda: self._unseal(key), changes=True)
        self.sealing, self._key = False, None
        return count

    async def keep_proof(self, text: str) -> None:
        """Keep a copy of the passphrase's proof beside the items; it holds the key only under the passphrase.

        Raises:
            Conflict: another console of this home has set another passphrase meanwhile; nothing was kept.
        """
        own = items.key_id(self._open_key())
        await self._visit(lambda: self._keep_proof(own, text), changes=True)

    async def proof(self) -> str | None:
        """The copy of the proof, when the items of this home are encrypted under a passphrase; else None."""
        return await self._visit(lambda: items.load(self._items(), self.service, items.PROOF))

    def close(self) -> None:
        """Close the connection to the keyring."""
        self._keyrings.let_go()

    # Inside the thread --------------------------------------------------------------------------------------------------

    def _keep_proof(self, own: str, text: str) -> None:
        keyring = self._items()
        with self._between_processes():
            if items.load(keyring, self.service, items.SEALED) != own:
                raise other_passphrase("set another passphrase")
            if items.load(keyring, self.service, items.PROOF) != text:
                items.save(keyring, self.service, items.PROOF, text)

    def _found(self) -> tuple[Any, KeyringStatus]:
        keyring, status = self._keyrings.find()
        if status.state is KeyringState.UNAVAILABLE and self._answered:
            raise Away(f"{status.why} Nothing was kept or read.", status.remedy, retryable=True)
        self._answered = self._answered or keyring is not None
        return keyring, status

    def _items(self) -> Any:
        keyring, status = self._found()
        if status.state is KeyringState.UNAVAILABLE:
            raise Unavailable(f"{status.why} Nothing was kept or read.", status.remedy)
        # A visit to a locked collection would open a prompt nobody may be there to see.
        if status.state is KeyringState.LOCKED:
            raise Locked(
                f"{status.why or 'The OS keyring is locked.'} Nothing was kept or read.", "Unlock the keyring, then try again."
            )
        return Guarded(keyring, getattr(self._visitor, "given_up", None))

    def _listed(self, keyring: Any) -> list[str]:
        """The names kept. A keyring that knew this home and knows it no longer is another one: it must not look empty."""
        names = items.index(keyring, self.service)
        if names is None and self._indexed:
            raise Away(
                "The OS keyring that answers holds nothing of this home any more. Nothing was kept or read.",
                "Another keyring took its place, or its items were removed: bring the right one back, or restore from the backups.",
            )
        self._indexed = self._indexed or names is not None
        return names or []

    def _load(self, name: str) -> str | None:
        keyring = self._items()
        form = items.load(keyring, self.service, name)
        if form is None:
            self._listed(keyring)
        return form

    def _store(self, name: str, form: str) -> None:
        keyring = self._items()
        with self._between_processes():
            names = self._listed(keyring)
            if form[:3] == "e1:":
                self._agree(keyring)
            # The name goes in first: an item that is not listed would be left out when all are encrypted.
            if name not in names:
                self._list(keyring, [*names, name])
            items.save(keyring, self.service, name, form)

    def _agree(self, keyring: Any) -> None:
        """Refuse to write under a key that another console of this home has replaced or thrown away: nobody could read it."""
        sealed, own = items.load(keyring, self.service, items.SEALED), items.key_id(self._open_key())
        if sealed is None and not self._marked:
            items.save(keyring, self.service, items.SEALED, own)
        elif sealed != own:
            raise other_passphrase("removed the passphrase" if sealed is None else "set another passphrase")
        self._marked = True

    def _list(self, keyring: Any, names: list[str]) -> None:
        items.save(keyring, self.service, items.INDEX, "p1:" + json.dumps(sorted(names)))
        self._indexed = True

    def _remove(self, name: str) -> None:
        keyring = self._items()
        with self._between_processes():
            names = self._listed(keyring)
            items.drop(keyring, self.service, name)
            if name in names:
                names.remove(name)
                self._list(keyring, names)

    def _seal(self, key: bytes, first: bool) -> int:
        keyring, own = self._items(), items.key_id(key)
        with self._between_processes():
            if not first and items.load(keyring, self.service, items.SEALED) not in (None, own):
                raise other_passphrase("set another passphrase")
            names = self._listed(keyring)
            # The mark goes in first: from here on no console writes an item that the passphrase does not protect.
            items.save(keyring, self.service, items.SEALED, own)
            self._marked = True
            return self._rewrite(keyring, names, lambda name, form: None if form[:3] == "e1:" else items.sealed(form, name, key))

    def _unseal(self, key: bytes) -> int:
        keyring = self._items()
        with self._between_processes():
            if items.load(keyring, self.service, items.SEALED) not in (None, items.key_id(key)):
                raise other_passphrase("set another passphrase")
            count = self._rewrite(keyring, self._listed(keyring), lambda name, form: items.unsealed_if_ours(form, name, key))
            items.drop(keyring, self.service, items.SEALED)
            items.drop(keyring, self.service, items.PROOF)
            return count

    def _rewrite(self, keyring: Any, names: list[str], change: Callable[[str, str], str | None]) -> int:
        """Each item is replaced whole: a kill between two leaves some in the old form, and each says in which form it is."""
        count = 0
        for name in names:
            form = None if name.startswith(JournalHead.PREFIX) else items.load(keyring, self.service, name)
            if form is not None and (changed := change(name, form)) is not None:
                items.save(keyring, self.service, name, changed)
                count += 1
            faults.point("vault.rewrite.item")
        return count

    @contextlib.contextmanager
    def _between_processes(self) -> Iterator[None]:
        """Window and command line may write at the same time; the index must not lose a name."""
        with open(self._home.path / ".vault.lock", "a", encoding="ascii") as file:
            with contextlib.suppress(ImportError):
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # Around the thread --------------------------------------------------------------------------------------------------

    def _open_key(self) -> bytes:
        if self._key is None and not self.sealing:
            raise Locked(
                "This keyring item is encrypted under a passphrase that this store knows nothing of: the store was lost or is "
                "another. Nothing was kept or read.",
                "Take the passphrase over from the keyring: azora access recover",
            )
        if self._key is None:
            raise Locked("The console is locked. Nothing was kept or read.", "Unlock it with your passphrase.")
        return self._key.reveal_bytes()

    def _opened(self, name: str, form: str) -> Secret:
        if form[:3] == "e1:":
            form = items.unsealed(form, name, self._open_key())
        kind, text = form[:3], form[3:]
        if kind == "p1:":
            return Secret(text)
        if kind == "b1:":
            with contextlib.suppress(ValueError):
                return Secret(base64.b64decode(text, validate=True))
        raise Unavailable(f"The keyring item “{name}” is damaged. Nothing was signed or changed.", "Import the key again.")

    async def _visit(self, work: Callable[[], T], limit: float | None = None, *, changes: bool = False) -> T:
        """Run ``work`` in a thread of its own; give up on it after the limit, and on the keyring after some of these.

        Args:
            changes: it writes; given up, nobody knows whether the keyring still did what it was asked.
        """
        async with self._turn:
            self._hung = [thread for thread in self._hung if thread.is_alive()]
            if len(self._hung) >= HUNG_THREADS:
                raise silent(self._limit)
            done: Future[T] = Future()
            given_up = threading.Event()

            def run() -> None:
                self._visitor.given_up = given_up
                try:
                    result = self._patiently(work)
                except BaseException as error:
                    done.set_exception(translated(error))
                else:
                    done.set_result(result)

            thread = threading.Thread(target=run, name="azora-vault", daemon=True)
            thread.start()
            answer = asyncio.wrap_future(done)
            answer.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # given up, nobody asks for its error
            try:
                async with asyncio.timeout(limit or self._limit):
                    return await asyncio.shield(answer)
            except (TimeoutError, asyncio.CancelledError) as error:
                given_up.set()  # what it was just asked may still be done; it is asked nothing more
                if isinstance(error, asyncio.CancelledError):
                    raise
                self._hung.append(thread)
                raise silent(limit or self._limit, changes) from None

    def _patiently(self, work: Callable[[], T]) -> T:
        """Once more while another daemon takes the place of one that ended. All that is done here may be done twice."""
        end, pause = time.monotonic() + min(AGAIN_SECONDS, self._limit / 2), 0.05
        while True:
            try:
                return work()
            except Exception as error:
                if not passes(error, self._answered) or time.monotonic() >= end:
                    raise
            time.sleep(pause)
            pause = min(0.5, pause * 2)


class JournalHead:
    """Keeps a journal's newest head in the keyring: no secret, so it is readable while the console is locked.

    Args:
        vault: the keyring.
        store: which store, since one home may have had several (``Database.name``).
    """

    PREFIX = "journal.head."

    def __init__(self, vault: Vault, store: str) -> None:
        import hashlib

        self._vault = vault
        self._name = self.PREFIX + hashlib.sha256(store.encode("utf-8")).hexdigest()[:16]

    async def remember(self, sequence: int, entry_hash: str) -> None:
        """Keep this head in place of the one before."""
        await self._vault.put(self._name, Secret(f"{sequence}:{entry_hash}"), protected=False)

    async def recall(self) -> tuple[int, str] | None:
        """The head last kept, or None when none was."""
        try:
            kept = await self._vault.get(self._name)
        except NotFound:
            return None
        sequence, _, entry_hash = kept.reveal().partition(":")
        return int(sequence), entry_hash
