"""Signed transactions as bytes: what they say, and who signed them.

Legacy transactions (with and without EIP-155), access lists (EIP-2930) and priced ones (EIP-1559). Strict: one transaction has one
encoding here, and what a node of any fork would refuse by its form alone is refused. Not judged are a fork's gas rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from app.audit.verifier import Refused, minimal, rlp_decode, rlp_encode
from app.chain.hashing import checksum_address, keccak256
from app.core.errors import Conflict, Invalid

if TYPE_CHECKING:
    from app.chain.signer import UnsignedTransaction

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141  # of secp256k1
LAST_NONCE = 2**64 - 2  # EIP-2681
AccessList = tuple[tuple[str, tuple[str, ...]], ...]  # addresses, each with its storage keys of 32 bytes, as 0x…


class EnvelopeKind(IntEnum):
    """The transaction type of EIP-2718; 0 is the legacy form, which has no type byte."""

    LEGACY = 0
    LISTED = 1  # EIP-2930
    PRICED = 2  # EIP-1559


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is signed. Prices in wei per gas; both prices are the gas price unless ``kind`` is PRICED.

    ``chain_id`` is None for a legacy transaction without replay protection; ``to`` is None for a creation.
    """

    kind: EnvelopeKind
    chain_id: int | None
    nonce: int
    to: str | None
    value: int
    data: bytes
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    access_list: AccessList = ()

    def _fields(self) -> list[object]:
        to = bytes.fromhex(self.to[2:]) if self.to else b""
        rest: list[object] = [minimal(self.gas_limit), to, minimal(self.value), self.data]
        price = minimal(self.max_fee_per_gas)
        if self.kind is EnvelopeKind.LEGACY:
            return [minimal(self.nonce), price, *rest]
        listed = [[bytes.fromhex(who[2:]), [bytes.fromhex(key[2:]) for key in keys]] for who, keys in self.access_list]
        prices = [price] if self.kind is EnvelopeKind.LISTED else [minimal(self.max_priority_fee_per_gas), price]
        return [minimal(self.chain_id or 0), minimal(self.nonce), *prices, *rest, listed]

    def payload(self) -> bytes:
        """What is hashed with keccak-256 and signed."""
        if self.kind is EnvelopeKind.LEGACY:
            protection = [minimal(self.chain_id), b"", b""] if self.chain_id is not None else []
            return rlp_encode([*self._fields(), *protection])
        return bytes([self.kind]) + rlp_encode(self._fields())

    def signed(self, r: int, s: int, parity: int) -> bytes:
        """The raw transaction; ``parity`` is 0 or 1."""
        if self.kind is EnvelopeKind.LEGACY:
            v = 27 + parity if self.chain_id is None else self.chain_id * 2 + 35 + parity
            return rlp_encode([*self._fields(), minimal(v), minimal(r), minimal(s)])
        return bytes([self.kind]) + rlp_encode([*self._fields(), minimal(parity), minimal(r), minimal(s)])


@dataclass(frozen=True, slots=True)
class DecodedTransaction:
    """A signed transaction that is well formed, who signed it and the hash by which nodes know it."""

    envelope: Envelope
    r: int
    s: int
    parity: int
    sender: str
    hash: str


def decode_transaction(raw: bytes) -> DecodedTransaction:
    """Read a raw transaction and recover its sender.

    Raises:
        Invalid: not the one canonical encoding of a legacy, EIP-2930 or EIP-1559 transaction: RLP that is not shortest, leading
            zeros, wrong lengths, a nonce beyond EIP-2681, a tip above the price, a wrong v, r or s outside the curve, a high s
            (EIP-2), or a signature of nobody. The sentence says which.
    """
    envelope, parity, r, s = _read(raw)
    if not 0 < r < ORDER or not 0 < s < ORDER:
        raise _invalid("its signature is outside the curve")
    if s > ORDER // 2:
        raise _invalid("its signature has a high s (EIP-2)")
    return DecodedTransaction(envelope, r, s, parity, _signer(envelope, r, s, parity), "0x" + keccak256(raw).hex())


def read_envelope(raw: bytes) -> Envelope:
    """The fields of a raw transaction, its form checked as by :func:`decode_transaction` but not its signature.

    Raises:
        Invalid: it is not well formed.
    """
    return _read(raw)[0]


def signed_as_asked(unsigned: UnsignedTransaction, raw: bytes, sender: str) -> DecodedTransaction:
    """What somebody else signed, if it is exactly what was asked for and by whom.

    Raises:
        Invalid: the bytes are no transaction.
        Conflict: something differs; each such field is named. The bytes must not be sent.
    """
    signed = decode_transaction(raw)
    got = signed.envelope
    kind = EnvelopeKind.LEGACY if unsigned.legacy else EnvelopeKind.PRICED
    pairs: list[tuple[str, object, object]] = [
        ("type", kind.value, got.kind.value),
        ("chain id", unsigned.chain_id, got.chain_id),
        ("nonce", unsigned.nonce, got.nonce),
        ("recipient", checksum_address(unsigned.to) if unsigned.to else "a new contract", got.to or "a new contract"),
        ("value", unsigned.value, got.value),
        ("call data", "0x" + unsigned.data.hex(), "0x" + got.data.hex()),
        ("gas limit", unsigned.gas_limit, got.gas_limit),
        ("price per gas", unsigned.max_fee_per_gas, got.max_fee_per_gas),
        ("access list", (), got.access_list),
        ("sender", checksum_address(sender), signed.sender),
    ]
    if not unsigned.legacy and got.kind is EnvelopeKind.PRICED:
        pairs.append(("tip per gas", unsigned.max_priority_fee_per_gas, got.max_priority_fee_per_gas))
    other = [(name, asked, found) for name, asked, found in pairs if asked != found]
    if other:
        told = "; ".join(f"{name}: asked {_short(asked)}, got {_short(found)}" for name, asked, found in other)
        raise Conflict(
            f"What was signed is not what was asked for ({told}). It was not taken and nothing was sent.",
            "Sign the request again, unchanged, with the account it names.",
            details={name: f"asked {asked}, got {found}" for name, asked, found in other},
        )
    return signed


