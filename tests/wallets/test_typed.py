"""EIP-712: every public vector, the same digests as another encoder for any type, and no text that can be read in two ways."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.mining.proofs import ValueProof
from app.wallets import keys
from app.wallets.typed import parse

# @ethersproject/testcases 5.8.0 (MIT), testcases/eip712.json.gz, as published
VECTORS = json.loads(gzip.decompress((Path(__file__).parents[1] / "data" / "wallets" / "eip712_vectors.json.gz").read_bytes()))
COW = keys.keccak(b"cow")
MAIL = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [{"name": "from", "type": "Person"}, {"name": "to", "type": "Person"}, {"name": "contents", "type": "string"}],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    },
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}


def with_(change) -> str:
    """The example of the standard, changed."""
    copy = json.loads(json.dumps(MAIL))
    change(copy)
    return json.dumps(copy)


def one(kind: str, value: object) -> str:
    """A message of one field."""
    return json.dumps(
        {"types": {"One": [{"name": "x", "type": kind}]}, "primaryType": "One", "domain": {}, "message": {"x": value}}
    )


def test_the_example_of_the_standard():
    typed = parse(json.dumps(MAIL))
    assert typed.type_text == "Mail(Person from,Person to,string contents)Person(string name,address wallet)"
    assert typed.domain_hash.hex() == "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"
    assert typed.message_hash.hex() == "c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e"
    assert typed.digest.hex() == "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    signature = keys.signature_bytes(keys.sign(COW, typed.digest))
    assert signature.hex() == (
        "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562"
        "1c"
    )
    assert [(leaf.path, leaf.value) for leaf in typed.leaves()][:2] == [
        ("message.from.name", "Cow"),
        ("message.from.wallet", "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"),
    ]
    assert (typed.name, typed.chain_id, typed.problems) == ("Ether Mail", 1, ())


def test_every_public_vector():
    assert len(VECTORS) == 1025
    for vector in VECTORS:
        parts = {"types": vector["types"], "primaryType": vector["primaryType"], "domain": vector["domain"]}
        typed = parse(json.dumps(parts | {"message": vector["data"]}))
        assert "0x" + typed.encoded.hex() == vector["encoded"], vector["name"]
        assert "0x" + typed.digest.hex() == vector["digest"], vector["name"]
        if "signature" in vector:
            key = bytes.fromhex(vector["privateKey"][2:])
            assert "0x" + keys.signature_bytes(keys.sign(key, typed.digest)).hex() == vector["signature"]


def test_a_recursive_type_ends_with_null_or_an_empty_list():
    """The hashes are those of MetaMask's eth-sig-util, version 4."""
    person = [{"name": "name", "type": "string"}, {"name": "mother", "type": "Person"}, {"name": "father", "type": "Person"}]
    aeris = {"name": "Aeris II", "mother": None, "father": None}
    lyanna = {"name": "Lyanna", "mother": None, "father": {"name": "Rickard", "mother": None, "father": None}}
    jon = {"name": "Jon", "mother": lyanna, "father": {"name": "Rhaegar", "mother": None, "father": aeris}}
    domain = {
        "name": "Family Tree",
        "version": "1",
        "chainId": 1,
        "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
    }
    typed = parse(json.dumps({"types": {"Person": person}, "primaryType": "Person", "domain": domain, "message": jon}))
    assert typed.message_hash.hex() == "fdc7b6d35bbd81f7fa78708604f57569a10edff2ca329c8011373f0667821a45"
    child = [{"name": "name", "type": "string"}, {"name": "children", "type": "Child[]"}]
    parts = {"types": {"Child": child}, "primaryType": "Child", "domain": domain, "message": {"name": "a", "children": []}}
    assert parse(json.dumps(parts)).fields[1].value == "[]"


