"""Calls through an ABI: a read names its block, a write is a plan, a refusal is decoded, and proxies are seen through."""

from __future__ import annotations

import json

import pytest

from app.chain import abi
from app.contracts.books import Imported, read_abi, read_deployments
from app.contracts.interfaces import BY_CODE, IMPORTED, OURS
from app.contracts.proxies import ADMIN, BEACON, IMPLEMENTATION
from app.core.errors import Conflict, Invalid, NotFound
from app.core.evidence import EvidenceStatus
from app.operations.plans import PlanState
from tests.contracts.deploy_program import AZR, Room

pytestmark = [pytest.mark.node, pytest.mark.compiler]
FOREIGN = "0x" + "c1" * 20
BEACON_AT = "0x" + "be" * 20


@pytest.mark.asyncio
async def test_a_read_names_its_block_and_an_older_block_answers_as_it_was(room: Room, node) -> None:
    await room.deployed()
    calls = room.contracts.calls
    now = await calls.read("anvil", "AzoraToken", "hasRole", ["0x" + "00" * 32, room.deployer])
    assert [value for _, _, value in now.values] == [True]
    block = node("eth_getBlockByNumber", hex(now.block), False)
    assert (now.evidence.block_hash, now.evidence.status) == (block["hash"], EvidenceStatus.CLAIMED)
    book = await room.contracts.book(room.key)
    created = next(item.block for item in book if item.name == "MintMine")
    with pytest.raises(Conflict, match="was not there yet"):
        await calls.read("anvil", "MintMine", "emission", [], created - 1)
    assert (await calls.read("anvil", "MintMine", "emission", [], created)).block == created
    with pytest.raises(Invalid, match="does not exist yet"):
        await calls.read("anvil", "AzoraToken", "cap", [], now.block + 1_000)
    with pytest.raises(Invalid) as told:
        await calls.read("anvil", "AzoraToken", "balanceOf", ["0x12"])
    assert told.value.field == "0"
    with pytest.raises(NotFound, match="no function mint2"):
        await calls.read("anvil", "AzoraToken", "mint2")


@pytest.mark.asyncio
async def test_a_write_is_a_plan_and_what_it_promised_is_measured(room: Room, node) -> None:
    await room.deployed()
    calls = room.contracts.calls
    plan = await calls.plan_call("anvil", "AzoraToken", "approve", [room.other, str(5 * AZR)], room.deployer)
    (effect,) = plan.preview.effects
    assert (effect.kind, effect.after) == ("allowance", str(5 * AZR))
    (call,) = plan.preview.calls
    assert call.function == "approve" and dict(call.arguments) == {"spender": room.other, "value": str(5 * AZR)}
    done = await room.operations.execute(plan.id)
    assert done.state is PlanState.DONE and done.receipt.matches, done.reason
    assert (await calls.read("anvil", "AzoraToken", "allowance", [room.deployer, room.other])).values[0][2] == str(5 * AZR)
    for wrong, value in (("balanceOf", 0), ("approve", 1)):
        given = [room.other] if wrong == "balanceOf" else [room.other, "1"]
        with pytest.raises(Invalid, match="only reads|takes no coin"):
            await calls.plan_call("anvil", "AzoraToken", wrong, given, room.deployer, value)


@pytest.mark.asyncio
async def test_a_call_is_marked_verified_only_while_the_code_is_the_one_that_was_verified(room: Room, node) -> None:
    await room.deployed()
    contracts = room.contracts

    async def marked(target: str = "AzoraToken") -> bool:
        plan = await contracts.calls.plan_call("anvil", target, "approve", [room.other, "5"], room.deployer)
        return plan.preview.calls[0].verified

    async def verdict() -> str:
        return next(item.verdict for item in await contracts.deployments(room.key) if item.name == "AzoraToken")

    assert not await marked() and await verdict() == ""
    token = (await contracts.economy(room.key)).token
    assert (await contracts.verify(room.key, "AzoraToken"))[0].verdict == "exact"
    assert await marked() and await verdict() == "exact"

    # A proxy is its own code too, and an ABI from elsewhere proves nothing of the code.
    clone = "0x" + "c2" * 20
    code = node("eth_getCode", token, "latest")
    node("anvil_setCode", clone, "0x363d3d373d3d3d363d73" + token[2:].lower() + "5af43d82803e903d91602b57fd5bf3")
    assert not await marked(clone)
    await contracts.books.keep(room.key, FOREIGN, "Foreign", (await contracts.compile()).get("AzoraToken").abi)
    node("anvil_setCode", FOREIGN, code)
    assert not await marked(FOREIGN)

    changed = bytearray.fromhex(code[2:])
    changed[-60] ^= 1  # within the metadata: it does the same
    node("anvil_setCode", token, "0x" + changed.hex())
    assert not await marked() and await verdict() == ""
    assert (await contracts.verify(room.key, "AzoraToken"))[0].verdict != "exact"
    assert not await marked()
    node("anvil_setCode", token, code)
    assert not await marked()  # the newest verdict was of other code
    await contracts.verify(room.key, "AzoraToken")
    assert await marked()


