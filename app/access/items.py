"""How a secret is written as a keyring item: encoded, encrypted under the passphrase's key, split where items are small.

Form of an item: ``p1:`` text, ``b1:`` base64 of bytes, ``e1:`` base64 of nonce and ciphertext of one of these two (AES-256-GCM,
associated data: the item's name), ``s2:`` generation and number of parts, where a keyring limits the size of an item. Parts of
another generation are written beside the old ones, then the head, then the old ones are removed: a kill between any two leaves one
whole item.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import secrets
from typing import Any

from app.core import faults
from app.core.errors import Unavailable
from app.core.secret import Secret

log = logging.getLogger(__name__)
NONCE = 12
INDEX = "vault.index"  # the names kept, since keyrings cannot be asked for a list
SEALED = "vault.sealed"  # which key encrypts the items, while a passphrase is set
PROOF = "vault.proof"  # what proves the passphrase, and the key under it: a copy of the store's, in case that is lost


def plain_form(secret: Secret) -> str:
    return "b1:" + base64.b64encode(secret.reveal_bytes()).decode("ascii") if secret.is_bytes else "p1:" + secret.reveal()


def sealed(form: str, name: str, key: bytes) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE)
    box = nonce + AESGCM(key).encrypt(nonce, form.encode("utf-8"), name.encode("utf-8"))
    return "e1:" + base64.b64encode(box).decode("ascii")


def unsealed(form: str, name: str, key: bytes) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        box = base64.b64decode(form[3:], validate=True)
        return AESGCM(key).decrypt(box[:NONCE], box[NONCE:], name.encode("utf-8")).decode("utf-8")
    except (InvalidTag, binascii.Error, ValueError):
        raise Unavailable(
            f"The keyring item “{name}” cannot be opened with this console's passphrase: it was written under another, or changed. "
            "Nothing was signed or changed.",
            "Open the home and store in which it was made, or import the key again.",
        ) from None


def unsealed_if_ours(form: str, name: str, key: bytes) -> str | None:
    """The form without its encryption, or None for what has none, and for what an earlier store encrypted whose key is lost."""
    if form[:3] != "e1:":
        return None
    try:
        return unsealed(form, name, key)
    except Unavailable as error:
        log.warning("left as it is: %s", error.message)
        return None


def _part_size(keyring: Any) -> int:
    # The Windows Credential Manager takes 2,560 bytes an item, in UTF-16.
    return 1_200 if type(getattr(keyring, "inner", keyring)).__module__.endswith(".Windows") else 0


def save(keyring: Any, service: str, name: str, form: str) -> None:
    size, before = _part_size(keyring), _parts(keyring, service, name)
    if not size or len(form) <= size:
        keyring.set_password(service, name, form)
    else:
        generation = secrets.token_hex(4)
        parts = [form[start : start + size] for start in range(0, len(form), size)]
        for number, part in enumerate(parts):
            keyring.set_password(service, f"{name}/{generation}/{number}", part)
        faults.point("vault.item.parts")
        keyring.set_password(service, name, f"s2:{generation}:{len(parts)}")
    for part in before:
        _drop(keyring, service, part)


def load(keyring: Any, service: str, name: str) -> str | None:
    form = keyring.get_password(service, name)
    if form is None or not form.startswith(("s1:", "s2:")):
        return None if form is None else str(form)
    parts = [keyring.get_password(service, part) for part in _names(form, name)]
    if None in parts:
        raise Unavailable(f"The keyring item “{name}” lacks a part. Nothing was signed or changed.", "Import the key again.")
    return "".join(parts)


def drop(keyring: Any, service: str, name: str) -> None:
    parts = _parts(keyring, service, name)
    _drop(keyring, service, name)
    for part in parts:
        _drop(keyring, service, part)


def index(keyring: Any, service: str) -> list[str] | None:
    """The names kept, or None when this keyring has never seen this home.

    Raises:
        Unavailable: somebody else wrote something else in its place.
    """
    form = load(keyring, service, INDEX)
    if form is None:
        return None
    try:
        names = json.loads(form.removeprefix("p1:"))
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise Unavailable(
            "The keyring's list of this home's items is damaged: something else stands there. Nothing was kept or read.",
            f"Remove the item “{INDEX}” of this home from the keyring, then start the console again.",
        )
    return [str(name) for name in names]


def key_id(key: bytes) -> str:
    """Tells two keys of passphrases apart and says nothing about them."""
    return hmac.new(key, b"azora vault key id", "sha256").hexdigest()[:32]


def _parts(keyring: Any, service: str, name: str) -> list[str]:
    form = keyring.get_password(service, name)
    return _names(form, name) if form is not None and form.startswith(("s1:", "s2:")) else []


def _names(form: str, name: str) -> list[str]:
    """Where the parts of a split item lie."""
    kind, *rest = form.split(":")
    try:
        if kind == "s1":
            return [f"{name}/{number}" for number in range(int(rest[0]))]
        return [f"{name}/{rest[0]}/{number}" for number in range(int(rest[1]))]
    except (ValueError, IndexError):
        raise Unavailable(
            f"The keyring item “{name}” is damaged. Nothing was signed or changed.", "Import the key again."
        ) from None


def _drop(keyring: Any, service: str, name: str) -> None:
    if keyring.get_password(service, name) is not None:
        keyring.delete_password(service, name)
