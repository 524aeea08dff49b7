"""EIP-712 typed data in the form of ``eth_signTypedData_v4``, read strictly and encoded by our own code.

Whatever could be read in two ways is refused with a sentence: what a person sees must be what is signed. Where other encoders
convert (text to bytes, fractions to integers, missing fields to zero), this one says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn, cast

from app.core.errors import Invalid
from app.wallets import keys
from app.wallets.strict_json import EXACT, Inexact, brief, read

DOMAIN = "EIP712Domain"
DOMAIN_FIELDS = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address", "salt": "bytes32"}
PARTS = ("types", "primaryType", "domain", "message")
LONGEST = 1_000_000  # characters of JSON
DEEPEST = 64  # structs and arrays within each other
MOST_VALUES = 20_000
DONE = "Nothing was signed."
SOURCE = "Ask for the text again from its source."
_TYPE = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]*)((?:\[(?:[1-9][0-9]{0,5})?\])*)", re.ASCII)
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_ATOM = re.compile(r"(u?int|bytes)([0-9]*)|address|bool|string|byte|function|u?fixed([0-9]+x[0-9]+)?", re.ASCII)
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]{0,77}|0[xX][0-9a-fA-F]{1,64})", re.ASCII)
_HIDDEN = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a struct type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class FieldNode:
    """One value as it is shown: exact text for a leaf, ``parts`` for structs and arrays.

    Attributes:
        path: where it is, such as ``message.to[0].wallet``.
        value: integers as decimal digits, bytes as ``0x…``, addresses in EIP-55 spelling, texts as they are; empty with ``parts``.
    """

    path: str
    name: str
    type: str
    value: str = ""
    parts: tuple[FieldNode, ...] = ()

    def leaves(self) -> Iterator[FieldNode]:
        """The values in order, without the structs and arrays that hold them; an empty array counts as a value."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is allowed but that a reader should know; ``level`` is ``note`` or ``warning``."""

    level: str
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TypedData:
    """Typed data, checked and encoded. Hashes are 32 bytes.

    Attributes:
        types: struct types by name, in the order of the text, with ``EIP712Domain``.
        domain, message: plain values: int, bool, str, bytes, list, dict; None for a struct that is not there.
        domain_fields, fields: the same as trees to show.
        encoded: ``encodeData`` of the message with its type hash in front.
        domain_hash: the domain separator.
        message_hash: ``hashStruct`` of the message.
        digest: ``keccak256(0x19 ‖ 0x01 ‖ domain_hash ‖ message_hash)``, which is signed.
        text: the JSON it was read from.
    """

    primary_type: str
    types: Mapping[str, tuple[Field, ...]]
    domain: Mapping[str, object]
    message: Mapping[str, object]
    domain_fields: tuple[FieldNode, ...]
    fields: tuple[FieldNode, ...]
    type_text: str
    encoded: bytes
    domain_hash: bytes
    message_hash: bytes
    digest: bytes
    problems: tuple[Problem, ...]
    text: str

    @property
    def name(self) -> str:
        """Who asks, as the domain says it; empty when it does not."""
        return str(self.domain.get("name", ""))

    @property
    def chain_id(self) -> int | None:
        """The chain that the domain names, or None."""
        return cast("int | None", self.domain.get("chainId"))

    @property
    def contract(self) -> str:
        """The verifying contract in EIP-55 spelling, or empty."""
        return str(self.domain.get("verifyingContract", ""))

    def leaves(self) -> Iterator[FieldNode]:
        """All values of the message, in the order in which they are encoded."""
        for node in self.fields:
            yield from node.leaves()


