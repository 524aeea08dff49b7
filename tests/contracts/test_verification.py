"""Verification finds what differs, names it, and proves by running the constructor again what it says it proves."""

from __future__ import annotations

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from app.chain import abi
from app.contracts.artifacts import Artifact
from app.contracts.verification import Answer, Kind, Verdict, Verified, read_bundle, write_bundle
from app.contracts.verification.code import compare, metadata_spans
from app.core.errors import Conflict, Invalid, NotFound
from tests.chain.misbehaving import Altered, Pruned
from tests.contracts.deploy_program import Room
from tests.contracts.test_projects import HEAD, write

SOURCE = """
library Maths {
    function half(uint256 x) external pure returns (uint256) { return x / 2; }
}
contract Purse {
    uint256 public immutable cap;
    address public immutable owner;
    string public name;
    constructor(uint256 cap_, address owner_, string memory name_) payable { cap = cap_; owner = owner_; name = name_; }
    function half() external view returns (uint256) { return Maths.half(cap); }
}
contract Factory {
    event Made(Purse purse);
    function make(uint256 cap, string calldata name) external { emit Made(new Purse(cap, msg.sender, name)); }
}
"""
OWNER = "0x000000000000000000000000000000000000bEEF"
ARGUMENTS = (7, OWNER, "Reserve")


class Chain:
    """Contracts put on a real node by its own unlocked account, and asked about."""

    def __init__(self, room: Room, node, built) -> None:
        self.room, self.node = room, node
        self.purse, self.maths, self.factory = (built.get(name) for name in ("Purse", "Maths", "Factory"))

    def send(self, data: bytes, to: str | None = None) -> dict:
        call = {"from": self.node.accounts[0], "data": "0x" + data.hex(), "gas": hex(5_000_000)} | ({"to": to} if to else {})
        receipt = self.node("eth_getTransactionReceipt", self.node("eth_sendTransaction", call))
        assert receipt["status"] == "0x1"
        return receipt

    def create(self, code: bytes) -> str:
        return self.send(code)["contractAddress"]

    def put(self, artifact: Artifact, arguments=ARGUMENTS, extra: bytes = b"") -> str:
        library = self.create(self.maths.creation_code())
        tail = abi.encode(["uint256", "address", "string"], arguments)
        return self.create(artifact.creation_code({"Maths": library}) + tail + extra)

    async def verify(self, address: str, artifact: Artifact | None = None, **how) -> Verified:
        return await self.room.contracts.verification.verify("anvil", address, artifact or self.purse, **how)


@pytest_asyncio.fixture
async def chain(room, node, tmp_path):
    """A chain with nothing on it, and the compiled contracts."""
    return Chain(room, node, await room.contracts.projects.compile(write(tmp_path / "src", A=HEAD + SOURCE)))


