"""Every change is a Plan, and one runner executes them all.

Role, lock, policy, journal, progress, stop and resume exist here once. Rooms register their kinds of plan and step; this room never
knows what a step does, only whether it was prepared, acted and what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    listed,
)
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

if TYPE_CHECKING:
    from app.operations.service import Operations

__all__ = [
    "Call",
    "Effect",
    "Fee",
    "Happened",
    "Operations",
    "Outcome",
    "Plan",
    "PlanKind",
    "PlanState",
    "Preview",
    "Receipt",
    "Step",
    "StepContext",
    "StepRecord",
    "StepSpec",
    "StepState",
    "Target",
    "TargetKind",
    "Verdict",
    "VerdictLevel",
    "listed",
]


def __getattr__(name: str) -> object:
    # SQLAlchemy is slow to import and must not come before the window is painted.
    if name == "Operations":
        from app.operations import service

        return service.Operations
    raise AttributeError(name)
