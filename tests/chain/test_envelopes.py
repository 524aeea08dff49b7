"""Signed transactions: every public vector both ways, any transaction of ours, and nothing in a second spelling."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import coincurve
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit.verifier import minimal, rlp_decode, rlp_encode
from app.chain.envelopes import ORDER, Envelope, EnvelopeKind, decode_transaction, read_envelope, signed_as_asked
from app.chain.hashing import checksum_address, keccak256
from app.chain.signer import UnsignedTransaction
from app.core.errors import Conflict, Invalid

# npm @ethersproject/testcases 5.8.0 (MIT), whole files.
DATA = Path(__file__).parents[1] / "data" / "chain"


def vectors(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress((DATA / f"{name}.json.gz").read_bytes()))
    return found


def number(value: object) -> int:
    return int(value, 16) if isinstance(value, str) and len(value) > 2 else int(value or 0) if not isinstance(value, str) else 0


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def sign(envelope: Envelope, key: bytes) -> bytes:
    signature = coincurve.PrivateKey(key).sign_recoverable(keccak256(envelope.payload()), hasher=None)
    return envelope.signed(int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64])


def checked(envelope: Envelope, key: bytes, unsigned: str, signed: str, sender: str) -> None:
    assert envelope.payload() == raw(unsigned)
    assert sign(envelope, key) == raw(signed)
    decoded = decode_transaction(raw(signed))
    assert decoded.envelope == envelope == read_envelope(raw(signed))
    assert decoded.sender == checksum_address(sender)
    assert envelope.signed(decoded.r, decoded.s, decoded.parity) == raw(signed)


def test_all_legacy_vectors_without_and_with_replay_protection() -> None:
    cases = vectors("transactions")
    assert len(cases) == 1067
    for case in cases:
        price = number(case.get("gasPrice"))
        for chain_id, ending in ((None, ""), (5, "ChainId5")):
            envelope = Envelope(
                EnvelopeKind.LEGACY,
                chain_id,
                number(case.get("nonce")),
                checksum_address(case["to"]) if case.get("to") else None,
                number(case.get("value")),
                raw(case.get("data") or "0x"),
                number(case.get("gasLimit")),
                price,
                price,
            )
            checked(
                envelope,
                raw(case["privateKey"]),
                case[f"unsignedTransaction{ending}"],
                case[f"signedTransaction{ending}"],
                case["accountAddress"],
            )


def test_all_typed_vectors() -> None:
    cases = vectors("typed-transactions")
    assert len(cases) == 1792
    for case in cases:
        tx, kind = case["tx"], EnvelopeKind(case["tx"]["type"])
        price = number(tx.get("maxFeePerGas" if kind is EnvelopeKind.PRICED else "gasPrice"))
        envelope = Envelope(
            kind,
            number(tx.get("chainId")),
            number(tx.get("nonce")),
            checksum_address(tx["to"]) if tx.get("to") else None,
            number(tx.get("value")),
            raw(tx.get("data") or "0x"),
            number(tx.get("gasLimit")),
            price,
            number(tx.get("maxPriorityFeePerGas")) if kind is EnvelopeKind.PRICED else price,
            tuple((checksum_address(entry["address"]), tuple(entry["storageKeys"])) for entry in tx.get("accessList") or ()),
        )
        checked(envelope, raw(case["key"]), case["unsigned"], case["signed"], case["address"])


def test_the_example_of_eip_155() -> None:
    """EIP-155, section Example: nonce 9, 20 gwei, 21000 gas, 1 ether, chain 1, private key 0x46…46."""
    price = 20 * 10**9
    envelope = Envelope(EnvelopeKind.LEGACY, 1, 9, "0x" + "35" * 20, 10**18, b"", 21_000, price, price)
    assert keccak256(envelope.payload()).hex() == "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53"
    expected = (
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003"
        "e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    )
    assert sign(envelope, b"\x46" * 32).hex() == expected
    assert decode_transaction(bytes.fromhex(expected)).envelope == envelope


addresses = st.binary(min_size=20, max_size=20).map(checksum_address)
keys = st.integers(1, ORDER - 1).map(lambda value: value.to_bytes(32, "big"))
lists = st.lists(
    st.tuples(addresses, st.lists(st.binary(min_size=32, max_size=32).map(lambda k: "0x" + k.hex()), max_size=3).map(tuple)),
    max_size=3,
).map(tuple)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    kind = draw(st.sampled_from(EnvelopeKind))
    price = draw(st.integers(0, 2**100))
    return Envelope(
        kind,
        draw(st.one_of(st.none(), st.integers(0, 2**64))) if kind is EnvelopeKind.LEGACY else draw(st.integers(0, 2**64)),
        draw(st.integers(0, 2**64 - 2)),
        draw(st.one_of(st.none(), addresses)),
        draw(st.integers(0, 2**255)),
        draw(st.binary(max_size=70)),
        draw(st.integers(0, 2**64)),
        price,
        draw(st.integers(0, price)) if kind is EnvelopeKind.PRICED else price,
        draw(lists) if kind is not EnvelopeKind.LEGACY else (),
    )


@given(envelopes(), keys)
def test_what_is_signed_is_read_back(envelope: Envelope, key: bytes) -> None:
    decoded = decode_transaction(sign(envelope, key))
    assert decoded.envelope == envelope
    public = coincurve.PrivateKey(key).public_key.format(compressed=False)
    assert decoded.sender == checksum_address(keccak256(public[1:])[12:])


@settings(max_examples=300)
@given(envelopes(), keys, st.data())
def test_no_other_bytes_say_the_same(envelope: Envelope, key: bytes, data: st.DataObject) -> None:
    """One changed byte is refused, or says something else or is somebody else's: never the same in a second spelling."""
    signed = sign(envelope, key)
    changed = bytearray(signed)
    changed[data.draw(st.integers(0, len(signed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        other = decode_transaction(bytes(changed))
    except Invalid:
        return
    mine = decode_transaction(signed)
    assert other.envelope.signed(other.r, other.s, other.parity) == bytes(changed)
    assert (other.envelope, other.sender) != (mine.envelope, mine.sender)


def spoiled(**changes: bytes | list[Any]) -> bytes:
    """A good EIP-1559 transaction with some fields replaced."""
    envelope = Envelope(EnvelopeKind.PRICED, 1337, 7, "0x" + "11" * 20, 5, b"\x01\x02", 21_000, 100, 10)
    items = rlp_decode(sign(envelope, b"\x01" * 32)[1:])
    names = ("chain", "nonce", "tip", "price", "gas", "to", "value", "data", "list", "parity", "r", "s")
    for name, value in changes.items():
        items[names.index(name)] = value
    return b"\x02" + rlp_encode(items)


GOOD = spoiled()
R, S = (int.from_bytes(item) for item in rlp_decode(GOOD[1:])[-2:])
BAD = {
    "empty": (b"", "empty"),
    "leading zeros": (spoiled(nonce=b"\0\x07"), "nonce has leading zeros"),
    "zero as a byte": (spoiled(value=b"\0"), "value has leading zeros"),
    "nonce of EIP-2681": (spoiled(nonce=minimal(2**64 - 1)), "nonce is too large"),
    "value beyond uint256": (spoiled(value=minimal(2**256)), "value is too large"),
    "cost beyond uint256": (spoiled(gas=minimal(2**255), price=minimal(4), tip=b""), "more than 2²⁵⁶"),
    "tip above price": (spoiled(tip=minimal(101)), "tip is above"),
    "short recipient": (spoiled(to=b"\x11" * 19), "20 bytes"),
    "list as data": (spoiled(data=[]), "call data is a list"),
    "bytes as access list": (spoiled(list=b""), "access list is no list"),
    "short storage key": (spoiled(list=[[b"\x11" * 20, [b"\x22" * 31]]]), "wrong length"),
    "third part in an entry": (spoiled(list=[[b"\x11" * 20, [], b""]]), "an address and a list"),
    "parity two": (spoiled(parity=b"\x02"), "parity is too large"),
    "high s": (spoiled(s=minimal(ORDER - S), parity=b"\x01"), "high s"),
    "r zero": (spoiled(r=b""), "outside the curve"),
    "s zero": (spoiled(s=b""), "outside the curve"),
    "r of the order": (spoiled(r=minimal(ORDER)), "outside the curve"),
    "nobody's": (spoiled(r=minimal(5)), "nobody"),
    "one field more": (b"\x02" + rlp_encode([*rlp_decode(GOOD[1:]), b""]), "12 fields"),
    "one field less": (b"\x02" + rlp_encode(rlp_decode(GOOD[1:])[:-1]), "12 fields"),
    "no list": (b"\x02" + rlp_encode(b"abc"), "12 fields"),
    "something after it": (GOOD + b"\0", "after the end"),
    "cut off": (GOOD[:-1], "too early"),
    "long form of a length": (b"\x02\xf9\x00" + GOOD[2:], "minimal"),
    "blob transaction": (b"\x03" + GOOD[1:], "type 3"),
    "set code transaction": (b"\x04" + GOOD[1:], "type 4"),
    "legacy with v 26": (rlp_encode([b"", b"", b"", b"", b"", b"", b"\x1a", minimal(R), minimal(S)]), "27, 28"),
    "legacy with v 34": (rlp_encode([b"", b"", b"", b"", b"", b"", b"\x22", minimal(R), minimal(S)]), "27, 28"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_transaction_is_refused_with_the_reason(name: str) -> None:
    body, why = BAD[name]
    with pytest.raises(Invalid, match="This is not a signed transaction") as refused:
        decode_transaction(body)
    assert why in refused.value.message


ASKED = UnsignedTransaction(1337, 7, "0x" + "11" * 20, 5, b"\x01\x02", 21_000, 100, 10)
SIGNER = checksum_address(keccak256(coincurve.PrivateKey(b"\x01" * 32).public_key.format(compressed=False)[1:])[12:])


def test_bytes_signed_elsewhere_are_taken_when_they_are_what_was_asked() -> None:
    assert signed_as_asked(ASKED, GOOD, SIGNER).sender == SIGNER
    legacy = UnsignedTransaction(1337, 7, None, 5, b"", 21_000, 100, 100, legacy=True)
    signed = sign(Envelope(EnvelopeKind.LEGACY, 1337, 7, None, 5, b"", 21_000, 100, 100), b"\x01" * 32)
    assert signed_as_asked(legacy, signed, SIGNER).envelope.to is None


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"chain_id": 195}, "chain id"),
        ({"nonce": 8}, "nonce"),
        ({"to": "0x" + "12" * 20}, "recipient"),
        ({"to": None}, "recipient"),
        ({"value": 6}, "value"),
        ({"data": b""}, "call data"),
        ({"gas_limit": 22_000}, "gas limit"),
        ({"max_fee_per_gas": 101}, "price per gas"),
        ({"max_priority_fee_per_gas": 11}, "tip per gas"),
        ({"legacy": True}, "type"),
    ],
)
def test_bytes_signed_elsewhere_are_refused_when_anything_differs(changed: dict[str, Any], name: str) -> None:
    asked = {slot: getattr(ASKED, slot) for slot in UnsignedTransaction.__slots__}
    with pytest.raises(Conflict) as refused:
        signed_as_asked(UnsignedTransaction(**{**asked, **changed}), GOOD, SIGNER)
    assert list(refused.value.details) == [name] and f"{name}: asked" in refused.value.message


def test_bytes_of_another_signer_are_refused() -> None:
    with pytest.raises(Conflict) as refused:
        signed_as_asked(ASKED, GOOD, "0x" + "22" * 20)
    assert list(refused.value.details) == ["sender"]


@given(envelopes(), keys)
def test_the_sending_path_writes_the_same_bytes(envelope: Envelope, key: bytes) -> None:
    """Its own shorter writer against the general one, which the public vectors hold."""
    if envelope.kind is EnvelopeKind.LISTED or envelope.access_list or envelope.chain_id is None:
        return
    prices = (envelope.max_fee_per_gas, envelope.max_priority_fee_per_gas)
    where = (envelope.chain_id, envelope.nonce, envelope.to, envelope.value, envelope.data, envelope.gas_limit)
    unsigned = UnsignedTransaction(*where, *prices, legacy=envelope.kind is EnvelopeKind.LEGACY)
    assert unsigned.payload() == envelope.payload()
    r, s = int.from_bytes(key), 2**255 - 1
    assert [unsigned.signed(r, s, parity) for parity in (0, 1)] == [envelope.signed(r, s, parity) for parity in (0, 1)]
