#!/usr/bin/env python3
"""Check a bundle of evidence about a token economy, offline, with nothing but Python 3.11 or newer.

Usage: ``python verifier.py BUNDLE [--trust 0xBLOCKHASH] [--json]``

Every hash here is computed from the material itself: keccak-256 (the original padding, not SHA-3), RLP (Yellow Paper, appendix B,
strict), the hexary Merkle Patricia trie (appendix D), block headers of every fork from London to Prague, typed transactions and
receipts (EIP-2718), EIP-712 digests, and the console's journal of hashes. Nothing is taken from the console's own code, so that
a mistake there is not repeated here. What no file can prove is which chain is the true one: compare the anchor's hash with a
source you trust and pass it as ``--trust``.

Exit codes: 0 every check holds; 1 a check failed; 2 the input was refused or the call was wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

FORMAT = "azora-bundle/1"
MAX_BYTES = 256 * 1024 * 1024
MAX_FILES = 64
MAX_DEPTH = 64  # of nested RLP lists; nothing here nests deeper than a trie node with embedded children
ZERO = "0x" + "00" * 20
ADDRESS_ZERO = bytes(20)
Rlp = Any  # bytes or a list of Rlp


class Refused(ValueError):
    """The input is not what it says it is; the message names the place."""


# --- keccak-256 --------------------------------------------------------------------------------------------------------------

_ROUNDS = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
# For each step of rho and pi along the cycle that starts at lane 1: where the lane goes, and by how much it turns.
_WALK = (
    (10, 1), (7, 3), (11, 6), (17, 10), (18, 15), (3, 21), (5, 28), (16, 36), (8, 45), (21, 55), (24, 2), (4, 14),
    (15, 27), (23, 41), (19, 56), (13, 8), (12, 25), (2, 43), (20, 62), (14, 18), (22, 39), (9, 61), (6, 20), (1, 44),
)  # fmt: skip
_MASK = (1 << 64) - 1
_RATE = 136


def _permute(a: list[int]) -> None:
    for constant in _ROUNDS:
        c0 = a[0] ^ a[5] ^ a[10] ^ a[15] ^ a[20]
        c1 = a[1] ^ a[6] ^ a[11] ^ a[16] ^ a[21]
        c2 = a[2] ^ a[7] ^ a[12] ^ a[17] ^ a[22]
        c3 = a[3] ^ a[8] ^ a[13] ^ a[18] ^ a[23]
        c4 = a[4] ^ a[9] ^ a[14] ^ a[19] ^ a[24]
        turned = (
            c4 ^ ((c1 << 1 | c1 >> 63) & _MASK),
            c0 ^ ((c2 << 1 | c2 >> 63) & _MASK),
            c1 ^ ((c3 << 1 | c3 >> 63) & _MASK),
            c2 ^ ((c4 << 1 | c4 >> 63) & _MASK),
            c3 ^ ((c0 << 1 | c0 >> 63) & _MASK),
        )
        for lane in range(25):
            a[lane] ^= turned[lane % 5]
        carried = a[1]
        for place, turn in _WALK:
            carried, a[place] = a[place], (carried << turn | carried >> (64 - turn)) & _MASK
        for row in (0, 5, 10, 15, 20):
            b0, b1, b2, b3, b4 = a[row : row + 5]
            a[row] = b0 ^ (~b1 & _MASK & b2)
            a[row + 1] = b1 ^ (~b2 & _MASK & b3)
            a[row + 2] = b2 ^ (~b3 & _MASK & b4)
            a[row + 3] = b3 ^ (~b4 & _MASK & b0)
            a[row + 4] = b4 ^ (~b0 & _MASK & b1)
        a[0] ^= constant


def keccak256(data: bytes) -> bytes:
    """The hash of Ethereum: Keccak with capacity 512 and the padding of 2011 (0x01), not that of SHA-3."""
    padded = bytearray(data)
    padded.append(0x01)
    padded.extend(bytes(-len(padded) % _RATE))
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + lane * 8
            lanes[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


_keccak: Callable[[bytes], bytes] = keccak256


def use_keccak(faster: Callable[[bytes], bytes]) -> None:
    """Hash with ``faster`` from now on (a C implementation, for indexing); refused when it is not keccak-256."""
    global _keccak
    for sample in (b"", b"abc", bytes(range(256)) * 2):
        if faster(sample) != keccak256(sample):
            raise Refused("that function is not keccak-256")
    _keccak = faster


def checksum_address(address: bytes | str) -> str:
    """The address as people write it, with the capitals of EIP-55."""
    text = (address[2:] if isinstance(address, str) else address.hex()).lower()
    if len(text) != 40 or not all(letter in "0123456789abcdef" for letter in text):
        raise Refused(f"{_shown(address)} is not an address")
    digest = _keccak(text.encode()).hex()
    return "0x" + "".join(letter.upper() if int(turn, 16) > 7 else letter for letter, turn in zip(text, digest, strict=False))


EMPTY_TRIE = keccak256(b"\x80")
EMPTY_CODE = keccak256(b"")

# --- RLP ---------------------------------------------------------------------------------------------------------------------


def rlp_encode(item: Rlp) -> bytes:
    """Encode bytes, or a list of items. Integers are the caller's to write (:func:`minimal`)."""
    if isinstance(item, (bytes, bytearray)):
        if len(item) == 1 and item[0] < 0x80:
            return bytes(item)
        return _length(len(item), 0x80) + bytes(item)
    payload = b"".join(rlp_encode(part) for part in item)
    return _length(len(payload), 0xC0) + payload


