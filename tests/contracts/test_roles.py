"""Who holds which role since when, checked by the contract's own answer; rotation never leaves a role without a holder."""

from __future__ import annotations

import pytest

from app.chain import abi
from app.contracts.losing import GIVES_UP, GRANTS, HANDS_OVER, TAKES, Standing, losses
from app.contracts.roles import IN_KEYRING, SIGNING, Party
from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.operations.plans import PlanState, VerdictLevel
from app.operations.policy import typed_check
from tests.chain.misbehaving import Altered
from tests.contracts.deploy_program import Room

pytestmark = [pytest.mark.node, pytest.mark.compiler]


async def run(room: Room, plan):
    done = await room.operations.execute(plan.id)
    assert done.state is PlanState.DONE and done.receipt.matches, done.reason
    return done


async def held(room: Room, contract: str) -> dict[str, set[str]]:
    """Holders by role."""
    found: dict[str, set[str]] = {}
    for row in await room.contracts.roles.holders("anvil", contract):
        assert row.agrees
        found.setdefault(row.role, set()).add(row.holder)
    return found


@pytest.mark.asyncio
async def test_every_holder_is_there_with_the_block_that_granted_it(room: Room, node) -> None:
    await room.deployed()
    economy = await room.contracts.economy(room.key)
    rows = {row.role: row for row in await room.contracts.roles.holders("anvil", "AzoraToken")}
    assert set(rows) == {"DEFAULT_ADMIN_ROLE", "PAUSER_ROLE", "MINTER_ROLE"}
    minter = rows["MINTER_ROLE"]
    assert (minter.holder, minter.admin) == (economy.emission, "DEFAULT_ADMIN_ROLE")
    logs = node("eth_getLogs", {"address": economy.token, "fromBlock": "0x0", "toBlock": "latest"})
    granted = [int(log["blockNumber"], 16) for log in logs if log["topics"][2].endswith(economy.emission[2:].lower())]
    assert [minter.since] == granted


@pytest.mark.asyncio
async def test_a_rotation_grants_before_it_revokes(room: Room, node) -> None:
    await room.deployed()
    roles = room.contracts.roles
    plan = await roles.plan_rotate("anvil", "AzoraToken", "PAUSER_ROLE", room.deployer, room.other, room.deployer)
    assert [step.spec.title for step in plan.steps] == ["AzoraToken.grantRole", "AzoraToken.revokeRole"]
    assert {(effect.subject, bool(effect.before), bool(effect.after)) for effect in plan.preview.effects} == {
        (room.other, False, True),
        (room.deployer, True, False),
    }
    await run(room, plan)
    assert (await held(room, "AzoraToken"))["PAUSER_ROLE"] == {room.other}
    with pytest.raises(Conflict, match="does not hold"):
        await roles.plan_revoke("anvil", "AzoraToken", "PAUSER_ROLE", room.deployer, room.deployer)
    with pytest.raises(Invalid, match="one account") as told:
        await roles.plan_rotate("anvil", "AzoraToken", "PAUSER_ROLE", room.other, room.other, room.deployer)
    assert told.value.field == "new"


@pytest.mark.asyncio
async def test_granting_and_revoking_say_what_changes_and_do_it(room: Room, node) -> None:
    await room.deployed()
    roles = room.contracts.roles
    await run(room, await roles.plan_grant("anvil", "MintMine", "ATTESTER_ROLE", room.deployer, room.deployer))
    assert (await held(room, "MintMine"))["ATTESTER_ROLE"] == {room.deployer, room.other}
    with pytest.raises(Conflict, match="already"):
        await roles.plan_grant("anvil", "MintMine", "ATTESTER_ROLE", room.deployer, room.deployer)
    await run(room, await roles.plan_revoke("anvil", "MintMine", "ATTESTER_ROLE", room.other, room.deployer))
    assert (await held(room, "MintMine"))["ATTESTER_ROLE"] == {room.deployer}
    with pytest.raises(NotFound, match="no role NO_ROLE"):
        await roles.plan_grant("anvil", "MintMine", "NO_ROLE", room.other, room.deployer)
    with pytest.raises(Invalid, match="64 hex digits"):
        await roles.plan_grant("anvil", "MintMine", "0x" + "zz" * 32, room.other, room.deployer)
    refused = await roles.plan_grant("anvil", "MintMine", "ATTESTER_ROLE", room.other, room.other)
    assert "AccessControlUnauthorizedAccount" in refused.preview.error and refused.preview.blocked


@pytest.mark.asyncio
async def test_the_emergency_pause_finds_who_may_and_shows_what_it_does(room: Room, node) -> None:
    await room.deployed()
    roles = room.contracts.roles

    async def parties(_network):
        return {room.other: Party("Other", IN_KEYRING), room.deployer: Party("Deployer", IN_KEYRING)}

    roles.parties = parties
    plan = await roles.plan_pause("anvil", "AzoraToken")
    assert plan.params["sender"] == room.deployer, "the first account that the contract lets"
    (effect,) = plan.preview.effects
    assert (effect.kind, effect.label, effect.before, effect.after) == ("paused", "AzoraToken", "running", "paused")
    await run(room, plan)
    with pytest.raises(Conflict, match="paused already"):
        await roles.plan_pause("anvil", "AzoraToken")
    await run(room, await roles.plan_pause("anvil", "AzoraToken", resume=True))
    assert (await room.contracts.calls.read("anvil", "AzoraToken", "paused")).values[0][2] is False
    roles.parties = None
    with pytest.raises(NotFound, match="No account of this console"):
        await roles.plan_pause("anvil", "AzoraToken")
    with pytest.raises(NotFound, match="cannot be paused"):
        await roles.plan_pause("anvil", "Emission")


