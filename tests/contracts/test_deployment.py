"""One plan deploys the whole economy; what it promised is what is there, and the address book knows it."""

from __future__ import annotations

import pytest

from app.chain import abi
from app.chain.simulation import CallRequest
from app.contracts.artifacts import Artifact
from app.core.errors import Conflict, Invalid
from app.core.events import ContractsChanged
from app.operations.plans import PlanState, VerdictLevel
from tests.chain.misbehaving import Altered
from tests.contracts.deploy_program import AZR, Room

pytestmark = [pytest.mark.node, pytest.mark.compiler]


async def view(room: Room, artifact: Artifact, address: str, name: str, *arguments: object):
    """What a view of a contract answers."""
    chain = await room.networks.connect("anvil")
    data = abi.encode_call(artifact.abi, name, arguments)
    return abi.decode_output(artifact.abi, name, await chain.rpc.call("eth_call", {"to": address, "data": data}, "latest"))


@pytest.mark.asyncio
async def test_the_preview_says_what_will_be_and_sends_nothing(room, node):
    before = node("eth_blockNumber")
    plan = await room.planned()
    assert plan.state is PlanState.PREVIEWED and not plan.preview.blocked
    assert [step.spec.kind for step in plan.steps] == ["contracts.create"] * 4 + ["contracts.grant"] * 4
    kinds = [effect.kind for effect in plan.preview.effects]
    assert kinds == ["contract"] * 4 + ["cap"] + ["role"] * 4
    assert all(effect.before == "" for effect in plan.preview.effects)
    cap = next(effect for effect in plan.preview.effects if effect.kind == "cap")
    assert (cap.after, cap.unit, cap.decimals) == (str(10**9 * AZR), "AZR", 18)
    assert plan.preview.method == "eth_simulateV1" and plan.preview.fee.gas > 4_000_000
    assert node("eth_blockNumber") == before and room.signer.signed == 0


@pytest.mark.asyncio
async def test_what_is_there_afterwards_is_what_was_shown(room, node):
    told: list[ContractsChanged] = []
    room.bus.subscribe(ContractsChanged, told.append)
    plan = await room.deployed()
    assert plan.state is PlanState.DONE and plan.receipt.matches, plan.reason
    assert told
    promised = {effect.subject: effect.after for effect in plan.preview.effects if effect.kind == "contract"}
    book = await room.contracts.deployments(room.key)
    assert {item.name: item.address for item in book} == promised
    for item in book:
        receipt = node("eth_getTransactionReceipt", item.tx_hash)
        assert receipt["contractAddress"] == item.address.lower() and receipt["blockHash"] == item.block_hash
        assert int(receipt["blockNumber"], 16) == item.block
        assert (item.deployer, item.version, item.checked, item.runtime_matches) == (room.deployer, 1, True, True)
    paid = sum(
        int(receipt["gasUsed"], 16) for receipt in (node("eth_getTransactionReceipt", step.result["hash"]) for step in plan.steps)
    )
    assert paid <= plan.preview.fee.gas_limit and plan.preview.fee.gas == pytest.approx(paid, rel=0.05)


@pytest.mark.asyncio
async def test_the_contracts_are_wired_as_the_architecture_says(room):
    plan = await room.deployed()
    built = await room.contracts.compile()
    economy = await room.contracts.economy(room.key)
    token, emission, mine, redemption = (built.get(name) for name in ("AzoraToken", "Emission", "MintMine", "Redemption"))
    held = [
        (token, economy.token, "MINTER_ROLE", economy.emission),
        (emission, economy.emission, "SOURCE_ROLE", economy.mint_mine),
        (mine, economy.mint_mine, "ATTESTER_ROLE", room.other),
        (redemption, economy.redemption, "OFFICER_ROLE", room.deployer),
    ]
    for artifact, address, role, holder in held:
        role_id = await view(room, artifact, address, role)
        assert await view(room, artifact, address, "hasRole", role_id, holder), role
        assert not await view(room, artifact, address, "hasRole", role_id, "0x" + "77" * 20)
    minter = await view(room, token, economy.token, "MINTER_ROLE")
    assert not await view(room, token, economy.token, "hasRole", minter, room.deployer), "Emission alone mints"
    assert await view(room, token, economy.token, "cap") == 10**9 * AZR
    assert await view(room, emission, economy.emission, "epochBudget") == 36_000 * AZR
    assert await view(room, emission, economy.emission, "epochLength") == 3600
    assert await view(room, emission, economy.emission, "start") == plan.params["start"]
    assert await view(room, mine, economy.mint_mine, "threshold") == 1
    assert await view(room, redemption, economy.redemption, "timeout") == 14 * 86_400