def parse(text: str) -> TypedData:
    """Typed data from the JSON that ``eth_signTypedData_v4`` takes.

    Raises:
        Invalid: the text contradicts itself, the standard, or could be read in two ways. Nothing was signed.
    """
    given = read(text, LONGEST, DONE)
    if not isinstance(given, dict):
        _refuse("Typed data is a JSON object.", "It has types, primaryType, domain and message.")
    if missing := [part for part in PARTS if part not in given]:
        _refuse(f"The typed data has no “{missing[0]}”.", "It needs types, primaryType, domain and message.")
    if extra := [key for key in given if key not in PARTS]:
        _refuse(f"The typed data has an unknown part “{brief(extra[0])}”.", SOURCE)
    domain, message = given["domain"], given["message"]
    for name, value in (("domain", domain), ("message", message)):
        if not isinstance(value, dict):
            _refuse(f"“{name}” is not an object.", SOURCE)
    problems: list[Problem] = []
    types = _types(given["types"])
    _add_domain(types, cast("dict[str, object]", domain), problems)
    primary = given["primaryType"]
    if not isinstance(primary, str) or primary not in types:
        _refuse(f"The primary type “{brief(primary)}” is not among the types.", SOURCE)
    if primary == DOMAIN:
        _refuse("The primary type is the domain itself: encoders differ in what that means.", SOURCE)
    schema = _Schema(types)
    encoded_domain, domain_fields, plain_domain = schema.struct(DOMAIN, domain, "domain", 0)
    encoded, fields, plain = schema.struct(primary, message, "message", 0)
    domain_hash, message_hash = keys.keccak(encoded_domain), keys.keccak(encoded)
    problems += _about_domain(plain_domain) + _unused(schema, primary) + _hidden((*domain_fields, *fields))
    return TypedData(
        primary_type=primary,
        types={name: tuple(members) for name, members in types.items()},
        domain=plain_domain,
        message=plain,
        domain_fields=domain_fields,
        fields=fields,
        type_text=schema.type_text(primary),
        encoded=encoded,
        domain_hash=domain_hash,
        message_hash=message_hash,
        digest=keys.keccak(b"\x19\x01" + domain_hash + message_hash),
        problems=tuple(problems),
        text=text,
    )


# Types


@dataclass(frozen=True)
class _Shape:
    """A type as it is spelled: its base, and the lengths of its arrays from the inside out (0: dynamic)."""

    base: str
    lengths: tuple[int, ...]

    @cached_property
    def element(self) -> str:
        """The type of an array's elements."""
        return self.base + "".join(f"[{length or ''}]" for length in self.lengths[:-1])


def _shape(text: str) -> _Shape | None:
    match = _TYPE.fullmatch(text)
    if match is None or match[2].count("[") > DEEPEST:
        return None
    return _Shape(match[1], tuple(int(length or 0) for length in re.findall(r"\[(\d*)\]", match[2])))


def _types(given: object) -> dict[str, list[Field]]:
    if not isinstance(given, dict) or not given:
        _refuse("“types” is not an object with struct types.", SOURCE)
    types: dict[str, list[Field]] = {}
    for name, members in given.items():
        if not _NAME.fullmatch(name) or _ATOM.fullmatch(name):
            _refuse(f"“{brief(name)}” cannot be the name of a struct type.", SOURCE)
        if not isinstance(members, list):
            _refuse(f"The type {brief(name)} is not a list of fields.", SOURCE)
        types[name] = [_member(name, member) for member in members]
        seen: set[str] = set()
        for member in types[name]:
            if member.name in seen:
                _refuse(f"The type {brief(name)} has two fields “{brief(member.name)}”.", SOURCE)
            seen.add(member.name)
    for name, fields in types.items():
        for field in fields:
            shape = _shape(field.type)
            if shape is None or (shape.base not in types and (why := _why_no_atom(shape.base))):
                known = "It is no type of Solidity, and no struct type of that name is given." if shape is None else why
                _refuse(f"The field {brief(name)}.{brief(field.name)} has the type “{brief(field.type)}”. {known}", SOURCE)
    return types