def lost(plan) -> dict[str, tuple[VerdictLevel, str]]:
    """What the plan takes away, by rule."""
    rules = ("contracts.last_holder", "contracts.last_owner", "contracts.key_elsewhere")
    return {each.rule: (each.level, each.text) for each in plan.preview.verdicts if each.rule in rules}


@pytest.mark.asyncio
async def test_taking_the_last_administrator_names_what_is_lost_for_good(room: Room, node) -> None:
    await room.deployed()
    roles, token = room.contracts.roles, "AzoraToken"
    plan = await roles.plan_revoke("anvil", token, "DEFAULT_ADMIN_ROLE", room.deployer, room.deployer)
    level, said = lost(plan)["contracts.last_holder"]
    assert level is VerdictLevel.WARNING and "nobody can ever give it to anybody again" in said
    assert all(role in said for role in ("DEFAULT_ADMIN_ROLE", "MINTER_ROLE", "PAUSER_ROLE"))
    admin = "0x" + "00" * 32
    with pytest.raises(Denied, match="the name typed is not “Anvil”"):
        await room.operations.execute(plan.id)
    assert (await held(room, token))["DEFAULT_ADMIN_ROLE"] == {room.deployer}
    renounced = await room.contracts.calls.plan_call("anvil", token, "renounceRole", [admin, room.deployer], room.deployer)
    assert lost(renounced) == lost(plan), "whichever way it is lost"
    assert typed_check(renounced) == typed_check(plan) == "Anvil"
    pauser = await roles.plan_revoke("anvil", token, "PAUSER_ROLE", room.deployer, room.deployer)
    assert typed_check(pauser) == ""
    level, said = lost(pauser)["contracts.last_holder"]
    assert level is VerdictLevel.NOTE and "DEFAULT_ADMIN_ROLE decides who gets it again" in said
    await run(room, await roles.plan_grant("anvil", token, "DEFAULT_ADMIN_ROLE", room.other, room.deployer))
    assert not lost(await roles.plan_revoke("anvil", token, "DEFAULT_ADMIN_ROLE", room.deployer, room.deployer))


@pytest.mark.asyncio
async def test_a_role_that_leaves_the_keys_of_this_console_is_a_warning(room: Room, node) -> None:
    await room.deployed()
    roles, stranger = room.contracts.roles, "0x" + "d1" * 20

    async def parties(_network):
        return {room.deployer: Party("Deployer", IN_KEYRING), room.other: Party("Other", IN_KEYRING)}

    roles.parties = parties
    away = await roles.plan_rotate("anvil", "AzoraToken", "DEFAULT_ADMIN_ROLE", room.deployer, stranger, room.deployer)
    level, said = lost(away)["contracts.key_elsewhere"]
    assert level is VerdictLevel.WARNING and "(foreign)" in said and "No key of this console holds DEFAULT_ADMIN_ROLE" in said
    kept = await roles.plan_rotate("anvil", "AzoraToken", "DEFAULT_ADMIN_ROLE", room.deployer, room.other, room.deployer)
    assert not lost(kept)


A, B, MINE, YOURS = "0x" + "00" * 32, "0x" + "0b" * 32, "0x" + "11" * 20, "0x" + "22" * 20


def call(function: str, *given: object) -> dict[str, str]:
    kinds = function.partition("(")[2][:-1].split(",") if given else []
    return {"function": function, "data": "0x" + "00" * 4 + abi.encode(kinds, given).hex()}


def test_an_owner_that_goes_and_a_role_that_administers_itself() -> None:
    owned = Standing("Box", {}, {}, {}, MINE, {MINE: Party("", IN_KEYRING)})
    assert [each.rule for each in losses(owned, [call(GIVES_UP)], SIGNING)] == ["contracts.last_owner"]
    assert [each.rule for each in losses(owned, [call(HANDS_OVER, YOURS)], SIGNING)] == ["contracts.key_elsewhere"]
    # B administers itself: without a holder it is gone, though A still has one.
    own = Standing("Box", {A: {MINE}, B: {YOURS}}, {A: A, B: B}, {A: "A", B: "B"})
    (gone,) = losses(own, [call(TAKES[0], bytes.fromhex(B[2:]), YOURS)], SIGNING)
    assert gone.level is VerdictLevel.WARNING and gone.text.endswith("revoked again: B.")
    back = [call(GRANTS, bytes.fromhex(B[2:]), MINE), call(TAKES[0], bytes.fromhex(B[2:]), YOURS)]
    assert losses(own, back, SIGNING) == ()


@pytest.mark.asyncio
async def test_a_node_without_logs_grants_all_the_same_and_says_what_is_not_known(room: Room, node) -> None:
    await room.deployed()
    async with Altered(node.url, hidden=("eth_getLogs",)) as poorer:
        room.networks.route = lambda _url: poorer.url
        plan = await room.contracts.roles.plan_revoke("anvil", "AzoraToken", "DEFAULT_ADMIN_ROLE", room.deployer, room.deployer)
        assert poorer.asked["eth_getLogs"] == 1, "a shorter range would be refused as well"
    level, said = lost(plan)["contracts.last_holder"]
    assert level is VerdictLevel.WARNING and "is not known" in said and not plan.preview.blocked
