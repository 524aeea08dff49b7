"""Changed storage by the names of variables, from the compiler's storage layout.

"Layout of State Variables in Storage" of the Solidity documentation: variables lie in slots in the order of their declaration,
small ones packed from the low end; structs and arrays of fixed length begin slots of their own; the items of a dynamic array lie
at keccak256(slot) and what follows; a mapping's value lies at keccak256(key ‖ slot), so a name can only be found for keys that
somebody knows. Those are taken from the transaction itself: its parties, and every word of its calls and logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.chain.hashing import checksum_address, keccak256

WORD = 32
SLOTS = 1 << 256
FAR = 1 << 64  # how far behind its first item one of a dynamic array is looked for
WORDS_MOST = 400  # keys that are tried; nested mappings try pairs


@dataclass(frozen=True, slots=True)
class StorageChange:
    """A changed variable, or a changed slot that nobody can name.

    Attributes:
        address: whose storage.
        contract: name of the code that owns the variable, or empty.
        variable: ``_balances[0xAb…]``, ``config.fee``; empty when it is not known.
        type: ``uint256`` …, empty when it is not known.
        slot: ``0x…``, 32 bytes.
        before: exact value as text; of an unknown slot the word.
        after: the same afterwards.
    """

    address: str
    contract: str
    variable: str
    type: str
    slot: str
    before: str
    after: str


def changes(
    address: str,
    contract: str,
    layouts: Sequence[Mapping[str, Any]],
    words: Iterable[bytes],
    slots: Mapping[int, tuple[bytes, bytes]],
) -> list[StorageChange]:
    """Name what changed.

    Args:
        layouts: of the code at the address, and of code that it borrowed, as the compiler gives them.
        words: 32-byte words that may be keys.
        slots: changed slots, with the word before and after.
    """
    keys = list(dict.fromkeys(words))[:WORDS_MOST]
    found: dict[tuple[int, int, str], StorageChange] = {}
    named: set[int] = set()
    for layout in layouts:
        for leaf in _Layout(layout, keys, slots).leaves():
            if leaf.slot not in slots:
                continue
            before, after = (leaf.text(word) for word in slots[leaf.slot])
            named.add(leaf.slot)
            if before != after:
                at = (leaf.slot, leaf.offset, leaf.name)
                found.setdefault(at, StorageChange(address, contract, leaf.name, leaf.type, _hex(leaf.slot), before, after))
    for slot in sorted(slots.keys() - named):
        before_word, after_word = slots[slot]
        unknown = StorageChange(address, contract, "", "", _hex(slot), "0x" + before_word.hex(), "0x" + after_word.hex())
        found[slot, 0, ""] = unknown
    return [found[at] for at in sorted(found)]


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A value within one slot: ``size`` bytes, ``offset`` bytes from the low end."""

    name: str
    type: str
    slot: int
    offset: int
    size: int

    def text(self, word: bytes) -> str:
        raw = word[WORD - self.offset - self.size : WORD - self.offset]
        number = int.from_bytes(raw, "big")
        match self.type.split(" ")[0].rstrip("0123456789"):
            case "address" | "contract":
                return checksum_address("0x" + raw.hex())
            case "bool":
                return "true" if number else "false"
            case "uint" | "enum":
                return str(number)
            case "int":
                return str(number - (1 << 8 * self.size) if raw[:1] >= b"\x80" else number)
            case "string" | "bytes" if self.type in ("string", "bytes"):
                return _short(word, self.type)
        return "0x" + raw.hex()


