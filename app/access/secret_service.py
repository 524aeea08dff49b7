"""The Secret Service over one connection that is kept.

gnome-keyring (42.1) cannot bear clients that come and go while a property is read: it loses sight of its collections for a moment
("Item does not exist!"), or aborts (GLib, ``invoke_get_property_in_idle_cb: assertion failed``). The ``keyring`` library opens two
connections for every item. Measured with two readers for 25 s: 28 such answers and 9 aborts in 27,460 visits over connections of
their own, none in 59,641 over kept ones; with two writers beside them 34 and 7 in 17,928, against 1 and 0 in 39,155.

The library also *makes* a default collection when it sees none, which opens a prompt. Here nothing is made: what is out of sight
for a moment is looked for again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import secretstorage
from keyring.backends import SecretService
from keyring.errors import PasswordDeleteError
from secretstorage.collection import DEFAULT_COLLECTION
from secretstorage.exceptions import ItemNotFoundException
from secretstorage.util import open_session

T = TypeVar("T")
LOOK_AGAIN_SECONDS = 0.5
PAUSE = 0.05


class KeptSecretService(SecretService.Keyring):
    """The library's keyring, with the same items under the same attributes.

    Calls may come from any thread; two at a time take a connection each, and one of these is kept.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library has no types here
        self._idle: secretstorage.Collection | None = None
        self._closed = False
        self._turn = threading.Lock()

    def is_locked(self) -> bool:
        """Whether a visit would open a prompt.

        Raises:
            ItemNotFoundException: there is no default collection until somebody makes one.
        """
        return self._steadily(lambda collection: collection.is_locked())

    def get_password(self, service: str, username: str) -> str | None:
        """The text of an item, or None."""

        def read(collection: secretstorage.Collection) -> str | None:
            found = next(collection.search_items(self._query(service, username)), None)
            if found is not None and found.is_locked():  # KeePassXC asks its person item by item
                self.unlock(found)  # type: ignore[no-untyped-call]
            return None if found is None else found.get_secret().decode("utf-8")

        return self._steadily(read)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Write an item, replacing the one before."""
        attributes, label = self._query(service, username, application=self.appid), f"Password for '{username}' on '{service}'"
        self._steadily(lambda collection: collection.create_item(label, attributes, password.encode("utf-8"), replace=True))

    def delete_password(self, service: str, username: str) -> None:
        """Remove an item.

        Raises:
            PasswordDeleteError: there is none.
        """

        def remove(collection: secretstorage.Collection) -> None:
            found = next(collection.search_items(self._query(service, username)), None)
            if found is None:
                raise PasswordDeleteError("No such password!")
            found.delete()

        self._steadily(remove)

    def close(self) -> None:
        """Close the connection that is kept, and each that comes back from now on."""
        with self._turn:
            self._closed, idle, self._idle = True, self._idle, None
        if idle is not None:
            idle.connection.close()

    def _steadily(self, work: Callable[[secretstorage.Collection], T]) -> T:
        """Do it on the collection; all that is done here may be done twice."""
        end = time.monotonic() + LOOK_AGAIN_SECONDS
        while True:
            with self._turn:
                collection, self._idle = self._idle, None
            try:
                collection = collection or self._connected()
                result = work(collection)
            except ItemNotFoundException:
                self._keep(collection)
                if time.monotonic() >= end:
                    raise
                time.sleep(PAUSE)
            except BaseException:
                if collection is not None:
                    collection.connection.close()
                raise
            else:
                self._keep(collection)
                return result

    def _keep(self, collection: secretstorage.Collection | None) -> None:
        with self._turn:
            spare = collection
            if collection is not None and not self._closed:
                spare, self._idle = self._idle, collection
        if spare is not None:
            spare.connection.close()

    def _connected(self) -> secretstorage.Collection:
        bus = secretstorage.dbus_init()
        try:
            path = getattr(self, "preferred_collection", DEFAULT_COLLECTION)
            return secretstorage.Collection(bus, path, open_session(bus))
        except BaseException:
            bus.close()
            raise
