"""Values of the ABI as people write and read them: text, JSON and forms on one side, what the encoder takes on the other.

Whole numbers are written in decimal or as ``0x…`` and may have ``_`` between digits; arrays and structs are JSON, structs as an
object by member or as a list in order; bytes are ``0x…``; an address has its EIP-55 checksum or none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.chain.hashing import checksum_address
from app.contracts.systems import account
from app.core.errors import Invalid

Parameter = Mapping[str, Any]  # an entry of ``inputs`` or ``outputs``

_ARRAY = re.compile(r"^(.*)\[([0-9]*)\]$")
_NUMBER = re.compile(r"^(u?)int([0-9]*)$")
_BYTES = re.compile(r"^bytes([0-9]+)$")
_WHOLE = re.compile(r"-?[0-9](_?[0-9])*|0x[0-9a-fA-F]{1,64}")
MOST_ITEMS = 10_000  # of an array


def array_of(parameter: Parameter) -> tuple[Parameter, int | None] | None:
    """The element of an array and its fixed length (None: any); None when it is no array."""
    match = _ARRAY.match(str(parameter["type"]))
    if match is None:
        return None
    return {**parameter, "type": match[1]}, int(match[2]) if match[2] else None


def members_of(parameter: Parameter) -> Sequence[Parameter] | None:
    """The members of a struct; None when it is none."""
    return list(parameter.get("components", ())) if parameter["type"] == "tuple" else None


def called(parameter: Parameter, at: int) -> str:
    """The name of a parameter, or its place."""
    return str(parameter.get("name") or f"argument {at + 1}")


def read_value(parameter: Parameter, given: object, field: str) -> object:
    """What the encoder takes of what was written.

    Args:
        given: text, or for arrays and structs also lists and objects of such.
        field: the path of the entry, as in ``0`` or ``0.payees.2``; an error names it.

    Raises:
        Invalid: it does not fit the type; nothing was sent.
    """
    if (element := array_of(parameter)) is not None:
        return _array(element[0], element[1], given, field)
    if (members := members_of(parameter)) is not None:
        return _struct(members, given, field)
    kind = str(parameter["type"])
    if isinstance(given, list | Mapping):
        raise _wrong(f"{kind} is one value, not several", field)
    text = ("true" if given else "false") if isinstance(given, bool) else str(given)
    if match := _NUMBER.match(kind):
        return _number(text.strip(), signed=not match[1], bits=int(match[2] or 256), kind=kind, field=field)
    if kind == "string":
        return text
    return _word(kind, text.strip(), field)


def read_values(parameters: Sequence[Parameter], given: Sequence[object]) -> list[object]:
    """All arguments of a function; the field of an error is the argument's place, from 0.

    Raises:
        Invalid: there are more or fewer than the function takes, or one does not fit.
    """
    if len(given) != len(parameters):
        wanted = ", ".join(f"{parameter['type']} {called(parameter, at)}" for at, parameter in enumerate(parameters)) or "none"
        raise Invalid(f"It takes {len(parameters)} arguments, not {len(given)}. Nothing was sent.", f"They are: {wanted}.")
    return [read_value(parameter, value, str(at)) for at, (parameter, value) in enumerate(zip(parameters, given, strict=True))]


def shown(parameter: Parameter, value: Any) -> object:
    """A decoded value as JSON: whole numbers as decimal text, bytes as ``0x…``, structs as objects, addresses checksummed."""
    if (element := array_of(parameter)) is not None:
        return [shown(element[0], item) for item in value]
    if (members := members_of(parameter)) is not None:
        return {called(member, at): shown(member, item) for at, (member, item) in enumerate(zip(members, value, strict=True))}
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return "0x" + bytes(value).hex()
    return checksum_address(value) if parameter["type"] == "address" else str(value)


def as_text(value: object) -> str:
    """What :func:`shown` gave, on one line."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def template(parameter: Parameter) -> str:
    """What an empty field of this type suggests."""
    if (element := array_of(parameter)) is not None:
        return "[" + template(element[0]) + ", …]"
    if (members := members_of(parameter)) is not None:
        return "{" + ", ".join(f'"{called(member, at)}": {template(member)}' for at, member in enumerate(members)) + "}"
    kind = str(parameter["type"])
    if _NUMBER.match(kind):
        return "0"
    return {"bool": "true or false", "string": "text", "address": "0x…"}.get(kind, "0x…")


def _array(element: Parameter, length: int | None, given: object, field: str) -> list[object]:
    items = _parsed(given, field, "a list", '["…", "…"]')
    if not isinstance(items, list):
        raise _wrong("A list is needed", field, 'Write it as JSON, such as ["1", "2"].')
    if length is not None and len(items) != length:
        raise _wrong(f"{length} items are needed, not {len(items)}", field)
    if len(items) > MOST_ITEMS:
        raise _wrong(f"More than {MOST_ITEMS:,} items", field)
    return [read_value(element, item, f"{field}.{at}") for at, item in enumerate(items)]


def _struct(members: Sequence[Parameter], given: object, field: str) -> tuple[object, ...]:
    found = _parsed(given, field, "a struct", '{"member": "…"}')
    names = [called(member, at) for at, member in enumerate(members)]
    if isinstance(found, Mapping):
        if missing := [name for name in names if name not in found]:
            raise _wrong(f"The member {missing[0]} is missing", field)
        if extra := [name for name in found if name not in names]:
            raise _wrong(f"There is no member {extra[0]}", field)
        found = [found[name] for name in names]
    if not isinstance(found, list) or len(found) != len(members):
        raise _wrong(f"A struct of {len(members)} members is needed", field, f"They are: {', '.join(names)}.")
    return tuple(read_value(member, item, f"{field}.{name}") for member, item, name in zip(members, found, names, strict=True))


def _parsed(given: object, field: str, what: str, such: str) -> object:
    if not isinstance(given, str):
        return given
    try:
        # Numbers stay text, so that no digit of a uint256 is lost and 1e3 is refused rather than rounded.
        return json.loads(given, parse_int=str, parse_float=str)
    except ValueError as error:
        raise _wrong(f"It cannot be read as {what} ({error})", field, f"Write it as JSON, such as {such}.") from error


def _number(text: str, *, signed: bool, bits: int, kind: str, field: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise _wrong(f"“{text}” is no whole number", field, "Write digits, or 0x and hex digits.")
    number = int(text, 0) if text.startswith("0x") else int(text)
    least, most = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not least <= number <= most:
        raise _wrong(f"{text} does not fit {kind}", field, f"It must lie between {least} and {most}.")
    return number


def _word(kind: str, text: str, field: str) -> object:
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise _wrong(f"“{text}” is neither true nor false", field)
        return text.lower() == "true"
    if kind == "address":
        zero = text.lower() == "0x" + "0" * 40  # allowed here: a contract decides for itself what it means
        return checksum_address(text) if zero else account(text, field)
    if not re.fullmatch(r"0x([0-9a-fA-F]{2})*", text):
        raise _wrong(f"{kind} is 0x and pairs of hex digits", field)
    raw = bytes.fromhex(text[2:])
    if (match := _BYTES.match(kind)) and len(raw) != int(match[1]):
        raise _wrong(f"{kind} has {match[1]} bytes, not {len(raw)}", field)
    return raw


def _wrong(what: str, field: str, remedy: str = "Correct the entry.") -> Invalid:
    return Invalid(f"{what}. Nothing was sent.", remedy, field=field)
