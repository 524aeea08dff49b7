"""A window and a console small enough to tell the sheet's story without a chain: only for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from app.core.errors import Conflict, ConsoleError, Denied
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.operations.plans import (
    Call,
    Effect,
    Fee,
    Plan,
    PlanState,
    Preview,
    Receipt,
    StepRecord,
    StepSpec,
    StepState,
    Target,
    TargetKind,
    Verdict,
    VerdictLevel,
)
from app.operations.steps import PlanKind

TREASURY, POOL = "0x7a3f000000000000000000000000000000000091", "0x2f88000000000000000000000000000000000b6e"
AZR = 10**18


def effects(sent: int = 12_500) -> tuple[Effect, ...]:
    """What a transfer changes."""
    before = 8_412_600 * AZR
    return (
        Effect("balance", TREASURY, str(before), str(before - sent * AZR), "AZR", 18, "Treasury"),
        Effect("balance", POOL, "0", str(sent * AZR), "AZR", 18, "Rewards pool"),
    )


def preview(sent: int = 12_500, **changes: Any) -> Preview:
    """A preview of a transfer of so many AZR."""
    whole = Preview(
        effects=effects(sent),
        verdicts=(Verdict("simulation", VerdictLevel.PASS, "Simulation succeeded", "No other balance changes"),),
        calls=(Call("AzoraToken", POOL, "transfer", (("to", POOL), ("amount", "12500.000000000000000000")), True),),
        fee=Fee(52_184, 62_600, 2_000, 1_000, 63 * 10**12, 75 * 10**12),
        block=1_842,
        block_hash="0x" + "ab" * 32,
        simulated_at=1,
        method="eth_simulateV1",
    )
    return replace(whole, **changes)


def transfer(environment: str = "local", state: PlanState = PlanState.PREVIEWED, **changes: Any) -> Plan:
    """A previewed transfer plan."""
    specs = [StepSpec("chain.transaction", "Send 12,500 AZR", {"sender": TREASURY})]
    plan = Plan(
        id="plan-1",
        number=427,
        kind="wallets.transfer",
        title="Send AZR from Treasury",
        target=Target(TargetKind.NETWORK, "1337:0x01", "Demo", environment),
        author="admin",
        params={"sender": TREASURY, "recipient": POOL, "amount": str(12_500 * AZR), "decimals": 18, "symbol": "AZR"},
        limits={},
        steps=tuple(StepRecord(index, spec) for index, spec in enumerate(specs)),
        state=state,
        preview=preview(),
    )
    return replace(plan, **changes)


def finished(plan: Plan) -> Plan:
    """The same plan, done as predicted."""
    assert plan.preview is not None
    seen = Evidence(EvidenceKind.TRANSACTION, "0x" + "a7" * 32, status=EvidenceStatus.INCLUDED, trust=Trust.OWN_NODE)
    steps = tuple(
        replace(record, state=StepState.DONE, started_at=1_000, ended_at=1_900, evidence=(seen,)) for record in plan.steps
    )
    receipt = Receipt(plan.preview.effects, plan.preview.effects, (seen,), 11, 14, "c0" * 32, 3_000)
    return replace(plan, state=PlanState.DONE, steps=steps, receipt=receipt)


class FakeOperations:
    """Holds one plan and moves it as it is told."""

    def __init__(self, plan: Plan) -> None:
        self.now = plan
        self.calls: list[str] = []
        self.next_preview: Preview | None = None
        self.passphrase = ""
        self.rest: Any = None

    async def get(self, ref: str) -> Plan:
        return self.now

    async def preview(self, plan_id: str) -> Plan:
        self.calls.append("preview")
        self.now = replace(self.now, preview=self.next_preview or self.now.preview, state=PlanState.PREVIEWED)
        return self.now

    async def confirm(self, plan_id: str, *, preview_digest: str, passphrase: Any = None, statement: str = "") -> Plan:
        self.calls.append("confirm")
        self.statement = statement
        if self.next_preview is not None and self.next_preview.digest != preview_digest:
            raise Conflict("The simulation gives another result. Nothing was signed.")
        if self.passphrase and (passphrase is None or passphrase.reveal() != self.passphrase):
            raise Denied("The console passphrase is wrong. Nothing was signed.")
        self.now = replace(self.now, state=PlanState.CONFIRMED)
        return self.now

    def kind_of(self, plan: Plan) -> PlanKind:
        return PlanKind(plan.kind, self.preview, acts=frozenset({"administrator"}), rest=self.rest)

    async def run(self, plan_id: str) -> Plan:
        self.calls.append("run")
        self.now = finished(self.now)
        return self.now

    async def discard(self, plan_id: str) -> None:
        self.calls.append("discard")

    async def stop(self, plan_id: str) -> Plan:
        self.calls.append("stop")
        return self.now

    def log(self, plan_id: str) -> list[tuple[int, str]]:
        return [(1_000, "signed with Treasury")]


class FakeBridge:
    """Runs work at once, as if the service loop had answered already."""

    def __init__(self, console: Any) -> None:
        self.console = console
        self.slots: list[tuple[type, Callable[[Any], None]]] = []

    def run(self, work: Any, *, then: Any = None, fail: Any = None, label: str = "", owner: Any = None) -> None:
        try:
            result = asyncio.run(work())
        except ConsoleError as error:
            if fail is None or not fail(error):
                raise
            return
        if then is not None:
            then(result)

    def on(self, kind: type, slot: Callable[[Any], None], owner: Any) -> None:
        self.slots.append((kind, slot))

    def publish(self, event: Any) -> None:
        for kind, slot in self.slots:
            if isinstance(event, kind):
                slot(event)


class World:
    """The parts of a console that the sheet asks."""

    def __init__(self, plan: Plan) -> None:
        self.operations = FakeOperations(plan)
        self.why_not = ""
        self.access = SimpleNamespace(passphrase_set=False, locked=False, may=lambda roles, target: self.why_not)
        account = SimpleNamespace(address=TREASURY, label="Treasury", key_state="inKeyring")
        self.wallets = SimpleNamespace(list=self._accounts)
        self.accounts = [account]
        self.networks = SimpleNamespace(list=list)
        self.rival: Any = None
        self.transactions = SimpleNamespace(rival=self._rival)
        self.journal = SimpleNamespace(page=self._page)
        self.started: list[tuple[Any, Any]] = []
        self.jobs = SimpleNamespace(start=self._start)

    async def _rival(self, plan_id: str) -> Any:
        return self.rival

    async def _accounts(self) -> list[Any]:
        return self.accounts

    async def _page(self, before: int | None = None, limit: int = 1) -> list[Any]:
        return []

    def _start(self, title: str, work: Any, **more: Any) -> None:
        self.started.append((title, work))
