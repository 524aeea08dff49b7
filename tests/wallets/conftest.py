"""A wallets room whose store is real; vault and plan store are the smallest things that keep their promises.

The real vault and the real runner have tests of their own.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest_asyncio

from app.core.clock import uuid7
from app.core.errors import Denied, NotFound
from app.core.events import Bus
from app.core.secret import Secret
from app.database import Database
from app.operations.plans import Plan, PlanState, StepRecord
from app.operations.steps import Happened, StepContext
from app.wallets import Wallets

HARDHAT = Secret("test " * 11 + "junk")
FIRST, SECOND = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


class Memory(dict):
    """A vault in memory."""

    async def put(self, name, secret):
        self[name] = secret

    async def get(self, name):
        if name not in self:
            raise NotFound(name)
        return self[name]

    async def delete(self, name):
        del self[name]

    async def has(self, name):
        return name in self

    async def state(self):
        return SimpleNamespace(state="available", backend="memory", why="", ephemeral=False)


class Plans:
    """Keeps plans and carries out their one step."""

    def __init__(self):
        self.kinds, self.steps, self.plans = {}, {}, {}

    def register_kind(self, kind):
        self.kinds[kind.kind] = kind

    def register_step(self, kind, build):
        self.steps[kind] = build

    async def draft(self, kind, title, target, params, steps, limits=None):
        records = tuple(StepRecord(index, spec) for index, spec in enumerate(steps))
        plan = Plan(str(uuid7()), len(self.plans) + 1, kind, title, target, "me", params, {}, records)
        self.plans[plan.id] = plan
        return plan

    async def plan(self, kind, title, target, params, steps, limits=None):
        return await self.preview((await self.draft(kind, title, target, params, steps)).id)

    async def preview(self, plan_id):
        plan = self.plans[plan_id]
        self.plans[plan_id] = replace(plan, preview=await self.kinds[plan.kind].previewer(plan), state=PlanState.PREVIEWED)
        return self.plans[plan_id]

    async def get(self, plan_id):
        return self.plans[plan_id]

    async def page(self, states=None, before=None, limit=100):
        return [plan for plan in self.plans.values() if states is None or plan.state in states]

    def end(self, plan_id, state):
        self.plans[plan_id] = replace(self.plans[plan_id], state=state)

    async def carry_out(self, plan, *, acts=1):
        step = self.steps[plan.steps[0].spec.kind](plan, plan.steps[0].spec)
        context = StepContext(plan, 0, (), lambda text: None)
        prepared = await step.prepare(context)
        for _ in range(acts):
            await step.act(prepared, context)
        outcome = await step.observe(prepared, context)
        if outcome.happened is Happened.DONE:
            await step.committed(outcome, context)
        return outcome


class Gate:
    """An administrator in an open console; notes what was journalled."""

    def __init__(self, database):
        self.database, self.journal, self.passphrase, self.role_refuses = database, [], None, ""

    passphrase_set = property(lambda self: self.passphrase is not None)
    locked = False

    def require_unlocked(self):
        pass

    def may(self, roles, target):
        return self.role_refuses

    async def check_passphrase(self, passphrase):
        if self.passphrase is not None and passphrase != self.passphrase:
            raise Denied("The passphrase is wrong. Nothing was changed.")

    async def record(self, kind, body, change=lambda connection: None):
        def write(connection):
            change(connection)
            self.journal.append((kind, body))

        await self.database.write(write)


@pytest_asyncio.fixture
async def house(tmp_path):
    database = Database.at(tmp_path / "console.db")
    await database.open()
    vault, plans = Memory(), Plans()
    access = Gate(database)
    rest = dict.fromkeys(("simulation", "fees", "economy_of", "jobs")) | {
        "transactions": SimpleNamespace(repeats=None),
        "networks": SimpleNamespace(list=list),
    }
    wallets = Wallets(database=database, vault=vault, access=access, operations=plans, bus=Bus(), **rest)
    yield SimpleNamespace(wallets=wallets, vault=vault, plans=plans, path=tmp_path, access=access)
    await database.close()
