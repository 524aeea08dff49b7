"""Private keys: BIP-32 derivation, addresses, signatures on secp256k1.

Pure functions over bytes; who holds the bytes, and for how long, is the service's business.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache

from app.core.errors import Invalid

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
HARDENED = 0x80000000
INDEX = "{index}"
ETHEREUM_PATH = "m/44'/60'/0'/0/{index}"  # BIP-44, coin type 60 (SLIP-44)
LEDGER_LIVE_PATH = "m/44'/60'/{index}'/0/0"
LEGACY_LEDGER_PATH = "m/44'/60'/0'/{index}"  # Ledger's Chrome app and MyEtherWallet
PATHS = {"bip44": ETHEREUM_PATH, "ledger-live": LEDGER_LIVE_PATH, "ledger-legacy": LEGACY_LEDGER_PATH}
DEEPEST = 10


def keccak(data: bytes) -> bytes:
    """Keccak-256 as Ethereum uses it (the padding before FIPS 202)."""
    from eth_hash.auto import keccak as hashed

    return bytes(hashed(data))


@dataclass(frozen=True, slots=True, repr=False)
class ExtendedKey:
    """A private node of the BIP-32 tree: 32-byte key and 32-byte chain code, with its place."""

    key: bytes
    chain_code: bytes
    depth: int = 0
    number: int = 0

    def __repr__(self) -> str:
        return f"ExtendedKey(depth={self.depth}, «secret»)"

    @classmethod
    def from_seed(cls, seed: bytes) -> ExtendedKey:
        """The master node of a seed of 16 to 64 bytes.

        Raises:
            Invalid: the seed gives no key (probability below 2⁻¹²⁷).
        """
        digest = hmac.new(b"Bitcoin seed", seed, hashlib.sha512).digest()
        _require_key(digest[:32])
        return cls(digest[:32], digest[32:])

    def child(self, number: int) -> ExtendedKey:
        """CKDpriv of BIP-32; ``number`` from 2³¹ on is hardened.

        Raises:
            Invalid: this child has no key (probability below 2⁻¹²⁷); the next number has.
        """
        if number >= HARDENED:
            data = b"\x00" + self.key
        else:
            from coincurve import PrivateKey

            data = PrivateKey(self.key).public_key.format(compressed=True)
        digest = hmac.new(self.chain_code, data + number.to_bytes(4, "big"), hashlib.sha512).digest()
        tweak, parent = int.from_bytes(digest[:32], "big"), int.from_bytes(self.key, "big")
        key = ((tweak + parent) % ORDER).to_bytes(32, "big")
        if tweak >= ORDER:
            raise Invalid(f"Child {number} of this wallet has no key. Nothing was created.", "Use the next index.")
        _require_key(key)
        return ExtendedKey(key, digest[32:], self.depth + 1, number)

    def derive(self, path: str) -> ExtendedKey:
        """The node at ``path``, such as ``m/44'/60'/0'/0/0``, counted from this one."""
        node = self
        for number in parse_path(path):
            node = node.child(number)
        return node


def parse_path(path: str) -> tuple[int, ...]:
    """The child numbers of a BIP-32 path; ``'``, ``h`` and ``H`` mark hardened ones.

    Raises:
        Invalid: not a path, or a number of 2³¹ and above.
    """
    head, *parts = path.strip().split("/")
    numbers: list[int] = []
    for part in parts:
        match = re.fullmatch(r"(\d{1,10})(['hH]?)", part, re.ASCII)
        if match is None or int(match[1]) >= HARDENED:
            break
        numbers.append(int(match[1]) + (HARDENED if match[2] else 0))
    if head not in ("m", "M") or len(numbers) != len(parts):
        raise Invalid(f"“{path}” is not a derivation path. Nothing was created.", "Write it as m/44'/60'/0'/0/0.", field="path")
    return tuple(numbers)


