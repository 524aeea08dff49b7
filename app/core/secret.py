"""A value that must not be shown: its repr, its format and its pickle say nothing.

Python cannot wipe a ``str`` or ``bytes``: copies that were made on the way lie in freed memory until something else is written
there. :meth:`Secret.wipe` overwrites the copy that this object holds and lets go of the rest. What this type buys is that a secret
never slips into a log line, an f-string, an exception or a crash report by accident, and that :func:`app.core.logging.redact` knows
which texts to look for.
"""

from __future__ import annotations

import hmac
import weakref

from app.core.errors import Locked

MASK = "«secret»"

_alive: weakref.WeakSet[Secret] = weakref.WeakSet()


class Secret:
    """A passphrase, a recovery phrase or a key, as text or as bytes.

    Compares in constant time. Keep it as briefly as the work needs it.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str | bytes) -> None:
        self._value: str | bytearray | None = value if isinstance(value, str) else bytearray(value)
        _alive.add(self)

    @property
    def is_bytes(self) -> bool:
        """True when it was made of bytes rather than of text."""
        return isinstance(self._value, bytearray)

    def reveal(self) -> str:
        """The text; bytes are given as ``0x…`` hex.

        Raises:
            Locked: it was wiped, since the console was locked.
        """
        value = self._held()
        return value if isinstance(value, str) else "0x" + value.hex()

    def reveal_bytes(self) -> bytes:
        """The bytes; text is given as UTF-8. Raises as :meth:`reveal`."""
        value = self._held()
        return bytes(value) if isinstance(value, bytearray) else value.encode("utf-8")

    def wipe(self) -> None:
        """Overwrite the bytes, let go of the text; from now on there is nothing to reveal."""
        _alive.discard(self)
        value, self._value = self._value, None
        if isinstance(value, bytearray):
            value[:] = bytes(len(value))

    def _held(self) -> str | bytearray:
        if self._value is None:
            raise Locked("This secret was dropped when the console was locked. Nothing was signed or changed.", "Unlock it again.")
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Secret) and hmac.compare_digest(self.reveal_bytes(), other.reveal_bytes()))

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> str:
        raise TypeError("A secret is not pickled.")


def living() -> list[Secret]:
    """The secrets that are in memory now; only the redaction asks."""
    return list(_alive)
