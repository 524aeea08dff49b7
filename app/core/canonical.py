"""JSON in one spelling (RFC 8785), so that a hash over it means the same to everyone.

Integers are written as strings first: RFC 8785 knows only IEEE 754 doubles, and amounts are uint256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import Enum

import rfc8785


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of ``value``: integers as decimal strings, bytes as ``0x…`` hex, enums by their value.

    Raises:
        TypeError: for floats, dates and anything else that has no exact form here.
    """
    return rfc8785.dumps(_plain(value))  # type: ignore[arg-type]


def digest(value: object) -> str:
    """SHA-256 of :func:`canonical`, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()
