"""Column types of a token economy, exact on both dialects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import LargeBinary, Numeric, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.core.money import UINT256_MAX


class Uint256(TypeDecorator[int]):
    """An ``int`` from 0 to 2**256 - 1: BLOB(32) big-endian on SQLite (sorts as numbers do), NUMERIC(78,0) on PostgreSQL.

    SQL must never sum it on SQLite; sums are made in Python.
    """

    impl = LargeBinary(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(78, 0))
        return dialect.type_descriptor(LargeBinary(32))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= UINT256_MAX:
            raise ValueError("a uint256 is an int from 0 to 2**256 - 1")
        return Decimal(value) if dialect.name == "postgresql" else value.to_bytes(32, "big")

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        return int.from_bytes(value, "big") if isinstance(value, bytes) else int(value)


class _FixedBytes(TypeDecorator[bytes]):
    impl = LargeBinary
    cache_ok = True
    size = 0

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary(self.size))

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        if value is not None and (not isinstance(value, bytes) or len(value) != self.size):
            raise ValueError(f"this column holds exactly {self.size} bytes")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)


class Address(_FixedBytes):
    """20 bytes of an account or contract; the checksummed text is made at the edge."""

    cache_ok = True
    size = 20


class Hash(_FixedBytes):
    """32 bytes: a block, transaction or entry hash, a digest, a storage word."""

    cache_ok = True
    size = 32


class Json(TypeDecorator[Any]):
    """JSON text in one spelling: keys sorted, no spaces, integers exact at any size, bytes as ``0x…`` hex; no floats.

    Integers come back as integers. A digest is made by :mod:`app.core.canonical`, which writes them as strings.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def json_text(value: object) -> str:
    """The text that :class:`Json` stores.

    Raises:
        TypeError: for floats, dates and anything else without an exact form.
    """
    return json.dumps(_exact(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _exact(value: object) -> object:
    if isinstance(value, Enum):
        return _exact(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {str(key): _exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_exact(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    raise TypeError(f"{type(value).__name__} has no exact JSON form")
