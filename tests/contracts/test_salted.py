"""Systems with salts: addresses that no nonce changes, the deployer put where it is missing, and what is there already kept."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.contracts import Artifact
from app.contracts.create2 import DEPLOYER, SIGNER
from app.contracts.systems import System, definition_of
from app.core.errors import Conflict, Invalid
from app.core.settings import NetworkSetting
from app.operations.plans import Plan, PlanState
from tests.conftest import Node
from tests.contracts.deploy_program import Room
from tests.contracts.test_killed_deployment import console, sent

pytestmark = [pytest.mark.node, pytest.mark.compiler]
SALTED = ("AzoraToken", "Redemption")
STEPS = 10  # gas for the deployer's signer, the deployer, four contracts, four roles


@pytest.fixture
def bare() -> Iterator[Node]:
    """A node that has no deterministic deployer."""
    node = Node("--disable-default-create2-deployer")
    yield node
    node.stop()


@pytest_asyncio.fixture
async def lab(tmp_path: Path, bare: Node, cache: Path) -> AsyncIterator[Room]:
    """A console over that node."""
    room = await Room(tmp_path / "home", bare.url, cache).open()
    yield room
    await room.close()


def shown(plan: Plan) -> dict[str, str]:
    """Addresses by name, as the preview names them."""
    assert plan.preview is not None and not plan.preview.blocked, plan.preview
    return {effect.subject: effect.after for effect in plan.preview.effects if effect.kind == "contract"}


async def executed(room: Room, plan: Plan) -> Plan:
    done = await room.operations.execute(plan.id)
    assert done.state is PlanState.DONE and done.receipt is not None and done.receipt.matches, done.reason
    return done


async def token(room: Room) -> Artifact:
    """Our token, compiled."""
    return (await room.contracts.compile()).get("AzoraToken")


@pytest.mark.asyncio
async def test_on_a_bare_chain_the_deployer_comes_first_and_every_address_is_as_it_was_shown(lab, bare):
    plan = await lab.salted()
    told, before = shown(plan), int(bare("eth_getBalance", SIGNER, "latest"), 16)
    assert any("puts it at" in verdict.text for verdict in plan.preview.verdicts) and len(plan.steps) == STEPS
    assert before == 0 and bare("eth_getCode", DEPLOYER, "latest") == "0x"
    await executed(lab, plan)
    assert {item.name: item.address for item in await lab.contracts.deployments(lab.key)} == told
    assert all(item.runtime_matches for item in await lab.contracts.deployments(lab.key))
    verified, _ = await lab.contracts.verify(lab.key, "Redemption")
    assert verified.verdict == "exact"

    # A foreign nonce moves what the nonce decides, and nothing else; what is there is not made again.
    bare("eth_sendTransaction", {"from": lab.deployer, "to": lab.other, "value": "0x1"})
    again = await lab.salted(anew=True)
    assert set(shown(again)) == {"Emission", "MintMine"} and not set(shown(again).values()) & set(told.values())
    assert [step.spec.title for step in again.steps if "CREATE2" in step.spec.title or "deployer" in step.spec.title] == []
    await executed(lab, again)
    economy = await lab.contracts.economy(lab.key)
    assert (economy.token, economy.redemption) == (told["AzoraToken"], told["Redemption"])
    assert economy.emission == shown(again)["Emission"]
    with pytest.raises(Conflict, match="All of it is there already"):
        await lab.salted()


@pytest.mark.asyncio
async def test_what_another_console_made_is_found_kept_and_written_down(tmp_path, node, cache):
    first = await Room(tmp_path / "first", node.url, cache).open()
    try:
        told = shown(plan := await first.salted())
        await executed(first, plan)
    finally:
        await first.close()
    second = await Room(tmp_path / "second", node.url, cache).open()
    try:
        plan = await second.salted(epoch_length=7200)
        assert set(shown(plan)) == {"Emission", "MintMine"}
        await executed(second, plan)
        book = {item.name: item for item in await second.contracts.deployments(second.key)}
        assert {name: book[name].address for name in SALTED} == {name: told[name] for name in SALTED}
        for name in SALTED:
            made = node("eth_getTransactionByHash", book[name].tx_hash)
            assert made["to"] == DEPLOYER.lower() and int(made["blockNumber"], 16) == book[name].block
        assert (await second.contracts.economy(second.key)).token == told["AzoraToken"]
    finally:
        await second.close()


@pytest.mark.asyncio
async def test_one_contract_brings_the_deployer_too_and_a_system_keeps_it(lab):
    plan = await lab.contracts.singles.plan("anvil", lab.deployer, await token(lab), [lab.deployer], salt="spring")
    told = shown(plan)
    assert len(plan.steps) == 3
    await executed(lab, plan)
    system = await lab.salted()
    assert set(shown(system)) == {"Emission", "MintMine", "Redemption"}
    await executed(lab, system)
    assert (await lab.contracts.economy(lab.key)).token == told["AzoraToken"]


@pytest.mark.asyncio
async def test_elsewhere_it_is_said_what_is_missing_and_how_to_get_it(lab, bare):
    await lab.networks.remove("anvil")
    setting = NetworkSetting(id="anvil", name="Far", rpc_url=bare.url, chain_id=1337, environment="test", confirmations=1)
    await lab.networks.add(setting)
    plan = await lab.salted()
    (said,) = [verdict for verdict in plan.preview.verdicts if verdict.rule == "contracts.deployer"]
    assert plan.preview.error and not plan.preview.effects and "Far has no deterministic deployer" in said.text
    assert SIGNER in said.detail and "presigned" in said.detail
    assert not any("deployer" in step.spec.title for step in plan.steps)
    one = await lab.contracts.singles.plan("anvil", lab.deployer, await token(lab), [lab.deployer], salt="spring")
    assert (
        one.preview.error
        and not one.preview.effects
        and len(one.steps) == 1
        and any(SIGNER in verdict.detail for verdict in one.preview.verdicts)
    )


def test_a_salt_is_any_text_or_32_bytes_and_nothing_else_is_taken_for_one():
    given = definition_of("azr")
    given["contracts"][0]["salt"] = "spring"
    read = System.parse("azr", given)
    assert len(read.contracts[0].salt) == 66 and not read.contracts[1].salt
    given["contracts"][0]["salt"] = "0x12"
    with pytest.raises(Invalid, match="A salt is"):
        System.parse("azr", given)
    given["contracts"][0] = {"name": "AzoraToken", "arguments": ["{admin}"], "sault": "spring"}
    with pytest.raises(Invalid, match="no sault"):
        System.parse("azr", given)


@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("runner.step.storing", 2),  # the presigned bytes are in the queue, the step does not know
        ("chain.transaction.sent", 2),  # the deployer is there, nobody knows
        ("chain.transaction.sent", 3),  # the token is there by CREATE2, nobody knows
        ("runner.step.done", 3),
        ("runner.step.prepared", 6),  # the second contract with a salt
    ],
)
def test_a_killed_deployment_makes_each_once(tmp_path: Path, bare: Node, cache: Path, point: str, count: int) -> None:
    home = tmp_path / "home"
    assert console(home, bare.url, "salted", cache, AZORA_FAULT=f"{point}:{count}") == -signal.SIGKILL
    assert console(home, bare.url, "recover", cache) == 0
    mine = [tx for tx in sent(bare) if tx["from"].lower() != SIGNER.lower()]
    assert [int(tx["nonce"], 16) for tx in mine] == list(range(STEPS - 1))
    assert sum(tx["to"] == DEPLOYER.lower() for tx in mine) == len(SALTED)

    async def look() -> None:
        room = await Room(home, bare.url, cache).open()
        try:
            plan = await room.operations.get("PLN-0001")
            assert plan.state is PlanState.DONE and plan.receipt is not None and plan.receipt.matches, plan.reason
            book = await room.contracts.deployments(room.key)
            assert {item.name: item.address for item in book} == shown(plan) and all(item.runtime_matches for item in book)
        finally:
            await room.close()

    asyncio.run(look())