def kinds(found: Verified) -> set[Kind]:
    return {each.kind for each in found.differences}


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_what_was_deployed_is_proven_to_the_last_byte(chain):
    found = await chain.verify(chain.put(chain.purse), arguments=ARGUMENTS)
    assert found.verdict is Verdict.EXACT and found.differences == ()
    assert [found.creation.answer, found.runtime.answer, found.replay.answer] == [Answer.MATCHES] * 3
    assert [(name, value) for name, _, value in found.arguments] == [("cap_", 7), ("owner_", OWNER), ("name_", "Reserve")]
    assert dict(found.immutables) == {"cap": f"0x{7:064x}", "owner": "0x" + OWNER[2:].lower().rjust(64, "0")}
    assert list(found.libraries) == ["src/A.sol:Maths"] and found.evidence[1].ref == found.tx
    searched = await chain.verify(found.address, tx=found.tx)
    assert searched.tx == found.tx and searched.verdict is Verdict.EXACT
    library = await chain.verify(found.libraries["src/A.sol:Maths"], chain.maths)
    assert library.verdict is Verdict.EXACT


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_wrong_constructor_argument_is_named(chain):
    found = await chain.verify(chain.put(chain.purse, (8, OWNER, "Reserve")), arguments=ARGUMENTS)
    told = {(each.kind, each.where): (each.expected, each.found) for each in found.differences}
    assert found.verdict is Verdict.DIFFERS
    assert told[Kind.ARGUMENT, "cap_"] == ("7", "8")
    assert told[Kind.IMMUTABLE, "cap"] == (f"0x{7:064x}", f"0x{8:064x}")
    # One that leaves no trace in the code is found too.
    found = await chain.verify(chain.put(chain.purse, (7, OWNER, "Preserve")), arguments=ARGUMENTS)
    assert found.verdict is Verdict.DIFFERS and [each.where for each in found.differences] == ["name_"]
    assert found.runtime.answer is Answer.MATCHES and found.replay.answer is Answer.MATCHES


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_changed_immutable_is_found_by_running_the_constructor(chain, node):
    address = chain.put(chain.purse)
    code = bytearray.fromhex(node("eth_getCode", address, "latest")[2:])
    start, length = chain.purse.immutables[0]
    code[start + length - 1] ^= 1
    node("anvil_setCode", address, "0x" + code.hex())
    found = await chain.verify(address)
    assert found.verdict is Verdict.DIFFERS and kinds(found) == {Kind.IMMUTABLE}
    assert (found.creation.answer, found.runtime.answer) == (Answer.MATCHES, Answer.MATCHES)
    assert found.replay.answer is Answer.DIFFERS


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_swapped_library_is_found_by_its_code_and_by_its_address(chain, tmp_path):
    evil = write(tmp_path / "evil", A=HEAD + SOURCE.replace("x / 2", "x * 2"))
    other = chain.create((await chain.room.contracts.projects.compile(evil)).get("Maths").creation_code())
    tail = abi.encode(["uint256", "address", "string"], ARGUMENTS)
    address = chain.create(chain.purse.creation_code({"Maths": other}) + tail)
    found = await chain.verify(address)
    assert found.verdict is Verdict.DIFFERS and kinds(found) == {Kind.LIBRARY}
    assert "Maths" in found.differences[0].where and found.differences[0].found == "other code"
    ours = chain.create(chain.maths.creation_code())
    named = await chain.verify(address, libraries={"Maths": ours})
    assert any(each.expected == ours and each.found.lower() == other.lower() for each in named.differences)
    with pytest.raises(Invalid, match="not linked with Physics"):
        await chain.verify(address, libraries={"Physics": ours})


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_other_comments_are_a_change_of_the_metadata_and_of_nothing_else(chain, tmp_path):
    told = write(tmp_path / "told", A=HEAD + SOURCE + "// the same, told otherwise\n")
    other = await chain.room.contracts.projects.compile(told)
    found = await chain.verify(chain.put(other.get("Purse")))
    assert found.verdict is Verdict.PARTIAL and kinds(found) == {Kind.METADATA}
    assert {found.creation.answer, found.runtime.answer, found.replay.answer} == {Answer.METADATA}


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_creation_code_that_only_starts_like_the_real_one_is_refused(chain, tmp_path):
    """More behind it; and another constructor that leaves the very same code and another state."""
    found = await chain.verify(chain.put(chain.purse, extra=b"\x60\x01"))
    assert found.verdict is Verdict.DIFFERS and kinds(found) == {Kind.TRAILING}
    back = SOURCE.replace("name = name_; }", "name = name_; assembly { sstore(99, caller()) } }")
    door = (await chain.room.contracts.projects.compile(write(tmp_path / "back", A=HEAD + back))).get("Purse")
    assert door.bytecode[:20] == chain.purse.bytecode[:20] and len(door.bytecode) > len(chain.purse.bytecode)
    found = await chain.verify(chain.put(door))
    assert found.verdict is Verdict.DIFFERS and found.creation.answer is Answer.DIFFERS
    assert Kind.CODE in kinds(found) and found.runtime.answer is Answer.METADATA


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_what_a_contract_created_is_proven_through_the_whole_transaction(chain):
    library = chain.create(chain.maths.creation_code())
    factory = chain.create(chain.factory.creation_code({"Maths": library}))
    call = bytes.fromhex(abi.encode_call(chain.factory.abi, "make", [9, "Made"])[2:])
    made = "0x" + chain.send(call, factory)["logs"][0]["data"][-40:]
    found = await chain.verify(made, arguments=(9, chain.node.accounts[0], "Made"))
    assert found.verdict is Verdict.EXACT, found.differences
    wrong = await chain.verify(made, arguments=(10, chain.node.accounts[0], "Made"))
    assert wrong.verdict is Verdict.DIFFERS and Kind.ARGUMENT in kinds(wrong)


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_without_a_creating_transaction_no_more_is_said_than_is_known(chain, node):
    node("anvil_setCode", OWNER, node("eth_getCode", chain.put(chain.purse), "latest"))
    found = await chain.verify(OWNER)
    assert found.verdict is Verdict.RUNTIME and found.creation.answer is Answer.UNKNOWN
    assert "not reproduced" in found.statement and dict(found.immutables)["cap"] == f"0x{7:064x}"
    with pytest.raises(NotFound, match="no code"):
        await chain.verify("0x" + "12" * 20)
    with pytest.raises(Invalid, match="takes 3 arguments, not 1"):
        await chain.verify(OWNER, arguments=[1])
    other = node("eth_getBlockByNumber", "latest", False)["transactions"]
    with pytest.raises(Invalid, match="did not create"):
        await chain.verify(OWNER, tx=(other or ["0x" + "00" * 32])[0])


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_bundle_is_enough_to_verify_elsewhere_and_a_spoiled_one_is_refused(chain, tmp_path):
    compiler = chain.room.contracts.compiler
    found = await chain.verify(chain.put(chain.purse), arguments=ARGUMENTS)
    place = await write_bundle(found, chain.purse, compiler, 1337, tmp_path / "repository")
    assert place == tmp_path / "repository" / "full_match" / "1337" / found.address
    bundle = read_bundle(place)
    assert (bundle.address, bundle.chain_id, bundle.tx) == (found.address, 1337, found.tx)
    again = await bundle.compile(compiler)
    assert again.bytecode == chain.purse.bytecode
    assert (await chain.verify(bundle.address, again, tx=bundle.tx)).verdict is Verdict.EXACT
    source = place / "sources/src/A.sol"
    source.write_text(source.read_text().replace("x / 2", "x / 3"))
    with pytest.raises(Invalid, match="not the file that its manifest names"):
        read_bundle(place)
    (place / "manifest.json").unlink()
    with pytest.raises(Invalid, match="has the hash of src/A.sol"):
        read_bundle(place)
    wrong = await chain.verify(found.address, arguments=(1, OWNER, ""))
    with pytest.raises(Conflict, match="No bundle was written"):
        await write_bundle(wrong, chain.purse, compiler, 1337, tmp_path)


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_our_whole_economy_is_proven_from_its_address_book(room):
    await room.deployed()
    for item in await room.contracts.deployments(room.key):
        found, _ = await room.contracts.verify(room.key, item.name)
        assert found.verdict is Verdict.EXACT and found.address == item.address, found.differences
    with pytest.raises(NotFound, match="not in the address book"):
        await room.contracts.verify(room.key, "Nothing")


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_node_that_keeps_less_proves_less_and_the_verdict_says_so(chain, node, tmp_path, cache):
    library = chain.create(chain.maths.creation_code())
    factory = chain.create(chain.factory.creation_code({"Maths": library}))
    call = bytes.fromhex(abi.encode_call(chain.factory.abi, "make", [9, "Made"])[2:])
    made = "0x" + chain.send(call, factory)["logs"][0]["data"][-40:]
    plain = await chain.verify(chain.put(chain.purse))
    node("anvil_mine", "0x5")
    newest = int(node("eth_blockNumber"), 16)
    for peer, address, tx, creation in (
        (Altered(node.url, hidden=["debug_traceTransaction"]), made, "", Answer.UNKNOWN),
        (Pruned(node.url, newest), plain.address, "", Answer.UNKNOWN),
        (Pruned(node.url, newest), plain.address, plain.tx, Answer.MATCHES),
    ):
        async with peer as poorer:
            other = await Room(tmp_path / f"other-{tx}-{address}", poorer.url, cache).open()
            built = await other.contracts.projects.compile(tmp_path / "src")
            found = await other.contracts.verification.verify("anvil", address, built.get("Purse"), tx=tx)
            await other.close()
        assert found.verdict is Verdict.RUNTIME and found.differences == ()
        assert (found.creation.answer, found.runtime.answer, found.replay.answer) == (creation, Answer.MATCHES, Answer.UNKNOWN)


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.parametrize("salt", ["", "a name"])
@pytest.mark.asyncio
async def test_a_single_contract_is_held_against_the_plan_that_made_it(chain, salt):
    room, library = chain.room, chain.create(chain.maths.creation_code())
    plan = await room.contracts.singles.plan(
        "anvil", room.deployer, chain.purse, [str(each) for each in ARGUMENTS], libraries={"Maths": library}, salt=salt
    )
    await room.operations.execute(plan.id)
    found, _ = await room.contracts.verify(room.key, "Purse")
    assert found.verdict is Verdict.EXACT, found
    assert [value for _, _, value in found.arguments] == list(ARGUMENTS)


METADATA = bytes.fromhex("a2646970667358221220" + "11" * 32 + "64736f6c63430008140033")


@given(code=st.binary(min_size=1, max_size=200), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unseen(code, at, bit):
    """In the code it is a difference of code, in the hash of the metadata one of metadata; nowhere is it nothing."""
    whole = code + METADATA
    flipped = bytearray(whole)
    flipped[at % len(whole)] ^= 1 << bit
    found = compare(whole, bytes(flipped), "code")
    inside = any(start + 10 <= at % len(whole) < start + 42 for start, _ in metadata_spans(whole)[-1:])
    assert found and (not inside or {each.kind for each in found} == {Kind.METADATA})
    assert compare(whole, whole, "code") == []