def _short(word: bytes, kind: str) -> str:
    """Of a string or bytes: what the slot itself says."""
    if word[-1] & 1:
        return f"{(int.from_bytes(word, 'big') - 1) // 2} bytes, kept elsewhere"
    raw = word[: word[-1] // 2]
    return raw.decode("utf-8", "replace") if kind == "string" else "0x" + raw.hex()


class _Layout:
    def __init__(self, layout: Mapping[str, Any], keys: Sequence[bytes], slots: Mapping[int, object]) -> None:
        self._variables = layout.get("storage") or ()
        self._types = layout.get("types") or {}
        self._keys = keys
        self._slots = sorted(slots)

    def leaves(self) -> Iterator[_Leaf]:
        """Every value that a changed slot may hold."""
        for variable in self._variables:
            yield from self._expand(str(variable["label"]), str(variable["type"]), int(variable["slot"]), int(variable["offset"]))

    def _expand(self, name: str, kind: str, slot: int, offset: int) -> Iterator[_Leaf]:
        about = self._types[kind]
        encoding, size = about["encoding"], int(about["numberOfBytes"])
        if encoding == "mapping":
            yield from self._mapping(name, about, slot)
        elif encoding == "dynamic_array":
            yield _Leaf(f"{name}.length", "uint256", slot, 0, WORD)
            first = int.from_bytes(keccak256(slot.to_bytes(WORD, "big")), "big")
            yield from self._items(name, about["base"], first, FAR)
        elif encoding == "bytes":
            yield _Leaf(name, about["label"], slot, 0, WORD)
            first = int.from_bytes(keccak256(slot.to_bytes(WORD, "big")), "big")
            for near in self._between(first, FAR):
                at = WORD * (near - first)
                yield _Leaf(f"{name}[bytes {at} to {at + WORD - 1}]", "bytes32", near, 0, WORD)
        elif "members" in about:
            if self._touches(slot, size):
                for member in about["members"]:
                    yield from self._expand(
                        f"{name}.{member['label']}", member["type"], slot + int(member["slot"]), int(member["offset"])
                    )
        elif "base" in about:
            base = int(self._types[about["base"]]["numberOfBytes"])
            length = int(str(about["label"]).rpartition("[")[2].rstrip("]"))
            yield from self._items(name, about["base"], slot, -(-length // max(1, WORD // base)) * max(1, -(-base // WORD)))
        else:
            yield _Leaf(name, about["label"], slot, offset, size)

    def _items(self, name: str, base: str, first: int, reach: int) -> Iterator[_Leaf]:
        """Items of an array that touch a changed slot; ``reach`` in slots."""
        size = int(self._types[base]["numberOfBytes"])
        packed, each = WORD // size if size <= WORD // 2 else 1, -(-size // WORD)
        seen: set[int] = set()
        for near in self._between(first, reach):
            row = (near - first) // each
            if row in seen:
                continue
            seen.add(row)
            for place in range(packed):
                yield from self._expand(f"{name}[{row * packed + place}]", base, first + row * each, place * size)

    def _mapping(self, name: str, about: Mapping[str, Any], slot: int) -> Iterator[_Leaf]:
        key_type, value = self._types[about["key"]], about["value"]
        size, nested = int(self._types[value]["numberOfBytes"]), self._types[value]["encoding"] != "inplace"
        for word in self._keys:
            text = _key_text(str(key_type["label"]), int(key_type["numberOfBytes"]), word)
            if text is None:
                continue
            place = int.from_bytes(keccak256(word + slot.to_bytes(WORD, "big")), "big")
            if nested or self._touches(place, size):
                yield from self._expand(f"{name}[{text}]", value, place, 0)

    def _touches(self, slot: int, size: int) -> bool:
        return any(True for _ in self._between(slot, -(-size // WORD)))

    def _between(self, first: int, reach: int) -> Iterator[int]:
        from bisect import bisect_left

        for at in range(bisect_left(self._slots, first), len(self._slots)):
            if self._slots[at] >= first + reach:
                return
            yield self._slots[at]


def _key_text(label: str, size: int, word: bytes) -> str | None:
    """A key as the source would write it, or None when the word cannot be a key of that type."""
    number = int.from_bytes(word, "big")
    if label.startswith(("address", "contract")):
        return checksum_address("0x" + word[12:].hex()) if not any(word[:12]) else None
    if label.startswith("bytes") and label != "bytes":
        return "0x" + word[:size].hex() if not any(word[size:]) else None
    if label.startswith("int"):
        signed = number - SLOTS if word[0] & 0x80 else number
        return str(signed) if -(1 << 8 * size - 1) <= signed < 1 << 8 * size - 1 else None
    if label.startswith(("uint", "enum")):
        return str(number) if number < 1 << 8 * size else None
    if label == "bool":
        return ("false", "true")[number] if number < 2 else None
    return None  # strings: their bytes are hashed as they are, and no word of a transaction is one


def words_in(*texts: str) -> Iterator[bytes]:
    """The 32-byte words of call data (after a selector, if there is one) and of logs, in ``0x…``."""
    for text in texts:
        raw = bytes.fromhex(text[2:])
        raw = raw[len(raw) % WORD :]
        for at in range(0, len(raw), WORD):
            yield raw[at : at + WORD]


def word_of(address: str) -> bytes:
    """An address as a key."""
    return bytes(12) + bytes.fromhex(address[2:])


def _hex(slot: int) -> str:
    return f"0x{slot:064x}"