# reading


def _read(raw: bytes) -> tuple[Envelope, int, int, int]:
    if not raw:
        raise _invalid("it is empty")
    if raw[0] >= 0xC0:
        return _legacy(_items(raw, 9))
    if raw[0] == EnvelopeKind.LISTED:
        return _typed(EnvelopeKind.LISTED, _items(raw[1:], 11))
    if raw[0] == EnvelopeKind.PRICED:
        return _typed(EnvelopeKind.PRICED, _items(raw[1:], 12))
    raise _invalid(f"its type {raw[0]} is not one of legacy, 1 (EIP-2930) and 2 (EIP-1559)")


def _legacy(items: list[Any]) -> tuple[Envelope, int, int, int]:
    v, r, s = (_number(item, name) for item, name in zip(items[6:], ("v", "r", "s"), strict=True))
    if v in (27, 28):
        chain_id, parity = None, v - 27
    elif v >= 35:
        chain_id, parity = divmod(v - 35, 2)
    else:
        raise _invalid(f"its v is {v}; it must be 27, 28 or 35 and above (EIP-155)")
    price = _number(items[1], "gas price")
    envelope = Envelope(
        EnvelopeKind.LEGACY,
        chain_id,
        _number(items[0], "nonce", LAST_NONCE),
        _address(items[3]),
        _number(items[4], "value"),
        _bytes(items[5], "call data"),
        _number(items[2], "gas limit"),
        price,
        price,
    )
    return _affordable(envelope), parity, r, s


def _typed(kind: EnvelopeKind, items: list[Any]) -> tuple[Envelope, int, int, int]:
    prices = [_number(item, "price per gas") for item in items[2:-8]]
    tip, price = prices[0], prices[-1]
    if tip > price:
        raise _invalid("its tip is above its price per gas")
    gas, to, value, data, listed, parity, r, s = items[-8:]
    envelope = Envelope(
        kind,
        _number(items[0], "chain id"),
        _number(items[1], "nonce", LAST_NONCE),
        _address(to),
        _number(value, "value"),
        _bytes(data, "call data"),
        _number(gas, "gas limit"),
        price,
        tip,
        _access_list(listed),
    )
    return _affordable(envelope), _number(parity, "parity", 1), _number(r, "r"), _number(s, "s")


def _affordable(envelope: Envelope) -> Envelope:
    if envelope.gas_limit * envelope.max_fee_per_gas + envelope.value >= 2**256:
        raise _invalid("it could cost more than 2²⁵⁶ wei")
    return envelope


def _items(body: bytes, count: int) -> list[Any]:
    try:
        items = rlp_decode(body)
    except Refused as error:
        raise _invalid(str(error)) from error
    if not isinstance(items, list) or len(items) != count:
        raise _invalid(f"it must be a list of {count} fields")
    return items


def _number(item: object, name: str, most: int = 2**256 - 1) -> int:
    data = _bytes(item, name)
    if data[:1] == b"\0":
        raise _invalid(f"its {name} has leading zeros")
    value = int.from_bytes(data, "big")
    if value > most:
        raise _invalid(f"its {name} is too large")
    return value


def _bytes(item: object, name: str) -> bytes:
    if not isinstance(item, bytes):
        raise _invalid(f"its {name} is a list")
    return item


def _address(item: object) -> str | None:
    data = _bytes(item, "recipient")
    if not data:
        return None
    if len(data) != 20:
        raise _invalid("its recipient is not 20 bytes")
    return checksum_address(data)


def _access_list(item: object) -> AccessList:
    if not isinstance(item, list):
        raise _invalid("its access list is no list")
    entries = []
    for entry in item:
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
            raise _invalid("an entry of its access list is not an address and a list of keys")
        who, keys = _address(entry[0]), [_bytes(key, "storage key") for key in entry[1]]
        if who is None or any(len(key) != 32 for key in keys):
            raise _invalid("an address or key of its access list has a wrong length")
        entries.append((who, tuple("0x" + key.hex() for key in keys)))
    return tuple(entries)


def _signer(envelope: Envelope, r: int, s: int, parity: int) -> str:
    from coincurve import PublicKey

    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        public = PublicKey.from_signature_and_message(signature, keccak256(envelope.payload()), hasher=None)
    except Exception as error:  # libsecp256k1 raises bare exceptions of several kinds
        raise _invalid("its signature is nobody's") from error
    return checksum_address(keccak256(public.format(compressed=False)[1:])[12:])


def _invalid(why: str) -> Invalid:
    return Invalid(f"This is not a signed transaction: {why}.", "Copy it again from its source, whole.", field="raw")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 90 else f"{text[:40]}…{text[-10:]} ({len(text)} characters)"