def _member(owner: str, given: object) -> Field:
    if not isinstance(given, dict) or set(given) != {"name", "type"} or not all(isinstance(text, str) for text in given.values()):
        _refuse(f"A field of the type {brief(owner)} is not written as name and type.", SOURCE)
    name, spelled = str(given["name"]), str(given["type"])
    if not _NAME.fullmatch(name):
        _refuse(f"“{brief(name)}” in the type {brief(owner)} cannot be the name of a field.", SOURCE)
    return Field(name, spelled)


def _why_no_atom(name: str) -> str:
    """Empty for an atomic or dynamic type of EIP-712, else the sentence why it is none."""
    match = _ATOM.fullmatch(name)
    if match is None:
        return "It is no type of Solidity, and no struct type of that name is given."
    if name in ("address", "bool", "string", "bytes"):
        return ""
    kind, size = match[1], match[2]
    if kind in ("int", "uint"):
        if not size:
            return f"EIP-712 has no short form “{kind}”: write {kind}256."
        return "" if not size.startswith("0") and int(size) % 8 == 0 and 8 <= int(size) <= 256 else "Integers have 8 to 256 bits."
    if kind == "bytes":
        return "" if not size.startswith("0") and 1 <= int(size) <= 32 else "Fixed bytes are bytes1 to bytes32."
    return "EIP-712 does not know it."


def _add_domain(types: dict[str, list[Field]], domain: dict[str, object], problems: list[Problem]) -> None:
    """Check the declared domain type, or derive it from the fields of the domain."""
    for key in domain:
        if key not in DOMAIN_FIELDS:
            _refuse(
                f"The domain has an unknown field “{brief(key)}”.", "EIP-712 knows name, version, chainId, verifyingContract, salt."
            )
    if DOMAIN not in types:
        types[DOMAIN] = [Field(name, kind) for name, kind in DOMAIN_FIELDS.items() if name in domain]
        problems.append(
            Problem(
                "note",
                "The type of the domain is not given; it was made of the fields that the domain has",
                "Some programs sign an empty domain instead: compare the domain hash.",
            )
        )
        return
    for field in types[DOMAIN]:
        if field.name not in DOMAIN_FIELDS:
            _refuse(f"EIP712Domain has an unknown field “{brief(field.name)}”.", SOURCE)
        if field.type != DOMAIN_FIELDS[field.name]:
            _refuse(
                f"EIP712Domain gives {field.name} the type {brief(field.type)}; the standard says {DOMAIN_FIELDS[field.name]}.",
                SOURCE,
            )
    order = [field.name for field in types[DOMAIN]]
    if order != [name for name in DOMAIN_FIELDS if name in order]:
        problems.append(
            Problem(
                "warning",
                "The fields of the domain are not in the standard's order",
                "Only a contract with the same order takes it.",
            )
        )


# Values