def _length(size: int, offset: int) -> bytes:
    if size < 56:
        return bytes([offset + size])
    text = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(text)]) + text


def minimal(value: int) -> bytes:
    """Big-endian bytes without leading zeros; zero is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def rlp_decode(data: bytes) -> Rlp:
    """Decode exactly one item; anything that is not the one shortest form is refused."""
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise Refused(f"RLP: {len(data) - end} bytes after the end")
    return item


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Rlp, int]:
    if depth > MAX_DEPTH:
        raise Refused("RLP: nested too deeply")
    if at >= end:
        raise Refused("RLP: ends too early")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    short = first - (0xC0 if is_list else 0x80)
    start = at + 1
    if short < 56:
        size = short
    else:
        width = short - 55
        if start + width > end or data[start] == 0:
            raise Refused("RLP: a length that is cut off or not minimal")
        size = int.from_bytes(data[start : start + width], "big")
        start += width
        if size < 56:
            raise Refused("RLP: a long form for a short item")
    stop = start + size
    if stop > end:
        raise Refused("RLP: ends too early")
    if not is_list:
        if size == 1 and short < 56 and data[start] < 0x80:
            raise Refused("RLP: a prefix before a byte that needs none")
        return data[start:stop], stop
    parts = []
    while start < stop:
        part, start = _item(data, start, stop, depth + 1)
        parts.append(part)
    return parts, stop


# --- the trie ----------------------------------------------------------------------------------------------------------------


def _nibbles(key: bytes) -> tuple[int, ...]:
    return tuple(half for byte in key for half in (byte >> 4, byte & 15))


def _packed(path: Sequence[int], leaf: bool) -> bytes:
    flag = 2 if leaf else 0
    whole = [flag + 1, *path] if len(path) % 2 else [flag, 0, *path]
    return bytes(whole[i] << 4 | whole[i + 1] for i in range(0, len(whole), 2))


def _unpacked(data: bytes) -> tuple[tuple[int, ...], bool]:
    halves = _nibbles(data)
    if not halves or halves[0] > 3 or (halves[0] % 2 == 0 and halves[1] != 0):
        raise Refused("trie: a path with a wrong prefix")
    return halves[1:] if halves[0] % 2 else halves[2:], halves[0] >= 2


def trie_root(items: Mapping[bytes, bytes]) -> bytes:
    """Root of the trie that maps each key to its value. Empty values do not exist in a trie and are left out."""
    pairs = sorted((_nibbles(key), value) for key, value in items.items() if value)
    if not pairs:
        return EMPTY_TRIE
    return _keccak(rlp_encode(_node(pairs, 0)))


def _node(pairs: list[tuple[tuple[int, ...], bytes]], depth: int) -> Rlp:
    if len(pairs) == 1:
        path, value = pairs[0]
        return [_packed(path[depth:], True), value]
    first, last = pairs[0][0], pairs[-1][0]
    shared = depth
    while shared < len(first) and shared < len(last) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_packed(first[depth:shared], False), _reference(_node(pairs, shared))]
    branch: list[Rlp] = [b""] * 17
    start = 0
    if len(first) == depth:
        branch[16] = pairs[0][1]
        start = 1
    while start < len(pairs):
        half = pairs[start][0][depth]
        stop = start
        while stop < len(pairs) and pairs[stop][0][depth] == half:
            stop += 1
        branch[half] = _reference(_node(pairs[start:stop], depth + 1))
        start = stop
    return branch


def _reference(node: Rlp) -> Rlp:
    encoded = rlp_encode(node)
    return node if len(encoded) < 32 else _keccak(encoded)


def verify_trie_proof(root: bytes, key: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The value that the trie under ``root`` holds at ``key``, or None when the proof shows that it holds none.

    Raises:
        Refused: a node does not have the hash its parent names, is malformed, is missing or is superfluous.
    """
    if root == EMPTY_TRIE and (not proof or list(proof) == [b"\x80"]):
        return None
    path = _nibbles(key)
    waiting = list(proof)
    expected: Rlp = root
    used = 0
    while True:
        if isinstance(expected, bytes):
            if len(expected) != 32:
                raise Refused("trie: a reference that is no hash")
            if used >= len(waiting):
                raise Refused(f"trie: the proof ends after {used} nodes, before the key does")
            if _keccak(waiting[used]) != expected:
                raise Refused(f"trie: node {used} of the proof does not have the hash its parent names")
            node = rlp_decode(waiting[used])
            used += 1
        else:
            node = expected
        found: Rlp = b""
        if not isinstance(node, list):
            raise Refused("trie: a node that is no list")
        if len(node) == 17:
            if not path:
                found = node[16]
                break
            expected, path = node[path[0]], path[1:]
        elif len(node) == 2 and isinstance(node[0], bytes):
            part, leaf = _unpacked(node[0])
            if leaf:
                found = node[1] if part == path else b""
                break
            if not part:
                raise Refused("trie: an extension without a path")
            if path[: len(part)] != part:
                break
            expected, path = node[1], path[len(part) :]
        else:
            raise Refused("trie: a node that is neither branch, extension nor leaf")
        if expected == b"":
            break
    if used != len(waiting):
        raise Refused(f"trie: {len(waiting) - used} nodes of the proof lead nowhere")
    if not isinstance(found, bytes):
        raise Refused("trie: a value that is a list")
    return found or None


# --- values as nodes write them ------------------------------------------------------------------------------------------------


