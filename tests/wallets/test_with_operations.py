"""The same life through the real runner: plan, confirm, keep, receipt; and discard."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.access.roles import Operator, Role
from app.audit import Journal
from app.core.events import Bus
from app.core.jobs import Jobs
from app.core.secret import Secret
from app.database import Database
from app.operations import Operations, PlanState
from app.wallets import KeyState, Wallets
from tests.wallets.conftest import FIRST, HARDHAT, Memory


class Gate:
    """An administrator in an open console."""

    operator = Operator("tester", Role.ADMINISTRATOR)
    locked = False
    passphrase_set = False

    def may(self, plan_roles, target):
        return ""

    def require_unlocked(self):
        pass

    async def check_passphrase(self, passphrase):
        pass

    async def record(self, kind, body, change=lambda connection: None):
        pass


@pytest.mark.asyncio
async def test_a_wallet_is_created_by_a_plan_and_a_discarded_one_leaves_nothing(tmp_path):
    database = Database.at(tmp_path / "console.db")
    await database.open()
    bus, vault = Bus(), Memory()
    jobs = Jobs(bus)
    operations = Operations(database, Journal(database, bus=bus), Gate(), bus, jobs)
    rest = dict.fromkeys(("networks", "simulation", "fees", "economy_of")) | {"transactions": SimpleNamespace(repeats=None)}
    wallets = Wallets(database=database, vault=vault, access=Gate(), operations=operations, bus=bus, jobs=jobs, **rest)
    try:
        given_up = await wallets.plan_create("Never", Secret("abandon " * 11 + "about"))
        await operations.discard(given_up.id)
        await wallets.start()
        assert not vault
        plan = await operations.execute((await wallets.plan_create("Treasury", HARDHAT)).id)
        assert plan.state is PlanState.DONE and plan.receipt is not None and plan.receipt.matches
        account = await wallets.get("Treasury")
        assert (account.address, account.key_state) == (FIRST, KeyState.IN_KEYRING)
        assert list(vault) == [f"wallet/{account.wallet_id}"]
        assert "junk" not in repr(plan) + str(operations.log(plan.id))
    finally:
        await jobs.close()
        await operations.close()
        await database.close()
    assert b"junk" not in b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
