"""What is asked of workers, as plans of kind ``mining.worker``: a proposal that somebody took, or an order of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import NotFound
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.mining.work.roll import Roll, Worker, WorkerState
from app.mining.work.rules import Act
from app.operations.plans import Effect, Plan, Preview, StepSpec, Target, TargetKind, Verdict, VerdictLevel
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

if TYPE_CHECKING:
    from app.operations import Operations

KIND = "mining.worker"
EVERYBODY = frozenset({"administrator", "developer"})
CONSOLE = Target(TargetKind.CONSOLE, "console", "This console", "local", quick=True)
WISHES: dict[Act, Callable[[int], dict[str, object]]] = {
    Act.PAUSE: lambda _: {"paused": True},
    Act.RESUME: lambda _: {"paused": False},
    Act.THROTTLE: lambda percent: {"throttle": percent},
    Act.STOP: lambda _: {"stop": True},
}
Starter = Callable[[Mapping[str, object]], Awaitable[str]]


class Orders:
    """Plans orders and gives them.

    Args:
        start: starts a worker of this machine from a plan's params; its id on the roll.
    """

    def __init__(self, operations: Operations, roll: Roll, start: Starter) -> None:
        self._operations = operations
        self._roll = roll
        self._start = start
        operations.register_kind(PlanKind(KIND, self._preview, self._measure, EVERYBODY))
        operations.register_step(KIND, lambda plan, spec: _OrderStep(roll, start))

    async def plan(self, act: Act, title: str, params: Mapping[str, object]) -> Plan:
        """A previewed plan of one order."""
        return await self._operations.plan(KIND, title, CONSOLE, {"act": act.value, **params}, [StepSpec(KIND, title)])

    async def _preview(self, plan: Plan) -> Preview:
        effect, verdict = await self._look(plan)
        reason = str(plan.params.get("reason") or "")
        return Preview(
            effects=(effect,), verdicts=(verdict,), simulated_at=now_ms(), method="read", notes=(reason,) if reason else ()
        )

    async def _look(self, plan: Plan) -> tuple[Effect, Verdict]:
        act = Act(str(plan.params["act"]))
        if act is Act.START:
            text = f"{plan.params['threads']} threads, {plan.params['throttle']} %"
            return (
                Effect("worker", str(plan.params["name"]), "none", text),
                Verdict("work.start", VerdictLevel.PASS, "The worker runs on this machine, at its lowest priority"),
            )
        worker = await self._roll.get(str(plan.params["worker"]))
        gone = worker.state in (WorkerState.STOPPED, WorkerState.SILENT)
        effect = Effect("worker", worker.name, _standing(worker), _wanted(act, plan.params))
        if act is Act.FORGET:
            fits = gone
            words = "It has ended or fallen silent" if gone else "It is alive: stop it first"
        else:
            fits = not gone
            words = "It hears orders within seconds" if fits else "It has ended or fallen silent"
        return effect, Verdict("work.heard", VerdictLevel.PASS if fits else VerdictLevel.BLOCK, words)

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        predicted = plan.preview.effects if plan.preview else ()
        done = all(step.result for step in plan.steps)
        return predicted if done else ()


def _standing(worker: Worker) -> str:
    return f"{worker.state.value}, {worker.throttle} %"


def _wanted(act: Act, params: Mapping[str, object]) -> str:
    words = {Act.PAUSE: "paused", Act.RESUME: "searching", Act.STOP: "stopped", Act.FORGET: "off the roll"}
    return words.get(act) or f"{params['percent']} % of the time"


class _OrderStep(Step):
    """Leaves the order in the worker's row, or starts one here. The same order twice is the same order."""

    def __init__(self, roll: Roll, start: Starter) -> None:
        self._roll = roll
        self._start = start

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        return {name: value for name, value in context.plan.params.items() if value is not None} | {"plan": context.plan.id}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        act = Act(str(prepared["act"]))
        if act is Act.START:
            await self._start(prepared)
        elif act is Act.FORGET:
            await self._roll.forget(str(prepared["worker"]))
        else:
            await self._roll.want(str(prepared["worker"]), **WISHES[act](int(str(prepared.get("percent") or 0))))

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        act = Act(str(prepared["act"]))
        if act is Act.START:
            worker = await self._roll.of_plan(context.plan.id)
            if worker is None:
                return Outcome(Happened.NOT_DONE)
            return Outcome(Happened.DONE, {"worker": worker.id}, (_row(worker.id),))
        try:
            worker = await self._roll.get(str(prepared["worker"]))
        except NotFound:
            if act is Act.FORGET:
                return Outcome(Happened.DONE, {"worker": prepared["worker"]}, (_row(str(prepared["worker"])),))
            return Outcome(Happened.NOT_DONE, failure="The worker was struck off the roll meanwhile. Nothing was asked of it.")
        if act is Act.FORGET:
            return Outcome(Happened.NOT_DONE)
        asked = WISHES[act](int(str(prepared.get("percent") or 0)))
        if all(worker.wanted.get(name) == value for name, value in asked.items()):
            return Outcome(Happened.DONE, {"worker": worker.id}, (_row(worker.id),))
        return Outcome(Happened.NOT_DONE)


def _row(worker_id: str) -> Evidence:
    return Evidence(
        EvidenceKind.ROW,
        f"worker {worker_id}",
        read_at=now_ms(),
        status=EvidenceStatus.CLAIMED,
        check="its row on the roll holds the order",
        trust=Trust.OPERATOR,
    )
