"""A redemption on a real node: what an imported statement shows of a payment is a check of the plan that completes it."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from app.audit.verifier import keccak256
from app.mining.bank import Bank, Rate
from app.mining.matching import Finding
from app.mining.redemption import Redemptions
from tests.contracts import deploy_program
from tests.mining.room import AZR, Room, as_admin

pytestmark = [pytest.mark.node, pytest.mark.compiler, pytest.mark.asyncio]
GRANT = [
    {
        "type": "function",
        "name": "grantRole",
        "inputs": [{"name": "role", "type": "bytes32"}, {"name": "account", "type": "address"}],
    }
]


@pytest_asyncio.fixture
async def desk(node, tmp_path, cache):
    """A console with an officer and a holder of AZR; one AZR is paid 0.50 EUR."""
    room = await Room(tmp_path / "home", node.url, cache).open()
    await room.deployed()
    economy = await room.contracts.economy(room.key)
    as_admin(node, room.deployer, economy.token, GRANT, "grantRole", keccak256(b"MINTER_ROLE"), room.deployer)
    as_admin(node, room.deployer, economy.redemption, GRANT, "grantRole", keccak256(b"OFFICER_ROLE"), room.other)
    mint = [{"type": "function", "name": "mint", "inputs": [{"name": "to", "type": "address"}, {"name": "v", "type": "uint256"}]}]
    as_admin(node, room.deployer, economy.token, mint, "mint", room.third, 1_000 * AZR)
    room.redemptions = Redemptions(
        database=room.database,
        operations=room.operations,
        networks=room.networks,
        simulation=room.simulation,
        transactions=room.transactions,
        fees=deploy_program.Fees(),
        economy_of=room.contracts.economy,
        bus=room.bus,
        bank_checks=lambda *asked: room.bank.verdicts(*asked),
    )
    room.bank = Bank(room.database, room.networks, room.redemptions, lambda: Rate(Decimal("0.5"), "EUR"), room.bus)
    yield room
    await room.close()


def statement(day: date, amount: str) -> bytes:
    return f"date,amount,currency,reference,name,id\n{day.isoformat()},-{amount},EUR,INVOICE 2026/17,Ada,BANK-77\n".encode()


async def checked(room, redemption_id, reference="BANK-77"):
    plan = await room.redemptions.plan_complete("anvil", redemption_id, reference, room.other)
    found = [verdict for verdict in plan.preview.verdicts if verdict.rule == "redemption.statement"]
    return plan, found


async def test_a_completion_is_checked_against_the_statement_and_matched_afterwards(desk):
    plan = await desk.redemptions.plan_request("anvil", desk.third, 100 * AZR, "Invoice 2026-17")
    assert (await desk.operations.execute(plan.id)).receipt.matches
    (row,) = await desk.redemptions.list("anvil")
    assert (await checked(desk, row.id))[1] == []  # no statement, no check: a person may state it

    asked = (await desk.bank.match("anvil")).matches[0].asked
    day = date.fromtimestamp(asked) + timedelta(days=2)
    wrong = await desk.bank.add(statement(day, "49.00"), "wrong.csv")
    (verdict,) = (await checked(desk, row.id))[1]
    assert verdict.level == "warning" and "amount" in verdict.detail and "never proven" in verdict.detail
    await desk.bank.remove(wrong.digest)

    await desk.bank.add(statement(day, "50.00"), "march.csv")
    (verdict,) = (await checked(desk, row.id))[1]
    assert verdict.level == "pass" and verdict.text == "The bank entry agrees in 5 of 5 fields"
    other, (stranger,) = await checked(desk, row.id, "SOMETHING-ELSE")
    assert stranger.level == "pass"  # the request's own reference is on the statement all the same
    assert other.state == "previewed"

    plan, _ = await checked(desk, row.id)
    assert (await desk.operations.execute(plan.id)).receipt.matches
    told = await desk.bank.match("anvil")
    assert [match.finding for match in told.matches] == [Finding.PAID] and told.unknown == ()


async def test_anybody_sends_the_escrow_back_once_the_timeout_has_passed(desk, node):
    plan = await desk.redemptions.plan_request("anvil", desk.third, 100 * AZR, "Invoice 2026-18")
    assert (await desk.operations.execute(plan.id)).receipt.matches
    (row,) = await desk.redemptions.list("anvil")
    early = await desk.redemptions.plan_refund("anvil", row.id, desk.deployer)
    assert [verdict.level for verdict in early.preview.verdicts if verdict.rule == "redemption.timeout"] == ["block"]

    node("evm_setNextBlockTimestamp", row.refundable_at)
    node("evm_mine")
    plan = await desk.redemptions.plan_refund("anvil", row.id, desk.deployer)
    assert (await desk.operations.execute(plan.id)).receipt.matches
    (row,) = await desk.redemptions.list("anvil")
    assert row.status == "refunded"
