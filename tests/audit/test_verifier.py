"""The verifier against other people's implementations, a real node, and input that means harm."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import rfc8785
import rlp
from Crypto.Hash import keccak
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit import verifier
from app.core.canonical import canonical
from tests.ledger.world import Anvil

PROGRAM = Path(verifier.__file__)


@pytest.fixture(scope="module")
def node() -> Any:
    anvil = Anvil()
    yield anvil
    anvil.process.terminate()
    anvil.process.wait(20)


def test_keccak_is_that_of_ethereum() -> None:
    assert verifier.keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert verifier.keccak256(b"abc").hex() == "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    assert verifier.EMPTY_TRIE.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_keccak_equals_pycryptodome(data: bytes) -> None:
    assert verifier.keccak256(data) == keccak.new(digest_bits=256, data=data).digest()


ITEMS = st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=20)


@settings(deadline=None)
@given(ITEMS)
def test_rlp_equals_the_reference_and_reads_back(item: Any) -> None:
    encoded = verifier.rlp_encode(item)
    assert encoded == rlp.encode(item)
    assert verifier.rlp_decode(encoded) == item


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_rlp_accepts_only_the_one_shortest_form(data: bytes) -> None:
    """What decodes at all encodes to the same bytes again: there are no two spellings of one value."""
    try:
        item = verifier.rlp_decode(data)
    except verifier.Refused:
        return
    assert verifier.rlp_encode(item) == data


def test_trie_roots_are_those_of_the_yellow_papers_tests() -> None:
    # ethereum/tests, TrieTests/trieanyorder.json
    puppy = {b"do": b"verb", b"horse": b"stallion", b"doge": b"coin", b"dog": b"puppy"}
    assert verifier.trie_root(puppy).hex() == "5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"
    foo = {b"foo": b"bar", b"food": b"bass"}
    assert verifier.trie_root(foo).hex() == "17beaa1648bafa633cda809c90c04af50fc8aed3cb40d16efbddee6fdf63c4c3"
    small = {b"be": b"e", b"dog": b"puppy", b"bed": b"d"}
    assert verifier.trie_root(small).hex() == "3f67c7a47520f79faa29255d2d3c084a7a6df0453116ed7232ff10277a8be68b"


def test_every_kind_of_transaction_block_and_receipt_of_a_real_node(node: Any) -> None:
    a, b = node.accounts[:2]
    kinds = (
        {"gasPrice": hex(10**10)},
        {"gasPrice": hex(10**10), "accessList": [{"address": b, "storageKeys": ["0x" + "01" * 32]}], "type": "0x1"},
        {"maxFeePerGas": hex(10**10), "maxPriorityFeePerGas": "0x1"},
    )
    for fee in kinds:
        node("eth_sendTransaction", {"from": a, "to": b, "value": "0x1", "gas": "0xf4240"} | fee)
    node("eth_sendTransaction", {"from": a, "data": "0x60006000fd", "gas": "0xf4240"})  # reverts: a receipt of failure
    for _ in range(140):  # indexes of one and of two RLP bytes
        node("eth_sendTransaction", {"from": a, "to": b, "value": "0x0", "gas": "0x5208"})
    node.mine()
    block = node("eth_getBlockByNumber", "latest", True)
    receipts = node("eth_getBlockReceipts", "latest")
    assert {tx["type"] for tx in block["transactions"]} == {"0x0", "0x1", "0x2"} and len(receipts) == 144
    assert {receipt["status"] for receipt in receipts} == {"0x0", "0x1"}
    assert "0x" + verifier.header_hash(block).hex() == block["hash"]
    assert "0x" + verifier.transactions_root(block["transactions"]).hex() == block["transactionsRoot"]
    assert "0x" + verifier.receipts_root(receipts).hex() == block["receiptsRoot"]
    assert all("0x" + verifier.transaction_hash(tx).hex() == tx["hash"] for tx in block["transactions"])


@pytest.mark.parametrize("fork", ["london", "shanghai", "cancun", "prague"])
def test_headers_of_every_fork(fork: str) -> None:
    anvil = Anvil("--hardfork", fork)
    try:
        anvil.mine()
        block = anvil("eth_getBlockByNumber", "latest", False)
        assert "0x" + verifier.header_hash(block).hex() == block["hash"]
        assert ("requestsHash" in block and block["requestsHash"] is not None) == (fork == "prague")
    finally:
        anvil.process.terminate()
        anvil.process.wait(20)


def test_accounts_and_storage_are_proven_there_or_absent(node: Any) -> None:
    node("anvil_setStorageAt", node.accounts[3], "0x" + "00" * 31 + "07", "0x" + "00" * 30 + "1234")
    node.mine()
    root = verifier.hex_bytes(node("eth_getBlockByNumber", "latest", False)["stateRoot"], 32)
    address = node.accounts[3]
    answer = node("eth_getProof", address, ["0x" + "00" * 31 + "07", "0x" + "00" * 31 + "08"], "latest")
    account = verifier.verify_account(root, bytes.fromhex(address[2:]), answer)
    proofs = [[verifier.hex_bytes(n) for n in entry["proof"]] for entry in answer["storageProof"]]
    assert verifier.verify_storage(account.storage_root, 7, proofs[0]) == 0x1234
    assert verifier.verify_storage(account.storage_root, 8, proofs[1]) == 0
    # anvil keeps a slot that was set back to zero; its root commits to zero all the same
    node("anvil_setStorageAt", address, "0x" + "00" * 31 + "07", "0x" + "00" * 32)
    node.mine()
    later = verifier.hex_bytes(node("eth_getBlockByNumber", "latest", False)["stateRoot"], 32)
    cleared = node("eth_getProof", address, ["0x" + "00" * 31 + "07"], "latest")
    emptied = verifier.verify_account(later, bytes.fromhex(address[2:]), cleared)
    nodes = [verifier.hex_bytes(n) for n in cleared["storageProof"][0]["proof"]]
    assert verifier.verify_storage(emptied.storage_root, 7, nodes) == 0
    nobody = "0x" + "ab" * 20
    absent = verifier.verify_account(later, bytes.fromhex(nobody[2:]), node("eth_getProof", nobody, [], "latest"))
    assert not absent.exists and absent.balance == 0
    with pytest.raises(verifier.Refused):  # the absence of one is no absence of another
        verifier.verify_account(later, bytes.fromhex(address[2:]), node("eth_getProof", nobody, [], "latest"))
    for nodes in (answer["accountProof"][:-1], [*answer["accountProof"], answer["accountProof"][-1]]):
        with pytest.raises(verifier.Refused):
            verifier.verify_account(root, bytes.fromhex(address[2:]), answer | {"accountProof": nodes})
    for place in range(len(answer["accountProof"])):
        raw = bytearray(verifier.hex_bytes(answer["accountProof"][place]))
        raw[len(raw) // 2] ^= 1
        changed = [*answer["accountProof"]]
        changed[place] = "0x" + raw.hex()
        with pytest.raises(verifier.Refused, match=f"node {place}"):
            verifier.verify_account(root, bytes.fromhex(address[2:]), answer | {"accountProof": changed})
    with pytest.raises(verifier.Refused, match="claims balance"):
        verifier.verify_account(root, bytes.fromhex(address[2:]), answer | {"balance": "0x1"})


WORD = st.binary(min_size=32, max_size=32)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**256 - 1), WORD, WORD, st.integers(0, 2**64 - 1), WORD)
def test_the_digest_of_a_value_proof_equals_that_of_eth_account(
    contributor: bytes, reward: int, activity: bytes, evidence: bytes, deadline: int, salt: bytes
) -> None:
    domain = {"name": "Azora MintMine", "version": "1", "chainId": 1337, "verifyingContract": "0x" + "12" * 20}
    names = ("contributor", "reward", "activity", "evidence", "deadline", "salt")
    kinds = ("address", "uint256", "bytes32", "bytes32", "uint64", "bytes32")
    types = {"ValueProof": [{"name": name, "type": kind} for name, kind in zip(names, kinds, strict=True)]}
    values = ("0x" + contributor.hex(), reward, activity, evidence, deadline, salt)
    theirs = _hash_eip191_message(encode_typed_data(domain, types, dict(zip(names, values, strict=True))))
    plain = [("0x" + value.hex() if isinstance(value, bytes) else value) for value in values]
    assert verifier.value_proof_digest(domain, dict(zip(names, plain, strict=True))) == theirs


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**300), 2**300) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


@settings(deadline=None)
@given(JSON)
def test_its_canonical_json_is_that_of_the_console(value: Any) -> None:
    assert verifier.canonical_json(value) == canonical(value)


def test_canonical_json_sorts_and_escapes_as_rfc_8785() -> None:
    value = {"\u20ac": "Euro", "\r": "CR", "\ufb33": "Hebrew", "1": "One", "\U0001f600": "Smile", "\x80": "Control", "\xf6": "o"}
    value |= {"text": '\u20ac$\x0f\nA\'B"\\\\"/\x7f\u2028'}
    assert verifier.canonical_json(value) == rfc8785.dumps(value)


def _entries(count: int) -> list[dict[str, Any]]:
    found, previous = [], bytes(32)
    for sequence in range(1, count + 1):
        entry = {"sequence": sequence, "at": 5, "actor": "ana", "kind": "plan.done", "body": {"n": sequence, "t": "ü"}}
        digest = hashlib.sha256(previous + canonical(entry)).digest()
        found.append({**entry, "previous": previous.hex(), "entry_hash": digest.hex()})
        previous = digest
    return found


def test_a_journal_is_checked_and_its_first_fault_named() -> None:
    whole = _entries(5)
    assert verifier.verify_journal(whole) == ""
    assert "Entry 3" in verifier.verify_journal([*whole[:2], whole[2] | {"actor": "eve"}, *whole[3:]])
    assert "Entry 3" in verifier.verify_journal([*whole[:2], *whole[3:]])
    assert "Entry 2" in verifier.verify_journal([whole[0], whole[2], whole[1], *whole[3:]])
    assert "Entry 4" in verifier.verify_journal([*whole[:3], whole[3] | {"note": "added"}, whole[4]])
    assert "Entry 1" in verifier.verify_journal(["not an entry"])


def _run(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(PROGRAM), str(path)], capture_output=True, text=True, timeout=120, check=False
    )


def _zip(files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def _sealed(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest | {"digest": verifier.manifest_digest(manifest)}).encode()


HOSTILE = {
    "nothing": b"",
    "noise": b"PK\x03\x04" + bytes(range(256)) * 9,
    "bomb": _zip({"manifest.json": bytes(50_000_000)}, zipfile.ZIP_DEFLATED),
    "a hundred files": verifier.pack({f"{n}": b"" for n in range(100)}),
    "deep": verifier.pack({"manifest.json": b"[" * 200_000}),
    "deep object": verifier.pack({"manifest.json": b'{"format":"azora-bundle/1","x":' + b"[" * 600 + b"]" * 600 + b"}"}),
    "huge number": verifier.pack({"manifest.json": b"1" * 100_000}),
    "no text": verifier.pack({"manifest.json": b"\xff\xfe\x00"}),
    "not an object": verifier.pack({"manifest.json": b"[1]"}),
    "no files named": verifier.pack({"manifest.json": _sealed({"format": verifier.FORMAT, "files": []})}),
    "a lone surrogate": verifier.pack({"manifest.json": b'{"format":"azora-bundle/1","x":"\\ud800"}'}),
    "bytes between": verifier.pack({"manifest.json": b"{}"}) + b"tail",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_gets_a_sentence_and_no_traceback(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(HOSTILE[name])
    told = _run(path)
    assert told.returncode in (1, 2) and "FAILED" in told.stdout and told.stderr == ""


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    told = _run(tmp_path / "none.zip")
    assert told.returncode == 2 and "archive" in told.stdout and told.stderr == ""


@settings(max_examples=60, deadline=None)
@given(JSON, JSON, JSON)
def test_any_json_in_any_file_never_raises(headers: Any, blocks: Any, manifest: Any) -> None:
    files = {"headers.json": json.dumps(headers).encode(), "blocks.json": json.dumps(blocks).encode()}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    body = {"format": verifier.FORMAT, "files": sums, "economy": manifest, "anchor": manifest, "domain": manifest}
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(verifier.pack(files | {"manifest.json": _sealed(body)}))
        file.flush()
        assert not all(check.ok for check in verifier.verify_bundle(file.name))