@pytest.mark.asyncio
async def test_the_economy_names_the_slots_in_which_the_token_keeps_balances_and_supply(room, node):
    await room.deployed()
    economy = await room.contracts.economy(room.key)
    # A minter by impersonation: only the slots are under test.
    token = (await room.contracts.compile()).get("AzoraToken")
    node("anvil_impersonateAccount", economy.emission)
    node("anvil_setBalance", economy.emission, hex(10**18))
    call = abi.encode_call(token.abi, "mint", [room.other, 42 * AZR])
    node("eth_sendTransaction", {"from": economy.emission, "to": economy.token, "data": call})
    from app.chain.hashing import keccak256

    place = keccak256(bytes.fromhex(room.other[2:]).rjust(32, b"\0") + economy.balances_slot.to_bytes(32, "big"))
    assert int(node("eth_getStorageAt", economy.token, "0x" + place.hex(), "latest"), 16) == 42 * AZR
    assert int(node("eth_getStorageAt", economy.token, hex(economy.supply_slot), "latest"), 16) == 42 * AZR
    assert economy.start_block == min(item.block for item in await room.contracts.deployments(room.key))


@pytest.mark.asyncio
async def test_other_code_at_an_address_of_the_book_is_noticed(room, node):
    await room.deployed()
    economy = await room.contracts.economy(room.key)
    code = node("eth_getCode", economy.redemption, "latest")
    node("anvil_setCode", economy.redemption, code[:-2] + ("00" if code[-2:] != "00" else "01"))
    found = {item.name: item.runtime_matches for item in await room.contracts.deployments(room.key)}
    assert found == {"AzoraToken": True, "Emission": True, "MintMine": True, "Redemption": False}


@pytest.mark.asyncio
async def test_an_unreachable_network_accuses_nobody(room, node, monkeypatch):
    await room.deployed()
    key = room.key
    await room.networks._disconnect("anvil")
    monkeypatch.setattr(type(room.networks), "_rpc", _unreachable)
    found = await room.contracts.deployments(key)
    assert len(found) == 4 and not any(item.checked for item in found)
    assert await room.contracts.economy(key) is not None


def _unreachable(self, network):
    from app.core.errors import Unavailable

    raise Unavailable("Nobody answers.")


@pytest.mark.asyncio
async def test_a_second_economy_replaces_the_first_only_when_it_is_whole(room, node):
    """A stopped deployment leaves contracts in the book, but never half of one economy in the other."""
    await room.deployed()
    first = await room.contracts.economy(room.key)
    plan = await room.planned(anew=True)
    signed = room.signer.signed
    sign = room.signer.sign_transaction

    async def until_the_third(address, unsigned, task=None):
        if room.signer.signed >= signed + 2:
            raise Conflict("The signer has had enough.")
        return await sign(address, unsigned)

    room.signer.sign_transaction = until_the_third
    assert (await room.operations.execute(plan.id)).state is PlanState.FAILED
    room.signer.sign_transaction = sign
    versions = {(item.name, item.version) for item in await room.contracts.deployments(room.key)}
    assert ("AzoraToken", 2) in versions and ("MintMine", 2) not in versions
    assert await room.contracts.economy(room.key) == first
    await room.deployed(anew=True)
    third = await room.contracts.economy(room.key)
    assert third.token != first.token and third.start_block > first.start_block
    assert {item.name: item.version for item in await room.contracts.deployments(room.key)}["AzoraToken"] == 3


