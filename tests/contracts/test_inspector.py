"""What the inspector says of a transaction is what the chain did: each variable by name, each call, each failure, no more."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio

from app.chain import abi
from app.contracts.inspector import Inspector, failure
from app.core.errors import Invalid, NotFound
from app.core.settings import NetworkSetting
from tests.chain.misbehaving import Altered

pytestmark = [pytest.mark.asyncio, pytest.mark.node, pytest.mark.compiler]
SHAPES = Path(__file__).parent / "shapes"
PLACE = "0x" + "5a" * 32


class Bench:
    """Contracts of every shape on a real node, and an inspector that knows their sources."""

    def __init__(self, room, node, built):
        self.room, self.node, self.built = room, node, built
        self.inspector = Inspector(room.networks, room.simulation, room.contracts.compiler, self.artifacts)
        self.shapes = self.create("Shapes")
        self.proxy = self.create("Proxy", self.shapes)

    async def artifacts(self, network):
        assert network == self.room.key
        return self.built.contracts

    def create(self, name, *arguments):
        artifact = self.built.get(name)
        types = [entry for item in artifact.abi if item["type"] == "constructor" for entry in abi.types_of(item["inputs"])]
        sent = self.send(None, artifact.bytecode + abi.encode(types, arguments).hex())
        return self.node("eth_getTransactionReceipt", sent)["contractAddress"]

    def send(self, to, data, value=0):
        call = {"from": self.room.deployer, "data": data, "gas": hex(5_000_000), "value": hex(value)}
        return self.node("eth_sendTransaction", {**call, "to": to} if to else call)

    async def call(self, to, name, *arguments, value=0):
        data = abi.encode_call(self.built.get("Shapes").abi, name, list(arguments))
        return await self.inspector.inspect("anvil", self.send(to, data, value))

    def read(self, to, name, *arguments):
        shapes = self.built.get("Shapes").abi
        return abi.decode_output(
            shapes, name, self.node("eth_call", {"to": to, "data": abi.encode_call(shapes, name, list(arguments))}, "latest")
        )


@pytest_asyncio.fixture
async def bench(room, node):
    return Bench(room, node, await room.contracts.compile(SHAPES))


async def test_every_variable_that_changed_is_named_and_nothing_else(bench):
    who = bench.room.other
    found = await bench.call(bench.shapes, "fill", who, bytes.fromhex(PLACE[2:]), 77, value=9)
    assert found.ok and not found.missing and found.value == 9
    told = {change.variable: (change.before, change.after) for change in found.storage}
    point = {"x": "-5", "y": "6", "weight": "70", "owner": who}
    zero = "0x" + "0" * 40
    wanted = {
        "small": ("0", "7"),
        "flag": ("false", "true"),
        "negative": ("0", "-3"),
        "who": (zero, who),
        "large": ("0", str(2**256 - 1)),
        "colour": ("0", "2"),
        "tag": ("0x00000000", "0xdeadbeef"),
        "text": ("", "short"),
        "blob": ("0x", "34 bytes, kept elsewhere"),
        "blob[bytes 0 to 31]": ("0x" + "00" * 32, "0x" + bytes(range(32)).hex()),
        "blob[bytes 32 to 63]": ("0x" + "00" * 32, "0x2021" + "00" * 30),
        **{f"point.{name}": (zero if name == "owner" else "0", text) for name, text in point.items()},
        "fixedSmall[3]": ("0", "33"),
        "fixedLarge[1]": ("0", "11"),
        "list.length": ("0", "2"),
        "list[0]": ("0", "1"),
        "list[1]": ("0", "2"),
        "packed.length": ("0", "40"),
        **{f"packed[{at}]": ("0", str(at + 1)) for at in range(40)},
        "points.length": ("0", "1"),
        "points[0].x": ("0", "1"),
        "points[0].y": ("0", "-2"),
        "points[0].weight": ("0", "3"),
        "points[0].owner": (zero, found.to),
        f"balances[{who}]": ("0", "5"),
        f"nested[{who}][77]": ("false", "true"),
        **{f"places[{PLACE}].{name}": ("0", "9") for name in ("x", "y", "weight")},
        f"places[{PLACE}].owner": (zero, who),
    }
    assert told == wanted
    # The chain's own getters agree.
    assert bench.read(bench.shapes, "large") == 2**256 - 1 and bench.read(bench.shapes, "packed", 39) == 40
    assert bench.read(bench.shapes, "nested", who, 77) is True


async def test_arguments_answers_and_logs_are_decoded(bench):
    found = await bench.call(bench.shapes, "fill", bench.room.other, bytes.fromhex(PLACE[2:]), 1)
    assert found.call.function == "fill(address,bytes32,uint256)" and found.call.contract == "Shapes"
    assert found.call.arguments == (("a", bench.room.other), ("place", PLACE), ("id", "1"))
    assert [text for _, text in found.call.outputs] == ["2", "true"]
    (log,) = found.logs
    assert (log.contract, log.event) == ("Shapes", "Filled") and found.call.logs == found.logs
    assert log.arguments == (("by", bench.room.other), ("colour", "2"), ("at", "[-5, 6]"))


async def test_a_proxy_speaks_with_the_words_of_its_implementation(bench):
    """Call, log and storage of the proxy are told by the code that it borrows; the implementation's own storage stays as it is."""
    found = await bench.call(bench.proxy, "fill", bench.room.other, bytes.fromhex(PLACE[2:]), 1)
    assert found.call.contract == "Proxy" and found.call.function.startswith("fill(") and dict(found.call.arguments)["id"] == "1"
    (lent,) = found.call.calls
    assert (lent.kind, lent.contract, lent.sender) == ("DELEGATECALL", "Shapes", found.to)
    assert found.logs[0].event == "Filled" and found.logs[0].address == found.to
    assert {change.address for change in found.storage} == {found.to}
    assert {change.variable: change.after for change in found.storage}["negative"] == "-3"
    assert bench.read(bench.shapes, "negative") == 0


