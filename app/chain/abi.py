"""Contract calls to bytes and back (Solidity ABI). Addresses come back checksummed (EIP-55)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from app.chain.hashing import checksum_address, keccak256
from app.core.errors import Invalid, NotFound

Abi = Sequence[Mapping[str, Any]]

ERC20: Abi = (
    {"type": "function", "name": "balanceOf", "inputs": [{"type": "address"}], "outputs": [{"type": "uint256"}]},
    {"type": "function", "name": "totalSupply", "inputs": [], "outputs": [{"type": "uint256"}]},
    {"type": "function", "name": "transfer", "inputs": [{"type": "address"}, {"type": "uint256"}], "outputs": [{"type": "bool"}]},
    {"type": "function", "name": "approve", "inputs": [{"type": "address"}, {"type": "uint256"}], "outputs": [{"type": "bool"}]},
    {"type": "function", "name": "decimals", "inputs": [], "outputs": [{"type": "uint8"}]},
    {"type": "function", "name": "symbol", "inputs": [], "outputs": [{"type": "string"}]},
)


def type_of(parameter: Mapping[str, Any]) -> str:
    """The canonical type of a parameter: tuples as ``(t1,t2)``."""
    kind = str(parameter["type"])
    if kind.startswith("tuple"):
        return "(" + ",".join(type_of(part) for part in parameter["components"]) + ")" + kind[5:]
    return kind


def types_of(parameters: Sequence[Mapping[str, Any]]) -> list[str]:
    """Canonical types of parameters."""
    return [type_of(parameter) for parameter in parameters]


@functools.lru_cache(4096)
def _hash(signature: str) -> bytes:
    return keccak256(signature.encode())


def signature_of(entry: Mapping[str, Any]) -> str:
    """``transfer(address,uint256)``."""
    return f"{entry['name']}({','.join(types_of(entry['inputs']))})"


def selector(entry: Mapping[str, Any]) -> bytes:
    """First four bytes of the hash of the signature."""
    return _hash(signature_of(entry))[:4]


def topic(entry: Mapping[str, Any]) -> str:
    """Topic 0 of an event, ``0x…``."""
    return "0x" + _hash(signature_of(entry)).hex()


def _function(abi: Abi, name: str, arguments: int | None = None) -> Mapping[str, Any]:
    for entry in abi:
        if entry.get("type") == "function" and entry.get("name") == name and arguments in (None, len(entry["inputs"])):
            return entry
    raise NotFound(f"The contract has no function {name} with {arguments} arguments. Nothing was sent.")


def encode_call(abi: Abi, name: str, arguments: Sequence[object]) -> str:
    """Call data as ``0x…``.

    Raises:
        NotFound: no such function.
        Invalid: an argument does not fit its type.
    """
    entry = _function(abi, name, len(arguments))
    return "0x" + (selector(entry) + encode(types_of(entry["inputs"]), arguments)).hex()


def encode(types: Sequence[str], values: Sequence[object]) -> bytes:
    """ABI-encoded values.

    Raises:
        Invalid: a value does not fit its type.
    """
    from eth_abi.abi import encode as encode_abi
    from eth_abi.exceptions import EncodingError

    try:
        return bytes(encode_abi(list(types), list(values)))
    except (EncodingError, TypeError, ValueError) as error:
        raise Invalid(f"An argument does not fit its type: {error}. Nothing was sent.", "Correct the argument.") from error


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Values of ABI-encoded data, addresses checksummed.

    Raises:
        Invalid: the data is not of these types.
    """
    from eth_abi.abi import decode as decode_abi
    from eth_abi.exceptions import DecodingError

    try:
        values = decode_abi(list(types), data)
    except (DecodingError, OverflowError, ValueError) as error:
        raise Invalid(f"The answer is not of the types that the ABI promises ({error}).", "Is it the right contract?") from error
    return tuple(_pretty(kind, value) for kind, value in zip(types, values, strict=True))


def _pretty(kind: str, value: Any) -> Any:
    return checksum_address(value) if kind == "address" and isinstance(value, str) else value


def decode_output(abi: Abi, name: str, answer: str) -> Any:
    """The value of a call's answer; a tuple when there are several.

    Raises:
        Invalid: no contract is there, or it is another one.
    """
    entry = _function(abi, name)
    types = types_of(entry["outputs"])
    if types and answer in ("0x", ""):
        raise Invalid(f"{name} has no answer: there is no such contract at that address.", "Check network and address.")
    values = decode(types, bytes.fromhex(answer[2:]))
    return values[0] if len(values) == 1 else values


def decode_call(abi: Abi, data: str) -> tuple[str, tuple[tuple[str, Any], ...]] | None:
    """Name and named arguments of call data, or None when the ABI does not know it."""
    raw = bytes.fromhex(data[2:])
    for entry in abi:
        if entry.get("type") == "function" and raw[:4] == selector(entry):
            values = decode(types_of(entry["inputs"]), raw[4:])
            return str(entry["name"]), tuple((str(p.get("name", "")), v) for p, v in zip(entry["inputs"], values, strict=True))
    return None


def decode_log(abi: Abi, log: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Event name and arguments of a log as a node gives it, or None when the ABI does not know it."""
    topics = list(log["topics"])
    for entry in abi:
        if entry.get("type") != "event" or not topics or topics[0] != topic(entry):
            continue
        indexed = [p for p in entry["inputs"] if p.get("indexed")]
        plain = [p for p in entry["inputs"] if not p.get("indexed")]
        if len(topics) != len(indexed) + 1:
            continue
        found: dict[str, Any] = {}
        for parameter, word in zip(indexed, topics[1:], strict=True):
            kind = type_of(parameter)
            dynamic = kind in ("string", "bytes") or kind.endswith("]") or kind.startswith("(")
            found[parameter["name"]] = word if dynamic else decode([kind], bytes.fromhex(word[2:]))[0]
        values = decode(types_of(plain), bytes.fromhex(log["data"][2:]))
        found.update((p["name"], v) for p, v in zip(plain, values, strict=True))
        return str(entry["name"]), found
    return None
