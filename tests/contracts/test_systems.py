"""A declared system says everything beforehand; a declaration that cannot work is refused before anything is planned."""

from __future__ import annotations

import copy

import pytest

from app.chain import abi
from app.contracts.systems import System, definition_of, fitted, resolve, system, system_of, systems
from app.core.errors import Conflict, Invalid, NotFound
from app.operations.plans import PlanState, VerdictLevel
from tests.contracts.deploy_program import AZR

WORK = {"initial_reward": "50", "solutions_per_era": 10, "first_difficulty": 4096}


def test_every_system_of_the_tree_can_be_read_and_is_in_an_order_in_which_it_can_be_made():
    assert systems() == ["azr", "work"]
    for name in systems():
        read = system(name)
        assert read.contracts and read.grants and read.title
        assert read.sender in {parameter.name for parameter in read.parameters}


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given["contracts"].reverse(),
        lambda given: given["contracts"][0]["arguments"].append("@Nobody"),
        lambda given: given["contracts"][0]["arguments"].append("{nothing}"),
        lambda given: given["grants"][0].update(contract="Nobody"),
        lambda given: given["grants"][0].update(holder="{nothing}"),
        lambda given: given["checks"][0].update(contract="Nobody"),
        lambda given: given["checks"][0].update(equals="{nothing}"),
        lambda given: given["parameters"][0].update(kind="fortune"),
        lambda given: given["parameters"][0].update(colour="red"),
        lambda given: given.update(sender="nobody"),
        lambda given: given.pop("contracts"),
        lambda given: given.pop("title"),
        lambda given: given["grants"][0].pop("role"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(change):
    given = copy.deepcopy(definition_of("azr"))
    change(given)
    with pytest.raises(Invalid, match="Nothing was planned"):
        System.parse("azr", given)


def test_a_plan_keeps_the_declaration_it_was_made_of():
    given = copy.deepcopy(definition_of("azr"))
    given["title"] = "As it was then"
    assert system_of({"system": "azr", "definition": given}).title == "As it was then"
    # Plans of the first consoles carry their values alone.
    assert system_of({"admin": "0x" + "11" * 20}).title == system("azr").title


def test_values_are_resolved_where_they_stand():
    values, addresses = {"reward": 7, "difficulty": 4096}, {"Token": "0x" + "11" * 20}
    written = ("@Token", ("{reward}", ("{difficulty|target}",)), "12", "plain")
    target = (1 << 244) - 1
    assert resolve(written, values, addresses) == (addresses["Token"], (7, (target,)), "12", "plain")
    assert fitted("(address,(uint256,(uint256)),uint64,string)", resolve(written, values, addresses)) == (
        addresses["Token"],
        (7, (target,)),
        12,
        "plain",
    )
    assert fitted("uint256[]", ("1", "0x10")) == (1, 16)
    assert fitted("bytes4", "0x01020304") == b"\1\2\3\4"
    with pytest.raises(Conflict, match="not there yet"):
        resolve("@Nobody", values, addresses)


@pytest.mark.parametrize("name", ["nobody", "../toolchain", "AZR", ""])
def test_what_is_no_system_is_not_found(name):
    with pytest.raises(NotFound, match="Nothing was planned"):
        definition_of(name)


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_proof_of_work_is_deployed_beside_the_economy(room):
    """Its contract may mint through the emission at once; what the preview promised is there."""
    with pytest.raises(NotFound, match="Deploy the AZR economy first"):
        await room.contracts.plan_deploy("anvil", "work", {"admin": room.deployer, **WORK})
    await room.deployed()
    economy = await room.contracts.economy(room.key)
    plan = await room.contracts.plan_deploy("anvil", "work", {"admin": room.deployer, **WORK})
    assert [effect.kind for effect in plan.preview.effects] == ["contract", "reward", "role"]
    assert not plan.preview.blocked, plan.preview
    done = await room.operations.execute(plan.id)
    assert done.state is PlanState.DONE and done.receipt.matches, done.reason
    address = str(done.steps[0].result["contract"])
    chain = await room.networks.connect("anvil")
    built = await room.contracts.compile()
    rules = abi.decode_output(
        built.get("MineableAzora").abi,
        "rules",
        await chain.rpc.call(
            "eth_call", {"to": address, "data": abi.encode_call(built.get("MineableAzora").abi, "rules", [])}, "latest"
        ),
    )
    assert rules == (50 * AZR, 10, 60, 32, (1 << 246) - 1, (1 << 192) - 1, (1 << 244) - 1)
    assert (await room.contracts.economy(room.key)).token == economy.token, "the economy is the same"


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_what_must_hold_afterwards_and_would_not_blocks_the_plan(room):
    await room.deployed()
    given = copy.deepcopy(definition_of("work"))
    given["checks"][0]["equals"] = "1"
    plan = await room.contracts.plan_deploy("anvil", "work", {"admin": room.deployer, **WORK}, given)
    (block,) = [verdict for verdict in plan.preview.verdicts if verdict.level is VerdictLevel.BLOCK]
    assert block.rule == "contracts.check.getMiningReward" and str(50 * AZR) in block.text


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.asyncio
async def test_who_does_not_administer_the_emission_cannot_give_its_role(room):
    await room.deployed()
    plan = await room.contracts.plan_deploy("anvil", "work", {"admin": room.other, **WORK})
    assert plan.preview.blocked and "AccessControlUnauthorizedAccount" in plan.preview.error


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"first_difficulty": 1023}, "first_difficulty"),
        ({"first_difficulty": 2**64 + 1}, "first_difficulty"),
        ({"initial_reward": "0"}, "initial_reward"),
        ({"initial_reward": "much"}, "initial_reward"),
        ({"solutions_per_era": 0}, "solutions_per_era"),
        ({"seconds_per_solution": "90.5"}, "seconds_per_solution"),
        ({"admin": "0x1"}, "admin"),
        ({"colour": "red"}, ""),
    ],
)
@pytest.mark.asyncio
async def test_a_parameter_that_does_not_fit_is_refused_at_its_field(room, values, field):
    with pytest.raises(Invalid, match="Nothing was (planned|changed)") as caught:
        await room.contracts.plan_deploy("anvil", "work", {"admin": room.deployer, **WORK, **values})
    assert caught.value.field == field


