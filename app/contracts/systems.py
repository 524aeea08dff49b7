"""Systems of contracts, declared: what is created with which arguments, which roles are granted, what must hold afterwards.

One TOML file per system in ``contracts/systems``. A plan carries the declaration it was made of, so that editing the file changes
no plan that was confirmed. Values in a declaration are written as

* ``"@Name"``: the address of a contract of the system, or of one that it ``needs`` and finds in the network's address book;
* ``"{name}"``: a parameter; ``"{name|target}"``: a difficulty as the target of EIP-918, 2²⁵⁶ ÷ difficulty − 1;
* anything else: itself. Lists are tuples of Solidity; whole numbers may be written as text.

The contracts are those of the project that the file lies in, or of the one that is named; else the console's own. Each is made of
the artifact of its ``name``, or of the one that ``contract`` names: ``"Name"``, or ``"file:Name"`` where several are called so.

A contract that links a library of the system gets its address: by itself where one contract of the system is that library, else
as ``libraries = {Name = "contract of the system"}`` says. The library stands before it.

A contract with a ``salt`` (any text, or 32 bytes as ``0x…``) is made by CREATE2: its address hangs on the salt, its code and its
arguments alone. Where it is there already, whoever made it, it is kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.chain.hashing import checksum_address, keccak256
from app.contracts.toolchain import CONTRACTS
from app.core.errors import Conflict, Invalid, NotFound
from app.core.money import parse_units

FOLDER = CONTRACTS / "systems"
_PARAMETER = re.compile(r"\{([a-z_]+)(\|target)?\}")
# What a plan keeps beside the parameters, under names of its own.
RESERVED = frozenset({"system", "definition", "known", "kept", "after", "found", "differs", "sources", "fee"})
_ID = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an operator chooses.

    ``kind`` is ``address``, ``azr`` (written in AZR, kept in its smallest unit), ``seconds``, ``number``, or ``now`` (the time of
    the newest block, which nobody is asked for). ``least`` and ``most`` are in the kept unit.
    """

    name: str
    kind: str
    label: str = ""
    hint: str = ""
    default: int | None = None
    least: int = 0
    most: int = 2**256 - 1

    def read(self, value: object) -> object:
        """A value as typed or as kept: an EIP-55 address, or a whole number.

        Raises:
            Invalid: it does not fit; ``field`` names the parameter.
        """
        if self.kind == "address":
            return account(str(value), self.name)
        if self.kind == "azr" and isinstance(value, str):
            number = parse_units(value, 18, unit="AZR", field=self.name)
        else:
            text = str(value).strip()
            if not re.fullmatch(r"[0-9]{1,78}", text):
                raise Invalid(f"{self.label or self.name}: “{text}” is no whole number. Nothing was planned.", field=self.name)
            number = int(text)
        if not self.least <= number <= self.most:
            raise Invalid(
                f"{self.label or self.name} must lie between {self._said(self.least)} and {self._said(self.most)}. "
                "Nothing was planned.",
                "Enter another value.",
                field=self.name,
            )
        return number

    def _said(self, number: int) -> str:
        if self.kind != "azr":
            return f"{number:,}" + (" seconds" if self.kind == "seconds" else "")
        return "the smallest unit" if number == 1 else f"{number // 10**18:,} AZR"


@dataclass(frozen=True, slots=True)
class Creation:
    """One contract to create. ``arguments`` are written as in the declaration.

    ``contract`` names its artifact (``Name`` or ``file:Name``) where that is not called as the system calls it.
    ``salt`` is 32 bytes as ``0x…`` for CREATE2, or empty where the nonce decides the address. ``libraries`` says which contract of
    the system is the library of a name (``Name`` or ``file:Name``).
    """

    name: str
    arguments: tuple[object, ...]
    salt: str = ""
    contract: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role to grant: on which contract, which role, to whom (as written in the declaration)."""

    contract: str
    role: str
    holder: str

    @property
    def role_id(self) -> bytes:
        """keccak-256 of the role's name, as the contracts compute it."""
        return keccak256(self.role.encode())