async def test_a_contract_that_makes_another_is_seen_making_it(bench):
    found = await bench.call(bench.shapes, "make")
    (made,) = found.call.calls
    assert (made.kind, made.contract, made.function) == ("CREATE", "Inner", "constructor")
    assert made.arguments == (("start_", "0"), ("name_", ""))
    assert {change.variable: change.after for change in found.storage} == {"inner": made.to}
    created = await bench.inspector.inspect("anvil", bench.send(None, bench.built.get("Shapes").bytecode))
    assert created.created and created.call.function == "constructor" and created.call.contract == "Shapes"


@pytest.mark.parametrize(
    ("name", "number", "reason"),
    [("limited", 11, "TooLarge(given: 11, limit: 10)"), ("divided", 0, "panic 0x12: division by zero")],
)
async def test_a_failure_says_why_and_changes_nothing(bench, name, number, reason):
    found = await bench.call(bench.shapes, name, number)
    assert not found.ok and found.reason == reason and found.call.error
    assert found.storage == () and found.logs == ()
    assert {balance.address for balance in found.balances} >= {bench.room.deployer}  # the fee is paid all the same


async def test_a_failure_that_was_caught_is_in_the_tree_and_not_in_the_verdict(bench):
    found = await bench.call(bench.shapes, "swallowed", 11)
    assert found.ok and found.reason == ""
    (inner,) = found.call.calls
    assert inner.reason == "TooLarge(given: 11, limit: 10)"
    assert {change.variable: change.after for change in found.storage} == {"small": "1"}


async def test_a_transaction_is_followed_by_lines_through_every_call(bench):
    """Into the proxy's implementation and back; the gas of all steps is what the EVM spent beside the calls themselves."""
    found = await bench.call(bench.proxy, "fill", bench.room.other, bytes.fromhex(PLACE[2:]), 1)
    steps = await bench.inspector.steps("anvil", found)
    source = (SHAPES / "Shapes.sol").read_text().splitlines()
    seen = [step for step in steps if step.file]
    assert all(step.file.endswith("Shapes.sol") and source[step.line - 1].strip() == step.text for step in seen)
    assert [(step.depth, step.contract) for step in seen][0] == (0, "Proxy")
    assert {(step.depth, step.contract) for step in seen} == {(0, "Proxy"), (1, "Shapes")}
    lines = [step.text for step in seen if step.contract == "Shapes"]
    order = ["small = 7;", "list.push(1);", "balances[a] = 5;", "emit Filled("]
    places = [next(at for at, text in enumerate(lines) if text.startswith(wanted)) for wanted in order]
    assert places == sorted(places)
    assert sum(step.count for step in steps) == steps[-1].first + steps[-1].count
    assert not any(step.failed for step in steps) and failure(found.call, steps) is None


