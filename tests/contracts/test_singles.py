"""One contract of any project: typed arguments, libraries, CREATE2; what it shows beforehand is what is there afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import pytest_asyncio

from app.chain import abi
from app.contracts.singles import named
from app.core.errors import Invalid, NotFound
from app.operations.plans import PlanState
from tests.contracts.deploy_program import Room

pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.asyncio]
FOLDER = Path(__file__).parents[1] / "data" / "single"


@pytest_asyncio.fixture
async def shop(room: Room):
    return named((await room.contracts.compile(FOLDER)).contracts, "Shop")


async def library(room: Room, salt: str = "") -> str:
    """The library that a shop needs, deployed."""
    prices = named((await room.contracts.compile(FOLDER)).contracts, "Prices")
    done = await room.operations.execute((await room.contracts.singles.plan("anvil", room.deployer, prices, salt=salt)).id)
    assert done.state is PlanState.DONE and done.receipt.matches, done.reason
    return str(done.steps[0].result["contract"])


def arguments(room: Room) -> list[str]:
    items = [{"name": "bread", "price": "3", "sellers": [room.other]}, {"name": "salt", "price": "5", "sellers": [room.other] * 2}]
    return [room.other, json.dumps(items)]


async def asked(room: Room, artifact, address: str, view: str):
    chain = await room.networks.connect("anvil")
    answer = await chain.rpc.call("eth_call", {"to": address, "data": abi.encode_call(artifact.abi, view, [])}, "latest")
    return abi.decode_output(artifact.abi, view, str(answer))


async def test_structs_arrays_and_a_library_arrive_as_they_were_written(room, node, shop):
    prices = await library(room)
    plan = await room.contracts.singles.plan("anvil", room.deployer, shop, arguments(room), libraries={"Prices": prices}, value=7)
    assert not plan.preview.blocked, plan.preview
    done = await room.operations.execute(plan.id)
    assert done.state is PlanState.DONE and done.receipt.matches, done.reason
    address = str(done.steps[0].result["contract"])
    assert plan.preview.effects[0].after == address
    assert await asked(room, shop, address, "total") == 2 * (3 + 2 * 5)
    assert await asked(room, shop, address, "first") == "bread"
    assert node.balance(address) == 7
    entry = next(item for item in await room.contracts.deployments(room.key) if item.name == "Shop")
    assert (entry.address, entry.runtime_matches, entry.artifact) == (address, True, shop.digest)


async def test_with_a_salt_no_nonce_changes_the_address_and_nothing_is_made_twice(room, node):
    prices = named((await room.contracts.compile(FOLDER)).contracts, "Prices")
    plan = await room.contracts.singles.plan("anvil", room.deployer, prices, salt="spring")
    shown = plan.preview.effects[0].after
    node("eth_sendTransaction", {"from": room.deployer, "to": room.other, "value": "0x1"})
    assert await library(room, "spring") == shown
    again = await room.contracts.singles.plan("anvil", room.deployer, prices, salt="spring")
    assert again.preview.blocked
    assert any("has code already" in verdict.text for verdict in again.preview.verdicts)


async def test_what_the_constructor_refuses_is_told_by_its_own_error(room, shop):
    prices = await library(room)
    plan = await room.contracts.singles.plan("anvil", room.deployer, shop, [room.other, "[]"], libraries={"Prices": prices})
    assert plan.preview.blocked and "NothingToSell" in plan.preview.error


@pytest.mark.parametrize(
    ("given", "field"),
    [(["0x12", "[]"], "0"), (None, "1.0.price")],
)
async def test_an_argument_that_does_not_fit_is_refused_at_its_place(room, shop, given, field):
    written = given or [room.other, '[{"name": "bread", "price": "many", "sellers": []}]']
    with pytest.raises(Invalid) as refused:
        await room.contracts.singles.plan("anvil", room.deployer, shop, written)
    assert refused.value.field == field


async def test_what_is_missing_is_named(room, shop):
    with pytest.raises(Invalid, match="library Prices"):
        await room.contracts.singles.plan("anvil", room.deployer, shop, arguments(room))
    with pytest.raises(NotFound, match="no contract Shed"):
        named((await room.contracts.compile(FOLDER)).contracts, "Shed")
