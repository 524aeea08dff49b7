"""Accounts and their secrets: nothing is listed without its key, and nothing stays behind of a plan that was not carried out."""

from __future__ import annotations

import pytest

from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.core.secret import Secret
from app.operations.plans import PlanState
from app.operations.steps import Happened
from app.wallets import AccountKind, KeyState, keys
from tests.wallets.conftest import FIRST, HARDHAT, SECOND


@pytest.mark.asyncio
async def test_a_wallet_comes_with_its_keys_and_signs(house):
    from eth_account import Account

    plan = await house.wallets.plan_create("Treasury", HARDHAT, accounts=2, labels=["Main"])
    assert "junk" not in repr(plan) and list(house.vault) == [f"pending/{plan.params['wallet_id']}"]
    assert await house.wallets.list() == []
    assert (await house.plans.carry_out(plan, acts=2)).happened is Happened.DONE
    assert [name.split("/")[0] for name in house.vault] == ["wallet"]
    listed = await house.wallets.list()
    assert [(a.address, a.label, a.key_state) for a in listed] == [
        (FIRST, "Main", KeyState.IN_KEYRING),
        (SECOND, "Treasury 2", KeyState.IN_KEYRING),
    ]
    assert await house.plans.kinds["wallets.create"].measurer(plan) == plan.preview.effects
    digest = keys.keccak(b"a digest")
    signature = await house.wallets.sign_digest(SECOND, digest)
    assert Account._recover_hash(digest, signature=signature) == SECOND


@pytest.mark.asyncio
async def test_a_plan_that_is_given_up_takes_its_secret_with_it(house):
    plan = await house.wallets.plan_create("Treasury", HARDHAT)
    await house.wallets.start()
    assert house.vault, "a plan that may still be confirmed keeps its secret"
    house.plans.end(plan.id, PlanState.DISOWNED)
    await house.wallets.start()
    assert not house.vault
    assert (await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT))).happened is Happened.DONE


@pytest.mark.asyncio
async def test_a_watched_address_cannot_sign_until_its_key_comes(house):
    await house.wallets.watch("Cold", FIRST.lower())
    with pytest.raises(Denied):
        await house.wallets.sign_digest(FIRST, b"\1" * 32)
    with pytest.raises(Conflict):
        await house.wallets.watch("Again", FIRST)
    with pytest.raises(Conflict, match="Cold"):
        await house.wallets.watch("cold", SECOND)
    await house.plans.carry_out(await house.wallets.plan_create("Restored", HARDHAT))
    account = await house.wallets.get("COLD")
    assert (account.kind, account.key_state) == (AccountKind.HD, KeyState.IN_KEYRING)
    with pytest.raises(Conflict):
        await house.wallets.plan_create("Once more", HARDHAT)


@pytest.mark.asyncio
async def test_an_imported_key_signs_and_never_reaches_the_store(house):
    key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    plan = await house.wallets.plan_import_key("Hot", Secret(key))
    await house.plans.carry_out(plan)
    assert keys.recover(b"\5" * 32, await house.wallets.sign_digest(FIRST, b"\5" * 32)) == FIRST
    for file in house.path.iterdir():
        content = file.read_bytes()
        assert bytes.fromhex(key) not in content and key.encode() not in content


@pytest.mark.asyncio
async def test_a_lost_or_swapped_secret_is_told_and_nothing_is_signed(house):
    await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT))
    (name,) = house.vault
    house.vault[name] = Secret("abandon " * 11 + "about")
    with pytest.raises(Conflict, match="another address"):
        await house.wallets.sign_digest(FIRST, b"\1" * 32)
    del house.vault[name]
    assert (await house.wallets.get("Treasury")).key_state is KeyState.MISSING
    with pytest.raises(NotFound):
        await house.wallets.sign_digest(FIRST, b"\1" * 32)


@pytest.mark.asyncio
async def test_labels_are_edits_and_stay_unique(house):
    await house.wallets.watch("One", FIRST)
    two = await house.wallets.watch("Two", SECOND)
    with pytest.raises(Conflict):
        await house.wallets.label(two.id, "ONE")
    assert (await house.wallets.label(two.id, " Second  home ")).label == "Second home"
    assert await house.wallets.resolve("second HOME") == SECOND
    with pytest.raises(Invalid):
        await house.wallets.resolve("nobody")
