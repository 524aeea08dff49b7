"""Transactions before they are signed, and the protocol by which somebody signs them.

Serialisation is our own: EIP-2718 envelopes of type 2 (EIP-1559), and legacy transactions with replay protection (EIP-155).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

_SHORT = [bytes([0x80 + size]) for size in range(56)]
_NO_LIST = b"\xc0"  # an empty access list, encoded


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _flat(items: Iterable[bytes]) -> bytes:
    """Byte strings in RLP, one after the other. A transaction is one flat list, so nothing recurses here."""
    parts = []
    for item in items:
        size = len(item)
        if size == 1 and item[0] < 0x80:
            parts.append(item)
        elif size < 56:
            parts.append(_SHORT[size] + item)
        else:
            width = _number(size)
            parts.append(bytes([0xB7 + len(width)]) + width + item)
    return b"".join(parts)


def _listed(body: bytes) -> bytes:
    """A list in RLP whose encoded items are ``body``."""
    size = len(body)
    if size < 56:
        return bytes([0xC0 + size]) + body
    width = _number(size)
    return bytes([0xF7 + len(width)]) + width + body


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    """All that is signed. Prices in wei; ``max_fee_per_gas`` is the gas price when ``legacy``. ``to`` is None for a creation."""

    chain_id: int
    nonce: int
    to: str | None
    value: int
    data: bytes
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    legacy: bool = False

    def _body(self) -> bytes:
        to = bytes.fromhex(self.to[2:]) if self.to else b""
        rest = (_number(self.gas_limit), to, _number(self.value), self.data)
        if self.legacy:
            return _flat((_number(self.nonce), _number(self.max_fee_per_gas), *rest))
        fees = (_number(self.max_priority_fee_per_gas), _number(self.max_fee_per_gas))
        return _flat((_number(self.chain_id), _number(self.nonce), *fees, *rest)) + _NO_LIST

    def payload(self) -> bytes:
        """What is hashed with keccak-256 and signed."""
        if self.legacy:
            return _listed(self._body() + _flat((_number(self.chain_id), b"", b"")))
        return b"\x02" + _listed(self._body())

    def signed(self, r: int, s: int, parity: int) -> bytes:
        """The raw transaction; ``parity`` is 0 or 1."""
        if self.legacy:
            v = self.chain_id * 2 + 35 + parity
            return _listed(self._body() + _flat((_number(v), _number(r), _number(s))))
        return b"\x02" + _listed(self._body() + _flat((_number(parity), _number(r), _number(s))))


@dataclass(frozen=True, slots=True)
class SigningTask:
    """For which step of which plan a signature is asked, and for which item of a step that signs many.

    ``network`` is ``NetworkKey.text``.
    """

    network: str
    plan_id: str
    index: int
    title: str
    item: int = 0


class Signer(Protocol):
    """Who signs: the wallets room, by a key of its own or by asking somebody elsewhere."""

    async def signs_elsewhere(self, address: str) -> bool:
        """Whether the signature comes from outside this console, so that it may take days and must be asked for once."""

    async def sign_transaction(self, address: str, unsigned: UnsignedTransaction, task: SigningTask | None = None) -> bytes:
        """The raw signed transaction.

        Raises:
            Locked, Denied, NotFound: nothing was signed.
            Waiting: somebody elsewhere was asked, and the answer is not there yet; ask again with the same transaction.
            Conflict: something else was signed elsewhere; it must not be sent.
        """

    async def sign_transactions(
        self, address: str, transactions: Sequence[UnsignedTransaction], task: SigningTask | None = None
    ) -> list[bytes]:
        """Many of one account with one look at its key; from elsewhere as :meth:`sign_transaction`, all or none."""

    async def sign_digest(self, address: str, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v over a 32-byte digest."""

    async def sign_typed_text(self, address: str, text: str, digest: bytes, plan_id: str = "") -> bytes:
        """65 bytes over typed data (EIP-712), given as JSON too, so that a signer elsewhere can show it to its person.

        Raises:
            Conflict: the text does not give the digest. Nothing was signed.
            Waiting: somebody elsewhere was asked for the plan; ask again.
        """