def test_the_proof_of_value_is_the_same_seen_from_here():
    proof = ValueProof("0x" + "11" * 20, 5 * 10**18, b"\x01" * 32, b"\x02" * 32, 2**40, b"\x03" * 32)
    contract = keys.checksum(b"\x22" * 20)
    kinds = ("address contributor", "uint256 reward", "bytes32 activity", "bytes32 evidence", "uint64 deadline", "bytes32 salt")
    members = [dict(zip(("type", "name"), kind.split(), strict=True)) for kind in kinds]
    message = {
        "contributor": proof.contributor,
        "reward": str(proof.reward),
        "activity": "0x" + proof.activity.hex(),
        "evidence": "0x" + proof.evidence.hex(),
        "deadline": proof.deadline,
        "salt": "0x" + proof.salt.hex(),
    }
    domain = {"name": "Azora MintMine", "version": "1", "chainId": 1337, "verifyingContract": contract}
    text = json.dumps({"types": {"ValueProof": members}, "primaryType": "ValueProof", "domain": domain, "message": message})
    assert parse(text).digest == proof.digest(1337, contract)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "is a JSON object"),
        ("{", "not JSON: line 1"),
        ('{"types": {}, "types": {}}', "“types” is given twice"),
        ('{"a": NaN}', "“NaN” is not JSON"),
        ("[" * 100_000, "nested too deep"),
        (with_(lambda d: d.pop("message")), "has no “message”"),
        (with_(lambda d: d.update(nonce=1)), "unknown part “nonce”"),
        (with_(lambda d: d.update(types=[])), "“types” is not an object"),
        (with_(lambda d: d.update(domain=None)), "“domain” is not an object"),
        (with_(lambda d: d.update(primaryType="Letter")), "“Letter” is not among the types"),
        (with_(lambda d: d.update(primaryType="EIP712Domain")), "is the domain itself"),
        (with_(lambda d: d["types"].pop("Person")), "has the type “Person”"),
        (with_(lambda d: d["types"]["Mail"].append({"name": "to", "type": "string"})), "two fields “to”"),
        (with_(lambda d: d["types"]["Mail"].append({"name": "a b", "type": "string"})), "cannot be the name of a field"),
        (with_(lambda d: d["types"]["Mail"].append({"name": "x"})), "not written as name and type"),
        (with_(lambda d: d["types"].update(uint256=[])), "cannot be the name of a struct type"),
        (with_(lambda d: d["message"].pop("to")), "lacks the field “to”"),
        (with_(lambda d: d["message"].update(cc="me")), "a field “cc” that its type Mail does not have"),
        (with_(lambda d: d["message"]["to"].update(age=1)), "“message.to” has a field “age”"),
        (with_(lambda d: d["message"].update(to="Bob")), "is a Person and cannot be “Bob”"),
        (with_(lambda d: d["message"].update(contents=None)), "is a string and cannot be null"),
        (with_(lambda d: d["domain"].update(salt="0x" + "00" * 32)), "“domain” has a field “salt”"),
        (with_(lambda d: d["domain"].update(chain="1")), "domain has an unknown field “chain”"),
        (with_(lambda d: d["domain"].pop("version")), "lacks the field “version”"),
        (with_(lambda d: d["types"]["EIP712Domain"][2].update(type="uint64")), "gives chainId the type uint64"),
        (with_(lambda d: d["types"]["EIP712Domain"].append({"name": "owner", "type": "address"})), "unknown field “owner”"),
        (
            with_(lambda d: d["message"]["to"].update(wallet="0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbb")),
            "“message.to.wallet”: The checksum",
        ),
        (with_(lambda d: d["message"].update(contents="\ud800")).replace("\\\\", "\\"), "half a character"),
        (one("uint8", 256), "is uint8 and cannot be 256: it takes 0 to 255"),
        (one("int8", -129), "it takes -128 to 127"),
        (one("uint256", -1), "cannot be -1"),
        (one("uint256", str(2**256)), "it takes 0 to"),
        (one("uint256", 2**53), "JSON readers round"),
        (one("uint256", 1.0), "JSON readers round"),
        (one("uint256", "1e3"), "a whole number is needed"),
        (one("uint256", "007"), "a whole number is needed"),
        (one("uint256", True), "cannot be true"),
        (one("uint", 1), "write uint256"),
        (one("uint7", 1), "8 to 256 bits"),
        (one("uint264", 1), "8 to 256 bits"),
        (one("bytes33", "0x"), "bytes1 to bytes32"),
        (one("fixed128x18", "1"), "does not know it"),
        (one("bytes4", "0x1234"), "is bytes4 and has 2 bytes"),
        (one("bytes", "0x123"), "pairs of hex digits"),
        (one("bytes", "text"), "pairs of hex digits"),
        (one("bool", "true"), "true or false is needed"),
        (one("bool", 1), "true or false is needed"),
        (one("string", 5), "is a string and cannot be “5”"),
        (one("uint8[2]", [1]), "is a uint8[2] and has 1 elements"),
        (one("uint8[0]", []), "is no type of Solidity"),
        (one("uint8[02]", [1, 2]), "is no type of Solidity"),
        (one("uint8[]", 1), "a list is needed"),
        (one("uint8[][]", [[1], 2]), "“message.x[1]” is a uint8[]"),
        (one("uint8[]", [0] * 20_001), "more than 20,000 values"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text, said):
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert said in caught.value.message and "Nothing was signed." in caught.value.message, caught.value.message