class _Schema:
    """Encodes values of the given types and builds their trees."""

    def __init__(self, types: Mapping[str, list[Field]]) -> None:
        self.types = types
        self._hashes: dict[str, bytes] = {}
        self._shapes: dict[str, _Shape] = {}
        self._left = MOST_VALUES

    def reached(self, name: str) -> set[str]:
        """The struct types that a type refers to, itself included."""
        found, waiting = {name}, [name]
        while waiting:
            for field in self.types[waiting.pop()]:
                base = self._shape(field.type).base
                if base in self.types and base not in found:
                    found.add(base)
                    waiting.append(base)
        return found

    def type_text(self, name: str) -> str:
        """``encodeType``: the type, then those it refers to by name."""
        names = [name, *sorted(self.reached(name) - {name})]
        return "".join(f"{n}({','.join(f'{field.type} {field.name}' for field in self.types[n])})" for n in names)

    def struct(self, name: str, value: object, path: str, depth: int) -> tuple[bytes, tuple[FieldNode, ...], dict[str, object]]:
        """``typeHash ‖ encodeData`` of a struct, its tree, and its plain values."""
        if depth > DEEPEST:
            _refuse(
                f"“{_end_of(path)}” lies more than {DEEPEST} levels deep: the values run in a circle, or mean to tire you.", SOURCE
            )
        if not isinstance(value, dict):
            _refuse(f"“{_end_of(path)}” is a {name} and cannot be {_said(value)}.", SOURCE)
        members = self.types[name]
        known = {member.name for member in members}
        if extra := [key for key in value if key not in known]:
            _refuse(f"“{_end_of(path)}” has a field “{brief(extra[0])}” that its type {name} does not have.", SOURCE)
        if missing := [member.name for member in members if member.name not in value]:
            _refuse(f"“{_end_of(path)}” lacks the field “{missing[0]}” of its type {name}.", SOURCE)
        if name not in self._hashes:
            self._hashes[name] = keys.keccak(self.type_text(name).encode("ascii"))
        words, nodes, plain = [self._hashes[name]], [], {}
        for member in members:
            word, node, plain[member.name] = self._value(
                member.type, value[member.name], f"{path}.{member.name}", member.name, depth + 1
            )
            words.append(word)
            nodes.append(node)
        return b"".join(words), tuple(nodes), plain

    def _value(self, spelled: str, value: object, path: str, name: str, depth: int) -> tuple[bytes, FieldNode, object]:
        """The 32-byte word of a value (``encodeData`` of EIP-712), its tree and its plain form."""
        self._left -= 1
        if self._left < 0:
            _refuse(f"The message has more than {MOST_VALUES:,} values.", "Nobody could read them all.")
        shape = self._shape(spelled)
        if shape.lengths:
            return self._array(shape, spelled, value, path, name, depth)
        if spelled in self.types:
            if value is None:  # version 4: a struct that is not there, which ends recursive types
                return bytes(32), FieldNode(path, name, spelled, "none"), None
            encoded, parts, plain = self.struct(spelled, value, path, depth)
            return keys.keccak(encoded), FieldNode(path, name, spelled, "", parts), plain
        word, text, atom = _atom(spelled, value, path)
        return word, FieldNode(path, name, spelled, text), atom

    def _array(
        self, shape: _Shape, spelled: str, value: object, path: str, name: str, depth: int
    ) -> tuple[bytes, FieldNode, list[object]]:
        if depth > DEEPEST:
            _refuse(f"“{_end_of(path)}” lies more than {DEEPEST} levels deep.", SOURCE)
        if not isinstance(value, list):
            _refuse(f"“{_end_of(path)}” is a {spelled} and cannot be {_said(value)}: a list is needed.", SOURCE)
        if shape.lengths[-1] and len(value) != shape.lengths[-1]:
            _refuse(f"“{_end_of(path)}” is a {spelled} and has {len(value)} elements.", SOURCE)
        words, nodes, plain = [], [], []
        for number, item in enumerate(value):
            word, node, one = self._value(shape.element, item, f"{path}[{number}]", f"[{number}]", depth + 1)
            words.append(word)
            nodes.append(node)
            plain.append(one)
        return keys.keccak(b"".join(words)), FieldNode(path, name, spelled, "" if nodes else "[]", tuple(nodes)), plain

    def _shape(self, spelled: str) -> _Shape:
        if spelled not in self._shapes:
            shape = _shape(spelled)
            assert shape is not None, "types were checked"
            self._shapes[spelled] = shape
        return self._shapes[spelled]


