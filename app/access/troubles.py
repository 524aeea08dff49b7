"""What goes wrong with keyrings, told as ours: hanging, ending in mid-request, or another console with another passphrase."""

from __future__ import annotations

import threading
from typing import Any

from app.core.errors import Conflict, ConsoleError, Locked, Unavailable

# What D-Bus and the Secret Service say when the daemon ended, or when another one answers that does not know our session.
_ENDED = {
    f"org.freedesktop.{name}"
    for name in ("DBus.Error.NoReply", "DBus.Error.Disconnected", "DBus.Error.NameHasNoOwner", "Secret.Error.NoSession")
}
_GONE = {f"org.freedesktop.DBus.Error.{name}" for name in ("ServiceUnknown", "UnknownObject", "UnknownMethod", "Spawn.ExecFailed")}


class Away(Unavailable):
    """The keyring was there before in this process."""


def other_passphrase(what: str) -> Conflict:
    return Conflict(
        f"Another console of this home has {what} meanwhile. Nothing was kept.",
        "Close this console and open it again: it then asks for the passphrase as it is now.",
    )


def passes(error: BaseException | None, answered: bool) -> bool:
    """Whether an error tells of a daemon that ended, or that is being started again."""
    while error is not None:
        name = str(getattr(error, "name", ""))
        if isinstance(error, Away) or name in _ENDED or (answered and (name in _GONE or isinstance(error, ConnectionError))):
            return True
        error = error.__cause__ or error.__context__
    return False


class Guarded:
    """A keyring for one visit; when the visit was given up, it asks the keyring nothing more."""

    def __init__(self, inner: Any, given_up: threading.Event | None) -> None:
        self.inner = inner
        self._given_up = given_up

    def get_password(self, service: str, name: str) -> Any:
        return self._still().get_password(service, name)

    def set_password(self, service: str, name: str, text: str) -> None:
        self._still().set_password(service, name, text)

    def delete_password(self, service: str, name: str) -> None:
        self._still().delete_password(service, name)

    def _still(self) -> Any:
        if self._given_up is not None and self._given_up.is_set():
            raise Unavailable("This visit to the keyring was given up. Nothing more was done.")
        return self.inner


def silent(seconds: float, changes: bool = False) -> Unavailable:
    """Given up waiting. With ``changes`` its details say ``outcome: unknown``: the keyring may still do it later."""
    known = "It is not known whether it did what it was asked." if changes else "Nothing was kept or read."
    return Unavailable(
        f"The OS keyring did not answer within {seconds:g} seconds. {known}",
        "A keyring that was never unlocked in this session can wait for a prompt nobody sees: unlock it, or restart its service.",
        retryable=True,
        details={"outcome": "unknown"} if changes else None,
    )


def translated(error: BaseException) -> BaseException:
    """Keyring, SecretStorage and D-Bus each have their own errors; outside there is only ours."""
    if isinstance(error, (ConsoleError, KeyboardInterrupt, SystemExit)):
        return error
    if type(error).__name__ in {"KeyringLocked", "LockedException", "PromptDismissedException"}:
        return Locked("The OS keyring is locked. Nothing was kept or read.", "Unlock the keyring, then try again.")
    if type(error).__module__.partition(".")[0] in {"keyring", "secretstorage", "jeepney"} or isinstance(
        error, (OSError, RuntimeError, UnicodeDecodeError)
    ):
        reason = str(error).strip() or type(error).__name__
        return Unavailable(
            f"The OS keyring failed: {reason.rstrip('.')}. Nothing was kept or read.",
            "Check that its service runs, then try again.",
            retryable=True,
        )
    return error
