"""Keystore files: every public vector opens, what we write others open, and no hostile file gets as far as a derivation."""

from __future__ import annotations

import gzip
import json
from copy import deepcopy
from pathlib import Path

import pytest

from app.core.errors import Conflict, ConsoleError, Denied, Invalid
from app.core.secret import Secret
from app.wallets import keys, keystore

DATA = Path(__file__).parents[1] / "data" / "wallets"
KEY = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
LIGHT = {"n": 2, "r": 8, "p": 1}
PASSWORD = Secret("a long password")


def geth() -> dict:
    """Those of the definition of Web3 Secret Storage, of ethereum/tests (its first two are the same), and of geth's own tests."""
    return json.loads((DATA / "keystore_vectors.json").read_text(encoding="utf-8"))


def ethers() -> list:
    """Those of the ethers suite that are keystore files; its two crowdsale wallets are another format."""
    with gzip.open(DATA / "wallets.json.gz") as file:
        return [case for case in json.load(file) if case["type"] == "secret-storage"]


@pytest.mark.parametrize("name", geth())
def test_every_vector_of_the_definition_opens(name):
    case = geth()[name]
    if name == "very_light_scrypt":  # geth's tests change its password as they go: it is written with the empty one
        assert (
            keys.address_of(keystore.open_keystore(keystore.parse(json.dumps(case["json"])), Secret(""))).lower().endswith("cbb8")
        )
        return
    opened = keystore.open_keystore(keystore.parse(json.dumps(case["json"])), Secret(case["password"]))
    assert opened == bytes.fromhex(case["priv"]).rjust(32, b"\0")


@pytest.mark.parametrize("case", ethers(), ids=lambda case: case["name"])
def test_every_keystore_of_the_ethers_suite_opens(case):
    opened = keystore.open_keystore(keystore.parse(case["json"]), Secret(case["password"]))
    assert "0x" + opened.hex() == case["privateKey"] and keys.address_of(opened).lower() == case["address"].lower()


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
def test_what_eth_keyfile_writes_we_open_and_what_we_write_is_the_same_file(kdf):
    from eth_keyfile import create_keyfile_json, decode_keyfile_json

    theirs = create_keyfile_json(KEY, PASSWORD.reveal_bytes(), kdf=kdf, iterations=2)
    assert keystore.open_keystore(keystore.parse(json.dumps(theirs)), PASSWORD) == KEY
    if kdf == "scrypt":
        crypto = theirs["crypto"]
        salt, iv = bytes.fromhex(crypto["kdfparams"]["salt"]), bytes.fromhex(crypto["cipherparams"]["iv"])
        ours = json.loads(keystore._written(KEY, PASSWORD, salt, iv, theirs["id"], LIGHT))
        assert ours == {**theirs, "address": theirs["address"].lower()}
        assert decode_keyfile_json(ours, PASSWORD.reveal_bytes()) == KEY


def test_an_export_has_geths_cost_and_opens_again():
    written = keystore.write(KEY, PASSWORD)
    parsed = keystore.parse(written)
    assert (parsed.params, parsed.cost, len(parsed.salt)) == ({"n": 262144, "r": 8, "p": 1}, "scrypt, 256 MiB", 32)
    assert keystore.open_keystore(parsed, PASSWORD) == KEY
    assert KEY.hex() not in written and keystore.file_name(keys.address_of(KEY)).endswith(keys.address_of(KEY)[2:].lower())
    with pytest.raises(Invalid, match="8 characters"):
        keystore.write(KEY, Secret("short"))


LIGHT_FILE = keystore._written(KEY, PASSWORD, b"s" * 32, b"i" * 16, "id", LIGHT)


def light() -> dict:
    return json.loads(LIGHT_FILE)


def changed(path: str, value: object) -> str:
    """A good file with one field changed (or taken out with ...)."""
    body = deepcopy(light())
    *way, last = path.split(".")
    place = body
    for name in way:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(body)


FIELDS = ["version", "crypto", "crypto.cipher", "crypto.ciphertext", "crypto.cipherparams", "crypto.cipherparams.iv", "crypto.kdf"]
FIELDS += ["crypto.kdfparams", "crypto.mac", *(f"crypto.kdfparams.{name}" for name in ("dklen", "n", "r", "p", "salt"))]


