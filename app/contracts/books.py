"""Contracts that somebody else deployed: their interfaces by address, entered by hand or out of files. Each entry is an edit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.chain import abi as abis
from app.chain.hashing import checksum_address
from app.contracts.systems import account
from app.core.clock import now_ms
from app.core.errors import Invalid, NotFound
from app.core.events import ContractsChanged

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.core.events import Bus
    from app.database import Database

MOST_BYTES = 8 << 20  # of a file with an ABI
NAME_LENGTH = 80
_KINDS = frozenset({"function", "constructor", "event", "error", "fallback", "receive"})
_SIZED = re.compile(r"\b(uint|int|bytes)([0-9]+)\b")  # a struct's members stand between parentheses and commas
_KEYS = ("type", "name", "inputs", "outputs", "stateMutability", "anonymous")

Abi = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A contract of somebody else. ``abi`` is empty where only its address is known; ``origin`` says where it was read."""

    name: str
    address: str
    abi: Abi
    origin: str
    created_at: int = 0


class Books:
    """Keeps the interfaces of contracts that this console did not deploy."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def keep(self, network: str, address: str, name: str, abi: Abi, origin: str = "entered") -> Imported:
        """Write one entry; another one of the same address is replaced.

        Args:
            network: the key text of the network.

        Raises:
            Invalid: the address or the name does not fit; ``field`` names it.
        """
        entry = Imported(_name(name), account(address, "address"), abi, origin, now_ms())
        await self.keep_all(network, [entry])
        return entry

    async def keep_all(self, network: str, entries: Sequence[Imported]) -> None:
        """Write several entries at once, or none of them."""
        from app.contracts.tables import interfaces as table

        def write(connection: Connection) -> None:
            for entry in entries:
                address = bytes.fromhex(entry.address[2:])
                connection.execute(table.delete().where(table.c.network == network, table.c.address == address))
                row = {"name": entry.name, "abi": list(entry.abi), "origin": entry.origin, "created_at": now_ms()}
                connection.execute(table.insert().values(network=network, address=address, **row))

        await self._database.write(write)
        self._bus.publish(ContractsChanged())

    async def forget(self, network: str, address: str) -> None:
        """Take an entry out. The contract stays where it is.

        Raises:
            NotFound: there is none.
        """
        from app.contracts.tables import interfaces as table

        raw = bytes.fromhex(account(address, "address")[2:])

        def write(connection: Connection) -> int:
            return connection.execute(table.delete().where(table.c.network == network, table.c.address == raw)).rowcount

        if not await self._database.write(write):
            raise NotFound(f"{address} is not among the imported contracts. Nothing was changed.")
        self._bus.publish(ContractsChanged())

    async def list(self, network: str) -> Sequence[Imported]:
        """The entries of a network by name."""
        from app.contracts.tables import interfaces as table

        query = table.select().where(table.c.network == network).order_by(table.c.name, table.c.address)
        return await self._database.read(
            lambda connection: [
                Imported(row.name, checksum_address(bytes(row.address)), tuple(row.abi), row.origin, int(row.created_at))
                for row in connection.execute(query)
            ]
        )


def read_abi(text: str) -> Abi:
    """The interface in a text: a plain list, an artifact with ``abi``, or an explorer's answer with ``result``.

    Raises:
        Invalid: it is none of these; ``field`` is ``abi``.
    """
    try:
        found = json.loads(text)
        if isinstance(found, dict) and isinstance(found.get("result"), str):
            found = json.loads(found["result"])  # as explorers answer: the list as text in a text
    except (ValueError, RecursionError) as error:
        raise Invalid(
            f"The ABI cannot be read as JSON ({error}). Nothing was kept.", "Paste the whole list.", field="abi"
        ) from error
    if isinstance(found, dict):
        found = found.get("abi", found.get("result"))
    if not isinstance(found, list) or not found:
        raise Invalid("There is no ABI in this text. Nothing was kept.", "It is a list of functions and events.", field="abi")
    return tuple(_entry(item, at) for at, item in enumerate(found))


def read_abi_file(path: Path) -> Abi:
    """The interface in a file. Raises as :func:`read_abi`, and Invalid where the file cannot be read."""
    return read_abi(_text(path, "abi"))


def read_deployments(path: Path) -> list[Imported]:
    """What another tool deployed: Ignition's ``deployed_addresses.json`` (or its folder), or a folder of hardhat-deploy.

    Raises:
        Invalid: nothing of the kind is there; ``field`` is ``file``.
    """
    if path.is_dir() and (path / "deployed_addresses.json").is_file():
        path = path / "deployed_addresses.json"
    if path.is_file():
        return _ignition(path)
    found = [entry for file in sorted(path.glob("*.json")) if (entry := _deployed(file)) is not None]
    if not found:
        raise Invalid(
            f"{path.name} holds no deployments of Ignition or hardhat-deploy. Nothing was kept.",
            "Name deployed_addresses.json, or the folder of one network under deployments/.",
            field="file",
        )
    return found


def _ignition(path: Path) -> list[Imported]:
    body = _object(_text(path, "file"))
    if not body or not all(isinstance(value, str) for value in body.values()):
        raise Invalid(f"{path.name} is no list of deployed addresses. Nothing was kept.", field="file")
    found = []
    for key, address in body.items():
        artifact = path.parent / "artifacts" / f"{key}.json"
        abi = read_abi(_text(artifact, "file")) if artifact.is_file() else ()
        found.append(Imported(_name(key.rpartition("#")[2]), account(address, "file"), abi, f"Ignition {key}"[:NAME_LENGTH]))
    return found


def _deployed(file: Path) -> Imported | None:
    body = _object(_text(file, "file"))
    if not isinstance(body.get("address"), str) or not isinstance(body.get("abi"), list):
        return None
    abi = tuple(_entry(item, at) for at, item in enumerate(body["abi"]))
    return Imported(_name(file.stem), account(body["address"], "file"), abi, "hardhat-deploy")


def _entry(item: object, at: int) -> Mapping[str, Any]:
    """An entry with what the rest of the console counts on: a kind, and types that can be encoded."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str) or item["type"] not in _KINDS:
        raise Invalid(f"Entry {at + 1} of the ABI is neither function, event nor error. Nothing was kept.", field="abi")
    made: dict[str, Any] = {"inputs": [], "name": "", **({"outputs": []} if item["type"] == "function" else {})}
    made |= {key: value for key, value in item.items() if key in _KEYS}
    try:
        for parameter in (*made["inputs"], *made.get("outputs", ())):
            if not isinstance(parameter["type"], str):
                raise TypeError
            if (bad := _no_size(abis.type_of(parameter))) is not None:
                raise Invalid(
                    f"Entry {at + 1} of the ABI has a parameter of type {bad}, which Solidity does not have. Nothing was kept.",
                    "Correct the type.",
                    field="abi",
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"Entry {at + 1} of the ABI has a parameter without a type. Nothing was kept.", field="abi") from error
    return made


def _no_size(kind: str) -> str | None:
    """The first sized type in a canonical type that does not exist: integers have 8, 16 … 256 bits, fixed bytes 1 to 32."""
    for found in _SIZED.finditer(kind):
        size, integer = int(found[2][:4]), found[1] != "bytes"
        exists = (size % 8 == 0 and 8 <= size <= 256) if integer else 1 <= size <= 32
        if not exists or found[2][0] == "0":
            return found[0]
    return None


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid(f"A name has 1 to {NAME_LENGTH} letters. Nothing was kept.", "Enter another name.", field="name")
    return name


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The file cannot be read as JSON ({error}). Nothing was kept.", field="file") from error
    return found if isinstance(found, dict) else {}


def _text(path: Path, field: str) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid(f"{path.name} is larger than 8 MiB. Nothing was kept.", field=field)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} cannot be read. Nothing was kept.", "Name a readable file.", field=field) from error
