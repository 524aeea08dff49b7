"""What contracts cost is measured by their tests or on the chain, and a growth against the baseline is seen."""

from __future__ import annotations

import csv
import io

import pytest

from app.chain import abi
from app.contracts.gas import Change, ContractGas, FunctionGas, GasReport, Origin
from app.contracts.gas.report import read_baseline
from app.core.errors import Conflict, Invalid, NotFound
from tests.contracts.test_projects import HEAD, write

COUNTER = HEAD + "contract Counter { uint256 public count; function set(uint256 to) external { count = to; } }"
TESTED = (
    HEAD + 'import "../src/Counter.sol"; contract CounterTest { function test_sets() external {\n'
    "Counter c = new Counter(); c.set(1); c.set(2); c.set(3); require(c.count() == 3); } }"
)


@pytest.fixture
def counter(tmp_path):
    """A Foundry project with one test that passes."""
    return write(
        tmp_path / "counter",
        **{"foundry.toml": "[profile.default]\noptimizer = true\n", "test/Counter.t.sol": TESTED},
        src__Counter=COUNTER,
    )


def report(*functions: FunctionGas, size: int = 100, deployment: int = 1000, origin: Origin = Origin.TESTS) -> GasReport:
    return GasReport(origin, "p", (ContractGas("A", "src/A.sol", deployment, size, functions),))


@pytest.mark.compiler
def test_a_report_is_kept_and_what_grew_is_found_by_commands(azora, counter, tmp_path):
    told = azora("contract", "gas", counter, "--baseline", "save", "--export", tmp_path / "gas.csv", "--json").json["report"]
    (measured,) = told["contracts"]
    functions = {each["signature"]: each for each in measured["functions"]}
    assert (measured["name"], measured["source"], set(functions)) == ("Counter", "src/Counter.sol", {"set(uint256)", "count()"})
    assert functions["set(uint256)"]["calls"] == 3 and functions["set(uint256)"]["most"] > functions["set(uint256)"]["least"]
    assert 50 < measured["size"] < 1000 and measured["deployment"] > 21_000
    assert (tmp_path / "gas.csv").read_text().startswith("contract,source,function,calls,min")
    write(counter, src__Counter=COUNTER.replace("count = to;", "count = to; count = to + 1; count = to;"))
    grown = azora("contract", "gas", counter, "--baseline", "compare", "--json", expect=9).json
    assert "set(uint256)" in {each["figure"] for each in grown["changes"]} and grown["grown"]
    write(counter, **{"test/Counter.t.sol": TESTED.replace("== 3", "== 4")})
    assert azora("contract", "gas", counter, "--json", expect=Conflict.exit_code).json["error"] == "Conflict"


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_a_chain_is_measured_over_the_contracts_of_its_address_book(room, node):
    await room.deployed()
    token = next(item for item in await room.contracts.deployments(room.key) if item.name == "AzoraToken")
    artifact = await room.contracts._artifact(token)
    used = []
    for amount in (1, 0):
        data = abi.encode_call(artifact.abi, "approve", [room.other, amount])
        sent = node("eth_sendTransaction", {"from": node.accounts[0], "to": token.address, "data": data})
        used.append(int(node("eth_getTransactionReceipt", sent)["gasUsed"], 16))
    created = int(node("eth_getTransactionReceipt", token.tx_hash)["gasUsed"], 16)
    told = await room.contracts.gas.on_chain("anvil")
    found = next(each for each in told.contracts if each.name == "AzoraToken")
    approve = next(each for each in found.functions if each.signature == "approve(address,uint256)")
    assert (approve.calls, approve.least, approve.most) == (2, min(used), max(used))
    assert (found.deployment, found.size, found.source) == (created, len(artifact.runtime) // 2 - 1, token.address)
    assert {each.name for each in told.contracts} == {"AzoraToken", "Emission", "MintMine", "Redemption"}
    assert any(each.signature == "grantRole(bytes32,address)" for each in found.functions)
    last = int(node("eth_blockNumber"), 16)
    only = await room.contracts.gas.on_chain("anvil", last, last)
    assert sum(f.calls for each in only.contracts for f in each.functions) == 1
    with pytest.raises(Invalid, match="no range"):
        await room.contracts.gas.on_chain("anvil", last, 1)


def test_statistics_are_of_all_calls():
    assert FunctionGas.of("f()", [5, 1, 3, 100]) == FunctionGas("f()", 4, 1, 27, 4, 100)


def test_the_largest_growth_comes_first_and_the_new_last():
    before = report(FunctionGas("f()", 1, 10, 10, 10, 10), FunctionGas("gone()", 1, 1, 1, 1, 1))
    after = report(FunctionGas("f()", 1, 12, 12, 12, 12), FunctionGas("new()", 1, 1, 1, 1, 1), size=90)
    changes = after.changes(before)
    key = "src/A.sol:A"
    assert changes == [
        Change(key, "f()", 10, 12),
        Change(key, "size", 100, 90),
        Change(key, "gone()", 1, None),
        Change(key, "new()", None, 1),
    ]
    assert [round(change.percent) if change.percent else None for change in changes] == [20, -10, None, None]
    assert after.grown(changes, 19) == changes[:1] and after.grown(changes, 20) == []
    with pytest.raises(Invalid, match="measured by chain"):
        after.changes(report(origin=Origin.CHAIN))


def test_what_is_kept_is_read_back_and_something_else_is_refused(tmp_path):
    told = report(FunctionGas("f((uint256,bytes),string)", 3, 1, 2, 2, 9))
    assert read_baseline(told.save(tmp_path / "kept.json")) == told
    rows = list(csv.reader(io.StringIO(told.to_csv())))
    assert rows[2][2] == "f((uint256,bytes),string)" and rows[1][8:] == ["1000", "100", "24576"]
    with pytest.raises(NotFound, match="no baseline"):
        read_baseline(tmp_path / "none.json")
    for text in ("{", "[]", '{"format": 2}', '{"format": 1, "origin": "tests", "about": "", "contracts": [{}]}'):
        (tmp_path / "kept.json").write_text(text)
        with pytest.raises(Invalid, match=r"kept\.json is no gas report"):
            read_baseline(tmp_path / "kept.json")
