"""Keystore files: Web3 Secret Storage, version 3, as geth, Parity and ethers write it.

A file is read strictly and held against bounds *before* any key is derived from it: scrypt takes 128·N·r bytes and N·r·p rounds
of work, and a hostile file asks for more than a machine has. Deriving takes about a second: call :func:`open_keystore` and
:func:`write` in a thread.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import unicodedata
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.core.errors import Denied, Invalid
from app.core.secret import Secret
from app.wallets import keys
from app.wallets.strict_json import DEEPEST, depth

LARGEST = 64 * 1024  # bytes of a file; real ones have 500 to 3,000
MEMORY = 512 * 2**20  # bytes that scrypt may take: twice what geth's standard (N 262,144, r 8) takes
WORK = 2**25  # N·r·p: sixteen times geth's standard
ROUNDS = 10_000_000  # of PBKDF2: about five seconds
STANDARD = {"n": 2**18, "r": 8, "p": 1}  # what geth writes
SHORTEST_PASSWORD = 8
NOTHING = "Nothing was imported."


@dataclass(frozen=True, slots=True)
class Keystore:
    """What a file says, checked but not yet opened. ``address`` is EIP-55 spelling, or empty when the file names none."""

    kdf: str
    params: Mapping[str, int]
    salt: bytes
    iv: bytes
    ciphertext: bytes
    mac: bytes
    address: str

    @property
    def cost(self) -> str:
        """What opening it takes, for people."""
        if self.kdf == "pbkdf2":
            return f"PBKDF2, {self.params['c']:,} rounds"
        return f"scrypt, {128 * self.params['n'] * self.params['r'] / 2**20:,.0f} MiB"


def parse(text: str | bytes) -> Keystore:
    """Read a keystore file.

    Raises:
        Invalid: it is no JSON, lacks a field, is another version, uses an unknown KDF or cipher, or asks for an absurd cost; the
            message names the field or the number. No key was derived.
    """
    body = _object(text)
    version = body.get("version")
    if version is True or version != 3:
        said = f"version {version}" if isinstance(version, int | str) and not isinstance(version, bool) else "no version"
        raise _bad(f"This keystore file is of {said[:40]}; only version 3 can be opened.", "Export it anew from its wallet.")
    sections = [value for name, value in body.items() if name.lower() == "crypto"]
    if len(sections) != 1 or not isinstance(sections[0], dict):
        raise _bad("This keystore file has no section “crypto”, or more than one.")
    crypto = sections[0]
    cipher = crypto.get("cipher")
    if cipher != "aes-128-ctr":
        raise _bad(f"This keystore file uses the cipher “{_shown(cipher)}”; only aes-128-ctr is known.")
    ciphertext = _hex(crypto, "ciphertext", 1, 32)  # older programs cut leading zeros of the key
    kdf, params = crypto.get("kdf"), _section(crypto, "kdfparams")
    if kdf == "scrypt":
        numbers = _scrypt(params)
    elif kdf == "pbkdf2":
        numbers = _pbkdf2(params)
    else:
        raise _bad(f"This keystore file derives its key by “{_shown(kdf)}”; only scrypt and pbkdf2 are known.")
    if (length := _integer(params, "dklen")) != 32:
        raise _bad(f"This keystore file derives {length:,} bytes (dklen); version 3 needs 32.")
    return Keystore(
        kdf=kdf,
        params=numbers,
        salt=_hex(params, "salt", 1, 1024),
        iv=_hex(_section(crypto, "cipherparams"), "iv", 16, 16),
        ciphertext=ciphertext,
        mac=_hex(crypto, "mac", 32, 32),
        address=_address(body),
    )


def open_keystore(keystore: Keystore, password: Secret) -> bytes:
    """The private key in a file. Takes about a second and the memory that the file asks for.

    Raises:
        Denied: the password is wrong (or the file was changed): the MAC differs.
        Invalid: what is inside is no key, or makes another address than the file says.
    """
    # ethers writes the NFKC spelling of a password, others take it as it was typed.
    spellings = dict.fromkeys((password.reveal(), unicodedata.normalize("NFKC", password.reveal())))
    for spelling in spellings:
        derived = _derive(keystore.kdf, keystore.params, keystore.salt, spelling.encode("utf-8"))
        if hmac.compare_digest(keys.keccak(derived[16:32] + keystore.ciphertext), keystore.mac):
            break
    else:
        raise Denied(
            "The password does not open this keystore file, or the file was changed: its check value (MAC) differs. " + NOTHING,
            "Type the password again, or compare the file with its backup.",
            field="password",
        )
    key = _aes_ctr(derived[:16], keystore.iv, keystore.ciphertext).rjust(32, b"\0")
    if not 0 < int.from_bytes(key, "big") < keys.ORDER:
        raise _bad("What this keystore file holds is no private key of secp256k1.")
    address = keys.address_of(key)
    if keystore.address and keystore.address != address:
        raise _bad(
            f"This keystore file says {keystore.address}, but its key belongs to {address}.",
            "Somebody changed the file, or mixed two. Take it from its backup.",
        )
    return key


def write(key: bytes, password: Secret) -> str:
    """A keystore file with geth's standard cost (scrypt, N 262,144, r 8, p 1: 256 MiB). Takes about a second.

    Raises:
        Invalid: a password of fewer than eight characters.
    """
    if len(password.reveal()) < SHORTEST_PASSWORD:
        raise Invalid(
            f"The password of a keystore file has at least {SHORTEST_PASSWORD} characters. Nothing was exported.",
            "Whoever finds the file tries passwords at leisure: choose a long one.",
            field="password",
        )
    return _written(key, password, secrets.token_bytes(32), secrets.token_bytes(16), str(uuid.uuid4()), STANDARD)


def _written(key: bytes, password: Secret, salt: bytes, iv: bytes, file_id: str, params: Mapping[str, int]) -> str:
    derived = _derive("scrypt", params, salt, password.reveal_bytes())
    ciphertext = _aes_ctr(derived[:16], iv, key)
    body = {
        "address": keys.address_of(key)[2:].lower(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "ciphertext": ciphertext.hex(),
            "cipherparams": {"iv": iv.hex()},
            "kdf": "scrypt",
            "kdfparams": {"dklen": 32, "n": params["n"], "p": params["p"], "r": params["r"], "salt": salt.hex()},
            "mac": keys.keccak(derived[16:32] + ciphertext).hex(),
        },
        "id": file_id,
        "version": 3,
    }
    return json.dumps(body, separators=(",", ":"))


def file_name(address: str, now: datetime | None = None) -> str:
    """The name that geth gives to a keystore file: UTC time and address."""
    at = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H-%M-%S.%f")
    return f"UTC--{at}000Z--{address[2:].lower()}"


def _derive(kdf: str, params: Mapping[str, int], salt: bytes, password: bytes) -> bytes:
    if kdf == "pbkdf2":
        return hashlib.pbkdf2_hmac("sha256", password, salt, params["c"], 32)
    n, r, p = params["n"], params["r"], params["p"]
    if n.bit_length() > 16 * r:
        # RFC 7914 asks for N < 2^(128·r/8), and OpenSSL insists; the definition's own vector (N 262,144, r 1) is beyond it.
        from Crypto.Protocol.KDF import scrypt

        return bytes(scrypt(password, salt, 32, n, r, p))  # type: ignore[arg-type]
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(password)


def _aes_ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    cipher = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()


def _object(text: str | bytes) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise _bad(f"This file has {len(text):,} bytes; a keystore file has at most {LARGEST:,}.", "Choose the right file.")
    try:
        read = text if isinstance(text, str) else text.decode("utf-8")
        if depth(read) > DEEPEST:
            raise ValueError("nested too deep")
        body = json.loads(read, object_pairs_hook=_once)
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are among them
        raise _bad(
            "This is no keystore file, or only a part of one: it is not JSON.", "Choose the right file, or copy it again."
        ) from error
    if not isinstance(body, dict):
        raise _bad("This is no keystore file: it holds no JSON object.", "Choose the right file.")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A field that stands twice would be read differently by different programs."""
    body = dict(pairs)
    if len(body) < len(pairs):
        raise _bad("A field of this keystore file stands there twice.")
    return body


