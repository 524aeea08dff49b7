"""Extended private keys as text (BIP-32, Base58Check): some programs write their backup as one ``xprv…`` instead of words."""

from __future__ import annotations

import hashlib
import hmac

from app.core.errors import Invalid
from app.core.secret import Secret
from app.wallets import keys

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
PRIVATE, PUBLIC = bytes.fromhex("0488ade4"), bytes.fromhex("0488b21e")  # xprv, xpub
LENGTH = 78


def parse(text: Secret) -> keys.ExtendedKey:
    """The node of the BIP-32 tree that an ``xprv…`` text holds.

    Raises:
        Invalid: characters, length or checksum are wrong, it is a public key, or it contradicts itself (a master with a parent, a
            private key with the prefix of a public one, a key outside the curve). The text is never repeated.
    """
    raw = _base58check(text.reveal().strip())
    version, depth, parent, number = raw[:4], raw[4], raw[5:9], int.from_bytes(raw[9:13], "big")
    if version == PUBLIC:
        raise _bad("it holds a public key, from which no account can be proven to be yours")
    if version != PRIVATE:
        raise _bad("its version is none of BIP-32")
    if depth == 0 and (any(parent) or number):
        raise _bad("it says to be a master key and to have a parent")
    if raw[45] != 0:
        raise _bad("it has the prefix of a private key and holds something else")
    key = raw[46:]
    if not 0 < int.from_bytes(key, "big") < keys.ORDER:
        raise _bad("its key is outside the curve")
    return keys.ExtendedKey(key, raw[13:45], depth, number)


def master(text: Secret) -> keys.ExtendedKey:
    """A master key, from which every account is derived.

    Raises:
        Invalid: as :func:`parse`, or it is not a master key.
    """
    node = parse(text)
    if node.depth:
        raise _bad("it is no master key, so that it cannot give every account")
    return node


def _base58check(text: str) -> bytes:
    number = 0
    if not text or len(text) > 120 or any(character not in ALPHABET for character in text):
        raise _bad("it has characters that do not belong there")
    for character in text:
        number = number * 58 + ALPHABET.index(character)
    if number >> 8 * (LENGTH + 4):
        raise _bad("it is too long")
    raw = number.to_bytes(LENGTH + 4, "big")
    checksum = hashlib.sha256(hashlib.sha256(raw[:LENGTH]).digest()).digest()[:4]
    if not hmac.compare_digest(checksum, raw[LENGTH:]):
        raise _bad("its checksum is wrong")
    return raw[:LENGTH]


def _bad(why: str) -> Invalid:
    return Invalid(f"This is not an extended private key: {why}. Nothing was done.", "Compare it with the backup.", field="phrase")
