"""Phrases and keys follow the public vectors, and refuse what only looks like them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.core.secret import Secret
from app.wallets import extended, keys, phrases

DATA = Path(__file__).parents[1] / "data" / "wallets"
BIP39 = json.loads((DATA / "bip39_vectors.json").read_text(encoding="utf-8"))
JAPANESE = json.loads((DATA / "bip39_japanese.json").read_text(encoding="utf-8"))  # bip32JP, as npm bip39 2.5.0 (ISC) has them
BIP32 = json.loads((DATA / "bip32_vectors.json").read_text(encoding="utf-8"))
ABANDON = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"
INVALID = json.loads((DATA / "bip32_invalid.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", sorted(BIP39))
def test_every_bip39_vector_gives_its_seed_and_master_key(language):
    """All 24 vectors of each word list; the passphrase of the vectors is TREZOR."""
    for vector in BIP39[language]:
        phrase = Secret(vector[1])
        seed = phrases.seed_of(phrase, Secret("TREZOR"))
        assert seed.hex() == vector[2]
        assert keys.ExtendedKey.from_seed(seed) == extended.parse(Secret(vector[3]))
        phrases.checked_phrase(phrase)


def test_every_japanese_vector_gives_its_seed_as_it_is_written():
    """Those that BIP-39 names beside its own: blanks between the words and letters of the passphrase that only NFKD makes equal."""
    passphrase = Secret(JAPANESE["passphrase"])
    assert len(JAPANESE["vectors"]) == 24
    for _, written, seed in JAPANESE["vectors"]:
        assert "\u3000" in written
        assert phrases.seed_of(Secret(written), passphrase).hex() == seed
        assert phrases.seed_of(phrases.checked_phrase(Secret(written)), passphrase).hex() == seed


@pytest.mark.parametrize("vector", BIP32, ids=lambda vector: vector["name"])
def test_every_bip32_vector_gives_its_keys(vector):
    """Vectors 1 to 4; the texts come out again, character for character."""
    master = keys.ExtendedKey.from_seed(bytes.fromhex(vector["seed"]))
    for path, xprv in vector["keys"].items():
        node = master.derive(path)
        assert node == extended.parse(Secret(xprv)), path
        assert written(node, master.derive(path.rpartition("/")[0]) if node.depth else None) == xprv


def written(node: keys.ExtendedKey, parent: keys.ExtendedKey | None) -> str:
    """BIP-32's serialisation of a private node."""
    from coincurve import PrivateKey
    from Crypto.Hash import RIPEMD160

    public = PrivateKey(parent.key).public_key.format(compressed=True) if parent else b""
    print_of_parent = RIPEMD160.new(hashlib.sha256(public).digest()).digest()[:4] if parent else bytes(4)
    raw = extended.PRIVATE + bytes([node.depth]) + print_of_parent + node.number.to_bytes(4, "big") + node.chain_code
    raw += b"\0" + node.key
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = extended.ALPHABET[digit] + text
    return text


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["why"])
def test_every_invalid_key_of_bip32_is_refused_without_being_repeated(case):
    """Vector 5. All but the last have a right checksum, so that it is not the checksum that refuses them."""
    with pytest.raises(Invalid) as refused:
        extended.parse(Secret(case["key"]))
    assert case["key"] not in str(refused.value)
    assert ("checksum" in str(refused.value)) == (case["why"] == "invalid checksum")


def test_ethereum_addresses_are_those_of_other_wallets():
    """The phrase of the BIP-39 vectors and Hardhat's, at BIP-44's first two places."""
    seed = phrases.seed_of(Secret(ABANDON))
    master = keys.ExtendedKey.from_seed(seed)
    assert keys.address_of(master.derive("m/44'/60'/0'/0/0").key) == "0x9858EfFD232B4033E47d90003D41EC34EcaEda94"
    hardhat = keys.ExtendedKey.from_seed(phrases.seed_of(Secret("test " * 11 + "junk")))
    assert keys.address_of(hardhat.derive("m/44'/60'/0'/0/0").key) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert keys.address_of(hardhat.derive("m/44h/60h/0h/0/1").key) == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize("words", [12, 15, 18, 21, 24])
def test_a_new_phrase_has_its_words_and_a_right_checksum(words):
    phrase = phrases.new_phrase(words)
    assert len(phrase.reveal().split()) == words
    assert phrases.checked_phrase(phrase) == phrase
    assert phrases.new_phrase(words) != phrase


def test_a_wrong_phrase_is_told_apart_without_being_repeated():
    with pytest.raises(Invalid, match="has 11"):
        phrases.checked_phrase(Secret(ABANDON.rsplit(" ", 1)[0]))
    with pytest.raises(Invalid, match="Word 3 of the phrase") as unknown:
        phrases.checked_phrase(Secret(ABANDON.replace("abandon abandon abandon", "abandon abandon xylophagous", 1)))
    assert "xylophagous" not in str(unknown.value)
    with pytest.raises(Invalid, match="checksum"):
        phrases.checked_phrase(Secret(ABANDON.replace("about", "abandon")))
    with pytest.raises(Invalid):
        phrases.new_phrase(13)


def test_a_phrase_may_be_typed_with_capitals_and_blanks():
    assert phrases.checked_phrase(Secret("  " + ABANDON.upper().replace(" ", "\n ") + " ")).reveal() == ABANDON


@given(key=st.integers(1, keys.ORDER - 1), digest=st.binary(min_size=32, max_size=32))
@settings(max_examples=60, deadline=None)
def test_signatures_equal_those_of_eth_account_and_have_low_s(key, digest):

    raw = key.to_bytes(32, "big")
    r, s, parity = keys.sign(raw, digest)
    theirs = Account.unsafe_sign_hash(digest, raw)
    assert (r, s, parity + 27) == (theirs.r, theirs.s, theirs.v)
    assert s <= keys.ORDER // 2
    assert keys.recover(digest, keys.signature_bytes((r, s, parity))) == keys.address_of(raw) == Account.from_key(raw).address


@pytest.mark.parametrize("text", ["", "0x", "0x" + "00" * 32, hex(keys.ORDER), "zz" * 32, "0x" + "11" * 31, "0x" + "11" * 33])
def test_what_is_no_private_key_is_refused_without_being_repeated(text):
    with pytest.raises(Invalid) as refused:
        keys.parse_private_key(text)
    assert not text or text == "0x" or text not in str(refused.value)


def test_keys_do_not_show():
    assert "secret" in repr(keys.ExtendedKey(b"\x07" * 32, b"\x08" * 32))
    assert "07070707" not in repr(keys.ExtendedKey(b"\x07" * 32, b"\x08" * 32))


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",  # the vectors of EIP-55
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ],
)
def test_addresses_keep_their_checksum_and_one_wrong_letter_is_found(address):
    assert keys.parse_address(address) == address
    assert keys.parse_address(address.lower()) == address
    place = next((i for i in range(2, 42) if address[i].isalpha()), 2)
    wrong = address[:place] + address[place].swapcase() + address[place + 1 :]
    if wrong[2:] not in (wrong[2:].lower(), wrong[2:].upper()):
        with pytest.raises(Invalid, match="checksum"):
            keys.parse_address(wrong)


@pytest.mark.parametrize("path", ["", "44/60", "m/", "m/x", "m/-1", "m/2147483648", "m/1''", "m//1", "m/٣"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(Invalid):
        keys.parse_path(path)