def _atom(spelled: str, value: object, path: str) -> tuple[bytes, str, object]:
    """Word, shown text and plain value of one atomic value, of ``bytes`` or ``string``."""
    if spelled == "bool":
        if not isinstance(value, bool):
            _refuse(f"“{_end_of(path)}” is a bool and cannot be {_said(value)}: true or false is needed.", SOURCE)
        return int(value).to_bytes(32, "big"), "true" if value else "false", value
    if spelled == "string":
        if not isinstance(value, str):
            _refuse(f"“{_end_of(path)}” is a string and cannot be {_said(value)}.", SOURCE)
        try:
            return keys.keccak(value.encode("utf-8")), value, value
        except UnicodeEncodeError:
            _refuse(f"“{_end_of(path)}” holds half a character (a lone surrogate), which has no bytes.", SOURCE)
    if spelled == "address":
        if not isinstance(value, str):
            _refuse(f"“{_end_of(path)}” is an address and cannot be {_said(value)}.", SOURCE)
        try:
            address = keys.parse_address(value)
        except Invalid as error:
            _refuse(f"“{_end_of(path)}”: {error.message.removesuffix(' Nothing was changed.')}", error.remedy)
        return bytes.fromhex(address[2:]).rjust(32, b"\0"), address, address
    if spelled.startswith("bytes"):
        raw = _bytes(spelled, value, path)
        return keys.keccak(raw) if spelled == "bytes" else raw.ljust(32, b"\0"), "0x" + raw.hex(), raw
    number = _integer(spelled, value, path)
    return (number % 2**256).to_bytes(32, "big"), str(number), number


def _bytes(spelled: str, value: object, path: str) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0[xX]([0-9a-fA-F]{2})*", value):
        _refuse(f"“{_end_of(path)}” is {spelled} and cannot be {_said(value)}: 0x and pairs of hex digits are needed.", SOURCE)
    raw = bytes.fromhex(value[2:])
    if spelled != "bytes" and len(raw) != int(spelled[5:]):
        _refuse(f"“{_end_of(path)}” is {spelled} and has {len(raw)} bytes.", "Fixed bytes are neither filled up nor cut.")
    return raw


def _integer(spelled: str, value: object, path: str) -> int:
    if isinstance(value, Inexact):
        _refuse(
            f"“{_end_of(path)}” is the number {brief(value)}, which JSON readers round or refuse.",
            f"Whole numbers beyond {EXACT} are written as text, in quotes.",
        )
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value)):
        number = int(match[2], 16 if match[2][:2] in ("0x", "0X") else 10) * (-1 if match[1] else 1)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        _refuse(f"“{_end_of(path)}” is {spelled} and cannot be {_said(value)}: a whole number is needed.", SOURCE)
    signed = spelled.startswith("int")
    bits = int(spelled[3 if signed else 4 :])
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if not low <= number <= high:
        _refuse(f"“{_end_of(path)}” is {spelled} and cannot be {brief(str(number))}: it takes {low} to {high}.", SOURCE)
    return number


# What a reader should know


def _about_domain(domain: Mapping[str, object]) -> list[Problem]:
    if not domain:
        return [Problem("warning", "The domain is empty: the signature counts for any program on any chain")]
    if "verifyingContract" not in domain:
        return [Problem("note", "The domain names no contract that checks the signature")]
    return []


def _unused(schema: _Schema, primary: str) -> list[Problem]:
    unused = sorted(set(schema.types) - schema.reached(primary) - {DOMAIN})
    if not unused:
        return []
    return [Problem("note", f"Types that the message does not use are not signed: {', '.join(brief(name) for name in unused[:5])}")]


def _hidden(nodes: tuple[FieldNode, ...]) -> list[Problem]:
    return [
        Problem("warning", f"“{_end_of(leaf.path)}” holds characters that cannot be seen, or that turn the direction of writing")
        for node in nodes
        for leaf in node.leaves()
        if leaf.type == "string" and hides(leaf.value)
    ]


def hides(text: str) -> bool:
    """Whether a text holds control characters, characters without width, or marks of direction (Unicode TR 36)."""
    return _HIDDEN.search(text) is not None


def _end_of(path: str) -> str:
    """A path for a sentence; of a long one its end, which says where."""
    return path if len(path) <= 80 else "…" + path[-79:]


def _said(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{brief(value)}”"


def _refuse(message: str, remedy: str) -> NoReturn:
    raise Invalid(f"{message} {DONE}", remedy, field="typed")
