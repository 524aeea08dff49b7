"""Who holds which role since when, checked by the contract's own answer; rotation never leaves a role without a holder."""

from __future__ import annotations

import pytest

from app.contracts.roles import IN_KEYRING, Party
from app.core.errors import Conflict, Invalid, NotFound
from app.operations.plans import PlanState
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