@dataclass(frozen=True, slots=True)
class Check:
    """A view that must answer ``equals`` afterwards; it is shown as an effect of the kind ``effect``."""

    contract: str
    view: str
    equals: str
    effect: str
    unit: str = ""
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class System:
    """A declared system. ``sender`` names the parameter that pays and signs; ``needs`` are contracts of the address book."""

    id: str
    title: str
    about: str
    sender: str
    needs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    contracts: tuple[Creation, ...]
    grants: tuple[Grant, ...]
    checks: tuple[Check, ...]

    @classmethod
    def parse(cls, system_id: str, given: Mapping[str, Any]) -> System:
        """From what a TOML file or a plan says.

        Raises:
            Invalid: a part is missing or unknown, or something is referred to before it is there.
        """
        try:
            system = cls(
                system_id,
                str(given["title"]),
                str(given.get("about", "")),
                str(given["sender"]),
                tuple(given.get("needs", ())),
                tuple(_parameter(item) for item in given["parameters"]),
                tuple(_creation(item) for item in given["contracts"]),
                tuple(Grant(**item) for item in given.get("grants", ())),
                tuple(Check(**{**item, "decimals": int(item.get("decimals", 0))}) for item in given.get("checks", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Invalid(
                f"The declaration of the system “{system_id}” cannot be read ({error}). Nothing was planned.",
                "Compare it with contracts/systems/azr.toml.",
            ) from error
        system._require_order()
        return system

    def values(self, given: Mapping[str, object], now: int) -> dict[str, object]:
        """The parameters as a plan keeps them; those that are not given have their default.

        Raises:
            Invalid: one is missing, unknown, or does not fit.
        """
        known = {parameter.name for parameter in self.parameters if parameter.kind != "now"}
        if extra := [name for name in given if name not in known]:
            raise Invalid(
                f"“{self.title}” has no parameter {extra[0]}. Nothing was planned.", f"It has {', '.join(sorted(known))}."
            )
        found: dict[str, object] = {}
        for parameter in self.parameters:
            if parameter.kind == "now":
                found[parameter.name] = now
                continue
            value = given.get(parameter.name, parameter.default)
            if value is None:
                raise Invalid(
                    f"{parameter.label or parameter.name} is missing. Nothing was planned.", "Enter it.", field=parameter.name
                )
            found[parameter.name] = parameter.read(value)
        return found

    def _require_order(self) -> None:
        there = set(self.needs)
        for item in self.contracts:
            for name in (*_references(item.arguments), *item.libraries.values()):
                if name not in there:
                    raise Invalid(f"{item.name} refers to {name}, which is not there before it. Nothing was planned.")
            there.add(item.name)
        for used in (*(grant.contract for grant in self.grants), *(check.contract for check in self.checks)):
            if used not in there:
                raise Invalid(f"“{self.title}” uses {used}, which it does not have. Nothing was planned.")
        names = {parameter.name for parameter in self.parameters}
        if taken := names & RESERVED:
            raise Invalid(
                f"“{self.title}” calls a parameter {min(taken)}, which a plan keeps for itself. Nothing was planned.",
                "Give it another name.",
            )
        written = (self.contracts, [grant.holder for grant in self.grants], [check.equals for check in self.checks])
        if wrong := (parameters_in(written) | {self.sender}) - names:
            raise Invalid(f"“{self.title}” uses the parameter {min(wrong)}, which it does not have. Nothing was planned.")


def systems() -> list[str]:
    """The ids of the declared systems."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def definition_of(system_id: str) -> dict[str, Any]:
    """What the file of a system says.

    Raises:
        NotFound: there is no such system.
        Invalid: its file is no TOML.
    """
    path = FOLDER / f"{system_id}.toml"
    if not _ID.fullmatch(system_id) or not path.is_file():
        raise NotFound(f"There is no system “{system_id}”. Nothing was planned.", f"There are {', '.join(systems())}.")
    return read_definition(path)


def read_definition(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        Invalid: it is none, or cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} cannot be read as a system ({error}). Nothing was planned.", "Correct the file.") from error


def system(system_id: str) -> System:
    """A declared system. Raises as :func:`definition_of` and :meth:`System.parse`."""
    return System.parse(system_id, definition_of(system_id))


def system_of(params: Mapping[str, Any]) -> System:
    """The system of a plan, as it was declared when the plan was made. Plans of the first consoles carry no declaration."""
    given = params.get("definition")
    return System.parse(str(params.get("system", "azr")), given) if isinstance(given, Mapping) else system("azr")


def resolve(written: object, values: Mapping[str, object], addresses: Mapping[str, str]) -> object:
    """A value of a declaration: references as addresses, parameters as their values, lists as tuples.

    Raises:
        Conflict: a contract that it refers to is not there yet.
    """
    if isinstance(written, (list, tuple)):
        return tuple(resolve(item, values, addresses) for item in written)
    if not isinstance(written, str):
        return written
    if written.startswith("@"):
        if written[1:] not in addresses:
            raise Conflict(f"{written[1:]} is not there yet. Nothing was signed.", "Deploy it first.")
        return addresses[written[1:]]
    match = _PARAMETER.fullmatch(written)
    if match is None:
        return written
    value = values[match[1]]
    return (1 << 256) // int(str(value)) - 1 if match[2] else value


def fitted(kind: str, value: object) -> object:
    """A value as the ABI's encoder takes it: whole numbers that were written as text become numbers."""
    if isinstance(value, tuple):
        return tuple(fitted(part, item) for part, item in zip(_parts(kind, len(value)), value, strict=False))
    if isinstance(value, str) and kind.startswith(("uint", "int")):
        return int(value, 0)
    if isinstance(value, str) and kind.startswith("bytes"):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def account(text: str, field: str) -> str:
    """An address as typed, in EIP-55 spelling.

    Raises:
        Invalid: it is none, its capitals are not its checksum, or it is the zero address.
    """
    plain = text.strip()
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", plain):
        raise Invalid(f"“{text}” is not an address. Nothing was planned.", "Enter 0x and 40 hex digits.", field=field)
    if plain[2:] not in (plain[2:].lower(), plain[2:].upper()) and plain != checksum_address(plain):
        raise Invalid(f"The checksum of {text} is wrong. Nothing was planned.", "Copy the address again.", field=field)
    if not int(plain, 16):
        raise Invalid("Nobody has the zero address. Nothing was planned.", "Enter another address.", field=field)
    return checksum_address(plain)


def _parameter(item: Mapping[str, Any]) -> Parameter:
    given = dict(item)
    for name in ("default", "least", "most"):
        if name in given:
            text = str(given[name])
            given[name] = parse_units(text, 18) if given["kind"] == "azr" else int(text)
    if given["kind"] not in ("address", "azr", "seconds", "number", "now"):
        raise ValueError(f"unknown kind {given['kind']}")
    return Parameter(**given)


def _creation(item: Mapping[str, Any]) -> Creation:
    if unknown := sorted(item.keys() - {"name", "arguments", "salt", "contract", "libraries"}):
        raise ValueError(f"a contract has no {unknown[0]}")
    libraries = {str(library): str(name).removeprefix("@") for library, name in item.get("libraries", {}).items()}
    return Creation(
        item["name"],
        _frozen(item.get("arguments", ())),
        salt_of(str(item.get("salt", ""))),
        str(item.get("contract", "")),
        libraries,
    )


def _frozen(items: Sequence[Any]) -> tuple[object, ...]:
    return tuple(_frozen(item) if isinstance(item, (list, tuple)) else item for item in items)


def _texts(written: object) -> Iterator[str]:
    if isinstance(written, str):
        yield written
    elif isinstance(written, Creation):
        yield from _texts(written.arguments)
    elif isinstance(written, (list, tuple)):
        for item in written:
            yield from _texts(item)


def _references(written: object) -> list[str]:
    return [text[1:] for text in _texts(written) if text.startswith("@")]


def salt_of(written: str) -> str:
    """32 bytes as ``0x…``: as written, or the Keccak-256 of a text; empty stays empty.

    Raises:
        Invalid: it starts like hex and is not 32 bytes.
    """
    text = written.strip()
    if not text:
        return ""
    if not text.startswith("0x"):
        return "0x" + keccak256(text.encode()).hex()
    try:
        raw = bytes.fromhex(text[2:])
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise Invalid("A salt is 0x and 64 hex digits, or any text. Nothing was planned.", "Correct it.", field="salt")
    return "0x" + raw.hex()


def parameters_in(written: object) -> set[str]:
    """The names of the parameters that a part of a declaration refers to."""
    return {match[1] for text in _texts(written) if (match := _PARAMETER.fullmatch(text))}


def _parts(kind: str, count: int) -> list[str]:
    """The types of a tuple's members, or of an array's elements."""
    if kind.endswith("]"):
        return [kind[: kind.rindex("[")]] * count
    parts, depth, start = [], 0, 1
    for place, letter in enumerate(kind):
        depth += (letter == "(") - (letter == ")")
        if (letter == "," and depth == 1) or (letter == ")" and depth == 0):
            parts.append(kind[start:place])
            start = place + 1
    return parts
