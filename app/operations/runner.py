"""The one runner: takes a confirmed plan through its steps, and takes up where a dead process left off.

Each change of state is one transaction with its journal entry, and is refused when the plan's lease is no longer ours. What a
step prepared is stored before it acts. After a crash the world is asked first (``observe``), then ``act`` gets the same value.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from sqlalchemy.engine import Connection

from app.audit.journal import Entry, Journal
from app.core import faults
from app.core.canonical import digest
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Locked, Waiting
from app.core.events import Bus, PlanChanged
from app.core.logging import redact
from app.database import Database
from app.operations import codec, store
from app.operations.leases import BEAT_SECONDS, Holder
from app.operations.plans import Effect, Plan, PlanState, Preview, Receipt, StepRecord, StepState
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext
from app.operations.wording import around, sentence

log = logging.getLogger(__name__)
T = TypeVar("T")
UNLOCK = "Waits until the console is unlocked."
KEYRING = "Waits until the OS keyring is unlocked."
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0  # seconds between two observations
SHOW_WAITING_AFTER = 0.6  # seconds of not knowing before a plan is shown as waiting
FRESH_MS = 30_000  # a confirmation this young was simulated just now
LINES = 1_000


class Registry(Protocol):
    """What rooms registered."""

    def kind_of(self, plan: Plan) -> PlanKind:
        """How its room explains the plan."""

    def step_of(self, plan: Plan, record: StepRecord) -> Step:
        """The room's step for a record."""

    async def simulate(self, plan: Plan) -> Preview:
        """Previewer and policy, computed again."""


class Guard(Protocol):
    """The part of Access that a running plan asks."""

    @property
    def locked(self) -> bool:
        """Whether keys are out of reach."""


@dataclass(frozen=True, slots=True)
class _Disowned:
    """The step will not be acted again by this console."""

    acted: bool


@dataclass(frozen=True, slots=True)
class _Refused:
    """The step was refused for good and has not happened."""

    why: str


