"""What a room implements so that the runner can act for it, and find out after a crash what became of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from app.core.evidence import Evidence
from app.operations.plans import Effect, Plan, PlanState, Preview, StepSpec, StepState


class Happened(StrEnum):
    """What an observation found."""

    DONE = "done"
    NOT_DONE = "not_done"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a prepared step.

    Attributes:
        happened: done, not done, or not yet known (ask again).
        result: JSON for later steps and the receipt, such as ``{"hash": "0x…", "contract": "0x…"}``.
        evidence: where a reader can see it.
        failure: sentences when it happened but failed for good (a reverted transaction); empty otherwise.
        waiting: why it is not known yet, in words ("1 of 6 confirmations"); empty otherwise.
    """

    happened: Happened
    result: Mapping[str, object] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    failure: str = ""
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class StepContext:
    """What a step may know while it runs: its plan, its place in it, what earlier steps gave, and a way to report progress."""

    plan: Plan
    index: int
    results: tuple[Mapping[str, object], ...]
    report: Callable[[str], None]  # one line for the live log; never a secret


class Step(ABC):
    """One act of a plan. A room subclasses it, closes over its services, and registers a builder for its ``kind``.

    The runner calls ``prepare`` once and commits what it returns before ``act``; after a crash it calls only ``observe``, then
    ``act`` with the *same* prepared value. So ``act`` must be idempotent for one prepared value.
    """

    needs_key: ClassVar[bool] = False  # signs with an account: waits for unlock while the console is locked

    @abstractmethod
    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Everything needed to act or to disown: JSON, bytes as ``0x…`` hex, never a key. Changes nothing outside."""

    async def given_out(self, context: StepContext) -> bool:
        """Whether a part of it has left this console already (a request to sign) and must come back unchanged.

        Then the plan is not held against a new simulation when it goes on: whoever brings the answer back judges that.
        """
        return False

    @abstractmethod
    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Make it happen. May be called again with the same value."""

    @abstractmethod
    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Find out what became of it, by looking at the world only."""

    async def committed(self, outcome: Outcome, context: StepContext) -> None:  # noqa: B027 - an optional hook
        """Called after the outcome ``done`` is stored; may be called again after a crash, so it must be idempotent."""


StepBuilder = Callable[[Plan, StepSpec], Step]
Previewer = Callable[[Plan], Awaitable[Preview]]
Measurer = Callable[[Plan], Awaitable[tuple[Effect, ...]]]


@dataclass(frozen=True, slots=True)
class PlanKind:
    """How a room explains one kind of plan to operations.

    Attributes:
        kind: ``room.verb``, such as ``wallets.transfer``.
        previewer: computes the preview again from the plan's params; called at preview, before confirm and before signing.
        measurer: after the end, the actual values of the previewed effects, in the same order; None when nothing was previewed.
        acts: the roles that may confirm it ("administrator", "developer").
        undo: sentence telling what cannot be undone; empty when it can.
        repeats: of an ended plan, why doing the same again would do it a second time; empty when nothing of it has happened. A
            plan that tries again is blocked by it until the operator states that a second time is meant. None: never.
        rest: plans what an ended plan has left undone, by its id; what it did is kept. None: it is only done anew from its start.
    """

    kind: str
    previewer: Previewer
    measurer: Measurer | None = None
    acts: frozenset[str] = frozenset({"administrator"})
    undo: str = ""
    repeats: Callable[[Plan], Awaitable[str]] | None = None
    rest: Callable[[str], Awaitable[Plan]] | None = None

    def has_rest(self, plan: Plan) -> bool:
        """Whether it ended early after some steps, so that the rest can be planned."""
        early = plan.state.ended and plan.state is not PlanState.DONE
        return self.rest is not None and early and any(record.state is StepState.DONE for record in plan.steps)