@pytest.mark.parametrize(
    ("to", "name", "number", "text"),
    [
        ("shapes", "limited", 11, "function limited(uint256 n) external { large = n; if (n > 10) revert TooLarge(n, 10); }"),
        ("proxy", "limited", 11, "function limited(uint256 n) external { large = n; if (n > 10) revert TooLarge(n, 10); }"),
        ("shapes", "divided", 0, "function divided(uint256 n) external pure returns (uint256) { return 1 / n; }"),
    ],
)
async def test_a_failure_names_its_line_also_behind_a_proxy(bench, to, name, number, text):
    found = await bench.call(getattr(bench, to), name, number)
    at = failure(found.call, await bench.inspector.steps("anvil", found))
    assert at is not None and at.text == text and at.contract == "Shapes"


async def test_a_creation_is_followed_too_and_code_that_nobody_knows_is_passed(bench):
    found = await bench.call(bench.shapes, "make")
    steps = await bench.inspector.steps("anvil", found)
    assert any(step.contract == "Inner" and "start = start_" in step.text for step in steps)
    unknown = await bench.inspector.inspect("anvil", bench.send(None, "0x6001600155600080fd"))  # SSTORE, then REVERT
    (only,) = await bench.inspector.steps("anvil", unknown)
    assert (only.file, only.contract, only.failed, only.count) == ("", "", True, 6)


async def test_coin_without_a_call(bench):
    found = await bench.inspector.inspect("anvil", bench.send(bench.shapes, "0x", 5))
    assert found.call.function == "receive" and found.call.value == 5
    assert {change.variable: change.after for change in found.storage} == {f"balances[{bench.room.deployer}]": "5"}
    moved = {balance.address: balance.after - balance.before for balance in found.balances}
    assert moved[found.to] == 5 and moved[found.sender] == -5 - found.fee


async def test_what_nobody_knows_is_shown_raw(bench):
    bench.built = type(bench.built)((), (), (), 0.0, False, "")
    data = abi.encode_call(({"type": "function", "name": "make", "inputs": []},), "make", [])
    found = await bench.inspector.inspect("anvil", bench.send(bench.shapes, data))
    assert (found.call.contract, found.call.function) == ("", data)
    assert {(change.variable, change.type) for change in found.storage} == {("", "")} and len(found.storage) == 1


async def test_a_node_without_traces_is_told_and_the_receipt_is_shown(bench, room):
    """Any standard node: outermost call and logs are there, and what is not is said."""
    async with Altered(room.url, hidden={"debug_traceTransaction"}) as poorer:
        setting = NetworkSetting(id="poorer", name="Poorer", rpc_url=poorer.url, chain_id=1337, environment="local")
        await room.networks.add(setting)
        data = abi.encode_call(bench.built.get("Shapes").abi, "fill", [room.other, bytes.fromhex(PLACE[2:]), 1])
        found = await bench.inspector.inspect("poorer", bench.send(bench.shapes, data))
    assert found.ok and "no debug_traceTransaction" in found.missing[0]
    assert found.call.function == "fill(address,bytes32,uint256)" and found.logs[0].event == "Filled"
    assert found.storage == () and found.balances == ()


async def test_a_waiting_transaction_is_no_result(bench):
    bench.node("evm_setAutomine", False)
    try:
        sent = bench.send(bench.shapes, "0x", 5)
        found = await bench.inspector.inspect("anvil", sent)
    finally:
        bench.node("evm_setAutomine", True)
        bench.node.mine()
    assert found.pending and found.call is None and found.missing


@pytest.mark.parametrize(("text", "error"), [("0x12", Invalid), ("zz" * 33, Invalid), ("0x" + "00" * 32, NotFound)])
async def test_a_wrong_hash_is_told_apart(bench, text, error):
    with pytest.raises(error):
        await bench.inspector.inspect("anvil", text)