class Runner:
    """Runs plans of one console.

    Args:
        patience_seconds: how long a step that cannot be prepared (a node that does not answer) is tried before the plan fails.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        access: Guard,
        bus: Bus,
        registry: Registry,
        holder: Holder,
        actor: Callable[[], str],
        patience_seconds: float = 30.0,
    ) -> None:
        self._database = database
        self._journal = journal
        self._access = access
        self._bus = bus
        self._registry = registry
        self._holder = holder
        self._actor = actor
        self._patience = patience_seconds
        self._lines: dict[str, deque[tuple[int, str]]] = {}

    def lines(self, plan_id: str) -> list[tuple[int, str]]:
        """What was said while it ran in this process: UTC milliseconds and text."""
        return list(self._lines.get(plan_id, ()))

    def say(self, plan_id: str, text: str) -> None:
        """Add a line to the live log of a plan."""
        lines = self._lines.setdefault(plan_id, deque(maxlen=LINES))
        lines.append((now_ms(), redact(text)))
        self._bus.publish(PlanChanged(plan_id))

    async def run(self, plan_id: str, *, resumed: bool) -> Plan:
        """Run to an end, or to waiting for unlock or for somebody elsewhere.

        Raises:
            Conflict: another living process runs it, or it is not confirmed; nothing was changed.
        """
        await self._begin(plan_id, resumed)
        try:
            await self._while_beating(plan_id, self._work(plan_id, resumed))
        except ConsoleError:
            raise
        except Exception:
            # A bug. What a step prepared may have acted: keep it, so that the next start observes it.
            reason = "An unexpected error interrupted it; what was prepared is looked at again at the next start."
            await self._show(plan_id, PlanState.WAITING, reason)
            raise
        finally:
            await asyncio.shield(self._database.write(lambda connection: self._holder.release(connection, plan_id)))
        plan = await self._load(plan_id)
        if plan.state is PlanState.WAITING and await self._stop_requested(plan_id):
            # The wish came after this run had last looked for one, and before anybody could see that it was ending.
            with contextlib.suppress(Conflict):  # whoever has it by now has heard the wish too
                return await self.run(plan_id, resumed=True)
        return plan

    async def _begin(self, plan_id: str, resumed: bool) -> None:
        def begin(connection: Connection) -> None:
            plan = store.load(connection, plan_id)
            if not self._holder.take(connection, plan_id):
                raise Conflict(
                    f"{plan.name} is being run by another process. Nothing was changed.", "Wait for it, or stop it there."
                )
            store.move(
                connection,
                plan_id,
                (PlanState.CONFIRMED, PlanState.RUNNING, PlanState.WAITING),
                {"state": PlanState.RUNNING, "reason": ""},
            )
            self._enter(connection, plan, "plan.resumed" if resumed else "plan.started")

        await self._database.write(begin)
        self._publish(plan_id, PlanState.RUNNING)

    async def _work(self, plan_id: str, resumed: bool) -> None:
        plan = await self._load(plan_id)
        if await self._world_moved_on(plan, resumed):
            return
        for index in range(len(plan.steps)):
            plan = await self._load(plan_id)
            record = plan.steps[index]
            if record.state is StepState.DONE:
                await self._commit_again(plan, record)
                continue
            if not await self._step(plan, record):
                return
        await self._finish(await self._load(plan_id))

    async def _world_moved_on(self, plan: Plan, resumed: bool) -> bool:
        """True when nothing was begun yet and a new simulation shows other effects than were confirmed: then it is stopped."""
        if any(record.state is not StepState.PENDING for record in plan.steps) or await self._stop_requested(plan.id):
            return False
        if await self._registry.step_of(plan, plan.steps[0]).given_out(self._context(plan, 0)):
            return False
        control = await self._database.read(lambda connection: store.control(connection, plan.id))
        if not resumed and now_ms() - control.confirmed_at < FRESH_MS:
            return False
        preview = await self._registry.simulate(plan)
        if preview.digest == control.confirmed_digest:
            return False
        why = "its effects are no longer those that were confirmed. Nothing was begun; preview it anew"
        await self._end(plan, PlanState.STOPPED, f"{why[0].upper()}{why[1:]}.")
        return True

    async def _step(self, plan: Plan, record: StepRecord) -> bool:
        """Take one step to its end; False when the plan has ended or waits for unlock."""
        step = self._registry.step_of(plan, record)
        context = self._context(plan, record.index)
        prepared = record.prepared
        fresh = prepared is None
        if prepared is None:
            if await self._stop_requested(plan.id):
                await self._stop(plan, record.index)
                return False
            prepared = await self._prepare(plan, record, step, context)
            if prepared is None:
                return False
            if await self._stop_requested(plan.id):
                await self._disown(plan, record, acted=False)
                return False
        outcome = await self._until_known(plan, record, step, prepared, context, act_first=fresh)
        match outcome:
            case _Disowned(acted=acted):
                await self._disown(plan, record, acted=acted)
                return False
            case _Refused(why=why):
                await self._fail(plan, record, why)
                return False
            case Outcome(failure=failure) if failure:
                await self._fail(plan, record, failure, outcome)
                return False
        await self._done(plan, record, outcome)
        await step.committed(outcome, context)
        faults.point("runner.step.committed")
        return True

    async def _prepare(self, plan: Plan, record: StepRecord, step: Step, context: StepContext) -> Mapping[str, Any] | None:
        """Prepare and store; None when it ended or waits instead."""
        if step.needs_key and self._access.locked:
            await self._show(plan.id, PlanState.WAITING, UNLOCK)
            return None
        faults.point("runner.step.preparing")
        loop = asyncio.get_running_loop()
        give_up, pause = loop.time() + self._patience, FIRST_PAUSE
        started = now_ms()
        while True:
            try:
                prepared = dict(await step.prepare(context))
                break
            except Locked as error:
                self.say(plan.id, error.message)
                await self._show(plan.id, PlanState.WAITING, UNLOCK if self._access.locked else KEYRING)
                return None
            except Waiting as error:
                await self._show(plan.id, PlanState.WAITING, error.message)
                if await self._stop_requested(plan.id):
                    await self._stop(plan, record.index)
                    return None
                if not error.soon:  # whoever brings what is awaited has the plan go on
                    return None
                give_up = loop.time() + self._patience  # a person's time is not the node's
            except ConsoleError as error:
                if not error.retryable or loop.time() >= give_up or await self._stop_requested(plan.id):
                    await self._fail(plan, record, str(error))
                    return None
                await self._show(plan.id, PlanState.WAITING, error.message)
            except Exception as error:
                # Preparing changes nothing outside, so the plan can end here; the bug is still reported.
                await self._fail(plan, record, f"An unexpected error ({type(error).__name__}) came up before anything was done.")
                raise
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        faults.point("runner.step.storing")

        def keep(connection: Connection) -> None:
            self._own(connection, plan)
            store.set_step(
                connection, plan.id, record.index, {"state": StepState.PREPARED, "prepared": prepared, "started_at": started}
            )
            store.move(connection, plan.id, _LIVE, {"state": PlanState.RUNNING, "reason": ""})
            self._enter(connection, plan, "step.prepared", record, prepared=digest(prepared))

        await self._database.write(keep)
        self._publish(plan.id, PlanState.RUNNING)
        faults.point("runner.step.prepared")
        return prepared

    async def _until_known(
        self, plan: Plan, record: StepRecord, step: Step, prepared: Mapping[str, Any], context: StepContext, *, act_first: bool
    ) -> Outcome | _Disowned | _Refused:
        """Act and observe until it is known what became of the step."""
        loop = asyncio.get_running_loop()
        begun, pause = loop.time(), FIRST_PAUSE
        must_act, acted = act_first, record.state is StepState.ACTED
        while True:
            refusal: ConsoleError | None = None
            if must_act:
                try:
                    await step.act(prepared, context)
                except ConsoleError as error:
                    refusal = error
                else:
                    faults.point("runner.step.acted")
                    acted = acted or await self._acted(plan, record)
            try:
                outcome = await step.observe(prepared, context)
            except ConsoleError as error:  # not being able to look is not knowing
                outcome = Outcome(Happened.UNKNOWN, waiting=error.message)
            if outcome.happened is Happened.DONE or outcome.failure:
                return outcome
            must_act = outcome.happened is Happened.NOT_DONE
            if must_act:
                if refusal is not None and not refusal.retryable and not isinstance(refusal, Locked):
                    return _Refused(str(refusal))
                if await self._stop_requested(plan.id):
                    return _Disowned(acted)
            waiting = (refusal.message if refusal else "") or outcome.waiting
            if loop.time() - begun > SHOW_WAITING_AFTER:
                await self._show(plan.id, PlanState.WAITING, waiting or "It is not known yet whether this step has happened.")
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    async def _acted(self, plan: Plan, record: StepRecord) -> bool:
        def mark(connection: Connection) -> None:
            self._own(connection, plan)
            store.set_step(connection, plan.id, record.index, {"state": StepState.ACTED})

        await self._database.write(mark, durable=False)
        return True

    async def _done(self, plan: Plan, record: StepRecord, outcome: Outcome) -> None:
        def keep(connection: Connection) -> None:
            self._own(connection, plan)
            store.set_step(
                connection,
                plan.id,
                record.index,
                {
                    "state": StepState.DONE,
                    "result": dict(outcome.result),
                    "evidence": [evidence.to_json() for evidence in outcome.evidence],
                    "ended_at": now_ms(),
                },
            )
            store.move(connection, plan.id, _LIVE, {"state": PlanState.RUNNING, "reason": ""})
            self._enter(connection, plan, "step.done", record, result=digest(outcome.result))

        await self._database.write(keep)
        self.say(plan.id, f"Done: {record.spec.title}")
        faults.point("runner.step.done")

    async def _commit_again(self, plan: Plan, record: StepRecord) -> None:
        """The last step done may have been cut off before its hook ran; the hook may be called again."""
        done = [other.index for other in plan.steps if other.state is StepState.DONE]
        if record.index != done[-1]:
            return
        step = self._registry.step_of(plan, record)
        outcome = Outcome(Happened.DONE, record.result, record.evidence)
        await step.committed(outcome, self._context(plan, record.index))

    async def _finish(self, plan: Plan) -> None:
        await self._end(plan, PlanState.DONE, "")
        faults.point("runner.plan.done")

    async def _fail(self, plan: Plan, record: StepRecord, why: str, outcome: Outcome | None = None) -> None:
        values: dict[str, Any] = {"state": StepState.FAILED, "error": why, "ended_at": now_ms()}
        if outcome is not None:
            values["result"] = dict(outcome.result)
            values["evidence"] = [evidence.to_json() for evidence in outcome.evidence]
        self.say(plan.id, f"Failed: {record.spec.title}. {why}")
        text = f"Step {record.index + 1}, “{record.spec.title}”: {sentence(why)} {around(plan, record.index)}"
        await self._end(plan, PlanState.FAILED, text, (record, values, "step.failed", {"reason": why}))

    async def _stop(self, plan: Plan, index: int) -> None:
        text = f"Stopped before step {index + 1} of {len(plan.steps)}. {around(plan, index - 1)}"
        await self._end(plan, PlanState.STOPPED, text)

    async def _disown(self, plan: Plan, record: StepRecord, *, acted: bool) -> None:
        what = (
            "was sent and has not happened; this console will not send it again"
            if acted
            else "was prepared but not acted; this console will never act it"
        )
        text = f"Step {record.index + 1}, “{record.spec.title}”, {what}. {around(plan, record.index)}"
        values = {"state": StepState.DISOWNED, "ended_at": now_ms()}
        await self._end(plan, PlanState.DISOWNED, text, (record, values, "step.disowned", {}))

    async def _end(
        self,
        plan: Plan,
        state: PlanState,
        reason: str,
        last: tuple[StepRecord, Mapping[str, Any], str, Mapping[str, Any]] | None = None,
    ) -> None:
        """End the plan, its last step and its journal in one transaction, with the receipt."""
        begun = any(record.state is not StepState.PENDING for record in plan.steps) or last is not None
        actual, unmeasured = await self._measure(plan) if begun or state is PlanState.DONE else ((), "")

        def end(connection: Connection) -> None:
            self._own(connection, plan)
            if last is not None:
                record, values, kind, words = last
                store.set_step(connection, plan.id, record.index, values)
                self._enter(connection, plan, kind, record, **words)
            store.skip_pending(connection, plan.id)
            now = store.load(connection, plan.id)
            text = " ".join(part for part in (reason, unmeasured) if part)
            receipt = Receipt(
                predicted=plan.preview.effects if plan.preview else (),
                actual=actual,
                evidence=tuple(evidence for record in now.steps for evidence in record.evidence),
                journal_before=store.control(connection, plan.id).journal_before,
                journal_after=0,
                ended_at=now_ms(),
            )
            measured: dict[str, Any] = {"matches": receipt.matches, "actual": digest([_effect_key(effect) for effect in actual])}
            entry = self._enter(connection, plan, f"plan.{state.value}", reason=text, **measured)
            receipt = replace(receipt, journal_after=entry.sequence, journal_head=entry.entry_hash)
            store.move(connection, plan.id, _LIVE, {"state": state, "reason": text, "receipt": codec.receipt_to_json(receipt)})

        await self._database.write(end)
        self.say(plan.id, reason or "Done.")
        self._publish(plan.id, state)

    async def _measure(self, plan: Plan) -> tuple[tuple[Effect, ...], str]:
        """The actual values of the predicted effects, or none and the sentence why not."""
        measurer = self._registry.kind_of(plan).measurer
        if measurer is None:
            return (), ""
        try:
            return await measurer(plan), ""
        except ConsoleError as error:
            return (), f"What it changed could not be measured: {error.message}"
        except Exception as error:
            log.exception("the effects of %s could not be measured", plan.name)
            return (), f"What it changed could not be measured ({type(error).__name__})."

    async def _show(self, plan_id: str, state: PlanState, reason: str) -> None:
        """Show another state or reason; not journalled, since nothing was changed by it."""

        def show(connection: Connection) -> bool:
            plan = store.load(connection, plan_id)
            if (plan.state, plan.reason) == (state, reason) or plan.state.ended:
                return False
            self._own(connection, plan)
            store.move(connection, plan_id, _LIVE, {"state": state, "reason": reason})
            return True

        if await self._database.write(show, durable=False):
            if reason:
                self.say(plan_id, reason)
            self._publish(plan_id, state)

    async def _while_beating(self, plan_id: str, work: Coroutine[Any, Any, None]) -> None:
        failure: BaseException | None = None
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(self._beat(plan_id), name="lease heartbeat")
            try:
                await work
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                failure = error  # kept out of the group, which would wrap it
            finally:
                beating.cancel()
        if failure is not None:
            raise failure

    async def _beat(self, plan_id: str) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._database.write(lambda connection: self._holder.beat(connection, plan_id), durable=False)
            except ConsoleError as error:  # the next beat may get through; a lost lease is noticed at the next change
                log.warning("no heartbeat: %s", error)

    async def _stop_requested(self, plan_id: str) -> bool:
        control = await self._database.read(lambda connection: store.control(connection, plan_id))
        return bool(control.stop_requested)

    async def _load(self, plan_id: str) -> Plan:
        return await self._database.read(lambda connection: store.load(connection, plan_id))

    def _context(self, plan: Plan, index: int) -> StepContext:
        results = tuple(record.result for record in plan.steps[:index])
        return StepContext(plan, index, results, lambda text: self.say(plan.id, text))

    def _own(self, connection: Connection, plan: Plan) -> None:
        if not self._holder.holds(connection, plan.id):
            raise Conflict(f"Another console took over {plan.name}; this one no longer touches it.", "Follow it there.")

    def _enter(self, connection: Connection, plan: Plan, kind: str, record: StepRecord | None = None, **words: Any) -> Entry:
        body: dict[str, Any] = {"plan": plan.name, "plan_id": plan.id, "title": plan.title, **words}
        if record is not None:
            body |= {"step": record.index + 1, "step_kind": record.spec.kind, "step_title": record.spec.title}
        return self._journal.append(connection, kind, self._actor(), body)

    def _publish(self, plan_id: str, state: PlanState) -> None:
        self._bus.publish(PlanChanged(plan_id, state.value))


_LIVE = (PlanState.RUNNING, PlanState.WAITING)


def _effect_key(effect: Effect) -> list[str]:
    return [effect.kind, effect.subject, effect.before, effect.after, effect.unit]