def hex_bytes(value: object, size: int | None = None) -> bytes:
    """Bytes of ``0x…`` text; of exactly ``size`` when given."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Refused(f"{_shown(value)} is not 0x… text")
    try:
        data = bytes.fromhex(value[2:])
    except ValueError:
        raise Refused(f"{_shown(value)} is not hexadecimal") from None
    if (size is not None and len(data) != size) or len(value) != 2 + 2 * len(data):
        raise Refused(f"{_shown(value)} has the wrong length")
    return data


def quantity(value: object, bits: int = 256) -> int:
    """An unsigned integer of ``0x…`` text."""
    if not isinstance(value, str) or not value.startswith("0x") or not 2 < len(value) <= 66:
        raise Refused(f"{_shown(value)} is not a 0x… number")
    if not all(letter in "0123456789abcdefABCDEF" for letter in value[2:]):
        raise Refused(f"{_shown(value)} is not hexadecimal")
    number = int(value[2:], 16)
    if number >> bits:
        raise Refused(f"{_shown(value)} is larger than {bits} bits")
    return number


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


def _field(data: object, name: str) -> Any:
    if not isinstance(data, Mapping):
        raise Refused(f"an object with “{name}” was expected")
    if data.get(name) is None:
        raise Refused(f"the field “{name}” is missing")
    return data[name]


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(f"{what} is not a list")
    return value


def _number(data: object, name: str, bits: int = 256) -> bytes:
    return minimal(quantity(_field(data, name), bits))


# --- headers -----------------------------------------------------------------------------------------------------------------

# What each fork added at the end; a header may stop after any of these groups but skip none.
_FORKS: tuple[tuple[str, tuple[tuple[str, int | None], ...]], ...] = (
    ("London", (("baseFeePerGas", None),)),
    ("Shanghai", (("withdrawalsRoot", 32),)),
    ("Cancun", (("blobGasUsed", None), ("excessBlobGas", None), ("parentBeaconBlockRoot", 32))),
    ("Prague", (("requestsHash", 32),)),
)


def header_fields(header: Mapping[str, Any]) -> list[bytes]:
    """The list whose RLP is hashed, from the form ``eth_getBlockByNumber`` answers."""
    fields = [
        hex_bytes(_field(header, "parentHash"), 32),
        hex_bytes(_field(header, "sha3Uncles"), 32),
        hex_bytes(_field(header, "miner"), 20),
        hex_bytes(_field(header, "stateRoot"), 32),
        hex_bytes(_field(header, "transactionsRoot"), 32),
        hex_bytes(_field(header, "receiptsRoot"), 32),
        hex_bytes(_field(header, "logsBloom"), 256),
        _number(header, "difficulty"),
        _number(header, "number", 64),
        _number(header, "gasLimit", 64),
        _number(header, "gasUsed", 64),
        _number(header, "timestamp", 64),
        hex_bytes(_field(header, "extraData")),
        hex_bytes(_field(header, "mixHash"), 32),
        hex_bytes(_field(header, "nonce"), 8),
    ]
    ended = ""
    for fork, group in _FORKS:
        present = [name for name, _ in group if header.get(name) is not None]
        if not present:
            ended = ended or fork
            continue
        if ended or len(present) != len(group):
            raise Refused(f"the header has fields of {fork} but lacks others of {ended or fork}")
        for name, size in group:
            fields.append(_number(header, name) if size is None else hex_bytes(header[name], size))
    return fields


def header_hash(header: Mapping[str, Any]) -> bytes:
    """keccak-256 of the header's RLP, whatever ``hash`` the node claimed."""
    return _keccak(rlp_encode(header_fields(header)))


# --- transactions and receipts ---------------------------------------------------------------------------------------------------


def _access_list(entries: object) -> Rlp:
    return [
        [hex_bytes(_field(e, "address"), 20), [hex_bytes(k, 32) for k in _list(_field(e, "storageKeys"), "storageKeys")]]
        for e in _list(entries, "accessList")
    ]


def _authorizations(entries: object) -> Rlp:
    return [
        [
            _number(e, "chainId"),
            hex_bytes(_field(e, "address"), 20),
            _number(e, "nonce", 64),
            _parity(e),
            _number(e, "r"),
            _number(e, "s"),
        ]
        for e in _list(entries, "authorizationList")
    ]


def _parity(data: Mapping[str, Any]) -> bytes:
    return minimal(quantity(data["yParity"] if data.get("yParity") is not None else _field(data, "v")))


def transaction_bytes(tx: Mapping[str, Any]) -> bytes:
    """The signed transaction as it was broadcast, from the form nodes answer. Types 0 to 4."""
    kind = quantity(tx.get("type") or "0x0", 8)
    to = b"" if tx.get("to") is None else hex_bytes(tx["to"], 20)
    value, data = _number(tx, "value"), hex_bytes(_field(tx, "input"))
    nonce, gas = _number(tx, "nonce", 64), _number(tx, "gas", 64)
    signature = [_number(tx, "r"), _number(tx, "s")]
    if kind == 0:
        return rlp_encode([nonce, _number(tx, "gasPrice"), gas, to, value, data, _number(tx, "v"), *signature])
    start = [_number(tx, "chainId"), nonce]
    access = _access_list(tx.get("accessList") or [])
    tail = [_parity(tx), *signature]
    if kind == 1:
        return b"\x01" + rlp_encode([*start, _number(tx, "gasPrice"), gas, to, value, data, access, *tail])
    start += [_number(tx, "maxPriorityFeePerGas"), _number(tx, "maxFeePerGas"), gas, to, value, data, access]
    if kind == 2:
        return b"\x02" + rlp_encode([*start, *tail])
    if kind == 3:
        blobs = [hex_bytes(item, 32) for item in _list(_field(tx, "blobVersionedHashes"), "blobVersionedHashes")]
        return b"\x03" + rlp_encode([*start, _number(tx, "maxFeePerBlobGas"), blobs, *tail])
    if kind == 4:
        return b"\x04" + rlp_encode([*start, _authorizations(_field(tx, "authorizationList")), *tail])
    raise Refused(f"transaction type {kind} is not known here")


