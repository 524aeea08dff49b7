"""Values of contracts as text: exact, typed as the ABI says, and never cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.chain import abi, reasons
from app.core.errors import Invalid


def text_of(value: Any, name: str = "") -> str:
    """A decoded value: numbers in full, bytes as ``0x…``, roles by name, structs and lists in brackets."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return reasons.role_name(value) if len(value) == 32 and "role" in name.lower() else "0x" + value.hex()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text_of(item, name) for item in value) + "]"
    return str(value)


def named(parameters: Sequence[Mapping[str, Any]], data: bytes) -> tuple[tuple[str, str], ...] | None:
    """Names and texts of ABI-encoded values, or None when ``data`` is not of these types."""
    try:
        values = abi.decode(abi.types_of(parameters), data)
    except Invalid:
        return None
    return tuple(
        (str(parameter.get("name") or at), text_of(value, str(parameter.get("name") or "")))
        for at, (parameter, value) in enumerate(zip(parameters, values, strict=True))
    )
