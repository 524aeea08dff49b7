"""The few kinds of error a person may meet. Anything else is a bug and goes to the crash report.

Each says what happened and what was *not* done (``message``) and what to do next (``remedy``).
"""

from __future__ import annotations

from collections.abc import Mapping


class ConsoleError(Exception):
    """An expected failure, told in sentences.

    Args:
        message: what happened, and what was not done because of it.
        remedy: what the reader can do now; may be empty when nothing helps.
        retryable: the same call may succeed later without any change.
        field: name of the input field at fault, for forms; empty when no field is.
        details: exact values for "Copy details"; never a secret.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        remedy: str = "",
        *,
        retryable: bool = False,
        field: str = "",
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.retryable = retryable
        self.field = field
        self.details = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class Invalid(ConsoleError):
    """The input cannot be right: a checksum, a format, a range."""

    exit_code = 2


class NotFound(ConsoleError):
    """The thing named does not exist here."""

    exit_code = 3


class Conflict(ConsoleError):
    """The world has moved on: a used nonce, a changed chain, a concurrent edit."""

    exit_code = 4


class Denied(ConsoleError):
    """This role, policy or server does not allow it."""

    exit_code = 5


class Locked(ConsoleError):
    """The console or the keyring is locked; unlocking is the way on."""

    exit_code = 6


class Unavailable(ConsoleError):
    """A node, database, keyring or file did not answer."""

    exit_code = 7


class Cancelled(ConsoleError):
    """The operator stopped it. Shown as a fact, not as a failure."""

    exit_code = 8


class Waiting(ConsoleError):
    """Somebody else must act first: a person at a signer, another console. Nothing is wrong; a plan waits for it.

    Args:
        soon: what is awaited comes to this process by itself, so that asking again soon is right. Otherwise whoever brings it
            says so.
    """

    exit_code = 10

    def __init__(self, message: str, remedy: str = "", *, soon: bool = False) -> None:
        super().__init__(message, remedy, retryable=True)
        self.soon = soon
