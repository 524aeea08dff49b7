"""Operations: the face of the room. Draft, preview, confirm, run, stop, recover."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from app.access.roles import Operator, Somewhere
from app.audit.journal import Journal
from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Denied, Invalid, Unavailable
from app.core.events import AccessChanged, Bus, PlanChanged
from app.core.jobs import Job, Jobs
from app.core.secret import Secret
from app.database import Database
from app.operations import codec, policy, store
from app.operations.leases import Holder
from app.operations.plans import Plan, PlanState, Preview, StepRecord, StepSpec, Target
from app.operations.runner import KEYRING, UNLOCK, Runner
from app.operations.steps import PlanKind, Step, StepBuilder

log = logging.getLogger(__name__)
GO_ON_TRIES, GO_ON_PAUSE = 10, 0.5  # a console that starts takes waiting plans up for a moment
NO_LIMITS: Mapping[str, object] = MappingProxyType({})


class Gate(Protocol):
    """The part of Access that operations needs."""

    @property
    def operator(self) -> Operator:
        """Who is here."""

    @property
    def locked(self) -> bool:
        """Whether keys are out of reach."""

    @property
    def passphrase_set(self) -> bool:
        """Whether there is a passphrase to ask for."""

    def may(self, plan_roles: frozenset[str], target: Somewhere) -> str:
        """Why not, or empty."""

    def require_unlocked(self) -> None:
        """Raises Locked."""

    async def unlock(self, passphrase: Secret) -> None:
        """Opens the console."""

    async def check_passphrase(self, passphrase: Secret | None) -> None:
        """Raises Denied."""


class Operations:
    """Every change of the console.

    Args:
        database: where plans are kept.
        journal: gets an entry with each change of state.
        access: role and lock.
        bus: hears ``PlanChanged``.
        jobs: carries on plans that waited for unlock; without it somebody must call :meth:`run`.
        patience_seconds: how long a step that cannot be prepared is tried before its plan fails.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        access: Gate,
        bus: Bus | None = None,
        jobs: Jobs | None = None,
        patience_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._journal = journal
        self._access = access
        self._bus = bus or Bus()
        self._jobs = jobs
        self._holder = Holder.me()
        self._kinds: dict[str, PlanKind] = {}
        self._builders: dict[str, StepBuilder] = {}
        self._running: dict[str, asyncio.Event] = {}
        self._runner = Runner(
            database, journal, access, self._bus, self, self._holder, lambda: access.operator.name, patience_seconds
        )
        self._bus.subscribe(AccessChanged, self._access_changed)

    def register_kind(self, kind: PlanKind) -> None:
        """Let a room explain a kind of plan."""
        self._kinds[kind.kind] = kind

    def register_step(self, kind: str, build: StepBuilder) -> None:
        """Let a room build a kind of step."""
        self._builders[kind] = build

    # The life of a plan ---------------------------------------------------------------------------------------------------

    async def draft(
        self,
        kind: str,
        title: str,
        target: Target,
        params: Mapping[str, object],
        steps: Sequence[StepSpec],
        limits: Mapping[str, object] = NO_LIMITS,
    ) -> Plan:
        """Store what the operator asks for, under the next number; nothing is computed yet.

        Raises:
            Invalid: no room knows the kind of the plan or of a step, or there is no step; nothing was stored.
        """
        unknown = [name for name in (kind,) if name not in self._kinds]
        unknown += [step.kind for step in steps if step.kind not in self._builders]
        if unknown:
            raise Invalid(f"No room of this console knows “{unknown[0]}”. Nothing was stored.")
        if not steps:
            raise Invalid("A plan without steps changes nothing. Nothing was stored.")
        author = self.author
        plan = await self._database.write(
            lambda connection: store.insert(connection, kind, title, target, author, params, steps, limits)
        )
        self._publish(plan)
        return plan

    async def preview(self, plan_id: str) -> Plan:
        """Compute what it would do and hold it against the rules.

        Raises:
            Unavailable: what it needs to look at does not answer; the plan stays as it was.
            Conflict: it was confirmed meanwhile.
        """
        plan = await self.get(plan_id)
        self._expect(plan, PlanState.DRAFT, PlanState.PREVIEWED)
        return await self._keep_preview(plan, await self.simulate(plan))

    @property
    def author(self) -> str:
        """The person at the console, as plans and answers name them."""
        return self._access.operator.name

    async def plan(
        self,
        kind: str,
        title: str,
        target: Target,
        params: Mapping[str, object],
        steps: Sequence[StepSpec],
        limits: Mapping[str, object] = NO_LIMITS,
    ) -> Plan:
        """Draft and preview in one."""
        return await self.preview((await self.draft(kind, title, target, params, steps, limits)).id)

    async def get(self, ref: str) -> Plan:
        """One plan by id or name.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: store.load(connection, ref))

    async def page(self, states: Collection[PlanState] | None = None, before: int | None = None, limit: int = 100) -> list[Plan]:
        """Plans, newest first, numbered below ``before``."""
        return await self._database.read(lambda connection: store.page(connection, states, before, limit))

    async def params_of(
        self, kinds: Collection[str], states: Collection[PlanState] | None = None, known: Collection[str] = ()
    ) -> list[tuple[str, str, PlanState, Mapping[str, Any]]]:
        """Id, name, state and params of the plans of some kinds, oldest first, without those whose ids are ``known``."""
        return await self._database.read(lambda connection: store.params_of(connection, kinds, states, known))

    def why_not_confirm(self, plan: Plan) -> str:
        """Empty when the operator may confirm it as it stands, else the sentence for a disabled button."""
        if plan.state is not PlanState.PREVIEWED or plan.preview is None:
            return f"{plan.name} is {plan.state.value}."
        return self._access.may(self.kind_of(plan).acts, plan.target) or policy.why_blocked(plan.preview)

    async def confirm(self, plan_id: str, *, preview_digest: str, passphrase: Secret | None = None, statement: str = "") -> Plan:
        """Confirm exactly what was previewed; it is computed once more before.

        Args:
            preview_digest: of the preview the operator saw.
            passphrase: the console passphrase, when one is set; a quick plan on an unlocked console goes without.
            statement: what the operator typed: the target's name in production.

        Raises:
            Denied: role, passphrase, typed name or a rule does not allow it.
            Locked: the console is locked and no passphrase was given.
            Conflict: the effects are no longer those previewed (the new preview is stored), or it is not previewed.
        """
        plan = await self.get(plan_id)
        self._expect(plan, PlanState.PREVIEWED)
        if refused := self._access.may(self.kind_of(plan).acts, plan.target):
            raise Denied(f"{refused} {plan.name} was not confirmed.", "Ask an operator with another role.")
        if (typed := policy.typed_check(plan)) and statement.strip() != typed:
            raise Denied(f"{plan.name} was not confirmed: the name typed is not “{typed}”.", f"Type {typed}.", field="statement")
        await self._ask(plan, passphrase)
        preview = await self.simulate(plan)
        if preview.digest != preview_digest:
            await self._keep_preview(plan, preview)
            changed = policy.what_changed(plan.preview, preview)
            raise Conflict(
                f"The effects of {plan.name} are no longer those you saw. {changed} Nothing was confirmed.",
                "Look at the new preview.",
                retryable=True,
            )
        if blocked := policy.why_blocked(preview):
            raise Denied(f"{plan.name} cannot be confirmed. {blocked} Nothing was changed.", "Change the plan.")
        await self._database.write(lambda connection: self._confirm(connection, plan, preview))
        faults.point("runner.plan.confirmed")
        confirmed = await self.get(plan.id)
        self._publish(confirmed)
        return confirmed

    async def run(self, plan_id: str) -> Plan:
        """Run a confirmed plan to an end, or until it waits for unlock. Already running here: waits for that run.

        Raises:
            Conflict: it is not confirmed, or another living process runs it.
        """
        return await self._run((await self.get(plan_id)).id, resumed=False)

    async def execute(self, plan_id: str, *, passphrase: Secret | None = None, statement: str = "") -> Plan:
        """Confirm what its own preview says, and run: for the command line and quick plans."""
        plan = await self.get(plan_id)
        if plan.state is PlanState.DRAFT:
            plan = await self.preview(plan.id)
        plan = await self.confirm(plan.id, preview_digest=plan.preview_digest, passphrase=passphrase, statement=statement)
        return await self._run(plan.id, resumed=False)

    async def go_on(self, plan_id: str) -> Plan:
        """Take up a plan that waits, since what it waited for is there now; runs to an end or until it waits again.

        A run that looked before it was there is let end first, here or in a console that is just starting.

        Raises:
            Conflict: it does not wait, or another living process has been running it for seconds.
        """
        plan = await self.get(plan_id)
        self._expect(plan, PlanState.WAITING, PlanState.RUNNING)
        tries = GO_ON_TRIES
        while True:
            if (running := self._running.get(plan.id)) is not None:
                await running.wait()
                plan = await self.get(plan.id)
                if plan.state is not PlanState.WAITING:
                    return plan
            try:
                return await self._run(plan.id, resumed=True)
            except Conflict:
                plan, tries = await self.get(plan.id), tries - 1
                if plan.state.ended:
                    return plan
                if not tries:
                    raise
            await asyncio.sleep(GO_ON_PAUSE)

    async def stop(self, plan_id: str) -> Plan:
        """Stop before the next step. A prepared step that did not act is disowned; one that acted is followed to its end.

        Raises:
            Denied: the operator's role may not act on this plan.
            Conflict: it has ended already.
        """
        plan = await self.get(plan_id)
        if refused := self._access.may(self.kind_of(plan).acts, plan.target):
            raise Denied(f"{refused} {plan.name} was not stopped.", "Ask an operator with another role.")
        if plan.state in (PlanState.DRAFT, PlanState.PREVIEWED):
            return await self.discard(plan.id)
        self._expect(plan, PlanState.CONFIRMED, PlanState.RUNNING, PlanState.WAITING)

        def ask(connection: Connection) -> bool:
            """Leave the wish; True when nobody living would hear it."""
            store.move(connection, plan.id, (PlanState.CONFIRMED, PlanState.RUNNING, PlanState.WAITING), {"stop_requested": True})
            return self._holder.take(connection, plan.id)

        free = await self._database.write(ask)
        if free and plan.id not in self._running:
            return await self._run(plan.id, resumed=True)
        self._runner.say(plan.id, "Asked to stop before the next step.")
        return await self.get(plan.id)

    async def discard(self, plan_id: str) -> Plan:
        """Put away a plan that was never confirmed. ``PlanChanged`` with state ``stopped`` tells its room to clean up.

        Raises:
            Conflict: it was confirmed.
        """
        plan = await self.get(plan_id)
        values = {"state": PlanState.STOPPED, "reason": "Discarded before it was confirmed. Nothing was changed."}

        def put_away(connection: Connection) -> None:
            store.move(connection, plan.id, (PlanState.DRAFT, PlanState.PREVIEWED), values)
            store.skip_pending(connection, plan.id)

        await self._database.write(put_away)
        plan = await self.get(plan.id)
        self._publish(plan)
        return plan

    async def retry(self, plan_id: str, statement: str = "") -> Plan:
        """Preview an ended plan anew, with the same parameters; approvals of the old one do not count for it.

        Where something of it has happened already, the new plan is blocked until the operator states that a second time is meant.
        A retry that was not confirmed yet is taken up rather than made twice.

        Args:
            statement: that second time, in the operator's words; journalled.

        Raises:
            Conflict: it has not ended, or is done.
            Denied: the operator's role may not act on it.
            Unavailable: what the preview needs does not answer; the new plan stays a draft.
        """
        old = await self.get(plan_id)
        self._expect(old, PlanState.FAILED, PlanState.STOPPED, PlanState.DISOWNED)
        if refused := self._access.may(self.kind_of(old).acts, old.target):
            raise Denied(f"{refused} {old.name} was not planned again.", "Ask an operator with another role.")
        said = " ".join(statement.split())[:500]
        new_id = await self._database.write(lambda connection: self._again(connection, old, said))
        return await self.preview(new_id)

    def _again(self, connection: Connection, old: Plan, statement: str) -> str:
        new_id = store.retry_of(connection, old.id)
        if not new_id:
            specs = [record.spec for record in old.steps]
            author = self.author
            plan = store.insert(connection, old.kind, old.title, old.target, author, old.params, specs, old.limits, retries=old.id)
            new_id = plan.id
        if statement:
            plan = store.load(connection, new_id)
            store.move(connection, new_id, (PlanState.DRAFT, PlanState.PREVIEWED), {"statement": statement})
            body = {"plan": plan.name, "plan_id": plan.id, "title": plan.title, "retries": old.name, "statement": statement}
            self._journal.append(connection, "plan.second_time_stated", self._access.operator.name, body)
        return new_id

    async def recover(self) -> list[Plan]:
        """Take up the plans of dead processes, all at once; returns each as it then is.

        Prepared steps are observed and finished with the same bytes. Steps that need a key wait while the console is locked.
        A plan that waits for a chain is followed here, so start this as a job.
        """
        abandoned = await self._database.read(self._abandoned)
        waiting = [plan for plan in abandoned if plan.reason == UNLOCK and self._access.locked]
        taken = [plan for plan in abandoned if plan not in waiting]
        results = await asyncio.gather(*(self._take_up(plan) for plan in taken))
        return sorted([*waiting, *results], key=lambda plan: plan.number)

    def log(self, plan_id: str) -> list[tuple[int, str]]:
        """Live lines of a plan that ran in this process: UTC milliseconds and text."""
        return self._runner.lines(plan_id)

    async def close(self) -> None:
        """Give back every lease, so that another process need not wait for this one to end."""
        self._holder.leave()
        await self._database.write(self._holder.release_all)

    # What the runner asks --------------------------------------------------------------------------------------------------

    def kind_of(self, plan: Plan) -> PlanKind:
        """How its room explains the plan.

        Raises:
            Unavailable: no room of this version knows it.
        """
        try:
            return self._kinds[plan.kind]
        except KeyError:
            raise Unavailable(f"This console does not know plans of kind “{plan.kind}”. {plan.name} was left as it is.") from None

    def step_of(self, plan: Plan, record: StepRecord) -> Step:
        """The room's step for a record.

        Raises:
            Unavailable: no room of this version knows it.
        """
        try:
            build = self._builders[record.spec.kind]
        except KeyError:
            raise Unavailable(
                f"This console does not know steps of kind “{record.spec.kind}”. {plan.name} was left as it is."
            ) from None
        return build(plan, record.spec)

    async def simulate(self, plan: Plan) -> Preview:
        """The room's previewer and the rules that hold for every plan."""
        kind = self.kind_of(plan)
        preview = await kind.previewer(plan)
        verdicts = policy.judge(plan, preview, kind.undo) + preview.verdicts
        if plan.retries and kind.repeats is not None:
            old = await self.get(plan.retries)
            verdicts += policy.second_time(old, plan, await kind.repeats(old))
        return replace(preview, verdicts=verdicts, simulated_at=preview.simulated_at or now_ms())

    # Inside ----------------------------------------------------------------------------------------------------------------

    async def _keep_preview(self, plan: Plan, preview: Preview) -> Plan:
        values: dict[str, Any] = {"state": PlanState.PREVIEWED, "preview": codec.preview_to_json(preview)}
        await self._database.write(
            lambda connection: store.move(connection, plan.id, (PlanState.DRAFT, PlanState.PREVIEWED), values)
        )
        plan = await self.get(plan.id)
        self._publish(plan)
        return plan

    async def _ask(self, plan: Plan, passphrase: Secret | None) -> None:
        """Lock and passphrase. Quick plans have no sheet to ask in; an unlocked console is enough for them."""
        if self._access.locked:
            if passphrase is None:
                self._access.require_unlocked()
            else:
                await self._access.unlock(passphrase)
                return
        if passphrase is not None or not plan.target.quick:
            await self._access.check_passphrase(passphrase)

    def _confirm(self, connection: Connection, plan: Plan, preview: Preview) -> None:
        """State, lease and journal in one transaction. The lease is ours from here, so that no other process recovers it."""
        if not self._holder.take(connection, plan.id):
            raise Conflict(f"{plan.name} is being run by another process. Nothing was confirmed.", "Look at it again.")
        body = {
            "plan": plan.name,
            "plan_id": plan.id,
            "title": plan.title,
            "kind": plan.kind,
            "target": plan.target.ref,
            "target_name": plan.target.name,
            "plan_hash": plan.plan_hash,
            "preview_digest": preview.digest,
            "role": self._access.operator.role.value,
        }
        entry = self._journal.append(connection, "plan.confirmed", self._access.operator.name, body)
        values = {
            "state": PlanState.CONFIRMED,
            "preview": codec.preview_to_json(preview),
            "confirmed_digest": preview.digest,
            "confirmed_at": now_ms(),
            "journal_before": entry.sequence - 1,
            "stop_requested": False,
        }
        store.move(connection, plan.id, (PlanState.PREVIEWED,), values)

    async def _run(self, plan_id: str, *, resumed: bool) -> Plan:
        if (running := self._running.get(plan_id)) is not None:
            await running.wait()
            return await self.get(plan_id)
        ended = self._running[plan_id] = asyncio.Event()
        try:
            return await self._runner.run(plan_id, resumed=resumed)
        finally:
            self._running.pop(plan_id, None)
            ended.set()

    async def _take_up(self, plan: Plan) -> Plan:
        try:
            return await self._run(plan.id, resumed=True)
        except ConsoleError as error:
            log.warning("%s was not taken up: %s", plan.name, error)
        except Exception:
            log.exception("%s could not be taken up", plan.name)
        return await self.get(plan.id)

    def _abandoned(self, connection: Connection) -> list[Plan]:
        now = now_ms()
        return [
            store.load(connection, plan_id)
            for plan_id, held in store.unfinished(connection)
            if plan_id not in self._running and (held is None or not self._holder.sees_alive(held, now))
        ]

    def _access_changed(self, _event: AccessChanged) -> None:
        """Unlocked: what waited for it goes on."""
        if self._jobs is not None and not self._access.locked:
            self._jobs.quietly("plans that waited for unlock", self._go_on)

    async def _go_on(self) -> None:
        assert self._jobs is not None
        for plan in await self._database.read(self._abandoned):
            if plan.state is PlanState.WAITING and plan.reason in (UNLOCK, KEYRING):

                async def go_on(_job: Job, plan_id: str = plan.id) -> Plan:
                    return await self._run(plan_id, resumed=True)

                self._jobs.start(f"{plan.name}: {plan.title}", go_on, kind="plan", link=f"azora://plans/{plan.name}")

    def _expect(self, plan: Plan, *states: PlanState) -> None:
        if plan.state not in states:
            wanted = " or ".join(state.value for state in states)
            raise Conflict(f"{plan.name} is {plan.state.value}, not {wanted}. Nothing was changed.", "Look at it again.")

    def _publish(self, plan: Plan) -> None:
        self._bus.publish(PlanChanged(plan.id, plan.state.value))
