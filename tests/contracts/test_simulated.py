"""Our own contracts, tried in each way of simulating: the same effects, the same gas and the same reasons, then the real thing."""

from __future__ import annotations

import pytest

from app.chain import CallRequest, Simulation, abi
from app.chain.hashing import keccak256
from app.chain.simulation import METHODS
from tests.contracts.deploy_program import AZR, Room

pytestmark = [pytest.mark.node, pytest.mark.compiler]


async def ways(room: Room) -> list[Simulation]:
    """One simulation for each way, which know our errors by name."""
    built = await room.contracts.compile()
    made = [Simulation(networks=room.networks, methods=(method,)) for method in METHODS]
    for simulation in made:
        for name in ("AzoraToken", "Emission", "MintMine", "Redemption"):
            simulation.register_abi(built.get(name).abi, name)
    return made


@pytest.mark.asyncio
async def test_minting_granting_and_redeeming_look_the_same_in_each_way(room, node):
    await room.deployed()
    economy = await room.contracts.economy(room.key)
    built = await room.contracts.compile()
    token, redemption = built.get("AzoraToken").abi, built.get("Redemption").abi
    node("anvil_setBalance", economy.emission, hex(10**18))
    node.mine()
    minter = keccak256(b"MINTER_ROLE")
    calls = [
        CallRequest(economy.emission, economy.token, abi.encode_call(token, "mint", [room.other, 5 * AZR]), 0, "Mint"),
        CallRequest(room.deployer, economy.token, abi.encode_call(token, "grantRole", [minter, room.deployer]), 0, "Grant"),
        CallRequest(room.deployer, economy.token, abi.encode_call(token, "mint", [room.other, AZR]), 0, "Mint again"),
        CallRequest(room.other, economy.token, abi.encode_call(token, "approve", [economy.redemption, 4 * AZR]), 0, "Approve"),
        CallRequest(room.other, economy.redemption, abi.encode_call(redemption, "request", [3 * AZR, b"\1" * 32]), 0, "Request"),
        CallRequest(room.deployer, economy.token, abi.encode_call(token, "mint", [room.other, 10**28]), 0, "Too much"),
        CallRequest(room.other, economy.token, abi.encode_call(token, "mint", [room.other, 1]), 0, "Not allowed"),
        CallRequest(room.other, economy.redemption, abi.encode_call(redemption, "request", [0, b"\2" * 32]), 0, "Nothing"),
    ]
    first, *rest = [await simulation.preview("anvil", calls) for simulation in await ways(room)]
    assert [(e.kind, e.subject, e.before, e.after) for e in first.effects] == [
        ("balance", room.other, "0", str(3 * AZR)),
        ("supply", economy.token, "0", str(6 * AZR)),
        ("balance", economy.redemption, "0", str(3 * AZR)),
        ("allowance", f"{room.other}→{economy.redemption}", "0", str(AZR)),
        ("role", room.deployer, "", f"MINTER_ROLE on {economy.token}"),
    ]
    assert first.errors[:5] == ("",) * 5
    assert first.errors[5] == (
        "Too much: the supply would become 10,000,000,006 AZR, above the cap of 1,000,000,000 AZR (ERC20ExceededCap)"
    )
    assert first.errors[6] == f"Not allowed: {room.other} does not hold the role MINTER_ROLE (AccessControlUnauthorizedAccount)"
    assert first.errors[7] == "Nothing: NothingAsked()", "a word of its own ABI; it is not known to be the economy's contract"
    for other in rest:
        assert (other.effects, other.errors, other.gas) == (first.effects, first.errors, first.gas)