@pytest.mark.asyncio
async def test_a_refusal_is_told_in_the_contracts_own_words(room: Room, node) -> None:
    await room.deployed()
    plan = await room.contracts.calls.plan_call("anvil", "AzoraToken", "transfer", [room.other, "1"], room.deployer)
    assert "ERC20InsufficientBalance" in plan.preview.error and plan.preview.blocked
    with pytest.raises(Conflict, match="AccessControlUnauthorizedAccount"):
        await room.contracts.calls.read("anvil", "AzoraToken", "pause", sender=room.other)


@pytest.mark.asyncio
async def test_events_come_newest_first_in_pages_that_join_without_a_gap(room: Room, node) -> None:
    await room.deployed()
    for number in range(1, 6):
        plan = await room.contracts.calls.plan_call("anvil", "AzoraToken", "approve", [room.other, str(number)], room.deployer)
        assert (await room.operations.execute(plan.id)).state is PlanState.DONE
    events = room.contracts.events
    page = await events.page("anvil", "AzoraToken", "Approval", {"owner": room.deployer}, limit=2)
    assert len(page.rows) == 2 and page.next >= 0
    seen = [dict(row.values)["value"] for row in page.rows]
    while page.next >= 0:
        page = await events.page("anvil", "AzoraToken", "Approval", {"owner": room.deployer}, last=page.next, limit=2)
        seen += [dict(row.values)["value"] for row in page.rows]
    assert seen == ["5", "4", "3", "2", "1"]
    assert not (await events.page("anvil", "AzoraToken", "Approval", {"owner": room.other})).rows
    everything = await events.page("anvil", "AzoraToken")
    assert {row.event for row in everything.rows} == {"Approval", "RoleGranted"}
    with pytest.raises(Invalid, match="no indexed argument") as told:
        await events.page("anvil", "AzoraToken", "Approval", {"value": "1"})
    assert told.value.field == "value"


@pytest.mark.asyncio
async def test_proxies_are_seen_through(room: Room, node) -> None:
    await room.deployed()
    token = next(item.address for item in await room.contracts.book(room.key) if item.name == "AzoraToken")
    word = "0x" + token[2:].lower().rjust(64, "0")
    admin = "0x" + room.other[2:].lower().rjust(64, "0")
    interfaces = room.contracts.calls.interfaces
    # EIP-1967: the slots are what counts, so any code will do.
    node("anvil_setCode", FOREIGN, "0x5b")
    node("anvil_setStorageAt", FOREIGN, IMPLEMENTATION, word)
    node("anvil_setStorageAt", FOREIGN, ADMIN, admin)
    found = await interfaces.get("anvil", "0x" + FOREIGN[2:].lower())
    assert (found.proxy.standard, found.proxy.implementation, found.proxy.admin) == ("EIP-1967", token, room.other)
    assert found.implementation == "AzoraToken" and found.has("cap()")
    # A beacon that answers implementation() with the token.
    node("anvil_setStorageAt", FOREIGN, IMPLEMENTATION, "0x" + "00" * 32)
    node("anvil_setStorageAt", FOREIGN, BEACON, "0x" + BEACON_AT[2:].rjust(64, "0"))
    node("anvil_setCode", BEACON_AT, "0x73" + token[2:].lower() + "60005260206000f3")
    found = await interfaces.get("anvil", FOREIGN)
    assert (found.proxy.standard, found.proxy.implementation) == ("EIP-1967 beacon", token)
    # EIP-1167: a clone is known by its code, and really forwards.
    clone = "0x" + "c2" * 20
    node("anvil_setCode", clone, "0x363d3d373d3d3d363d73" + token[2:].lower() + "5af43d82803e903d91602b57fd5bf3")
    found = await interfaces.get("anvil", clone)
    assert (found.proxy.standard, found.proxy.implementation) == ("EIP-1167", token)
    assert (await room.contracts.calls.read("anvil", clone, "decimals")).values[0][2] == "18"
    assert (await interfaces.get("anvil", token)).proxy is None