@pytest.mark.asyncio
async def test_what_a_finished_deployment_made_is_kept_and_what_differs_is_named(room):
    """Another budget: the emission and what refers to it are made anew; token, redemption and their roles stay."""
    await room.deployed()
    first = await room.contracts.economy(room.key)
    with pytest.raises(Conflict, match="is there already"):
        await room.planned()
    plan = await room.planned(epoch_budget=5 * AZR)
    assert [step.spec.title for step in plan.steps] == [
        "Create Emission",
        "Create MintMine",
        "Grant MINTER_ROLE on AzoraToken",
        "Grant SOURCE_ROLE on Emission",
        "Grant ATTESTER_ROLE on MintMine",
    ]
    said = {verdict.text for verdict in plan.preview.verdicts if verdict.rule == "contracts.anew"}
    assert any("Emission is made anew" in text and f"was {36_000 * AZR}, is {5 * AZR}" in text for text in said)
    assert "MintMine is made anew: it refers to a contract that is made anew" in said
    ended = await room.operations.execute(plan.id)
    assert ended.state is PlanState.DONE and ended.receipt.matches, ended.reason
    second = await room.contracts.economy(room.key)
    assert (second.token, second.redemption) == (first.token, first.redemption)
    assert second.emission != first.emission and second.mint_mine != first.mint_mine
    assert all(item.runtime_matches for item in await room.contracts.deployments(room.key))

    only_role = await room.planned(epoch_budget=5 * AZR, attester=room.deployer)
    assert [step.spec.title for step in only_role.steps] == ["Grant ATTESTER_ROLE on MintMine"]
    assert (await room.operations.execute(only_role.id)).state is PlanState.DONE
    assert await room.contracts.economy(room.key) == second


@pytest.mark.asyncio
async def test_an_address_with_other_code_is_not_taken_over(room, node):
    await room.deployed()
    redemption = (await room.contracts.economy(room.key)).redemption
    node("anvil_setCode", redemption, "0x00")
    plan = await room.planned()
    assert [step.spec.title for step in plan.steps] == ["Create Redemption", "Grant OFFICER_ROLE on Redemption"]
    assert any(f"the code at {redemption} is not" in verdict.text for verdict in plan.preview.verdicts)


@pytest.mark.asyncio
async def test_the_economy_is_known_after_its_sources_were_edited_beyond_compiling(room, node, tmp_path, cache, monkeypatch):
    await room.deployed()
    before = await room.contracts.economy(room.key)
    await room.close()
    broken = tmp_path / "contracts" / "src"
    broken.mkdir(parents=True)
    (broken / "Token.sol").write_text("pragma solidity 0.8.20; contract Token { nothing x; }")
    monkeypatch.setattr("app.contracts.projects.CONTRACTS", tmp_path / "contracts")
    other = await Room(tmp_path / "home", node.url, cache).open()
    try:
        assert await other.contracts.economy(other.key) == before
        assert all(item.runtime_matches for item in await other.contracts.deployments(other.key))
        with pytest.raises(Conflict, match="do not compile"):
            await other.planned()
    finally:
        await other.close()
    lost = await Room(tmp_path / "home", node.url, tmp_path / "empty").open()
    try:
        with pytest.raises(Conflict, match="no longer in the cache"):
            await lost.contracts.economy(lost.key)
    finally:
        await lost.close()


@pytest.mark.asyncio
async def test_a_block_that_a_killed_node_forgot_is_corrected_in_the_book(room, node):
    node.mine(5)
    before = node("evm_snapshot")
    await room.deployed()
    first = await room.contracts.economy(room.key)
    raws = [node("eth_getRawTransactionByHash", row.hash) for row in reversed(await room.transactions.list(room.key))]
    assert node("evm_revert", before)
    node.mine(3)
    for raw in raws:
        node("eth_sendRawTransaction", raw)
    book = await room.contracts.deployments(room.key)
    assert all(item.checked and item.runtime_matches for item in book)
    assert (await room.contracts.economy(room.key)).start_block == first.start_block + 3
    assert all(node("eth_getBlockByNumber", hex(item.block), False)["hash"] == item.block_hash for item in book)


@pytest.mark.asyncio
async def test_a_nonce_used_by_somebody_else_changes_the_addresses_and_voids_the_preview(room, node):
    plan = await room.planned()
    node("eth_sendTransaction", {"from": room.deployer, "to": room.other, "value": "0x1"})
    with pytest.raises(Conflict, match="no longer those you saw"):
        await room.operations.confirm(plan.id, preview_digest=plan.preview_digest)
    assert room.signer.signed == 0
    done = await room.operations.execute(plan.id)
    assert done.state is PlanState.DONE and done.receipt.matches


