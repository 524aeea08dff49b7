"""The same on PostgreSQL, which others use too: edits are journalled there, and every query means the same."""

from __future__ import annotations

import pytest

from tests.wallets.purse import NETWORK, Purse, bytecodes
from tests.wallets.test_holdings import coin
from tests.wallets.test_payouts import payee, table

__all__ = ["bytecodes"]
pytestmark = [pytest.mark.node, pytest.mark.postgres, pytest.mark.asyncio]


async def test_money_moves_and_is_told_on_a_shared_store(tmp_path, node, bytecodes, postgres):
    purse = await Purse(tmp_path / "home", node.url, postgres).open()
    try:
        wallets, me = purse.wallets, purse.accounts[0]
        token = coin(node, bytecodes)
        await wallets.add_token(NETWORK, token)
        await wallets.import_contacts(await wallets.check_contacts(table([(payee(1), "Landlord")], headings=("address", "label"))))
        await wallets.edit_contact("landlord", note="rent")
        await wallets.remove_contact("Landlord")
        kinds = [entry.kind for entry in await purse.journal.page(limit=20)]
        assert kinds[:3] == ["contact.removed", "contact.changed", "contact.added"]
        assert (await purse.journal.verify()).ok
        rows = table([(payee(n), n + 1, "") for n in range(12)])
        plan = await purse.done(await wallets.plan_payout(await wallets.check_payout(NETWORK, me, rows, token)))
        assert plan.receipt.matches
        assert {row.state.value for row in await wallets.payout_rows(plan.id)} == {"paid"}
        await purse.done(await wallets.plan_approve(NETWORK, me, token, token, 3))
        assert [row.amount for row in (await wallets.allowances(NETWORK, me)).rows] == [3]
        page = await wallets.activity(NETWORK, me, limit=5)
        after = await wallets.activity(NETWORK, me, before=page.next)
        assert len(page.rows) + len(after.rows) == 1 + 12 + 1 + 3  # held from the first block, a deployment, a call
        assert [row.newest for row in await wallets.assets(NETWORK, [me])][1] == 1_000_000_000 - sum(range(1, 13)) * 10**6
        assert (await wallets.book()).paid.keys() == {payee(n) for n in range(12)}
    finally:
        await purse.close()
