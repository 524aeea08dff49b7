"""How a secret is written as a keyring item: encoded, encrypted under the passphrase's key, split where items are small.

Form of an item: ``p1:`` text, ``b1:`` base64 of bytes, ``e1:`` base64 of nonce and ciphertext of one of these two (AES-256-GCM,
associated data: the item's name), ``s1:`` number of parts, where a keyring limits the size of an item.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import Any

from app.core.errors import Unavailable
from app.core.secret import Secret

NONCE = 12
INDEX = "vault.index"  # the names kept, since keyrings cannot be asked for a list


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


def _part_size(keyring: Any) -> int:
    # The Windows Credential Manager takes 2,560 bytes an item, in UTF-16.
    return 1_200 if type(keyring).__module__.endswith(".Windows") else 0


def save(keyring: Any, service: str, name: str, form: str) -> None:
    size = _part_size(keyring)
    if not size or len(form) <= size:
        keyring.set_password(service, name, form)
        return
    parts = [form[start : start + size] for start in range(0, len(form), size)]
    for number, part in enumerate(parts):
        keyring.set_password(service, f"{name}/{number}", part)
    keyring.set_password(service, name, f"s1:{len(parts)}")


def load(keyring: Any, service: str, name: str) -> str | None:
    form = keyring.get_password(service, name)
    if form is None or not form.startswith("s1:"):
        return None if form is None else str(form)
    parts = [keyring.get_password(service, f"{name}/{number}") for number in range(int(form[3:]))]
    if None in parts:
        raise Unavailable(f"The keyring item “{name}” lacks a part. Nothing was signed or changed.", "Import the key again.")
    return "".join(parts)


def drop(keyring: Any, service: str, name: str) -> None:
    form = keyring.get_password(service, name)
    if form is None:
        return
    if form.startswith("s1:"):
        for number in range(int(form[3:])):
            if keyring.get_password(service, f"{name}/{number}") is not None:
                keyring.delete_password(service, f"{name}/{number}")
    keyring.delete_password(service, name)


def index(keyring: Any, service: str) -> list[str]:
    form = load(keyring, service, INDEX)
    return [str(name) for name in json.loads(form[3:])] if form else []
