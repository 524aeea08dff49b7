"""A declared system of any project: its library, dependency, role and condition, through a kill and an edit of its sources."""

from __future__ import annotations

import asyncio
import copy
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from app.chain.hashing import keccak256
from app.contracts.deployments import role_held
from app.contracts.projects import project_around
from app.contracts.systems import read_definition
from app.contracts.toolchain import CONTRACTS
from app.contracts.verification.verdicts import Verdict
from app.core.errors import Conflict, Invalid
from app.operations.plans import Plan, PlanState
from tests.contracts.deploy_program import Room
from tests.contracts.test_killed_deployment import console, sent
from tests.contracts.test_singles import asked

pytestmark = [pytest.mark.node, pytest.mark.compiler]
GUILD = Path(__file__).parents[1] / "data" / "guild"


@pytest.fixture
def guild(tmp_path: Path) -> Path:
    """The file of the system, in a copy of its project."""
    return shutil.copytree(GUILD, tmp_path / "guild") / "guild.toml"


async def planned(room: Room, file: Path, definition: dict[str, Any] | None = None, **values: object) -> Plan:
    """The plan of a system as a file declares it, or as ``definition`` would."""
    given = definition or read_definition(file)
    return await room.contracts.plan_deploy(
        "anvil", "guild", {"master": room.deployer, **values}, given, project=project_around(file)
    )


async def whole(room: Room, plan: Plan) -> None:
    """Everything that the guild's file declares is there, and is what the plan says."""
    assert plan.state is PlanState.DONE and plan.receipt is not None and plan.receipt.matches, plan.reason
    book = {item.name: item for item in await room.contracts.deployments(room.key)}
    assert sorted(book) == ["Guild", "Shares", "Till"] and all(item.runtime_matches for item in book.values())
    till = await room.contracts.compiler.find(book["Till"].artifact)
    assert await asked(room, till, book["Till"].address, "share") == 7
    assert await asked(room, till, book["Till"].address, "guild") == book["Guild"].address
    chain = await room.networks.connect("anvil")
    assert await role_held(chain, book["Guild"].address, keccak256(b"COLLECTOR_ROLE"), book["Till"].address)


def test_a_file_belongs_to_the_project_that_it_lies_in(tmp_path: Path, guild: Path):
    deep = guild.parent / "deploy" / "main" / "guild.toml"
    assert project_around(guild) == project_around(deep) == guild.parent
    assert project_around(tmp_path / "guild.toml") is None
    assert project_around(CONTRACTS / "systems" / "azr.toml") is None, "ours are compiled as ours, whatever foundry.toml says"


@pytest.mark.asyncio
async def test_a_system_of_another_project_is_deployed_once_and_what_is_there_is_kept(room: Room, guild: Path):
    plan = await planned(room, guild)
    assert not plan.preview.blocked, plan.preview
    assert [effect.kind for effect in plan.preview.effects] == ["contract", "contract", "contract", "share", "guild", "role"]
    await whole(room, await room.operations.execute(plan.id))
    with pytest.raises(Conflict, match="Shares, Guild, Till"):
        await planned(room, guild)

    source = guild.parent / "src" / "Till.sol"
    source.write_text(source.read_text(encoding="utf-8").replace("uint256 due)", "uint256 due, bool open)"), encoding="utf-8")
    changed = read_definition(guild)
    changed["contracts"][2]["arguments"].append(True)
    again = await planned(room, guild, changed)
    assert [step.spec.title for step in again.steps] == ["Create Till", "Grant COLLECTOR_ROLE on Guild"]
    assert "Till is made anew: its code is another" in {verdict.text for verdict in again.preview.verdicts}
    assert not again.preview.blocked, again.preview


@pytest.mark.parametrize(("point", "count"), [("chain.transaction.sent", 2), ("runner.step.preparing", 3)])
def test_a_killed_deployment_goes_on_as_it_was_confirmed_though_its_sources_were_edited(tmp_path, node, cache, guild, point, count):
    home, source = tmp_path / "home", guild.parent / "src" / "Till.sol"
    killed = console(home, node.url, "declared", cache, str(guild), AZORA_FAULT=f"{point}:{count}")
    assert killed == -signal.SIGKILL
    source.write_text(source.read_text(encoding="utf-8").replace("Shares.half(due)", "due"), encoding="utf-8")
    assert console(home, node.url, "recover", cache) == 0
    assert [int(tx["nonce"], 16) for tx in sent(node)] == [0, 1, 2, 3]

    async def look() -> None:
        room = await Room(home, node.url, cache).open()
        try:
            await whole(room, await room.operations.get("PLN-0001"))
        finally:
            await room.close()

    asyncio.run(look())


