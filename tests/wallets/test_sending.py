"""Before money goes: who gets it, how much, and what the token really does."""

from __future__ import annotations

import asyncio

import pytest

from app.core.errors import Invalid
from app.wallets import TransferDraft
from app.wallets.recipients import ZERO, Book
from tests.conftest import Node
from tests.wallets.purse import ETHER, NETWORK, Purse, bytecodes, deploy, purse, verdicts
from tests.wallets.test_holdings import coin

__all__ = ["bytecodes", "purse"]
pytestmark = [pytest.mark.node, pytest.mark.asyncio]

STRANGER = "0xe07C1b6e1E8C4eF5D2a5f2F1b0dBc2c4b07A3fE1".lower()


def alike(address: str, first: int, last: int) -> str:
    """Another address with the same digits at both ends."""
    digits = address[2:].lower()
    middle = digits[first : 40 - last]
    return "0x" + digits[:first] + "".join("1" if digit == "0" else "0" for digit in middle) + digits[40 - last :]


async def planned(purse, recipient, amount=1, **more):
    return await purse.wallets.plan_transfer(TransferDraft(NETWORK, purse.accounts[0], recipient, amount, **more))


async def test_a_recipient_is_new_until_it_is_a_contact_or_was_paid(purse):
    plan = await planned(purse, STRANGER)
    assert verdicts(plan)["wallets.seen"][0] == "note"
    await purse.done(plan)
    assert verdicts(await planned(purse, STRANGER))["wallets.seen"] == ("pass", f"The recipient was paid before, by {plan.name}")
    await purse.wallets.add_contact("Supplier", STRANGER, network="azora")
    assert verdicts(await planned(purse, STRANGER))["wallets.seen"] == (
        "warning",
        "The recipient is the contact Supplier, but on another network",
    )
    await purse.wallets.edit_contact("Supplier", network="")
    plan = await planned(purse, await purse.wallets.resolve("supplier"))
    assert verdicts(plan)["wallets.seen"][1] == "The recipient is the contact Supplier"
    assert [effect.label for effect in plan.preview.effects] == ["Purse 1", "Supplier"]


async def test_a_look_alike_is_blocked_until_it_was_entered_again_from_its_source(purse):
    await purse.done(await planned(purse, STRANGER))
    poisoned = alike(STRANGER, 4, 4)
    plan = await planned(purse, poisoned)
    level, text = verdicts(plan)["wallets.lookalike"]
    assert level == "block" and "looks like the recipient of PLN-" in text and plan.preview.blocked
    assert verdicts(await planned(purse, poisoned, compared=STRANGER))["wallets.lookalike"][0] == "block"
    assert verdicts(await planned(purse, poisoned, compared=poisoned))["wallets.lookalike"][0] == "warning"
    assert "your account “Purse 2”" in verdicts(await planned(purse, alike(purse.accounts[1], 4, 5)))["wallets.lookalike"][1]
    assert verdicts(await planned(purse, alike(STRANGER, 3, 3)))["wallets.lookalike"][0] == "warning"
    assert verdicts(await planned(purse, alike(STRANGER, 2, 3)))["wallets.lookalike"][0] == "pass"


async def test_a_book_finds_look_alikes_among_many():
    known = {f"0x{number:040x}": f"PLN-{number:04d}" for number in range(1, 5_000)}
    book = Book({STRANGER: "Mine"}, (), known)
    assert [found.name for found in book.look_alikes(alike(STRANGER, 5, 3))] == ["your account “Mine”"]


async def test_impossible_recipients_are_blocked(purse, node, bytecodes):
    token = deploy(node, bytecodes["MockERC20"], ("string", "Coin"), ("string", "COIN"), ("uint8", 6))
    for recipient, more in ((ZERO, {}), ("0x" + "00" * 19 + "04", {}), (token, {"token": token})):
        plan = await planned(purse, recipient, **more)
        assert verdicts(plan)["wallets.recipient"][0] == "block", recipient
    assert verdicts(await planned(purse, "0x000000000000000000000000000000000000dEaD"))["wallets.recipient"][0] == "warning"
    assert verdicts(await planned(purse, purse.accounts[0]))["wallets.recipient"][0] == "warning"
    assert verdicts(await planned(purse, token))["wallets.contract"][0] == "note"


async def test_an_amount_has_the_decimals_of_its_token(purse, node, bytecodes):
    token = deploy(node, bytecodes["MockERC20"], ("string", "Coin"), ("string", "COIN"), ("uint8", 6))
    assert await purse.wallets.parse_amount(NETWORK, token.lower(), "12.5 COIN") == 12_500_000
    assert await purse.wallets.parse_amount(NETWORK, "", "12.5") == 12_500_000_000_000_000_000
    for text in ("0.0000001", "1,5", "1e6", "-1", "9" * 80, ""):
        with pytest.raises(Invalid):
            await purse.wallets.parse_amount(NETWORK, token, text)
    with pytest.raises(Invalid, match="ERC-20"):
        await purse.wallets.parse_amount(NETWORK, purse.accounts[0], "1")