def transaction_hash(tx: Mapping[str, Any]) -> bytes:
    """The hash a transaction is known by."""
    return _keccak(transaction_bytes(tx))


def receipt_bytes(receipt: Mapping[str, Any]) -> bytes:
    """The receipt as the trie holds it."""
    kind = quantity(receipt.get("type") or "0x0", 8)
    root = receipt.get("root")
    outcome = hex_bytes(root, 32) if receipt.get("status") is None and root else _number(receipt, "status", 1)
    logs = [
        [
            hex_bytes(_field(e, "address"), 20),
            [hex_bytes(t, 32) for t in _list(_field(e, "topics"), "topics")],
            hex_bytes(_field(e, "data")),
        ]
        for e in _list(_field(receipt, "logs"), "logs")
    ]
    body = rlp_encode([outcome, _number(receipt, "cumulativeGasUsed", 64), hex_bytes(_field(receipt, "logsBloom"), 256), logs])
    return body if kind == 0 else bytes([kind]) + body


def _ordered_root(values: Iterable[bytes]) -> bytes:
    return trie_root({rlp_encode(minimal(index)): value for index, value in enumerate(values)})


def transactions_root(transactions: Sequence[Mapping[str, Any]]) -> bytes:
    """Root over a block's transactions, in their order."""
    return _ordered_root(transaction_bytes(tx) for tx in transactions)


def receipts_root(receipts: Sequence[Mapping[str, Any]]) -> bytes:
    """Root over a block's receipts, in their order."""
    return _ordered_root(receipt_bytes(receipt) for receipt in receipts)


def in_bloom(bloom: bytes, item: bytes) -> bool:
    """Whether a header's bloom admits ``item`` (an address or a topic). False is certain; True may be chance."""
    bits = _bloom_bits(item)
    return int.from_bytes(bloom, "big") & bits == bits


@lru_cache(1024)
def _bloom_bits(item: bytes) -> int:
    digest = _keccak(item)
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
    return bits


# --- state -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """What the state trie holds of an account; ``exists`` is False when the proof shows that it holds nothing."""

    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes
    exists: bool = True


def verify_account(state_root: bytes, address: bytes, proof_json: Mapping[str, Any]) -> Account:
    """Check the account part of an ``eth_getProof`` answer against a state root, and its claims against what is proven.

    Raises:
        Refused: the proof does not lead to the root, or the answer claims something else than it proves.
    """
    nodes = [hex_bytes(node) for node in _list(_field(proof_json, "accountProof"), "accountProof")]
    value = verify_trie_proof(state_root, _keccak(address), nodes)
    if value is None:
        account = Account(0, 0, EMPTY_TRIE, EMPTY_CODE, exists=False)
    else:
        parts = rlp_decode(value)
        if not isinstance(parts, list) or len(parts) != 4 or not all(isinstance(part, bytes) for part in parts):
            raise Refused("an account in the trie that has not four fields")
        if len(parts[2]) != 32 or len(parts[3]) != 32:
            raise Refused("an account in the trie whose roots are no hashes")
        account = Account(_integer(parts[0]), _integer(parts[1]), parts[2], parts[3])
    if hex_bytes(_field(proof_json, "address"), 20) != address:
        raise Refused("the proof is of another address")
    for name, claimed, proven in (
        ("balance", quantity(_field(proof_json, "balance")), account.balance),
        ("nonce", quantity(_field(proof_json, "nonce")), account.nonce),
    ):
        if claimed != proven:
            raise Refused(f"the answer claims {name} {claimed}, the state root proves {proven}")
    return account


def verify_storage(storage_root: bytes, slot: int, proof: Sequence[bytes]) -> int:
    """The word that a storage trie holds at ``slot``; zero when the proof shows that it holds none.

    A slot that went back to zero leaves the trie (Yellow Paper, 4.1). anvil keeps it, as a leaf with an empty word; that root
    commits to zero no less, so the empty word is read as zero.
    """
    value = verify_trie_proof(storage_root, _keccak(slot.to_bytes(32, "big")), proof)
    if value is None:
        return 0
    word = rlp_decode(value)
    if not isinstance(word, bytes) or len(word) > 32:
        raise Refused("a storage value that is no word")
    return _integer(word)


def _integer(data: bytes) -> int:
    if data[:1] == b"\0":
        raise Refused("a number with leading zeros")
    return int.from_bytes(data, "big")