@pytest.mark.asyncio
async def test_of_several_contracts_of_one_name_the_declaration_says_which(room: Room, guild: Path):
    (guild.parent / "src" / "Old.sol").write_text(
        "pragma solidity ^0.8.20; contract Guild { uint256 public age; }", encoding="utf-8"
    )
    with pytest.raises(Invalid, match=r"src/Guild.sol:Guild, src/Old.sol:Guild"):
        await planned(room, guild)
    given = read_definition(guild)
    given["contracts"][1]["contract"] = "src/Guild.sol:Guild"
    given["contracts"].append({"name": "Museum", "contract": "src/Old.sol:Guild"})
    await room.operations.execute((await planned(room, guild, copy.deepcopy(given))).id)
    book = {item.name: item for item in await room.contracts.deployments(room.key)}
    assert set(book) == {"Shares", "Guild", "Till", "Museum"} and all(item.runtime_matches for item in book.values())
    assert await asked(room, await room.contracts.compiler.find(book["Museum"].artifact), book["Museum"].address, "age") == 0


@pytest.mark.asyncio
async def test_what_a_project_lacks_and_a_name_that_plans_keep_are_refused(room: Room, guild: Path):
    given = read_definition(guild)
    given["contracts"].append({"name": "AzoraToken", "arguments": ["{master}"]})
    with pytest.raises(Invalid, match="AzoraToken, which is not among the contracts of .*guild"):
        await planned(room, guild, given)
    given = {**read_definition(guild), "needs": ["AzoraToken"]}
    given["checks"].append({"contract": "AzoraToken", "view": "cap", "equals": "1", "effect": "cap"})
    with pytest.raises(Invalid, match=r"asks AzoraToken.cap, and AzoraToken is not among the contracts of .*guild"):
        await planned(room, guild, given)
    given = read_definition(guild)
    given["parameters"].append({"name": "known", "kind": "number", "default": "1"})
    with pytest.raises(Invalid, match="calls a parameter known"):
        await planned(room, guild, given)
    assert await room.operations.page() == []


@pytest.mark.asyncio
async def test_a_contract_is_linked_with_the_library_that_the_declaration_names_and_verified_so(room: Room, guild: Path):
    """Two contracts of the system are that library, so the declaration must say which one is meant."""
    given = read_definition(guild)
    given["contracts"].insert(1, {"name": "Reserve", "contract": "Shares"})
    with pytest.raises(Invalid, match="Shares, which Shares and Reserve are") as refused:
        await planned(room, guild, given)
    assert 'libraries = {Shares = "Shares"}' in refused.value.remedy
    given["contracts"][3]["libraries"] = {"Shares": "Reserve"}
    done = await room.operations.execute((await planned(room, guild, given)).id)
    assert done.state is PlanState.DONE and done.receipt.matches, done.reason
    book = {item.name: item.address for item in await room.contracts.deployments(room.key)}
    verified, _ = await room.contracts.verify(room.key, "Till")
    assert verified.libraries == {"src/Shares.sol:Shares": book["Reserve"]} and book["Reserve"] != book["Shares"]
    assert verified.verdict is Verdict.EXACT, verified.differences


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made.append(made.pop(0)), r"links the library Shares \(src/Shares.sol:Shares\), and no contract before it"),
        (lambda made: made.pop(0), r"links the library Shares \(src/Shares.sol:Shares\), and no contract before it"),
        (
            lambda made: made[0].update(contract="src/Guild.sol:Guild", arguments=["{master}"]),
            "no contract before it is that library",
        ),
        (lambda made: made[2].update(libraries={"Shares": "Nobody"}), "Till refers to Nobody, which is not there before it"),
        (lambda made: made[1].update(libraries={"Shares": "Shares"}), "Guild a library Shares, which it does not link"),
        (lambda made: made[2].update(libraries="Shares"), "cannot be read"),
    ],
)
async def test_a_library_that_is_not_there_in_time_is_named_before_anything_is_planned(room: Room, guild: Path, change, said: str):
    given = read_definition(guild)
    change(given["contracts"])
    with pytest.raises(Invalid, match=said):
        await planned(room, guild, given)
    assert await room.operations.page() == []


@pytest.mark.asyncio
async def test_the_rest_of_a_deployment_takes_what_its_sources_make_now_and_leaves_what_is_there(room: Room, guild: Path):
    """Who mends the contract at which it ended goes on with it; an edit of one that is there already makes nothing anew."""
    plan, sign = await planned(room, guild), room.signer.sign_transaction

    async def until_the_third(*task: Any) -> bytes:
        if room.signer.signed >= 2:
            raise Conflict("The signer has had enough.")
        return await sign(*task)

    room.signer.sign_transaction = until_the_third  # type: ignore[method-assign]
    failed = await room.operations.execute(plan.id)
    assert failed.state is PlanState.FAILED
    room.signer.sign_transaction = sign  # type: ignore[method-assign]
    for name in ("Guild", "Till"):
        source = guild.parent / "src" / f"{name}.sol"
        source.write_text(source.read_text(encoding="utf-8") + "// edited\n", encoding="utf-8")
    rest = await room.contracts.plan_rest(failed.id)
    assert [step.spec.title for step in rest.steps] == ["Create Till", "Grant COLLECTOR_ROLE on Guild"]
    was, now = failed.params["sources"]["artifacts"], rest.params["sources"]["artifacts"]
    assert {name for name in was if was[name] != now[name]} == {"Till"}
    assert not rest.preview.blocked, rest.preview
    await whole(room, await room.operations.execute(rest.id))