async def test_all_of_the_coin_is_what_the_fee_leaves(purse, node):
    sender, recipient = purse.accounts[1], STRANGER
    most = await purse.wallets.max_amount(NETWORK, sender, recipient=recipient, fee={"level": "fast"})
    plan = await purse.wallets.plan_transfer(TransferDraft(NETWORK, sender, recipient, most.amount, fee=most.fee))
    assert not plan.preview.blocked and plan.preview.fee.limit + most.amount == node.balance(sender)
    await purse.done(plan)
    assert node.balance(sender) < ETHER // 100
    with pytest.raises(Invalid, match="too little"):
        await purse.wallets.max_amount(NETWORK, STRANGER[:-1] + "2")


async def test_a_token_that_behaves_oddly_is_shown_as_it_is(purse, node, bytecodes):
    mute, refuser, taxed = (deploy(node, bytecodes[name]) for name in ("Mute", "Refuser", "Taxed"))
    plan = await planned(purse, STRANGER, 5_000_000, token=mute)
    assert "wallets.token" not in verdicts(plan), "returning nothing is fine: USDT does so"
    assert (await purse.done(plan)).receipt.matches
    plan = await planned(purse, STRANGER, 5_000_000, token=refuser)
    assert verdicts(plan)["wallets.token"] == ("block", "The NOPE contract answers no: nothing would be moved")
    assert plan.preview.effects == ()
    plan = await planned(purse, STRANGER, 5_000_000, token=taxed)
    assert verdicts(plan)["wallets.token"] == ("warning", "Less ETH token would arrive than is sent")
    changes = {
        effect.subject: int(effect.after) - int(effect.before) for effect in plan.preview.effects if effect.kind == "balance"
    }
    assert sorted(changes.values()) == [-5_000_000, 50_000, 4_950_000] and changes[taxed] == 50_000
    assert (await purse.done(plan)).receipt.matches


@pytest.mark.parametrize("options", [("--hardfork", "berlin"), ("--base-fee", "0", "--gas-price", "0")])
async def test_chains_without_a_base_fee_and_without_fees_send_all_and_pay_out(tmp_path, options):
    node = Node(*options)
    purse = Purse(tmp_path / "home", node.url)
    try:
        await purse.open()
        first, second = purse.accounts[:2]
        rows = "address,amount\n" + "\n".join(f"0x{n:0>40x},1" for n in range(70_000, 70_005))
        plan = await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, first, rows))
        assert (await purse.done(plan)).receipt.matches
        assert [node.balance(f"0x{n:0>40x}") for n in range(70_000, 70_005)] == [ETHER] * 5
        most = await purse.wallets.max_amount(NETWORK, second, recipient=STRANGER, fee={"level": "fast"})
        plan = await purse.wallets.plan_transfer(TransferDraft(NETWORK, second, STRANGER, most.amount, fee=most.fee))
        assert (await purse.done(plan)).receipt.matches and node.balance(STRANGER) == most.amount
        if "--gas-price" in options:
            assert node.balance(second) == 0 and most.amount == 10_000 * ETHER
    finally:
        await purse.close()
        node.stop()


@pytest.mark.parametrize("of", ["coin", "token"])
async def test_what_waits_is_not_promised_twice(purse, node, bytecodes, of):
    """Both payments pass alone. The second would take what the first takes already; a token's would cost its fee for nothing."""
    sender, recipient = purse.accounts[:2]
    token = coin(node, bytecodes) if of == "token" else ""
    there = 1_000_000_000 if token else node.balance(sender)
    key = (await purse.networks.connect(NETWORK)).network.key.text

    async def asks(share):
        return await planned(purse, recipient, there * share // 100, token=token)

    node("evm_setAutomine", False)
    running = asyncio.ensure_future(purse.done(await asks(60)))
    try:
        while not (await purse.transactions.nonces(key, sender)).waiting:
            await asyncio.sleep(0.02)
        second = await asks(60)
        assert verdicts(second)["wallets.balance"][0] == "pass" and second.preview.blocked
        assert "wait will leave it too little" in verdicts(second)["wallets.waiting"][1]
        assert "wallets.waiting" not in verdicts(await asks(30))
        most = await purse.wallets.max_amount(NETWORK, sender, recipient=recipient, token=token)
        assert most.amount <= there - there * 60 // 100
    finally:
        node("evm_setAutomine", True)
        node.mine()
    await running
    assert verdicts(await asks(60))["wallets.balance"][0] == "block"
    assert "wallets.waiting" not in verdicts(await asks(60))
