"""Proxies: where the code of a call really is. EIP-1967 (implementation, beacon, admin) and EIP-1167 (minimal clones)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.chain.hashing import checksum_address, keccak256
from app.chain.rpc import RpcFailure

if TYPE_CHECKING:
    from app.chain import Rpc

_NOBODY = "0x" + "00" * 20
_IMPLEMENTATION_CALL = "0x5c60da1b"  # implementation(), of a beacon
_CLONE_HEAD, _CLONE_TAIL = "363d3d373d3d3d363d73", "5af43d82803e903d91602b57fd5bf3"


def _slot(name: str) -> str:
    """EIP-1967: keccak-256 of the name, less one, so that no known preimage leads there."""
    return hex(int.from_bytes(keccak256(f"eip1967.proxy.{name}".encode())) - 1)


IMPLEMENTATION, BEACON, ADMIN = _slot("implementation"), _slot("beacon"), _slot("admin")


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands behind an address. Addresses are EIP-55; empty: there is none.

    ``standard`` is ``EIP-1967``, ``EIP-1967 beacon`` or ``EIP-1167``. Who is ``admin`` can exchange the implementation.
    """

    standard: str
    implementation: str
    beacon: str = ""
    admin: str = ""


async def resolve(rpc: Rpc, address: str, block: str = "latest") -> Proxy | None:
    """What the contract forwards its calls to, as its storage and its code say; None when it is no such proxy.

    Raises:
        Unavailable: the node does not answer.
    """
    asked = [("eth_getStorageAt", [address, slot, block]) for slot in (IMPLEMENTATION, BEACON, ADMIN)]
    *words, code = await rpc.batch([*asked, ("eth_getCode", [address, block])])
    implementation, beacon, admin = (_address(str(word)) for word in words)
    if beacon and not implementation:
        return Proxy("EIP-1967 beacon", await _of_beacon(rpc, beacon, block), beacon, admin)
    if implementation:
        return Proxy("EIP-1967", implementation, "", admin)
    text = str(code).removeprefix("0x").lower()
    if text.startswith(_CLONE_HEAD) and text[len(_CLONE_HEAD) + 40 :].startswith(_CLONE_TAIL):
        return Proxy("EIP-1167", checksum_address("0x" + text[len(_CLONE_HEAD) :][:40]))
    return None


async def _of_beacon(rpc: Rpc, beacon: str, block: str) -> str:
    try:
        return _address(str(await rpc.call("eth_call", {"to": beacon, "data": _IMPLEMENTATION_CALL}, block)))
    except RpcFailure as failure:
        if not failure.executed:
            raise
        return ""  # what stands in the slot is no beacon


def _address(word: str) -> str:
    digits = word.removeprefix("0x").rjust(64, "0")[-40:]
    found = checksum_address("0x" + digits)
    return "" if found == checksum_address(_NOBODY) else found