def path_template(text: str) -> str:
    """A template of BIP-32 paths: ``bip44``, ``ledger-live``, ``ledger-legacy``, or one's own with one ``{index}``.

    Raises:
        Invalid: it is no path, has no or more than one ``{index}``, or more than ten levels.
    """
    template = PATHS.get(text.strip().lower(), text.strip())
    parse_path(template.replace(INDEX, "0"))
    if template.count(INDEX) != 1 or template.count("/") > DEEPEST:
        raise Invalid(
            f"“{text}” does not say where the accounts of a wallet lie. Nothing was created.",
            "Write {index} where they are counted, as in m/44'/60'/0'/0/{index}.",
            field="path",
        )
    return template


def path_at(template: str, index: int) -> str:
    """The path of one account.

    Raises:
        Invalid: the index is below zero, or 2³¹ and above.
    """
    if not 0 <= index < HARDENED:
        raise Invalid(f"Account {index} does not exist: indexes go from 0 to 2³¹ − 1. Nothing was created.", field="index")
    return template.replace(INDEX, str(index))


def _require_key(key: bytes) -> None:
    if not 0 < int.from_bytes(key, "big") < ORDER:
        raise Invalid("This is not a private key of secp256k1. Nothing was created.", "Compare it with the backup.", field="key")


def parse_private_key(text: str) -> bytes:
    """The 32 bytes of a private key in hex, with or without ``0x``.

    Raises:
        Invalid: another length, other characters, zero, or not below the order of the curve. The text is never repeated.
    """
    digits = text.strip().removeprefix("0x").removeprefix("0X")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise Invalid("A private key is 64 hex digits. Nothing was imported.", "Compare it with the backup.", field="key")
    key = bytes.fromhex(digits)
    _require_key(key)
    return key


def address_of(key: bytes) -> str:
    """The EIP-55 address of a private key."""
    from coincurve import PrivateKey

    return checksum(keccak(PrivateKey(key).public_key.format(compressed=False)[1:])[12:])


def sign(key: bytes, digest: bytes) -> tuple[int, int, int]:
    """``(r, s, y parity)`` over a 32-byte digest; deterministic (RFC 6979) and with low s (EIP-2), as libsecp256k1 makes it."""
    from coincurve import PrivateKey

    if len(digest) != 32:
        raise ValueError("a digest has 32 bytes")
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]


def signature_bytes(signature: tuple[int, int, int]) -> bytes:
    """65 bytes ``r ‖ s ‖ v`` with v 27 or 28, the form that Solidity's ``ecrecover`` takes."""
    r, s, parity = signature
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity])


def recover(digest: bytes, signature: bytes) -> str:
    """The EIP-55 address that made a 65-byte signature (v 0, 1, 27 or 28).

    Raises:
        Invalid: not a signature over any key.
    """
    from coincurve import PublicKey

    try:
        parity = signature[64] - 27 if signature[64] >= 27 else signature[64]
        public = PublicKey.from_signature_and_message(signature[:64] + bytes([parity]), digest, hasher=None)
    except Exception as error:  # libsecp256k1 raises bare exceptions of several kinds
        raise Invalid("This is not a valid signature.", "Compare it with its source.") from error
    return checksum(keccak(public.format(compressed=False)[1:])[12:])


@lru_cache(maxsize=1 << 14)  # a list of proofs or transfers spells the same few addresses thousands of times
def checksum(address: bytes) -> str:
    """EIP-55 spelling of 20 bytes."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(mark, 16) >= 8 else c for c, mark in zip(digits, marks, strict=False))


def parse_address(text: str, field: str = "address") -> str:
    """An address as a person enters it, in EIP-55 spelling. All-small and all-capital digits carry no checksum and pass.

    Raises:
        Invalid: not 20 bytes of hex, or mixed letters that contradict EIP-55.
    """
    clean = text.strip()
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{40}", clean):
        raise Invalid(f"“{clean}” is not an address. Nothing was changed.", "An address is 0x and 40 hex digits.", field=field)
    spelled = checksum(bytes.fromhex(clean[2:]))
    digits = clean[2:]
    if digits not in (digits.lower(), digits.upper()) and "0x" + digits != spelled:
        raise Invalid(
            f"The checksum of {clean} is wrong: a character differs from the address that was meant. Nothing was changed.",
            "Copy the address again from its source. Do not correct the letters by hand.",
            field=field,
        )
    return spelled
