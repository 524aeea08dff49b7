"""Secrets leave only after the passphrase, and leave a trace; accounts leave only by their name, and tell what goes with them."""

from __future__ import annotations

import pytest

from app.core.errors import Conflict, Denied, Invalid, NotFound
from app.core.secret import Secret
from app.operations.steps import Happened
from app.wallets import Part, keys, keystore
from tests.wallets.conftest import FIRST, HARDHAT, SECOND

pytestmark = pytest.mark.asyncio
KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
PASSPHRASE = Secret("a console passphrase")


async def made(house, **more):
    await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT, accounts=2, **more))


async def test_a_phrase_is_shown_only_after_the_passphrase_and_the_journal_says_so(house):
    await made(house, passphrase=Secret("salt and pepper"))
    house.access.passphrase = PASSPHRASE
    for wrong in (None, Secret("another one")):
        with pytest.raises(Denied):
            await house.wallets.reveal("Treasury 1", wrong, confirmed=True)
    assert house.access.journal == []
    assert await house.wallets.reveal("Treasury 1", PASSPHRASE) == HARDHAT
    assert (await house.wallets.reveal("Treasury 1", PASSPHRASE, part=Part.PASSPHRASE)).reveal() == "salt and pepper"
    key = await house.wallets.reveal("Treasury 2", PASSPHRASE, part=Part.KEY)
    assert keys.address_of(keys.parse_private_key(key.reveal())) == (await house.wallets.get("Treasury 2")).address
    kinds = [(kind, body["label"], body["part"]) for kind, body in house.access.journal]
    assert kinds == [
        ("secret.revealed", "Treasury 1", "phrase"),
        ("secret.revealed", "Treasury 1", "passphrase"),
        ("secret.revealed", "Treasury 2", "key"),
    ]
    assert "junk" not in repr(house.access.journal) and key.reveal() not in repr(house.access.journal)


async def test_without_a_passphrase_a_confirmation_is_asked_and_the_role_counts(house):
    await made(house)
    with pytest.raises(Denied, match="No console passphrase is set"):
        await house.wallets.reveal("Treasury 1")
    assert await house.wallets.reveal("Treasury 1", confirmed=True) == HARDHAT
    with pytest.raises(Denied, match="no passphrase"):
        await house.wallets.reveal("Treasury 1", confirmed=True, part=Part.PASSPHRASE)
    await house.wallets.watch("Cold", "0x" + "33" * 20)
    with pytest.raises(Denied, match="has no secret"):
        await house.wallets.reveal("Cold", confirmed=True)
    house.access.role_refuses = "This kind of plan is for administrators only."
    with pytest.raises(Denied, match="administrators"):
        await house.wallets.reveal("Treasury 1", confirmed=True)
    with pytest.raises(Denied, match="administrators"):
        await house.wallets.export_keystore("Treasury 1", PASSPHRASE, confirmed=True)
    assert len(house.access.journal) == 1


async def test_an_exported_keystore_opens_with_its_own_password_only(house):
    await house.plans.carry_out(await house.wallets.plan_import_key("Hot", Secret(KEY)))
    with pytest.raises(Denied):
        await house.wallets.reveal("Hot", confirmed=True, part=Part.PHRASE)
    with pytest.raises(Invalid, match="8 characters"):
        await house.wallets.export_keystore("Hot", Secret("short"), confirmed=True)
    text = await house.wallets.export_keystore("Hot", Secret("of its own"), confirmed=True)
    assert keystore.open_keystore(keystore.parse(text), Secret("of its own")).hex() == KEY
    assert house.access.journal == [
        (
            "secret.exported",
            {"account": FIRST, "label": "Hot", "wallet": house.access.journal[0][1]["wallet"], "form": "keystore 3"},
        )
    ]


async def test_a_secret_goes_with_the_last_account_that_hangs_on_it(house):
    await made(house)
    with pytest.raises(Denied, match="not “Treasury 1”"):
        await house.wallets.plan_delete("Treasury 1", "Treasury")
    plan = await house.wallets.plan_delete("Treasury 1", "Treasury 1")
    (lost,) = plan.preview.verdicts
    assert (lost.level.value, "1 other account hangs" in lost.text) == ("note", True)
    assert (plan.preview.effects[0].before, plan.preview.effects[0].after) == ("inKeyring", "none")
    assert (await house.plans.carry_out(plan, acts=2)).happened is Happened.DONE
    assert [account.label for account in await house.wallets.list()] == ["Treasury 2"] and len(house.vault) == 1
    assert keys.recover(b"\1" * 32, await house.wallets.sign_digest(SECOND, b"\1" * 32)) == SECOND
    last = await house.wallets.plan_delete("Treasury 2", "Treasury 2")
    assert last.preview.verdicts[0].level.value == "warning" and "goes for good" in last.preview.verdicts[0].text
    assert "No drill has ever" in last.preview.verdicts[0].detail
    await house.wallets.drill("Treasury 2", HARDHAT)
    assert "A drill proved" in (await house.plans.preview(last.id)).preview.verdicts[0].detail
    await house.plans.carry_out(last, acts=2)
    assert not house.vault and await house.wallets.list() == [] and await house.wallets.sources() == ()
    with pytest.raises(NotFound):
        await house.wallets.sign_digest(SECOND, b"\1" * 32)
    assert (await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT))).happened is Happened.DONE


async def test_plans_that_want_its_signature_are_named_before_an_account_goes(house):
    from app.operations.plans import PlanState, StepSpec, Target, TargetKind

    await made(house)
    target = Target(TargetKind.NETWORK, "1:0x", "Local")
    waiting = await house.plans.draft("wallets.transfer", "Send", target, {}, [StepSpec("x", "Send", {"sender": FIRST})])
    house.plans.end(waiting.id, PlanState.WAITING)
    first, second = [(await house.wallets.plan_delete(name, name)).preview.verdicts for name in ("Treasury 1", "Treasury 2")]
    assert first[1].rule == "wallets.unfinished" and waiting.name in first[1].text and len(second) == 1


async def test_an_account_planned_before_its_wallet_was_deleted_is_not_listed_without_its_key(house):
    await house.plans.carry_out(await house.wallets.plan_create("Treasury", HARDHAT))
    added = await house.wallets.plan_add_accounts("Treasury", [1])
    await house.plans.carry_out(await house.wallets.plan_delete("Treasury", "Treasury"))
    with pytest.raises((NotFound, Conflict)):
        await house.plans.carry_out(added)
    assert await house.wallets.list() == [] and not house.vault


async def test_a_watched_address_is_deleted_too_and_nothing_else(house):
    await made(house)
    await house.wallets.watch("Cold", "0x" + "33" * 20)
    plan = await house.wallets.plan_delete("cold", "Cold")
    assert "there is no key here" in plan.preview.verdicts[0].text
    await house.plans.carry_out(plan)
    assert len(await house.wallets.list()) == 2 and len(house.vault) == 1
