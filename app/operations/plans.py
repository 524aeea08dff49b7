"""Plan, Step, Preview, Receipt: the shape of every change.

All values are frozen; the store keeps them, the runner moves them from state to state. ``plan_hash`` covers what the operator
asked for, ``preview_digest`` what would happen; approvals sign both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from app.core.canonical import digest
from app.core.errors import Invalid
from app.core.evidence import Evidence

Item = TypeVar("Item")


def listed(values: Mapping[str, object], name: str, kind: type[Item]) -> list[Item]:
    """The list ``name`` of a plan's or a step's params, of what a step prepared, or of its result; each item is a ``kind``.

    Raises:
        Invalid: it is no list, or an item is something else: the store was changed by another program.
    """
    found = values.get(name)
    items = [item for item in found if isinstance(item, kind)] if isinstance(found, list | tuple) else []
    if not isinstance(found, list | tuple) or len(items) != len(found):
        raise Invalid(f"“{name}” of this plan is not a list of what belongs there. Nothing was done.", "Make a new plan.")
    return items


class PlanState(StrEnum):
    """Where a plan is in its life: draft → previewed → confirmed → running → done, and the ways off it."""

    DRAFT = "draft"
    PREVIEWED = "previewed"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    WAITING = "waiting"  # for unlock, approval or confirmations: ``Plan.reason`` says which
    DONE = "done"
    STOPPED = "stopped"  # by the operator, or because the world moved on; nothing is half-done
    FAILED = "failed"
    DISOWNED = "disowned"  # given up: what was prepared will never be sent by this console

    @property
    def ended(self) -> bool:
        """No runner will touch it again."""
        return self in (PlanState.DONE, PlanState.STOPPED, PlanState.FAILED, PlanState.DISOWNED)


class StepState(StrEnum):
    """Where a step is: pending → prepared (stored, not acted) → acted → done."""

    PENDING = "pending"
    PREPARED = "prepared"
    ACTED = "acted"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    DISOWNED = "disowned"


class TargetKind(StrEnum):
    """What sort of thing a plan changes."""

    NETWORK = "network"
    CLUSTER = "cluster"
    DATABASE = "database"
    CONSOLE = "console"  # keys, roles, policy of this console itself


@dataclass(frozen=True, slots=True)
class Target:
    """The thing a plan changes.

    Attributes:
        kind: sort of thing.
        ref: ``NetworkKey.text`` (``1337:0x<genesis hash>``), cluster context, database name, or ``console``.
        name: what people call it.
        environment: ``local``, ``test`` or ``production``: decides badge, role and typed check.
        quick: the console started it itself, so plans on it are quick (no sheet, snapshot before, Undo after).
    """

    kind: TargetKind
    ref: str
    name: str
    environment: str = "local"
    quick: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that will be different afterwards.

    Attributes:
        kind: ``balance``, ``supply``, ``allowance``, ``role``, ``contract``, ``proof``, ``redemption``, ``key``, ``state`` …
        subject: who or what: an ``0x…`` address, an account label, a role name.
        label: the subject as people call it, or empty.
        before, after: exact text; integers in the smallest unit as decimal digits.
        unit: ``AZR``, ``ETH``, or empty when before and after are words.
        decimals: how to show integers of this unit; 0 when they are words.
        contract: address of the contract that keeps the figure; empty for the native coin and off chain.
    """

    kind: str
    subject: str
    before: str
    after: str
    unit: str = ""
    decimals: int = 0
    label: str = ""
    contract: str = ""