WRONG = (..., None, [], {}, "", "zz", -1, True, 1.5, "ff" * 5000, "\u0663" * 64, 2**70)


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_or_wrong_field_is_told_in_a_sentence_before_anything_is_derived(field):
    for value in WRONG:
        with pytest.raises(Invalid, match="Nothing was imported") as refused:
            keystore.parse(changed(field, value))
        assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", 1, "version 1"),
        ("version", 4, "version 4"),
        ("crypto.kdf", "argon2id", "argon2id"),
        ("crypto.cipher", "aes-256-gcm", "aes-256-gcm"),
        ("crypto.kdfparams.n", 3, "power of two"),
        ("crypto.kdfparams.n", 2**40, "1,073,741,824 MiB of memory"),
        ("crypto.kdfparams.r", 2**30, "MiB of memory"),
        ("crypto.kdfparams.p", 2**21 + 1, "2,048 MiB|at most 16 times"),
        ("crypto.kdfparams.dklen", 2**31, r"2,147,483,648 bytes"),
    ],
)
def test_an_unknown_or_absurd_file_is_refused_with_the_reason(path, value, says):
    """Parsing derives nothing: it would take hours and more memory than there is."""
    with pytest.raises(Invalid, match=says):
        keystore.parse(changed(path, value))


def test_absurd_rounds_other_functions_and_doubled_fields_are_refused():
    def pbkdf2(**params: object) -> str:
        body = light()
        body["crypto"] |= {"kdf": "pbkdf2", "kdfparams": {"c": 10, "dklen": 32, "prf": "hmac-sha256", "salt": "00" * 32, **params}}
        return json.dumps(body)

    assert keystore.parse(pbkdf2()).cost == "PBKDF2, 10 rounds"
    for params, says in (
        ({"c": 10**12}, "1,000,000,000,000 rounds"),
        ({"prf": "hmac-sha512"}, "hmac-sha512"),
        ({"c": 0}, "0 rounds"),
    ):
        with pytest.raises(Invalid, match=says):
            keystore.parse(pbkdf2(**params))
    body = json.dumps(light())
    for hostile in (
        body[:-1] + ',"version":3}',
        body[:-1] + ',"Crypto":{}}',
        "[" * 10_000,
        "[]",
        "",
        "null",
        b"\xff\xfe\x00",
        "x" * 70_000,
    ):
        with pytest.raises(Invalid, match="Nothing was imported"):
            keystore.parse(hostile)


def test_no_part_of_a_file_opens_it():
    body = json.dumps(light())
    for end in range(len(body)):
        with pytest.raises(Invalid):
            keystore.parse(body[:end])


def test_a_wrong_password_a_changed_file_and_another_address_are_told_apart():
    parsed = keystore.parse(json.dumps(light()))
    with pytest.raises(Denied, match="password") as wrong:
        keystore.open_keystore(parsed, Secret("another password"))
    assert "another" not in str(wrong.value) and wrong.value.field == "password"
    flipped = "00" + light()["crypto"]["ciphertext"][2:]
    with pytest.raises(Denied, match="MAC"):
        keystore.open_keystore(keystore.parse(changed("crypto.ciphertext", flipped)), PASSWORD)
    with pytest.raises(Invalid, match="belongs to " + keys.address_of(KEY)):
        keystore.open_keystore(keystore.parse(changed("address", "11" * 20)), PASSWORD)
    with pytest.raises(Invalid, match="no address"):
        keystore.parse(changed("address", "nobody"))
    zero = keystore._written(b"\0" * 31 + b"\1", PASSWORD, b"s" * 32, b"i" * 16, "id", LIGHT)
    assert keystore.open_keystore(keystore.parse(zero), PASSWORD) == b"\0" * 31 + b"\1"


def test_a_password_may_be_typed_in_another_spelling_of_unicode():
    written = keystore._written(KEY, Secret("pässword ﬁ"), b"s" * 32, b"i" * 16, "id", LIGHT)
    assert keystore.open_keystore(keystore.parse(written), Secret("pässword ﬁ")) == KEY
    ethers_like = keystore._written(KEY, Secret("p\u00e4ssword fi"), b"s" * 32, b"i" * 16, "id", LIGHT)
    assert keystore.open_keystore(keystore.parse(ethers_like), Secret("pa\u0308ssword ﬁ")) == KEY


@pytest.mark.asyncio
async def test_a_keystore_is_imported_by_a_plan_and_signs(house):
    text = json.dumps(light())
    plan = await house.wallets.plan_import_keystore("Hot", text, PASSWORD)
    assert "password" not in repr(plan) and KEY.hex() not in repr(plan)
    await house.plans.carry_out(plan)
    account = await house.wallets.get("Hot")
    assert keys.recover(b"\5" * 32, await house.wallets.sign_digest(account.address, b"\5" * 32)) == keys.address_of(KEY)
    with pytest.raises(Conflict):
        await house.wallets.plan_import_keystore("Again", text.encode(), PASSWORD)
    with pytest.raises(ConsoleError):
        await house.wallets.plan_import_keystore("Other", text, Secret("wrong wrong"))
    assert len(house.vault) == 1