@pytest.mark.node
@pytest.mark.compiler
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda given: given["contracts"].append({"name": "Elsewhere"}), "Elsewhere"),
        (lambda given: given["contracts"][0]["arguments"].append(5), "takes 1"),
        (lambda given: given["contracts"][0].update(arguments=["hello"]), "hello"),
        (lambda given: given["contracts"][0].update(arguments=[["{admin}"]]), "AzoraToken"),
        (lambda given: given["contracts"].append({"name": "AzoraToken", "arguments": ["{admin}"]}), "AzoraToken twice"),
        (lambda given: given["checks"][0].update(view="nothing"), "nothing"),
        (lambda given: given["checks"][0].update(view="balanceOf"), "balanceOf"),
    ],
)
@pytest.mark.asyncio
async def test_a_declaration_that_does_not_fit_its_contracts_is_refused_in_words(room, change, said):
    given = {
        "title": "Deploy a token",
        "sender": "admin",
        "parameters": [{"name": "admin", "kind": "address"}],
        "contracts": [{"name": "AzoraToken", "arguments": ["{admin}"]}],
        "checks": [{"contract": "AzoraToken", "view": "cap", "equals": str(10**27), "effect": "cap"}],
    }
    change(given)
    with pytest.raises(Invalid, match="Nothing was planned") as caught:
        await room.contracts.plan_deploy("anvil", "token", {"admin": room.deployer}, given)
    assert said in caught.value.message and await room.operations.page() == []