@pytest.mark.asyncio
async def test_who_cannot_pay_is_stopped_before_confirming(room, node):
    node("anvil_setBalance", room.deployer, hex(1))  # wei: the fee of an idle anvil is tiny
    try:
        plan = await room.planned()
    finally:
        node("anvil_setBalance", room.deployer, hex(10**22))
    assert plan.preview.blocked
    assert [v.level for v in plan.preview.verdicts if v.rule == "contracts.fee"] == [VerdictLevel.BLOCK]


@pytest.mark.asyncio
async def test_one_key_for_both_offices_is_noted(room):
    plan = await room.planned(attester=room.deployer)
    assert any(v.rule == "contracts.separation" and v.level is VerdictLevel.NOTE for v in plan.preview.verdicts)
    assert not any(v.rule == "contracts.separation" for v in (await room.planned()).preview.verdicts)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attester", "0x1234"),
        ("attester", "0x" + "00" * 20),
        ("attester", "0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        ("deployer", "nobody"),
        ("redemption_officer", "0x" + "zz" * 20),
        ("epoch_length", 0),
        ("epoch_length", 2**63),
        ("redemption_timeout", -1),
        ("redemption_timeout", 2**64),
        ("epoch_budget", 0),
        ("epoch_budget", 10**27 + 1),
    ],
)
@pytest.mark.asyncio
async def test_what_could_never_work_is_refused_at_its_field(room, field, value):
    with pytest.raises(Invalid, match="Nothing was planned") as caught:
        await room.planned(**{field: value})
    assert caught.value.field == {"deployer": "admin", "redemption_officer": "officer"}.get(field, field)  # as the system names it
    assert await room.operations.page() == []


@pytest.mark.asyncio
async def test_addresses_in_lower_case_are_kept_with_their_checksum(room):
    plan = await room.planned(attester=room.other.lower())
    assert plan.params["attester"] == room.other


@pytest.mark.asyncio
async def test_errors_of_our_contracts_are_told_by_name_in_a_console_that_never_compiled(room, node, tmp_path, cache):
    await room.deployed()
    await room.close()
    other = await Room(tmp_path / "home", node.url, cache).open()
    try:
        economy = await other.contracts.economy(other.key)
        call = abi.encode_call(REQUEST, "request", [0, b"\1" * 32])
        simulated = await other.simulation.preview("anvil", [CallRequest(other.deployer, economy.redemption, call)])
        assert "NothingAsked" in simulated.error
    finally:
        await other.close()


REQUEST = ({"type": "function", "name": "request", "inputs": [{"type": "uint256"}, {"type": "bytes32"}], "outputs": []},)


@pytest.mark.parametrize(
    ("hidden", "method"),
    [
        (("eth_simulateV1",), "debug_traceCall"),
        (("eth_simulateV1", "debug_traceCall", "eth_createAccessList"), "pyrevm on proven state"),
        (("eth_simulateV1", "debug_traceCall", "eth_createAccessList", "eth_getProof"), "pyrevm"),
    ],
)
@pytest.mark.asyncio
async def test_a_node_that_can_do_less_shows_and_deploys_the_same(room, node, hidden, method, tmp_path, cache):
    node.mine()  # the header of anvil's genesis does not tell its state
    async with Altered(node.url, hidden=hidden) as poorer:
        other = await Room(tmp_path / "other", poorer.url, cache).open()
        try:
            expected = (await room.planned()).preview
            plan = await other.planned()
            assert plan.preview.method == method and not plan.preview.blocked
            assert plan.preview.effects == expected.effects and plan.preview.fee.gas == pytest.approx(expected.fee.gas, rel=0.02)
            done = await other.operations.execute(plan.id)
            assert done.state is PlanState.DONE and done.receipt.matches, done.reason
            paid = sum(int(str(step.result["gas_used"])) for step in done.steps)
            assert plan.preview.fee.gas == pytest.approx(paid, rel=0.02)
        finally:
            await other.close()
