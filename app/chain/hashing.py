"""keccak-256 in C, and addresses as people compare them (EIP-55)."""

from __future__ import annotations

from functools import lru_cache

from Crypto.Hash import keccak


def keccak256(data: bytes) -> bytes:
    """The hash of Ethereum, 32 bytes."""
    return bytes(keccak.new(digest_bits=256, data=data).digest())


def checksum_address(address: str | bytes) -> str:
    """EIP-55 spelling of 20 bytes or ``0x…`` text in any spelling."""
    return _spelled(address.hex() if isinstance(address, bytes) else address.lower().removeprefix("0x"))


@lru_cache(maxsize=16_384)
def _spelled(plain: str) -> str:
    """The same few addresses are written again and again."""
    digest = keccak256(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(digest[i], 16) > 7 else c for i, c in enumerate(plain))


def created_address(sender: str, nonce: int) -> str:
    """Where a contract creation of ``sender`` with ``nonce`` puts its contract (Yellow Paper, section 7)."""
    from app.audit.verifier import rlp_encode

    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    return checksum_address(keccak256(rlp_encode([bytes.fromhex(sender[2:]), number]))[12:])