def _scrypt(params: Mapping[str, Any]) -> dict[str, int]:
    n, r, p = (_integer(params, name) for name in ("n", "r", "p"))
    if n < 2 or n & (n - 1) or r < 1 or p < 1:
        raise _bad("The scrypt parameters of this keystore file are not possible: N must be a power of two, r and p at least 1.")
    remedy = "Open it in the wallet that wrote it, and export it anew with its standard cost."
    asked = f"scrypt N {n:,}, r {r:,}, p {p:,}"
    if (memory := 128 * n * r + 128 * r * p) > MEMORY:
        text = f"This keystore file asks for {memory // 2**20:,} MiB of memory ({asked}); at most {MEMORY // 2**20} MiB are given."
        raise _bad(text, remedy)
    if (work := n * r * p) > WORK:
        usual = STANDARD["n"] * STANDARD["r"] * STANDARD["p"]
        text = (
            f"This keystore file asks for {work // usual:,} times the usual work ({asked}); at most {WORK // usual} times is done."
        )
        raise _bad(text, remedy)
    return {"n": n, "r": r, "p": p}


def _pbkdf2(params: Mapping[str, Any]) -> dict[str, int]:
    rounds = _integer(params, "c")
    if params.get("prf") != "hmac-sha256":
        raise _bad(f"This keystore file uses PBKDF2 with “{_shown(params.get('prf'))}”; only hmac-sha256 is known.")
    if not 1 <= rounds <= ROUNDS:
        raise _bad(f"This keystore file asks for {rounds:,} rounds of PBKDF2; between 1 and {ROUNDS:,} are done.")
    return {"c": rounds}


def _section(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = body.get(name)
    if not isinstance(section, dict):
        raise _bad(f"This keystore file lacks the section “{name}”.")
    return section


def _integer(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**64:
        raise _bad(f"This keystore file lacks the number “{name}”.")
    return value


def _hex(body: Mapping[str, Any], name: str, least: int, most: int) -> bytes:
    value = body.get(name)
    try:
        data = bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) and value.isascii() else None
    except ValueError:
        data = None
    if data is None or not least <= len(data) <= most:
        size = f"{least} bytes" if least == most else f"{least} to {most} bytes"
        raise _bad(f"The field “{name}” of this keystore file is missing or wrong: it must be {size} in hex.")
    return data


def _address(body: Mapping[str, Any]) -> str:
    value = body.get("address")
    if value in (None, ""):
        return ""
    try:
        return keys.parse_address("0x" + str(value).removeprefix("0x").removeprefix("0X"))
    except Invalid as error:
        raise _bad("The field “address” of this keystore file is no address.") from error


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else "nothing" if value is None else type(value).__name__
    return "".join(character for character in text[:30] if character.isprintable())


def _bad(message: str, remedy: str = "Compare the file with its backup.") -> Invalid:
    return Invalid(f"{message} {NOTHING}", remedy, field="keystore")