@pytest.mark.asyncio
async def test_where_an_interface_comes_from_is_said(room: Room, node) -> None:
    await room.deployed()
    token = next(item.address for item in await room.contracts.book(room.key) if item.name == "AzoraToken")
    interfaces, books = room.contracts.calls.interfaces, room.contracts.books
    assert (await interfaces.get("anvil", "AzoraToken#1")).origin == OURS
    node("anvil_setCode", FOREIGN, node("eth_getCode", token, "latest"))
    assert (await interfaces.get("anvil", FOREIGN)).origin == BY_CODE
    node("anvil_setCode", FOREIGN, "0x5b00")
    with pytest.raises(NotFound, match="Nobody here knows"):
        await interfaces.get("anvil", FOREIGN)
    kept = await books.keep(room.key, FOREIGN, "Theirs", read_abi(json.dumps(abi.ERC20, default=list)))
    found = await interfaces.get("anvil", "Theirs")
    assert (found.origin, found.address) == (IMPORTED, kept.address) and found.has("symbol()")
    await books.forget(room.key, FOREIGN)
    with pytest.raises(NotFound):
        await interfaces.get("anvil", "Theirs")
    with pytest.raises(NotFound, match="no contract at"):
        await interfaces.get("anvil", "0x" + "d1" * 20)


@pytest.mark.parametrize("kind", ["uint7", "int264", "uint0", "bytes33", "bytes0", "uint08", "int12[]", "uint7[3][]"])
def test_a_type_that_solidity_does_not_have_is_refused_where_it_stands(kind: str) -> None:
    plain = {"type": "function", "name": "f", "inputs": [{"name": "a", "type": kind}]}
    within = {"type": "event", "name": "E", "inputs": [{"type": "tuple[]", "components": [{"type": "bool"}, {"type": kind}]}]}
    for entry in (plain, within):
        with pytest.raises(Invalid, match=rf"Entry 1 .* of type {kind.partition('[')[0]}, .*Nothing was kept") as told:
            read_abi(json.dumps([entry]))
        assert told.value.field == "abi"


def test_the_types_that_solidity_has_are_kept() -> None:
    """Also those of a library's functions, whose names are its own."""
    kinds = ["uint8", "uint", "int256[2][]", "bytes1", "bytes32", "bytes", "fixed128x18", "function", "Lib.uint7x storage"]
    entry = {"type": "function", "name": "f", "inputs": [{"type": kind} for kind in kinds]}
    (read,) = read_abi(json.dumps([entry]))
    assert [each["type"] for each in read["inputs"]] == kinds


def test_interfaces_are_read_as_others_write_them(tmp_path) -> None:
    plain = [{"type": "function", "name": "f", "inputs": [{"name": "a", "type": "uint256"}], "stateMutability": "view"}]
    wanted = read_abi(json.dumps(plain))
    assert read_abi(json.dumps({"abi": plain})) == read_abi(json.dumps({"status": "1", "result": json.dumps(plain)})) == wanted
    unnamed, listed = '[{"type": "function", "inputs": [{"name": "a"}]}]', '[{"type": ["function"]}]'
    numbered = '[{"type": "function", "name": "f", "inputs": [{"type": 5}]}]'
    for bad in ("", "{}", "[]", "[" * 100_000, '[{"type": "struct"}]', unnamed, listed, numbered):
        with pytest.raises(Invalid) as told:
            read_abi(bad)
        assert told.value.field == "abi"
    ignition = tmp_path / "chain-1337"
    (ignition / "artifacts").mkdir(parents=True)
    (ignition / "deployed_addresses.json").write_text(json.dumps({"Azr#Token": FOREIGN, "Azr#Mine": BEACON_AT}))
    (ignition / "artifacts" / "Azr#Token.json").write_text(json.dumps({"abi": plain}))
    token, mine = read_deployments(ignition)
    assert (token.name, token.abi, token.origin) == ("Token", wanted, "Ignition Azr#Token") and not mine.abi
    deploy = tmp_path / "deployments"
    deploy.mkdir()
    (deploy / "Vault.json").write_text(json.dumps({"address": FOREIGN, "abi": plain}))
    (deploy / ".chainId").write_text("1337")
    assert read_deployments(deploy) == [Imported("Vault", token.address, wanted, "hardhat-deploy")]
    with pytest.raises(Invalid, match="no deployments"):
        read_deployments(tmp_path)
