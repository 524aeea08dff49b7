"""Why a call fails: errors of contracts by their ABI and in words, panics by code, and what a node says when there is no data."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.chain import abi, wording
from app.chain.hashing import keccak256
from app.core.money import plain_units

ERROR, PANIC = bytes.fromhex("08c379a0"), bytes.fromhex("4e487b71")  # Error(string), Panic(uint256) of Solidity

# Solidity 0.8, "Panic via assert and Error via require".
PANICS = {
    0x00: "an internal error of the compiler",
    0x01: "an assertion failed",
    0x11: "arithmetic over- or underflow",
    0x12: "division by zero",
    0x21: "a value outside its enum",
    0x22: "a storage byte array that is wrongly encoded",
    0x31: "pop of an empty array",
    0x32: "an index out of bounds",
    0x41: "too much memory",
    0x51: "a call of an uninitialised function",
}

# Roles by name, so that their hashes can be told: OpenZeppelin's own, and those of this economy.
_ROLES = (
    "MINTER_ROLE", "BURNER_ROLE", "PAUSER_ROLE", "UPGRADER_ROLE", "SNAPSHOT_ROLE", "OPERATOR_ROLE", "MANAGER_ROLE", "ADMIN_ROLE",
    "PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE", "TIMELOCK_ADMIN_ROLE",
    "SOURCE_ROLE", "ATTESTER_ROLE", "OFFICER_ROLE",
)  # fmt: skip
DEFAULT_ADMIN = "DEFAULT_ADMIN_ROLE"
NOBODY = "0x" + "00" * 20
LAST_MOMENT = 253_402_300_799  # seconds: the end of the year 9999, after which calendars of programs end


def error_abi(text: str) -> Mapping[str, Any]:
    """ABI entry of ``Name(type name,type name)``."""
    name, _, inside = text.removesuffix(")").partition("(")
    pairs = (part.split() for part in inside.split(",") if part)
    return {"type": "error", "name": name, "inputs": [{"type": kind, "name": called} for kind, called in pairs]}


STANDARD: tuple[Mapping[str, Any], ...] = tuple(map(error_abi, wording.STANDARD))  # known without anybody's ABI

# What nodes and EVMs say where the call leaves no data; the first that fits tells.
_SAID = (
    (
        ("insufficient funds", "insufficient balance", "lackoffund", "outoffund"),
        "the sender holds too little of the native coin for it",
    ),
    (
        ("out of gas", "outofgas", "gas required exceeds", "gas limit is", "intrinsic gas", "gascostmorethan"),
        "it runs out of gas",
    ),
    (("invalid opcode", "invalidfeopcode", "opcodenotfound", "notactivated"), "the contract runs into an invalid instruction"),
    (("contract size", "contractsizelimit", "max code size"), "the contract would be larger than the 24 KiB that EIP-170 allows"),
    (("initcode", "init code"), "the creation code is longer than EIP-3860 allows"),
    (("collision",), "there is a contract at the new address already"),
    (("write protection", "staticcall", "statemodification", "statechange"), "it changes something in a call that may only read"),
    (("stack", "calltoodeep", "max call depth"), "its calls go too deep"),
)  # fmt: skip
_EMPTY = ("", "execution reverted", "revert", "execution failed", "vm execution error", "execution reverted: 0x")


@functools.cache
def _roles() -> dict[bytes, str]:
    return {bytes(32): DEFAULT_ADMIN, **{keccak256(name.encode()): name for name in _ROLES}}


def role_name(role: bytes) -> str:
    """``MINTER_ROLE`` of its hash, or the hash where nobody knows the name."""
    return _roles().get(role, "0x" + role.hex())


def role_id(name: str) -> bytes:
    """Inverse of :func:`role_name`."""
    if name.startswith("0x"):
        return bytes.fromhex(name[2:])
    return bytes(32) if name == DEFAULT_ADMIN else keccak256(name.encode())


def reason(errors: Iterable[Mapping[str, Any]], data: str, said: str = "") -> str:
    """A revert's reason in words, from its data, or from what the node said when there is none.

    Args:
        errors: ABI entries of the errors of known contracts; those of the standards are known anyway.
        data: ``0x…`` of what the call reverted with.
        said: the node's own text.
    """
    raw = bytes.fromhex(data.removeprefix("0x")) if data else b""
    if len(raw) >= 4:
        return _decoded([*errors, *STANDARD], raw) or f"unknown error 0x{raw[:36].hex()}"
    if raw:
        return f"unknown error 0x{raw.hex()}"
    text = said.lower()
    for words, meaning in _SAID:
        if any(word in text for word in words):
            return meaning
    plain = said.strip().removeprefix("execution reverted: ")
    return "it reverts without a reason" if text.strip() in _EMPTY or not plain else plain


def in_words(data: str, accounts: Mapping[str, str], unit: tuple[str, int] | None = None, *, economy: bool = False) -> str:
    """What a known error means, as a clause and with its name behind; empty when nothing is known of it.

    Args:
        data: ``0x…`` of what the call reverted with.
        accounts: labels by EIP-55 address.
        unit: symbol and decimals that the error counts in; without it, amounts are in the token's smallest unit, and that is said.
        economy: one of the economy's contracts was called: its own errors are known too.
    """
    from app.core.errors import Invalid

    raw = bytes.fromhex(data.removeprefix("0x")) if data else b""
    known = _standard().get(raw[:4]) or (_economy().get(raw[:4]) if economy else None)
    if known is None:
        return ""
    entry, words = known
    try:
        values = abi.decode(abi.types_of(entry["inputs"]), raw[4:])
    except Invalid:
        return ""
    told = {str(each["name"]): _Told(value, accounts, unit) for each, value in zip(entry["inputs"], values, strict=True)}
    smallest = ", in the token's smallest unit" if unit is None and ":amount}" in words else ""
    return f"{words.format_map(told)}{smallest} ({entry['name']})"


_Worded = dict[bytes, tuple[Mapping[str, Any], str]]


def _worded(table: Mapping[str, str]) -> _Worded:
    return {abi.selector(entry): (entry, words) for entry, words in zip(map(error_abi, table), table.values(), strict=True)}


@functools.cache
def _standard() -> _Worded:
    return _worded(wording.STANDARD)


@functools.cache
def _economy() -> _Worded:
    return _worded(wording.ECONOMY)


class _Told:
    """One argument of an error, for the places of a sentence."""

    def __init__(self, value: Any, accounts: Mapping[str, str], unit: tuple[str, int] | None) -> None:
        self._value = value
        self._accounts = accounts
        self._unit = unit

    def __format__(self, how: str) -> str:
        value = self._value
        if how == "amount":
            symbol, decimals = self._unit or ("", 0)
            return f"{plain_units(value, decimals)} {symbol}".rstrip()
        if how == "role":
            return role_name(value)
        if how == "time":
            return _moment(value)
        if how in wording.CHOICES:
            choices = wording.CHOICES[how]
            return choices[value] if value < len(choices) else f"number {value}"
        if isinstance(value, int):
            return f"{value:,}"
        if value == NOBODY:
            return "the zero address"
        label = self._accounts.get(value, "")
        return f"{label} ({value[:6]}…{value[-4:]})" if label else str(value)


def _moment(seconds: int) -> str:
    if seconds > LAST_MOMENT:
        return f"block time {seconds}"
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _decoded(errors: Sequence[Mapping[str, Any]], raw: bytes) -> str:
    from app.core.errors import Invalid

    try:
        if raw[:4] == ERROR:
            return _visible(str(abi.decode(["string"], raw[4:])[0])) or "it reverts with an empty reason"
        if raw[:4] == PANIC:
            code = int(abi.decode(["uint256"], raw[4:])[0])
            return f"panic {code:#04x}: {PANICS.get(code, 'an internal error')}"
        for entry in errors:
            if raw[:4] == abi.selector(entry):
                return f"{entry['name']}({', '.join(_arguments(entry, abi.decode(abi.types_of(entry['inputs']), raw[4:])))})"
    except Invalid:
        return ""  # the selector fits, the rest does not: whatever it is, it is not that
    return ""


def _arguments(entry: Mapping[str, Any], values: Sequence[Any]) -> list[str]:
    return [
        f"{parameter.get('name') or at}: {_shown(str(parameter.get('name') or ''), value)}"
        for at, (parameter, value) in enumerate(zip(entry["inputs"], values, strict=True))
    ]


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return role_name(value) if len(value) == 32 and "role" in name.lower() else "0x" + value.hex()
    return _visible(str(value))


def _visible(text: str) -> str:
    """What a contract says, as far as it can be shown: one line of printable characters, at most 300."""
    return "".join(char for char in text if char.isprintable())[:300]
