"""Payouts: a file read without guessing, one plan for all, every row paid once and accounted for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chain.hashing import checksum_address
from app.core.errors import Conflict, Invalid
from app.operations import PlanState
from app.wallets import TransferDraft
from app.wallets.paying import PLAIN_GAS, PayoutStep
from app.wallets.payouts import check
from app.wallets.recipients import Book
from app.wallets.tokens import TokenInfo
from tests.wallets.purse import NETWORK, bytecodes, deploy, purse, verdicts
from tests.wallets.test_holdings import coin
from tests.wallets.test_sending import alike

__all__ = ["bytecodes", "purse"]

COIN = TokenInfo("", "ETH", 18)
SIX = TokenInfo(checksum_address("0x" + "c0" * 20), "COIN", 6)
KNOWN = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SENDER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def payee(number: int) -> str:
    """The n-th recipient; the digits at both ends differ from one to the next."""
    return checksum_address(f"0x{number * 7919 + 1:010x}{'ab' * 10}{number * 104729 + 1:010x}")


def table(rows, delimiter=",", headings=("address", "amount", "memo")):
    return "\n".join(delimiter.join(str(cell) for cell in row) for row in (headings, *rows))


def checked(text, token=COIN, book=None, **more):
    return check(text, NETWORK, SENDER, token, book or Book({KNOWN: "Treasury"}, (), {}), [], **more)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_headings_stand_in_any_order_and_the_delimiter_is_found(delimiter):
    text = table([("rent", "1.5", payee(1)), ("", "2", payee(2).lower())], delimiter, ("Reference", " AMOUNT", "Recipient"))
    found = checked(text.encode("utf-16"))
    assert [(row.line, row.address, row.amount, row.memo) for row in found.rows] == [
        (2, payee(1), 15 * 10**17, "rent"),
        (3, payee(2), 2 * 10**18, ""),
    ]
    assert (found.total, found.problems) == (35 * 10**17, ())


def test_a_token_with_a_number_for_a_name_takes_no_digits_off_an_amount():
    named = TokenInfo(SIX.address, "00", 0)
    assert [row.amount for row in checked(table([(payee(1), "100", "")]), named).rows] == [100]
    inch = TokenInfo(SIX.address, "1INCH", 0)
    assert [row.amount for row in checked(table([(payee(1), "100 1inch", "")]), inch).rows] == [100]


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        ("1,5", "two ways"),
        ("1,500", "two ways"),
        ("1.234,5", "two ways"),
        ("1.0000001", "decimals"),
        ("0", "zero"),
        ("-1", "not an amount"),
        ("1e3", "not an amount"),
        ("", "not an amount"),
        ("９", "not an amount"),
        ("9" * 80, "larger"),
        ("=1+1", "not an amount"),
    ],
)
def test_an_amount_is_never_guessed(amount, why):
    found = checked(table([(payee(1), amount, "")], ";"), SIX)
    assert why in found.problems[0] and found.problems[0].startswith("Line 2: ") and found.total == 0


def test_a_point_is_no_decimal_for_sure_where_others_write_commas():
    found = checked(table([(payee(1), "1.500", ""), (payee(2), "2,5", ""), (payee(3), "12,500.25", ""), (payee(4), "7", "")], ";"))
    assert [bool(row.problem) for row in found.rows] == [True, True, False, False]
    assert found.rows[2].amount == 12_500_250 * 10**15


def test_rows_that_cannot_be_right_are_named_and_others_are_looked_at():
    book = Book({KNOWN: "Treasury"}, (), {})
    rows = [
        (payee(1)[:-1] + "X", 1, ""),
        ("nobody", 1, ""),
        ("0x" + "00" * 20, 1, ""),
        (SIX.address, 1, ""),
        (alike(KNOWN, 4, 4), 1, ""),
        (payee(1), 1, "a" * 501),
        (payee(2), 1, ""),
        (payee(2), 1, ""),
        (payee(2), 2, ""),
        (alike(KNOWN, 3, 3), 1, ""),
        (alike(payee(2), 4, 4), 1, ""),
        ("0x000000000000000000000000000000000000dEaD", 1, ""),
        (SENDER, 1, ""),
    ]
    found = checked(table(rows), SIX, book)
    assert [row.line for row in found.rows if row.problem] == [2, 3, 4, 5, 6, 7]
    said = {row.line: row.warning for row in found.rows if row.warning}
    assert said.keys() == {9, 10, 11, 12, 13, 14}
    assert "same payment stands in line 8" in said[9] and "Line 8 pays the same address" in said[10] and "line 8" in said[12]
    lifted = checked(table(rows), SIX, book, compared=[checksum_address(alike(KNOWN, 4, 4))])
    assert 6 not in [row.line for row in lifted.rows if row.problem]


def test_a_look_alike_is_entered_again_beside_it_in_the_file():
    book, twin = Book({KNOWN: "Treasury"}, (), {payee(9): "PLN-0004"}), checksum_address(alike(KNOWN, 4, 4))
    rows = [(twin, 1, twin.lower()), (twin, 1, ""), (twin, 1, KNOWN), (payee(1), 1, payee(1)[:-1] + "X"), (payee(9), 1, "")]
    found = checked(table(rows, headings=("address", "amount", "compared")), SIX, book)
    assert [row.line for row in found.rows if row.problem] == [3, 4, 5]
    assert "again from its source" in found.rows[1].problem and "is another one" in found.rows[2].problem
    assert "entered a second time" in found.rows[0].warning
    assert [row.known for row in found.rows] == ["", "", "", "", "the recipient of PLN-0004"]


@given(st.text(alphabet="address,;\t\n\"'=amount0x12.-é", max_size=200))
def test_no_file_makes_it_stumble(text):
    try:
        found = checked(text)
    except Invalid as error:
        assert error.message
    else:
        assert all(row.problem or row.amount > 0 for row in found.rows)


pay = pytest.mark.asyncio


@pytest.mark.node
@pay
async def test_each_row_is_checked_as_a_single_transfer_is_and_the_preview_says_it(purse, node, bytecodes):
    me, token = purse.accounts[0], coin(node, bytecodes)
    await purse.wallets.add_token(NETWORK, token)
    await purse.wallets.add_contact("Landlord", payee(3))
    twin = checksum_address(alike(payee(3), 4, 4))
    found = await purse.wallets.check_payout(NETWORK, me, table([(payee(1), 1, ""), (twin, 1, ""), (token, 1, "")]))
    assert [bool(row.problem) for row in found.rows] == [False, True, False]
    assert found.rows[2].warning.startswith("The recipient is a contract. ")
    text = table([(payee(1), 1, ""), (twin, 1, twin), ("Landlord", 1, ""), (token, 1, "")], headings=("to", "sum", "compared"))
    plan = await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, me, text))
    said = verdicts(plan)
    assert said["wallets.lookalike"] == ("warning", "One recipient looks like another known address")
    assert said["wallets.contract"] == ("note", "The recipient is a contract")
    rows = await purse.wallets.payout_rows(plan.id)
    assert "entered a second time" in rows[1].warning and rows[2].known == "the contact “Landlord”" and not rows[0].known


@pytest.mark.node
@pay
async def test_a_row_that_begins_to_look_like_somebody_after_the_check_blocks_the_plan(purse):
    me, twin = purse.accounts[0], checksum_address(alike(payee(3), 4, 4))
    found = await purse.wallets.check_payout(NETWORK, me, table([(twin, 1, "")]))
    await purse.wallets.add_contact("Landlord", payee(3))
    plan = await purse.wallets.plan_payout(found)
    assert verdicts(plan)["wallets.lookalike"][0] == "block" and plan.preview.blocked


@pytest.mark.node
@pay
@pytest.mark.parametrize("which", ["native", "token"])
async def test_every_row_is_paid_and_the_receipt_is_measured(purse, node, bytecodes, which):
    token = coin(node, bytecodes) if which == "token" else ""
    await purse.wallets.add_contact("Landlord", payee(1))
    rows = [("landlord" if n == 1 else payee(n), n + 1, f"memo {n}") for n in range(25)]
    found = await purse.wallets.check_payout(NETWORK, "Purse 1", table(rows), token)
    plan = await purse.wallets.plan_payout(found, {"level": "fast"})
    assert plan.kind == "wallets.payout" and not plan.preview.blocked, plan.preview
    assert len(plan.preview.effects) == 12 and plan.preview.effects[2].label == "Landlord"
    assert plan.preview.effects[-1].subject == "15 more recipients"
    done = await purse.done(plan)
    assert done.receipt.matches, list(zip(done.receipt.predicted, done.receipt.actual, strict=True))
    unit = 10**6 if token else 10**18
    assert [row.amount for row in await purse.wallets.payout_rows(plan.id)] == [(n + 1) * unit for n in range(25)]
    assert {row.state.value for row in await purse.wallets.payout_rows(plan.id)} == {"paid"}
    if not token:
        assert [node.balance(payee(n)) for n in range(25)] == [(n + 1) * unit for n in range(25)]
    for sent in await purse.transactions.list(purse.networks.get(NETWORK).key.text):
        assert b"memo" not in sent.raw
    text = await purse.wallets.export_payout(plan.id)
    assert text.count("\r\n") == 26 and f"2,{payee(0)},," in text and "Landlord" in text
    again = await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, "Purse 1", table(rows), token))
    assert verdicts(again)["wallets.paid"] == ("warning", f"{plan.name} paid just these rows")
    assert verdicts(again).get("wallets.seen") is None, "all of them were paid before"


@pytest.mark.node
@pay
async def test_a_payout_that_cannot_be_right_is_blocked(purse, node, bytecodes):
    token = coin(node, bytecodes)
    with pytest.raises(Invalid, match="Line 2"):
        await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, "Purse 1", table([(payee(1), "x", "")])))
    too_much = table([(payee(1), "900", ""), (payee(2), "200", "")])
    plan = await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, "Purse 1", too_much, token))
    assert plan.preview.blocked and verdicts(plan)["wallets.balance"][0] == "block"
    refuser = deploy(node, bytecodes["Refuser"])
    plan = await purse.wallets.plan_payout(
        await purse.wallets.check_payout(NETWORK, "Purse 1", table([(payee(1), 1, "")]), refuser)
    )
    assert verdicts(plan)["wallets.token"][0] == "block"
    taxed = deploy(node, bytecodes["Taxed"])
    plan = await purse.wallets.plan_payout(
        await purse.wallets.check_payout(NETWORK, "Purse 1", table([(payee(1), 100, "")]), taxed)
    )
    assert verdicts(plan)["wallets.token"] == ("warning", "Less ETH token would arrive than is sent")


@pytest.mark.node
@pay
async def test_a_payout_that_failed_midway_is_continued_with_what_nobody_can_pay_any_more(purse, node, monkeypatch):
    monkeypatch.setattr("app.chain.batch.WINDOW", 4)
    text = table([(payee(n), 1, "") for n in range(12)])
    found = await purse.wallets.check_payout(NETWORK, "Purse 1", text)
    plan = await purse.wallets.plan_payout(found)
    with pytest.raises(Conflict, match="has not ended"):
        await purse.wallets.plan_payout_rest(plan.id)
    confirmed = await purse.operations.confirm(plan.id, preview_digest=plan.preview_digest)
    node("anvil_setCode", payee(2), "0x60006000fd")  # from now on it takes no coin
    _refusals_are_met_on_the_chain(monkeypatch)
    ended = await purse.operations.run(confirmed.id)
    monkeypatch.undo()
    assert ended.state is PlanState.FAILED, ended.reason
    states = [row.state.value for row in await purse.wallets.payout_rows(plan.id)]
    assert states[:3] == ["paid", "paid", "failed"] and states[-1] == "loose"
    node("anvil_setCode", payee(2), "0x")
    rest = await purse.wallets.plan_payout_rest(plan.id)
    assert len(rest.params["rows"]) == states.count("failed") + states.count("loose")
    assert verdicts(rest)["wallets.continues"][0] == "pass"
    assert [bool(row.get("sent")) for row in rest.params["rows"]] == [False, *[True] * states.count("loose")]
    assert (await purse.done(rest)).receipt.matches
    assert {row.state.value for row in await purse.wallets.payout_rows(rest.id)} == {"paid"}
    assert [node.balance(payee(n)) for n in range(12)] == [10**18] * 12
    with pytest.raises(Conflict, match=f"{rest.name} continues {plan.name} already"):
        await purse.wallets.plan_payout_rest(plan.id)
    assert (await purse.wallets.payout_of(found)).id == rest.id


def _refusals_are_met_on_the_chain(monkeypatch):
    """Gas limits are given, so that no estimate sees beforehand that a row would fail."""
    known = PayoutStep.requests

    async def requests(self, context):
        return [replace(request, gas_limit=2 * PLAIN_GAS) for request in await known(self, context)]

    monkeypatch.setattr(PayoutStep, "requests", requests)


@pytest.mark.node
@pay
async def test_rows_that_may_still_happen_are_sent_again_and_never_signed_again(purse, node):
    found = await purse.wallets.check_payout(NETWORK, "Purse 1", table([(payee(n), 1, "") for n in range(3)]))
    plan = await purse.wallets.plan_payout(found)
    node("evm_setAutomine", False)
    try:
        running = asyncio.ensure_future(purse.operations.execute(plan.id))
        while {row.state.value for row in await purse.wallets.payout_rows(plan.id)} != {"seen"}:
            await asyncio.sleep(0.02)
        assert verdicts(await purse.wallets.plan_payout(found))["wallets.paid"] == (
            "block",
            f"{plan.name} pays just these rows now",
        )
        for row in await purse.wallets.payout_rows(plan.id):
            node("anvil_dropTransaction", row.tx_hash)
        await purse.operations.stop(plan.id)
        ended = await running
        assert ended.state is PlanState.DISOWNED, ended.reason
        assert {row.state.value for row in await purse.wallets.payout_rows(plan.id)} <= {"sent", "loose"}
        nonce = int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16)
        rest = await purse.wallets.plan_payout_rest(plan.id)
        assert [step.spec.kind for step in rest.steps] == ["wallets.payout.again"]
        node("evm_setAutomine", True)
        assert (await purse.done(rest)).receipt.matches
        assert {row.state.value for row in await purse.wallets.payout_rows(plan.id)} == {"paid"}
        assert [node.balance(payee(n)) for n in range(3)] == [10**18] * 3
        assert int(node("eth_getTransactionCount", node.accounts[0], "latest"), 16) == nonce + 3
    finally:
        node("evm_setAutomine", True)


@pytest.mark.node
@pay
async def test_a_signed_row_whose_nonce_went_elsewhere_is_signed_anew(purse, node):
    found = await purse.wallets.check_payout(NETWORK, "Purse 1", table([(payee(n), 1, "") for n in range(3)]))
    plan = await purse.wallets.plan_payout(found)
    node("evm_setAutomine", False)
    try:
        running = asyncio.ensure_future(purse.operations.execute(plan.id))
        while {row.state.value for row in await purse.wallets.payout_rows(plan.id)} != {"seen"}:
            await asyncio.sleep(0.02)
        for row in await purse.wallets.payout_rows(plan.id):
            node("anvil_dropTransaction", row.tx_hash)
        await purse.operations.stop(plan.id)
        await running
    finally:
        node("evm_setAutomine", True)
    await purse.transactions.rebroadcast(purse.networks.get(NETWORK).key.text)  # what nobody wants any more is given up
    await purse.done(await purse.wallets.plan_transfer(TransferDraft(NETWORK, purse.accounts[0], payee(50), 5)))
    rest = await purse.wallets.plan_payout_rest(plan.id)
    assert [bool(row.get("sent")) for row in rest.params["rows"]] == [False, True, True]
    assert (await purse.done(rest)).receipt.matches
    assert [node.balance(payee(n)) for n in range(3)] == [10**18] * 3 and node.balance(payee(50)) == 5


@pytest.mark.node
@pay
async def test_a_watched_account_pays_by_signatures_from_another_console_and_the_preview_says_so(purse, node):
    cold = await purse.wallets.watch("Cold", payee(9))
    node("anvil_setBalance", payee(9), hex(10**19))
    rows = table([(payee(1), 1, ""), (payee(2), 1, "")])
    plan = await purse.wallets.plan_payout(await purse.wallets.check_payout(NETWORK, cold.id, rows))
    assert verdicts(plan)["wallets.key"] == (
        "note",
        "Cold is only watched: 2 transactions are carried to another console as one file",
    )
    ended = await purse.operations.execute(plan.id)
    assert (ended.state.value, ended.reason) == ("waiting", "Waits for a signature from another console.")
    assert {row.state.value for row in await purse.wallets.payout_rows(plan.id)} == {"planned"}
    await purse.operations.stop(plan.id)
