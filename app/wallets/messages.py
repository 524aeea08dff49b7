"""Signed messages: EIP-191, and what counts as a signature.

EIP-191 has three versions: 0x45, ``personal_sign`` of any bytes; 0x00, data for one validator; 0x01, structured data (EIP-712, see
``typed``). A signature is 65 bytes ``r ‖ s ‖ v``, or 64 bytes with the parity in the top bit of s (EIP-2098). The upper half of s
(EIP-2) is refused: each signature would have a twin that looks different and counts for the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from app.core.errors import Invalid
from app.wallets import keys
from app.wallets.typed import DONE, Problem, hides

LONGEST = 100_000  # bytes of a message
PREFIX = b"\x19Ethereum Signed Message:\n"


class Form(StrEnum):
    """How a signature was written."""

    FULL = "65 bytes"
    COMPACT = "EIP-2098"
    OTHER = "another length"  # only a contract can know what it means


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes to sign. ``validator`` is the EIP-55 address of version 0x00, or empty for ``personal_sign``."""

    data: bytes
    validator: str = ""

    def __post_init__(self) -> None:
        if len(self.data) > LONGEST:
            raise Invalid(
                f"The message has {len(self.data):,} bytes; at most {LONGEST:,} are signed. {DONE}", "Sign its hash's text instead."
            )

    @property
    def envelope(self) -> bytes:
        """What is hashed: never the encoding of a transaction, since those do not begin with 0x19."""
        if self.validator:
            return b"\x19\x00" + bytes.fromhex(self.validator[2:]) + self.data
        return PREFIX + str(len(self.data)).encode("ascii") + self.data

    @property
    def digest(self) -> bytes:
        """keccak-256 of the envelope, 32 bytes."""
        return keys.keccak(self.envelope)

    @property
    def text(self) -> str | None:
        """The message as text, or None when it is not UTF-8."""
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError:
            return None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What a reader should know before signing it."""
        return tuple(_problems(self))


def message(content: str | bytes, validator: str = "") -> Message:
    """A message of text (UTF-8) or bytes; with ``validator``, in version 0x00 of EIP-191.

    Raises:
        Invalid: too long, half a character in the text, or not an address.
    """
    if isinstance(content, str):
        try:
            content = content.encode("utf-8")
        except UnicodeEncodeError:
            raise Invalid(
                f"The message holds half a character (a lone surrogate). {DONE}", "Type it again.", field="message"
            ) from None
    return Message(content, keys.parse_address(validator, "validator") if validator else "")


def structured_digest(domain_hash: bytes, message_hash: bytes) -> bytes:
    """Version 0x01 of EIP-191 over two hashes of 32 bytes (EIP-712)."""
    if len(domain_hash) != 32 or len(message_hash) != 32:
        raise Invalid(f"Domain hash and message hash have 32 bytes each. {DONE}", "Copy them again.")
    return keys.keccak(b"\x19\x01" + domain_hash + message_hash)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it came: its bytes, and how they are written."""

    raw: bytes
    form: Form

    @property
    def full(self) -> bytes:
        """65 bytes with v 27 or 28.

        Raises:
            Invalid: another length, v, r or s than a signature of secp256k1 has, or the upper half of s.
        """
        if self.form is Form.OTHER:
            raise Invalid(f"A signature has 65 or 64 bytes, this has {len(self.raw)}. It was not accepted.", "Copy it again.")
        r, s, v = self.raw[:32], self.raw[32:64], self.raw[64] if self.form is Form.FULL else 27 + (self.raw[32] >> 7)
        if self.form is Form.COMPACT:
            s = bytes([s[0] & 0x7F]) + s[1:]
        parity = v - 27 if v >= 27 else v
        if parity not in (0, 1):
            raise Invalid(f"The last byte of a signature is 0, 1, 27 or 28, not {v}. It was not accepted.", "Copy it again.")
        if not all(0 < int.from_bytes(part, "big") < keys.ORDER for part in (r, s)):
            raise Invalid("The numbers of this signature are out of range. It was not accepted.", "Copy it again from its source.")
        if int.from_bytes(s, "big") > keys.ORDER // 2:
            raise Invalid(
                "This signature is malleable (its s lies in the upper half, EIP-2). It was not accepted.",
                "Ask the signer for the lower one: contracts that follow the standard refuse this too.",
            )
        return r + s + bytes([27 + parity])


def signature(given: str | bytes) -> Signature:
    """A signature from ``0x…`` hex or bytes, of any length: contracts define their own (EIP-1271).

    Raises:
        Invalid: not hex, or empty.
    """
    if isinstance(given, str):
        digits = given.strip().removeprefix("0x").removeprefix("0X")
        if not re.fullmatch(r"([0-9a-fA-F]{2})+", digits):
            raise Invalid(
                "A signature is 0x and pairs of hex digits. Nothing was checked.", "Copy the whole text.", field="signature"
            )
        given = bytes.fromhex(digits)
    forms = {65: Form.FULL, 64: Form.COMPACT}
    return Signature(given, forms.get(len(given), Form.OTHER))


def signer_of(digest: bytes, given: Signature) -> str:
    """The EIP-55 address that signed a digest.

    Raises:
        Invalid: it is no signature that anybody should accept; the sentence says why.
    """
    return keys.recover(digest, given.full)


def _problems(said: Message) -> list[Problem]:
    found: list[Problem] = []
    text = said.text
    if not said.data:
        found.append(Problem("warning", "The message is empty"))
    if len(said.data) == 32 or (text is not None and re.fullmatch(r"\s*(0x)?[0-9a-fA-F]{64}\s*", text)):
        found.append(
            Problem(
                "warning",
                "The message is a hash: it says nothing about what it stands for",
                "Some contracts take such a signature as consent to what was hashed. Sign it only if you computed it yourself.",
            )
        )
    if _is_transaction(said.data) or (text is not None and _is_transaction(_unhex(text))):
        found.append(
            Problem(
                "warning",
                "The message looks like a transaction",
                "The prefix of EIP-191 keeps a node from taking it for one; but who asks for this may mean something else.",
            )
        )
    if text is None:
        found.append(Problem("note", "The message is not text; its bytes are shown"))
    elif hides(text):
        found.append(Problem("warning", "The message holds characters that cannot be seen, or that turn the direction of writing"))
    elif text.endswith("\n"):
        found.append(Problem("note", "The message ends with a line break, which is signed too"))
    return found


def _unhex(text: str) -> bytes:
    digits = text.strip().removeprefix("0x")
    return bytes.fromhex(digits) if re.fullmatch(r"([0-9a-fA-F]{2})+", digits) else b""


def _is_transaction(data: bytes) -> bool:
    """Whether bytes are an RLP list of 6, 9 or more items, with or without the type byte of EIP-2718."""
    from app.audit.verifier import Refused, rlp_decode

    payload = data[1:] if data[:1] in (b"\x01", b"\x02", b"\x03", b"\x04") else data
    if len(payload) < 10 or payload[0] < 0xC0:
        return False
    try:
        items = rlp_decode(payload)
    except Refused:
        return False
    return isinstance(items, list) and 6 <= len(items) <= 15
