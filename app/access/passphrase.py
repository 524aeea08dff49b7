"""From a passphrase to two unrelated keys: one proves it, the other opens the vault.

Argon2id (RFC 9106, its second recommended option: 64 MiB, three passes, four lanes), 16 bytes of salt; the 32 bytes it gives are
split by HKDF-SHA256 (RFC 5869) with different infos, so that the stored verifier says nothing about the vault's key. The vault's
own key is random and lies encrypted (AES-256-GCM) under the second one: another passphrase wraps it anew and no item is touched.
"""

from __future__ import annotations

import hmac
import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from app.core.errors import Invalid
from app.core.secret import Secret

HASHING: Mapping[str, int] = {"version": 19, "time_cost": 3, "memory_kib": 65_536, "lanes": 4, "length": 32}
SALT = 16
NONCE = 12
SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Proof:
    """What is stored of a passphrase."""

    hashing: Mapping[str, int]
    salt: bytes
    verifier: bytes
    wrapped_key: bytes


def to_text(proof: Proof) -> str:
    """The proof as JSON text, for its copy in the keyring."""
    parts = {"salt": proof.salt, "verifier": proof.verifier, "wrapped_key": proof.wrapped_key}
    return json.dumps({"hashing": dict(proof.hashing), **{name: part.hex() for name, part in parts.items()}}, sort_keys=True)


def from_text(text: str) -> Proof:
    """Back from :func:`to_text`.

    Raises:
        Invalid: it is damaged, or asks for another hashing than this program ever used.
    """
    try:
        body = json.loads(text)
        hashing = {name: int(body["hashing"][name]) for name in HASHING}
        proof = Proof(hashing, *(bytes.fromhex(body[name]) for name in ("salt", "verifier", "wrapped_key")))
    except (ValueError, KeyError, TypeError):
        proof = None
    if proof is None or proof.hashing != dict(HASHING):
        raise Invalid(
            "The keyring's copy of the passphrase's proof is damaged. Nothing was changed.", "Restore the store's backup."
        )
    return proof


def checked_new(passphrase: Secret) -> Secret:
    """The passphrase, if it is long enough to be one.

    Raises:
        Invalid: fewer than eight characters; nothing was changed.
    """
    if len(_normal(passphrase)) < SHORTEST:
        raise Invalid(
            f"A passphrase has at least {SHORTEST} characters. Nothing was changed.",
            "Four random words are good.",
            field="passphrase",
        )
    return passphrase


def make(passphrase: Secret, vault_key: Secret) -> Proof:
    """A fresh salt and proof, with ``vault_key`` wrapped. Takes about 0.2 s of a core; run it in a thread."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt = secrets.token_bytes(SALT)
    verifier, wrapping = _derive(passphrase, salt, HASHING)
    nonce = secrets.token_bytes(NONCE)
    wrapped = nonce + AESGCM(wrapping).encrypt(nonce, vault_key.reveal_bytes(), b"azora vault key")
    return Proof(HASHING, salt, verifier, wrapped)


def open_key(passphrase: Secret, proof: Proof) -> Secret | None:
    """The vault's key, or None when the passphrase is wrong. Takes as long as :func:`make`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    verifier, wrapping = _derive(passphrase, proof.salt, proof.hashing)
    if not hmac.compare_digest(verifier, proof.verifier):
        return None
    nonce, box = proof.wrapped_key[:NONCE], proof.wrapped_key[NONCE:]
    return Secret(AESGCM(wrapping).decrypt(nonce, box, b"azora vault key"))


def new_vault_key() -> Secret:
    """32 random bytes."""
    return Secret(secrets.token_bytes(32))


def _derive(passphrase: Secret, salt: bytes, hashing: Mapping[str, int]) -> tuple[bytes, bytes]:
    from argon2.low_level import Type, hash_secret_raw
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    root = hash_secret_raw(
        secret=_normal(passphrase).encode("utf-8"),
        salt=salt,
        time_cost=hashing["time_cost"],
        memory_cost=hashing["memory_kib"],
        parallelism=hashing["lanes"],
        hash_len=hashing["length"],
        type=Type.ID,
        version=hashing["version"],
    )

    def part(info: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(root)

    return part(b"azora console verifier v1"), part(b"azora console vault v1")


def _normal(passphrase: Secret) -> str:
    # The same letters may be typed as different code points on another keyboard.
    return unicodedata.normalize("NFKC", passphrase.reveal())