def test_values_that_run_in_a_circle_are_cut_off():
    message: dict[str, object] = {"next": None}
    for _ in range(70):
        message = {"next": message}
    parts = {"types": {"Link": [{"name": "next", "type": "Link"}]}, "primaryType": "Link", "domain": {}, "message": message}
    with pytest.raises(Invalid, match="levels deep"):
        parse(json.dumps(parts))


def test_what_a_reader_should_know_is_told():
    def told(text: str) -> str:
        return " ".join(problem.text for problem in parse(text).problems)

    assert "was made of the fields" in told(one("bool", True)) and "any program on any chain" in told(one("bool", True))
    assert "cannot be seen" in told(with_(lambda d: d["message"].update(contents="pay \u202e001")))
    assert "not in the standard's order" in told(with_(lambda d: d["types"]["EIP712Domain"].reverse()))
    assert "does not use are not signed: Cat" in told(with_(lambda d: d["types"].update(Cat=[])))
    assert "names no contract" in told(with_(lambda d: (d["domain"].pop("verifyingContract"), d["types"]["EIP712Domain"].pop())))


# Any types and any values: the same digest as eth-account

INTEGERS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in range(8, 257, 8)]
ATOMS = ["address", "bool", "string", "bytes", *INTEGERS, *(f"bytes{size}" for size in range(1, 33))]
NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,6}\Z")


@st.composite
def schemas(draw):
    """Struct types that refer to those after them, and arrays of everything."""
    count = draw(st.integers(1, 4))
    names = [f"{name}S{number}" for number, name in enumerate(draw(st.lists(NAMES, min_size=count, max_size=count)))]
    types = {}
    for number, name in enumerate(names):
        fields = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
        below = ATOMS + names[number + 1 :] * 10
        types[name] = [
            {
                "name": field,
                "type": draw(st.sampled_from(below)) + draw(st.sampled_from(["", "", "", "[]", "[2]", "[][3]", "[1][]"])),
            }
            for field in fields
        ]
    used, waiting = {names[0]}, [names[0]]  # eth-account takes only types that the primary one refers to
    while waiting:
        found = {field["type"].partition("[")[0] for field in types[waiting.pop()]} & set(types) - used
        used |= found
        waiting += found
    return names[0], {name: fields for name, fields in types.items() if name in used}


def value_of(draw, types, kind):
    if kind.endswith("]"):
        element, _, length = kind[:-1].rpartition("[")
        size = int(length) if length else draw(st.integers(0, 2))
        return [value_of(draw, types, element) for _ in range(size)]
    if kind in types:
        return {field["name"]: value_of(draw, types, field["type"]) for field in types[kind]}
    if kind == "bool":
        return draw(st.booleans())
    if kind == "string":
        return draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
    if kind == "address":
        return keys.checksum(draw(st.binary(min_size=20, max_size=20)))
    if kind.startswith("bytes"):
        size = int(kind[5:] or draw(st.integers(0, 70)))
        return "0x" + draw(st.binary(min_size=size, max_size=size)).hex()
    bits = int(kind.removeprefix("u").removeprefix("int"))
    low, high = (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return str(draw(st.integers(low, high) | st.sampled_from([low, high, 0])))


@st.composite
def messages(draw):
    primary, types = draw(schemas())
    kinds = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address", "salt": "bytes32"}
    chosen = [name for name in kinds if draw(st.booleans())] or ["name"]
    domain = {name: value_of(draw, {}, kinds[name]) for name in chosen}
    declared = {"EIP712Domain": [{"name": name, "type": kinds[name]} for name in chosen]}
    message = value_of(draw, types, primary)
    return {"types": declared | types, "primaryType": primary, "domain": domain, "message": message}


@settings(max_examples=150, deadline=None)
@given(messages())
def test_any_types_give_what_another_encoder_gives(full):
    typed = parse(json.dumps(full))
    theirs = encode_typed_data(full_message=json.loads(json.dumps(full)))
    assert (typed.domain_hash, typed.message_hash) == (theirs.header, theirs.body)
