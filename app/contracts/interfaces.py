"""Which functions stand behind an address, and how that is known."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.chain import abi as abis
from app.chain.hashing import checksum_address
from app.contracts.proxies import Proxy, resolve
from app.contracts.systems import account
from app.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from app.chain import Chain, Networks
    from app.contracts.artifacts import Artifact
    from app.contracts.books import Books
    from app.contracts.deployments import Deployment

READS = ("view", "pure")
OURS, IMPORTED, BY_CODE = "our deployment", "imported", "recognised by its code"


@dataclass(frozen=True, slots=True)
class Interface:
    """A contract as one can call it.

    Attributes:
        abi: its own entries and, of a proxy, those of its implementation.
        origin: how the ABI is known.
        first_block: where its events begin, as far as known; else 0.
        proxy: what its calls are forwarded to, or None.
        implementation: the name of the contract behind the proxy, or empty.
    """

    name: str
    address: str
    abi: tuple[Mapping[str, Any], ...]
    origin: str
    first_block: int = 0
    proxy: Proxy | None = None
    implementation: str = ""

    @property
    def reads(self) -> list[Mapping[str, Any]]:
        """Views, by name."""
        return sorted((entry for entry in self._functions if entry.get("stateMutability") in READS), key=abis.signature_of)

    @property
    def writes(self) -> list[Mapping[str, Any]]:
        """Functions that change something, by name."""
        return sorted((entry for entry in self._functions if entry.get("stateMutability") not in READS), key=abis.signature_of)

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """Events, by name."""
        return sorted((entry for entry in self.abi if entry.get("type") == "event"), key=abis.signature_of)

    @property
    def _functions(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.abi if entry.get("type") == "function"]

    def function(self, text: str) -> Mapping[str, Any]:
        """The function called ``name``, ``name(type,…)`` or by its selector ``0x…``.

        Raises:
            NotFound: there is none. Invalid: several have that name; ``field`` is ``function``.
        """
        return _one(self._functions, text, f"{self.name} has no function {text}", "function")

    def event(self, text: str) -> Mapping[str, Any]:
        """The event called ``name`` or ``name(type,…)``. Raises as :meth:`function`; ``field`` is ``event``."""
        return _one(self.events, text, f"{self.name} has no event {text}", "event")

    def has(self, signature: str) -> bool:
        """Whether it has this very function, such as ``pause()``."""
        return any(abis.signature_of(entry) == signature for entry in self._functions)


class Interfaces:
    """Finds the interface of an address: the address book, what was imported, what its code is, and what stands behind a proxy."""

    def __init__(
        self,
        networks: Networks,
        books: Books,
        book: Callable[[str], Awaitable[Sequence[Deployment]]],
        artifact_of: Callable[[Deployment], Awaitable[Artifact | None]],
        artifacts: Callable[[str], Awaitable[Sequence[Artifact]]],
    ) -> None:
        self._networks = networks
        self._books = books
        self._book = book
        self._artifact_of = artifact_of
        self._artifacts = artifacts

    async def get(self, network_id: str, ref: str) -> Interface:
        """The interface of a contract.

        Args:
            ref: its address, or its name in the address book (of several the newest; ``Name#2`` is the second version).

        Raises:
            Invalid: the address is none, or its checksum is wrong; ``field`` is ``contract``.
            NotFound: no such name, no contract there, or nobody knows its ABI.
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        address = await self.address_of(chain.network.key.text, ref)
        own = await self._known(chain, address)
        proxy = await resolve(chain.rpc, address)
        behind = await self._known(chain, proxy.implementation) if proxy and proxy.implementation else None
        if own is None and behind is None:
            if str(await chain.rpc.call("eth_getCode", address, "latest")) in ("0x", ""):
                raise NotFound(
                    f"There is no contract at {address} on {chain.network.name}. Nothing was done.", "Check the network."
                )
            raise NotFound(
                f"Nobody here knows the functions of {address}. Nothing was done.",
                "Import its ABI: azora contract import ADDRESS --abi FILE",
            )
        shown = own or behind
        assert shown is not None
        merged = {_identity(entry): entry for each in (own, behind) if each is not None for entry in each.abi}
        return Interface(
            shown.name,
            address,
            tuple(merged.values()),
            shown.origin,
            own.first_block if own else 0,
            proxy,
            behind.name if behind else "",
        )

    async def address_of(self, network_key: str, ref: str) -> str:
        """The address that a name or an address means. Raises as :meth:`get`."""
        text = ref.strip()
        if text.startswith("0x"):
            return account(text, "contract")
        match = re.fullmatch(r"(.+?)(?:#([0-9]{1,6}))?", text)
        name, version = (match[1], int(match[2] or 0)) if match else (text, 0)
        found = [each for each in await self._book(network_key) if each.name == name and version in (0, each.version)]
        if found:
            return max(found, key=lambda each: each.version).address
        imported = [each for each in await self._books.list(network_key) if each.name == name]
        if len(imported) > 1:
            raise Invalid(f"Several contracts are called {name}. Nothing was done.", "Name the address.", field="contract")
        if not imported:
            raise NotFound(f"No contract of this network is called {ref}. Nothing was done.", "azora contract list shows them.")
        return imported[0].address

    async def addresses(self, network_key: str) -> list[str]:
        """Every contract of the address book, newest first, then those of somebody else."""
        own = sorted(await self._book(network_key), key=lambda each: -each.block)
        foreign = [each.address for each in await self._books.list(network_key)]
        return list(dict.fromkeys([*(each.address for each in own), *foreign]))

    async def _known(self, chain: Chain, address: str) -> Interface | None:
        key = chain.network.key.text
        for item in await self._book(key):
            if item.address == address and (artifact := await self._artifact_of(item)) is not None:
                return Interface(item.name, address, artifact.abi, OURS, item.block)
        for entry in await self._books.list(key):
            if entry.address == address and entry.abi:
                return Interface(entry.name, address, entry.abi, IMPORTED)
        code = str(await chain.rpc.call("eth_getCode", address, "latest"))
        if code in ("0x", ""):
            return None
        for artifact in await self._artifacts(key):
            if artifact.runtime_matches(code):
                return Interface(artifact.name, address, artifact.abi, BY_CODE)
        return None


def _identity(entry: Mapping[str, Any]) -> tuple[str, str]:
    """What makes two entries of two ABIs the same one."""
    kind = str(entry["type"])
    return (kind, abis.signature_of(entry)) if kind in ("function", "event", "error") else (kind, "")


def _one(entries: Sequence[Mapping[str, Any]], text: str, missing: str, field: str) -> Mapping[str, Any]:
    wanted = "".join(text.split())
    if wanted.startswith("0x"):
        found = [entry for entry in entries if "0x" + abis.selector(entry).hex() == wanted.lower()]
    else:
        found = [entry for entry in entries if wanted in (entry["name"], abis.signature_of(entry))]
    if not found:
        names = sorted({str(entry["name"]) for entry in entries})
        raise NotFound(f"{missing}. Nothing was done.", f"It has {', '.join(names)}." if names else "")
    if len(found) > 1:
        several = ", ".join(abis.signature_of(entry) for entry in found)
        raise Invalid(f"Several are called {text}. Nothing was done.", f"Write one of: {several}.", field=field)
    return found[0]


def checksummed(text: str) -> str:
    """The EIP-55 spelling of 20 bytes at the end of a ``0x…`` word."""
    return checksum_address("0x" + text[-40:])