def mapping_slot(key: bytes, slot: int) -> int:
    """Where Solidity keeps ``mapping[key]`` of a mapping at ``slot``."""
    return int.from_bytes(keccak256(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


# --- EIP-712 -----------------------------------------------------------------------------------------------------------------

_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_PROOF_TYPE = b"ValueProof(address contributor,uint256 reward,bytes32 activity,bytes32 evidence,uint64 deadline,bytes32 salt)"


def value_proof_digest(domain: Mapping[str, Any], proof: Mapping[str, Any]) -> bytes:
    """What attesters sign.

    Args:
        domain: ``name``, ``version``, ``chainId`` (int or decimal text), ``verifyingContract``.
        proof: ``contributor``, ``reward``, ``activity``, ``evidence``, ``deadline``, ``salt``; numbers as int or decimal text.
    """
    separator = keccak256(
        keccak256(_DOMAIN_TYPE)
        + keccak256(str(_field(domain, "name")).encode())
        + keccak256(str(_field(domain, "version")).encode())
        + _word(_field(domain, "chainId"))
        + hex_bytes(_field(domain, "verifyingContract"), 20).rjust(32, b"\0")
    )
    body = keccak256(
        keccak256(_PROOF_TYPE)
        + hex_bytes(_field(proof, "contributor"), 20).rjust(32, b"\0")
        + _word(_field(proof, "reward"))
        + hex_bytes(_field(proof, "activity"), 32)
        + hex_bytes(_field(proof, "evidence"), 32)
        + _word(_field(proof, "deadline"), 64)
        + hex_bytes(_field(proof, "salt"), 32)
    )
    return keccak256(b"\x19\x01" + separator + body)


def _word(value: object, bits: int = 256) -> bytes:
    number = _decimal(value)
    if number >> bits:
        raise Refused(f"{_shown(value)} is larger than {bits} bits")
    return number.to_bytes(32, "big")


def _decimal(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 78:
        return int(value)
    raise Refused(f"{_shown(value)} is not a whole number")


# --- the journal -------------------------------------------------------------------------------------------------------------


def canonical_json(value: object) -> bytes:
    """RFC 8785, with integers written as decimal strings (an own implementation, to check the console's against)."""
    return _canonical(value, 0).encode("utf-8")


def _canonical(value: object, depth: int) -> str:
    if depth > 200:
        raise Refused("JSON: nested too deeply")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f'"{value}"'
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        # RFC 8785, 3.2.3: names are sorted by their UTF-16 code units.
        names = sorted(value, key=lambda name: str(name).encode("utf-16-be", "surrogatepass"))
        inner = (f"{json.dumps(name, ensure_ascii=False)}:{_canonical(value[name], depth + 1)}" for name in names)
        return "{" + ",".join(inner) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_canonical(part, depth + 1) for part in value) + "]"
    raise Refused(f"JSON: {type(value).__name__} has no exact form")


def verify_journal(entries: Sequence[Any]) -> str:
    """Empty when the chain of entries holds, otherwise a sentence that names the first entry at fault."""
    previous = bytes(32)
    for position, entry in enumerate(entries, 1):
        if not isinstance(entry, Mapping):
            return f"Entry {position} is no object."
        sequence = entry.get("sequence")
        if sequence != position or isinstance(sequence, bool):
            return f"Entry {position} is missing or out of order (found {_shown(sequence)})."
        content = {name: entry.get(name) for name in ("sequence", "at", "actor", "kind", "body")}
        claimed = entry.get("entry_hash")
        if entry.get("previous") != previous.hex():
            return f"Entry {position} does not follow the entry before it."
        try:
            computed = hashlib.sha256(previous + canonical_json(content)).digest()
        except (Refused, UnicodeError):
            return f"Entry {position} has no canonical form."
        if claimed != computed.hex():
            return f"Entry {position} was changed: its content does not give its hash."
        if set(entry) - {"sequence", "at", "actor", "kind", "body", "previous", "entry_hash"}:
            return f"Entry {position} carries fields that its hash does not cover."
        previous = computed
    return ""


# --- bundles -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Check:
    """One named check: whether it holds, and what was compared."""

    name: str
    ok: bool
    detail: str


def pack(files: Mapping[str, bytes]) -> bytes:
    """The one archive of these files: stored, sorted, without dates. The verifier packs again and compares every byte."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = 0o600 << 16
            archive.writestr(info, files[name])
    return target.getvalue()


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over the manifest without its own ``digest``."""
    return hashlib.sha256(canonical_json({name: value for name, value in manifest.items() if name != "digest"})).hexdigest()


def read_bundle(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """The files of a bundle, each at most once, uncompressed, within bounds.

    Raises:
        Refused: too large, compressed (a bomb could hide), encrypted, damaged, or not byte for byte what packing gives.
    """
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise Refused(f"the file has {size:,} bytes; more than {MAX_BYTES:,} is not read")
    with open(path, "rb") as source:
        raw = source.read(MAX_BYTES + 1)
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        entries = archive.infolist()
        if len(entries) > MAX_FILES:
            raise Refused(f"{len(entries)} files in it; a bundle has at most {MAX_FILES}")
        for info in entries:
            if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                raise Refused(f"“{info.filename[:60]}” is compressed; a bundle stores its files as they are")
            if info.file_size > len(raw) or info.flag_bits & 1 or info.filename in files:
                raise Refused(f"“{info.filename[:60]}” is encrypted, doubled or larger than the archive")
            files[info.filename] = archive.read(info)
    if pack(files) != raw:
        raise Refused("the archive holds bytes that belong to none of its files")
    return files


_DAMAGE = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, MemoryError, OverflowError, OSError, EOFError,
    RuntimeError, NotImplementedError, zipfile.BadZipFile, UnicodeError,
)  # fmt: skip


def verify_bundle(path: str | os.PathLike[str], trust: str = "") -> list[Check]:
    """Every check of a bundle, in order. Never raises for what the file contains; the first damage that hides the rest ends it."""
    return _Bundle(trust).run(path)


_TRANSFER = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()
_PROOF_MINTED = "0x" + keccak256(b"ProofMinted(bytes32,address,uint256,bytes32,bytes32,uint256)").hex()
# Proof of work (EIP-918): the emission names the digest of each solution, the contract the challenge that follows.
_EMITTED = "0x" + keccak256(b"Emitted(address,address,uint256,bytes32,uint256)").hex()
_WORK_MINT = "0x" + keccak256(b"Mint(address,uint256,uint256,bytes32)").hex()
_MINT_NONCE = keccak256(b"mint(uint256)")[:4]


class _Bundle:
    def __init__(self, trust: str) -> None:
        self.trust = trust
        self.checks: list[Check] = []
        self.files: dict[str, bytes] = {}
        self.manifest: dict[str, Any] = {}
        self.headers: list[dict[str, Any]] = []
        self.numbers: dict[int, dict[str, Any]] = {}
        self.blocks: dict[int, dict[str, Any]] = {}
        self.balances: dict[str, int] = {}
        self.minted = 0
        self.burned = 0

    def run(self, path: str | os.PathLike[str]) -> list[Check]:
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("manifest", self._manifest),
            ("files", self._files),
            ("headers", self._headers),
            ("header chain", self._chain),
            ("anchor", self._anchor),
            ("transactions", self._transactions),
            ("receipts", self._receipts),
            ("completeness", self._complete),
            ("state proofs", self._proofs),
            ("supply", self._supply),
            ("one proof per mint", self._mints),
            ("value proofs", self._value_proofs),
            ("journal", self._journal),
        )
        if not self._check("archive", lambda: self._archive(path)):
            return self.checks
        for name, step in steps:
            if not self._check(name, step) and name in {"manifest", "headers"}:
                break
        return self.checks

    def _check(self, name: str, step: Callable[[], str]) -> bool:
        try:
            self.checks.append(Check(name, True, step()))
            return True
        except _DAMAGE as error:
            detail = str(error) if isinstance(error, Refused) else f"cannot be read: {type(error).__name__}: {error}"
            self.checks.append(Check(name, False, detail[:400]))
            return False

    def _archive(self, path: str | os.PathLike[str]) -> str:
        self.files = read_bundle(path)
        return f"{len(self.files)} files, {sum(map(len, self.files.values())):,} bytes, nothing between them"

    def _json(self, name: str) -> Any:
        if name not in self.files:
            raise Refused(f"“{name}” is missing")
        return json.loads(self.files[name].decode("utf-8"))

    def _manifest(self) -> str:
        manifest = self._json("manifest.json")
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise Refused(f"this is not a bundle of the form {FORMAT}")
        if manifest_digest(manifest) != manifest.get("digest"):
            raise Refused("the manifest was changed: it does not give its own digest")
        self.manifest = manifest
        label = f"; labelled {manifest['label']}" if manifest.get("label") else ""
        return f"SHA-256 {manifest['digest']}{label}"

    def _files(self) -> str:
        sums = _field(self.manifest, "files")
        if set(sums) != set(self.files) - {"manifest.json"}:
            raise Refused(f"the manifest names {sorted(sums)}, the archive holds {sorted(self.files)}")
        for name, expected in sums.items():
            if hashlib.sha256(self.files[name]).hexdigest() != expected:
                raise Refused(f"“{name}” was changed: its SHA-256 is not the manifest's")
        return f"{len(sums)} SHA-256 sums agree"

    def _headers(self) -> str:
        self.headers = _list(self._json("headers.json"), "headers.json")
        if not self.headers:
            raise Refused("there are no headers")
        for header in self.headers:
            computed = "0x" + header_hash(header).hex()
            number = quantity(header["number"])
            if computed != str(_field(header, "hash")).lower():
                raise Refused(f"header {number} gives {computed}, not the {header['hash']} it claims")
            self.numbers[number] = header
        if len(self.numbers) != len(self.headers):
            raise Refused("two headers have the same number")
        return f"{len(self.headers)} hashes recomputed"

    def _chain(self) -> str:
        for before, after in zip(self.headers, self.headers[1:], strict=False):
            if after["parentHash"].lower() != before["hash"].lower() or quantity(after["number"]) != quantity(before["number"]) + 1:
                raise Refused(f"header {quantity(after['number'])} does not follow header {quantity(before['number'])}")
        return (
            f"blocks {quantity(self.headers[0]['number'])} to {quantity(self.headers[-1]['number'])}, each the parent of the next"
        )

    def _anchor(self) -> str:
        anchor = self.headers[-1]
        claimed = _field(self.manifest, "anchor")
        named = (str(_field(claimed, "hash")).lower(), _decimal(_field(claimed, "number")))
        if named != (anchor["hash"].lower(), quantity(anchor["number"])):
            raise Refused("the last header is not the anchor that the manifest names")
        if self.trust and self.trust.lower() != anchor["hash"].lower():
            raise Refused(f"the anchor is {anchor['hash']}, not the {self.trust[:80]} you trust")
        return f"block {quantity(anchor['number'])}, {anchor['hash']}"

    def _material(self) -> list[dict[str, Any]]:
        return _list(self._json("blocks.json"), "blocks.json")

    def _block(self, block: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        number = _decimal(_field(block, "number"))
        if number not in self.numbers:
            raise Refused(f"block {number} has no header here")
        return number, self.numbers[number]

    def _transactions(self) -> str:
        count = 0
        for block in self._material():
            number, header = self._block(block)
            transactions = _list(_field(block, "transactions"), "transactions")
            if transactions_root(transactions) != hex_bytes(header["transactionsRoot"], 32):
                raise Refused(f"the transactions of block {number} do not give its transactions root")
            for tx in transactions:
                if transaction_hash(tx) != hex_bytes(_field(tx, "hash"), 32):
                    raise Refused(f"a transaction of block {number} does not give the hash it is named by")
            count += len(transactions)
        return f"{count} transactions recomputed to their roots"

    def _receipts(self) -> str:
        count = 0
        for block in self._material():
            number, header = self._block(block)
            receipts = _list(_field(block, "receipts"), "receipts")
            if receipts_root(receipts) != hex_bytes(header["receiptsRoot"], 32):
                raise Refused(f"the receipts of block {number} do not give its receipts root")
            transactions = _list(_field(block, "transactions"), "transactions")
            if [_field(r, "transactionHash") for r in receipts] != [_field(t, "hash") for t in transactions]:
                raise Refused(f"the receipts of block {number} name other transactions than it has")
            if number in self.blocks:
                raise Refused(f"block {number} is there twice")
            self.blocks[number] = block
            count += len(receipts)
        return f"{count} receipts of {len(self.blocks)} blocks recomputed to their roots"

    def _token(self) -> bytes:
        return hex_bytes(_field(_field(self.manifest, "economy"), "token"), 20)

    def _complete(self) -> str:
        token = self._token()
        start = _decimal(_field(_field(self.manifest, "economy"), "start_block"))
        first = quantity(self.headers[0]["number"])
        if first > start:
            raise Refused(f"headers begin at block {first}, after the token's first block {start}")
        for header in self.headers:
            number = quantity(header["number"])
            if number not in self.blocks and in_bloom(hex_bytes(header["logsBloom"], 256), token):
                raise Refused(f"block {number} may hold events of the token, but its receipts were left out")
        self._replay()
        return f"every block from {first} on is here or its bloom filter rules the token out"

    def _replay(self) -> None:
        for _, _, sender, recipient, amount in self._transfers():
            if sender == ZERO:
                self.minted += amount
            else:
                self.balances[sender] = self.balances.get(sender, 0) - amount
                if self.balances[sender] < 0:
                    raise Refused(f"{sender} spent more than it had")
            if recipient == ZERO:
                self.burned += amount
            else:
                self.balances[recipient] = self.balances.get(recipient, 0) + amount

    def _transfers(self) -> Iterable[tuple[int, str, str, str, int]]:
        token = self._token()
        for number, tx, log in self._logs(token):
            topics = log["topics"]
            if topics and topics[0] == _TRANSFER and len(topics) == 3:
                sender, recipient = ("0x" + topic[-40:].lower() for topic in topics[1:])
                yield number, tx, sender, recipient, int.from_bytes(hex_bytes(log["data"], 32), "big")

    def _logs(self, address: bytes) -> Iterable[tuple[int, str, Mapping[str, Any]]]:
        for number in sorted(self.blocks):
            for receipt in self.blocks[number]["receipts"]:
                for log in receipt["logs"]:
                    if hex_bytes(log["address"], 20) == address:
                        yield number, receipt["transactionHash"], log

    def _proofs(self) -> str:
        token = self._token()
        economy = _field(self.manifest, "economy")
        words = []
        for entry in _list(self._json("proofs.json"), "proofs.json"):
            header = self.numbers.get(_decimal(_field(entry, "block")))
            if header is None:
                raise Refused(f"a proof is at block {_shown(entry['block'])}, which has no header here")
            answer = _field(entry, "proof")
            kind = _field(entry, "kind")
            holder = "" if kind == "supply" else "0x" + hex_bytes(_field(entry, "holder"), 20).hex()
            slot = _decimal(_field(economy, "supply_slot"))
            if kind == "balance":
                slot = mapping_slot(hex_bytes(holder, 20), _decimal(_field(economy, "balances_slot")))
            elif kind != "supply":
                raise Refused(f"a proof of the kind {_shown(kind)} is not known here")
            account = verify_account(hex_bytes(header["stateRoot"], 32), token, answer)
            stored = _list(_field(answer, "storageProof"), "storageProof")
            if len(stored) != 1 or quantity(_field(stored[0], "key")) != slot:
                raise Refused(f"the proof of {holder or 'the supply'} is of another slot")
            nodes = [hex_bytes(node) for node in _list(_field(stored[0], "proof"), "proof")]
            proven = verify_storage(account.storage_root, slot, nodes)
            if proven != _decimal(_field(entry, "value")) or proven != quantity(_field(stored[0], "value")):
                raise Refused(f"{holder or 'the supply'}: claimed {entry['value']}, the state root proves {proven}")
            if header is self.headers[-1]:
                counted = self.minted - self.burned if kind == "supply" else self.balances.get(holder, 0)
                if counted != proven:
                    raise Refused(f"{holder or 'the supply'}: events add up to {counted}, the state root proves {proven}")
            words.append(kind)
        if "supply" not in words:
            raise Refused("there is no proof of the total supply")
        return f"{words.count('balance')} balances and the supply proven against the state root, and equal to the sum of events"

    def _supply(self) -> str:
        total = sum(self.balances.values())
        cap = _decimal(_field(_field(self.manifest, "economy"), "cap"))
        if total != self.minted - self.burned:
            raise Refused(f"balances add up to {total}, minted − burned is {self.minted - self.burned}")
        if total > cap:
            raise Refused(f"the supply {total} is above the cap {cap}")
        return f"balances {total} = minted {self.minted} − burned {self.burned} ≤ cap {cap} (the cap as the manifest states it)"

    def _minted_proofs(self) -> dict[str, tuple[str, int]]:
        mint_mine = hex_bytes(_field(_field(self.manifest, "economy"), "mint_mine"), 20)
        found: dict[str, tuple[str, int]] = {}
        for number, tx, log in self._logs(mint_mine):
            if log["topics"] and log["topics"][0] == _PROOF_MINTED:
                digest = log["topics"][1]
                if digest in found:
                    raise Refused(f"the proof {digest} was minted twice, the second time in block {number}")
                found[digest] = (tx, int.from_bytes(hex_bytes(log["data"])[:32], "big"))
        return found

    def _solutions(self) -> dict[str, tuple[str, int]]:
        """Solutions of proof of work by digest; where challenge and nonce are here, the digest is hashed again."""
        economy = _field(self.manifest, "economy")
        if not economy.get("work"):
            return {}
        work, found = hex_bytes(economy["work"], 20), dict[str, tuple[str, int]]()
        nonces = self._nonces(work)
        following: dict[str, bytes] = {}  # the challenge after each transaction
        challenge: bytes | None = None
        for _, tx, log in self._logs(work):
            if log["topics"] and log["topics"][0] == _WORK_MINT:
                following[tx] = hex_bytes(log["data"], 96)[64:]
        for number, tx, log in self._logs(hex_bytes(_field(economy, "emission"), 20)):
            topics = log["topics"]
            if len(topics) != 4 or topics[0] != _EMITTED or hex_bytes(topics[1], 32)[12:] != work:
                continue
            digest = topics[3].lower()
            if digest in found:
                raise Refused(f"the solution {digest} was paid twice, the second time in block {number}")
            miner, nonce = hex_bytes(topics[2], 32)[12:], nonces.get(tx)
            if challenge and nonce and _keccak(challenge + miner + nonce) != hex_bytes(digest, 32):
                raise Refused(f"the nonce in transaction {tx} does not give the digest {digest} that was paid")
            found[digest] = (tx, int.from_bytes(hex_bytes(log["data"], 64)[:32], "big"))
            challenge = following.get(tx)
        return found

    def _nonces(self, work: bytes) -> dict[str, bytes]:
        """What was handed straight to the contract, by transaction."""
        return {
            tx["hash"]: hex_bytes(tx["input"], 36)[4:]
            for block in self.blocks.values()
            for tx in block["transactions"]
            if str(tx.get("to") or "").lower() == "0x" + work.hex() and hex_bytes(tx["input"])[:4] == _MINT_NONCE
        }

    def _mints(self) -> str:
        proofs, solutions = self._minted_proofs(), self._solutions()
        per_tx: dict[str, int] = {}
        for tx, _ in (*proofs.values(), *solutions.values()):
            per_tx[tx] = per_tx.get(tx, 0) + 1
        mints: dict[str, int] = {}
        for _, tx, sender, _, _ in self._transfers():
            if sender == ZERO:
                mints[tx] = mints.get(tx, 0) + 1
        if mints != per_tx:
            wrong = next(tx for tx in sorted({*mints, *per_tx}) if mints.get(tx) != per_tx.get(tx))
            raise Refused(f"transaction {wrong} has {mints.get(wrong, 0)} mints and {per_tx.get(wrong, 0)} accepted proofs")
        told = f" and {len(solutions)} solutions of proof of work" if solutions else ""
        return f"{len(proofs) + len(solutions)} mints, {len(proofs)} proofs{told}, none twice"

    def _value_proofs(self) -> str:
        minted = self._minted_proofs()
        domain = _field(self.manifest, "domain")
        entries = _list(self._json("value_proofs.json"), "value_proofs.json")
        seen = set()
        for entry in entries:
            digest = "0x" + value_proof_digest(domain, entry).hex()
            if digest not in minted:
                raise Refused(f"the value proof with digest {digest} was not minted in these blocks")
            if _decimal(entry["reward"]) != minted[digest][1]:
                raise Refused(f"the value proof {digest} asks for another reward than was minted")
            seen.add(digest)
        return f"{len(seen)} of {len(minted)} minted proofs are here in full; their EIP-712 digests were recomputed"

    def _journal(self) -> str:
        entries = _list(self._json("journal.json"), "journal.json")
        problem = verify_journal(entries)
        if problem:
            raise Refused(problem)
        head = entries[-1]["entry_hash"] if entries else ""
        if head != _field(self.manifest, "journal_head"):
            raise Refused("the journal does not end at the head that the manifest names")
        return f"{len(entries)} entries, head {head or 'none'}"


def trust_statement(checks: Sequence[Check], trust: str) -> str:
    """What the checks mean and what they hang on, in two sentences."""
    if not all(check.ok for check in checks):
        return "Do not rely on this bundle: at least one check failed."
    if trust:
        return "Every check holds, and the anchor is the block you named. The figures are as true as that hash."
    anchor = next((check.detail for check in checks if check.name == "anchor"), "its anchor")
    return (
        f"Every check holds within the bundle. That {anchor} belongs to the true chain is not proven here: "
        "compare it with a source you trust and pass it as --trust."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="verifier.py", description="Check a bundle of evidence offline.")
    parser.add_argument("bundle")
    parser.add_argument("--trust", default="", metavar="0xHASH", help="hash of the anchor block from a source you trust")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args(arguments)
    checks = verify_bundle(chosen.bundle, chosen.trust)
    statement = trust_statement(checks, chosen.trust)
    ok = all(check.ok for check in checks)
    if chosen.json:
        rows = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
        out = json.dumps({"ok": ok, "statement": statement, "checks": rows}, ensure_ascii=True)
    else:
        lines = [f"{'holds ' if check.ok else 'FAILED'}  {check.name}: {check.detail}" for check in checks]
        # A terminal that cannot show a sign of a hostile file must not end the check.
        encoding = sys.stdout.encoding or "ascii"
        out = "\n".join([*lines, "", statement]).encode(encoding, "replace").decode(encoding)
    sys.stdout.write(out + "\n")
    if ok:
        return 0
    return 2 if checks[-1].name == "archive" else 1


if __name__ == "__main__":
    sys.exit(main())
