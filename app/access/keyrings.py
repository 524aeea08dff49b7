"""Which OS keyring is here, and whether it can keep secrets now.

Finding it costs connections and questions, so the Secret Service that was found is kept (:mod:`app.access.secret_service` says why
that matters) until it fails.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.access.troubles import passes

if TYPE_CHECKING:
    from app.access.secret_service import KeptSecretService

# Keyrings that encrypt what they keep. Others exist for the library (files in plain text, null, a prompt on the terminal); a secret
# never goes there, whatever a configuration file says.
SECRET_SERVICE = "Secret Service"
TRUSTED = {
    "keyring.backends.SecretService": SECRET_SERVICE,
    "keyring.backends.libsecret": "libsecret",
    "keyring.backends.kwallet": "KWallet",
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.Windows": "Windows Credential Manager",
}
_CANDIDATES = {
    "linux": (("keyring.backends.SecretService", "Keyring"), ("keyring.backends.kwallet", "DBusKeyring")),
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
}
_INSTALL = {
    "linux": "Install gnome-keyring (or KWallet) and start the console in a desktop session; without a desktop use "
    "`dbus-run-session -- sh -c 'gnome-keyring-daemon --unlock && azora run'`. Watch-only accounts work without a keyring.",
    "darwin": "Unlock the login keychain. Watch-only accounts work without it.",
    "win32": "Sign in as a user with a profile. Watch-only accounts work without it.",
}


class KeyringState(StrEnum):
    """Whether the OS keyring can keep secrets now."""

    AVAILABLE = "available"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class KeyringStatus:
    """The OS keyring as it is now.

    Attributes:
        state: whether it can keep secrets.
        backend: what it is, for people; empty when there is none.
        why: the sentence why not; empty when available.
        remedy: what to do about it.
        ephemeral: made for this run and gone with it.
    """

    state: KeyringState
    backend: str
    why: str = ""
    remedy: str = ""
    ephemeral: bool = False


class Keyrings:
    """The keyring of this desktop, looked for at each visit.

    Args:
        ephemeral: it is made for this run and gone with it.
    """

    def __init__(self, ephemeral: bool) -> None:
        self._ephemeral = ephemeral
        self._kept: KeptSecretService | None = None

    def find(self) -> tuple[Any, KeyringStatus]:
        """The keyring to use and how it is; the keyring is None when it is unavailable. Blocks; opens no prompt."""
        if (kept := self._kept) is not None:
            try:
                return kept, self._of_secret_service(kept)
            except Exception:  # whatever it is, looking from the start tells it better
                self.let_go()
        return self._look()

    def let_go(self) -> None:
        """Close the connection that is kept; the next visit opens another."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _look(self) -> tuple[Any, KeyringStatus]:
        import keyring.core

        remedy = _INSTALL.get(sys.platform, _INSTALL["linux"])
        chosen: Any = None
        with contextlib.suppress(Exception):  # a broken configuration of the library is no choice
            chosen = keyring.core.load_env() or keyring.core.load_config()
        if chosen is not None and type(chosen).__module__ not in TRUSTED and not type(chosen).__module__.endswith(".chainer"):
            name = f"{type(chosen).__module__}.{type(chosen).__qualname__}"
            why = f"The configured keyring {name} does not encrypt, or refuses to keep anything; it is not used for secrets."
            remedy = "Unset PYTHON_KEYRING_BACKEND, or remove it from keyringrc.cfg. " + remedy
            return None, KeyringStatus(KeyringState.UNAVAILABLE, name, why, remedy, self._ephemeral)
        reasons: list[str] = []
        if chosen is None or type(chosen).__module__ not in TRUSTED:
            chosen = _first_working(reasons)
        if chosen is None:
            because = f" ({'; '.join(reasons)})" if reasons else ""
            why = f"This system offers no keyring that encrypts{because}."
            return None, KeyringStatus(KeyringState.UNAVAILABLE, "", why, remedy, self._ephemeral)
        backend = TRUSTED[type(chosen).__module__]
        if backend == SECRET_SERVICE:
            from app.access.secret_service import KeptSecretService

            kept = KeptSecretService()
            status = self._of_secret_service(kept)
            self._kept = kept
            return kept, status
        return chosen, KeyringStatus(KeyringState.AVAILABLE, backend, ephemeral=self._ephemeral)

    def _of_secret_service(self, keyring: KeptSecretService) -> KeyringStatus:
        """A visit to a locked one would open a prompt. Other keyrings cannot tell, and ask by themselves."""
        from secretstorage.exceptions import ItemNotFoundException

        try:
            locked = keyring.is_locked()
        except ItemNotFoundException:  # there is no default collection until somebody makes one, which takes a prompt
            locked = True
        if not locked:
            return KeyringStatus(KeyringState.AVAILABLE, SECRET_SERVICE, ephemeral=self._ephemeral)
        why = "The OS keyring is locked, or was never unlocked in this session."
        remedy = "Unlock it with the desktop's own prompt or password."
        return KeyringStatus(KeyringState.LOCKED, SECRET_SERVICE, why, remedy, self._ephemeral)


def unlock() -> None:
    """Open the keyring's own prompt. Blocks until the person answers."""
    import secretstorage

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        collection = secretstorage.get_default_collection(bus)
        if collection.is_locked():
            collection.unlock()


def _first_working(reasons: list[str]) -> Any:
    for module, name in _CANDIDATES.get(sys.platform, _CANDIDATES["linux"]):
        try:
            kind = getattr(importlib.import_module(module), name)
            _ = kind.priority  # raises when it cannot work here
            return kind()
        except Exception as error:
            if passes(error, False):
                raise
            reasons.append(f"{TRUSTED[module]}: {str(error).strip().rstrip('.') or type(error).__name__}")
    return None