class VerdictLevel(StrEnum):
    """What a policy rule says."""

    PASS = "pass"
    NOTE = "note"
    WARNING = "warning"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One policy check of a preview: the rule's id, its level, a sentence, and a second line with the why."""

    rule: str
    level: VerdictLevel
    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A decoded contract call: ``AzoraToken.transfer`` with named, exact arguments. ``verified`` when our own build matches."""

    contract: str
    address: str
    function: str
    arguments: tuple[tuple[str, str], ...] = ()
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Fee:
    """Estimate and limit. Gas in units, prices and totals in wei of the native coin. Not part of the preview digest."""

    gas: int
    gas_limit: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    estimate: int
    limit: int
    unit: str = "ETH"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a plan would do, computed and never promised.

    ``error`` is the decoded revert reason, or why it could not be simulated; a preview with an error cannot be confirmed. ``cause``
    is the same with the exact values that the contract gave, where ``error`` says it in words.
    ``simulated_at`` is UTC milliseconds; ``block`` and ``block_hash`` name the state it was computed on (0 and empty off chain).
    """

    effects: tuple[Effect, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    calls: tuple[Call, ...] = ()
    fee: Fee | None = None
    block: int = 0
    block_hash: str = ""
    simulated_at: int = 0
    method: str = ""  # "eth_simulateV1", "debug_traceCall", "pyrevm on proven state", "pyrevm", "dry run" …
    error: str = ""
    notes: tuple[str, ...] = ()  # what cannot be undone, what the reader should know
    cause: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over effects and policy verdicts, without block, time, nonce, gas and fee estimate."""
        return digest(
            {
                "effects": [[e.kind, e.subject, e.before, e.after, e.unit, *filter(None, [e.contract])] for e in self.effects],
                "verdicts": [[v.rule, v.level, v.text] for v in self.verdicts],
                "error": self.error,
            }
        )

    @property
    def blocked(self) -> bool:
        """True when it must not be confirmed: it would fail, or a rule blocks it."""
        return bool(self.error) or any(v.level is VerdictLevel.BLOCK for v in self.verdicts)


@dataclass(frozen=True, slots=True)
class StepSpec:
    """What a step is before anything happened: its kind (registered by a room), a title for people, and its parameters.

    ``params`` is JSON: strings, ints, bools, lists, dicts. Bytes are ``0x…`` hex. Never a secret.
    """

    kind: str
    title: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as stored. ``prepared`` is what is needed to finish or disown it; ``result`` what later steps may use."""

    index: int
    spec: StepSpec
    state: StepState = StepState.PENDING
    prepared: Mapping[str, object] | None = None
    result: Mapping[str, object] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    error: str = ""
    started_at: int = 0
    ended_at: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """Predicted against actual, with the evidence of each step and the journal before and after.

    ``actual`` lists effects in the order and shape of the preview's; ``matches`` says whether they are equal.
    """

    predicted: tuple[Effect, ...]
    actual: tuple[Effect, ...]
    evidence: tuple[Evidence, ...]
    journal_before: int
    journal_after: int
    journal_head: str = ""  # hex hash of the entry ``journal_after``
    ended_at: int = 0

    @property
    def matches(self) -> bool:
        """Every predicted effect happened exactly, and nothing else that was looked at."""
        return self.predicted == self.actual


@dataclass(frozen=True, slots=True)
class Plan:
    """One change, from draft to receipt. ``id`` is a UUIDv7 as text; people see ``name`` (``PLN-0427``)."""

    id: str
    number: int
    kind: str
    title: str
    target: Target
    author: str
    params: Mapping[str, object]
    limits: Mapping[str, object]
    steps: tuple[StepRecord, ...]
    state: PlanState = PlanState.DRAFT
    reason: str = ""  # why it waits, stopped or failed: sentences
    preview: Preview | None = None
    receipt: Receipt | None = None
    created_at: int = 0
    updated_at: int = 0
    retries: str = ""  # id of the ended plan that this one does again
    statement: str = ""  # what the operator stated so that it may be done a second time

    @property
    def name(self) -> str:
        """The number as people say it."""
        return f"PLN-{self.number:04d}"

    @property
    def plan_hash(self) -> str:
        """SHA-256 of RFC 8785 JSON of kind, target, params and limits."""
        return digest({"kind": self.kind, "target": self.target.ref, "params": self.params, "limits": self.limits})

    @property
    def preview_digest(self) -> str:
        """Digest of the preview, or empty before there is one."""
        return self.preview.digest if self.preview else ""
