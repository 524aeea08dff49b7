"""Plans and steps as rows. Every function runs inside a transaction of ``Database`` and returns values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.core.canonical import digest
from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, NotFound
from app.core.evidence import Evidence
from app.operations import codec
from app.operations.plans import Plan, PlanState, StepRecord, StepSpec, StepState, Target
from app.operations.tables import leases, plans, steps

NUMBERING_LOCK = int.from_bytes(b"AzoraPln", "big")


def insert(
    connection: Connection,
    kind: str,
    title: str,
    target: Target,
    author: str,
    params: Mapping[str, Any],
    specs: Sequence[StepSpec],
    limits: Mapping[str, Any],
    retries: str = "",
) -> Plan:
    """Store a new draft under the next number of the store."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": NUMBERING_LOCK})
    number = 1 + int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(plans.c.number), 0))).scalar_one())
    plan_id, now = str(uuid7()), now_ms()
    connection.execute(
        plans.insert().values(
            id=plan_id,
            number=number,
            kind=kind,
            title=title,
            target=codec.target_to_json(target),
            target_ref=target.ref,
            author=author,
            params=dict(params),
            limits=dict(limits),
            plan_hash=digest({"kind": kind, "target": target.ref, "params": params, "limits": limits}),
            state=PlanState.DRAFT.value,
            reason="",
            confirmed_digest="",
            confirmed_at=0,
            journal_before=0,
            stop_requested=False,
            retries=retries,
            statement="",
            created_at=now,
            updated_at=now,
        )
    )
    for index, spec in enumerate(specs):
        connection.execute(
            steps.insert().values(
                plan_id=plan_id,
                position=index,
                kind=spec.kind,
                title=spec.title,
                params=dict(spec.params),
                state=StepState.PENDING.value,
                result={},
                evidence=[],
                error="",
                started_at=0,
                ended_at=0,
            )
        )
    return load(connection, plan_id)


def load(connection: Connection, ref: str) -> Plan:
    """One plan by its id or its name (``PLN-0001``, any case, or the bare number).

    Raises:
        NotFound: there is none.
    """
    number = ref.strip().upper().removeprefix("PLN-")
    found = plans.c.number == int(number) if number.isascii() and number.isdigit() else plans.c.id == ref.strip()
    row = connection.execute(sa.select(plans).where(found)).first()
    if row is None:
        raise NotFound(f"There is no plan “{ref}” in this store.", "See `azora plans list`.")
    return _plans(connection, [row])[0]


def page(connection: Connection, states: Collection[PlanState] | None, before: int | None, limit: int) -> list[Plan]:
    """Plans, newest first, with a number below ``before``."""
    query = sa.select(plans).order_by(plans.c.number.desc()).limit(limit)
    if states is not None:
        query = query.where(plans.c.state.in_([state.value for state in states]))
    if before is not None:
        query = query.where(plans.c.number < before)
    return _plans(connection, connection.execute(query).all())


def params_of(
    connection: Connection, kinds: Collection[str], states: Collection[PlanState] | None, known: Collection[str]
) -> list[tuple[str, str, PlanState, Mapping[str, Any]]]:
    """Id, name, state and params of the plans of some kinds, oldest first, without steps and previews; not those ``known``."""
    query = sa.select(plans.c.id).where(plans.c.kind.in_(sorted(kinds))).order_by(plans.c.number)
    if states is not None:
        query = query.where(plans.c.state.in_([state.value for state in states]))
    wanted = [plan_id for plan_id in connection.execute(query).scalars() if plan_id not in known]
    found: list[tuple[str, str, PlanState, Mapping[str, Any]]] = []
    for start in range(0, len(wanted), 500):
        part = plans.c.id.in_(wanted[start : start + 500])
        rows = sa.select(plans.c.id, plans.c.number, plans.c.state, plans.c.params).where(part).order_by(plans.c.number)
        found += [(row.id, f"PLN-{row.number:04d}", PlanState(row.state), row.params) for row in connection.execute(rows)]
    return found


def retry_of(connection: Connection, plan_id: str) -> str:
    """The id of the plan that does an ended one again and was not confirmed yet, or empty."""
    open_states = [PlanState.DRAFT.value, PlanState.PREVIEWED.value]
    query = sa.select(plans.c.id).where(plans.c.retries == plan_id, plans.c.state.in_(open_states)).order_by(plans.c.number.desc())
    return str(connection.execute(query).scalars().first() or "")


def unfinished(connection: Connection) -> list[tuple[str, Any]]:
    """Ids of the plans that were confirmed and have not ended, oldest first, each with the row of its lease or None."""
    open_states = [PlanState.CONFIRMED.value, PlanState.RUNNING.value, PlanState.WAITING.value]
    ids = connection.execute(sa.select(plans.c.id).where(plans.c.state.in_(open_states)).order_by(plans.c.number)).scalars().all()
    held = {row.plan_id: row for row in connection.execute(sa.select(leases).where(leases.c.plan_id.in_(ids)))}
    return [(plan_id, held.get(plan_id)) for plan_id in ids]


def move(connection: Connection, plan_id: str, allowed: Collection[PlanState], values: Mapping[str, Any]) -> None:
    """Change a plan that is in one of the ``allowed`` states.

    Raises:
        Conflict: it is in another state by now; nothing was changed.
    """
    changed = connection.execute(
        plans.update()
        .where(plans.c.id == plan_id, plans.c.state.in_([state.value for state in allowed]))
        .values(updated_at=now_ms(), **_columns(values))
    )
    if changed.rowcount != 1:
        plan = load(connection, plan_id)
        raise Conflict(f"{plan.name} is {plan.state.value} by now. Nothing was changed.", "Look at it again.", retryable=False)


def set_step(connection: Connection, plan_id: str, index: int, values: Mapping[str, Any]) -> None:
    """Change one step."""
    connection.execute(steps.update().where(steps.c.plan_id == plan_id, steps.c.position == index).values(**_columns(values)))


def skip_pending(connection: Connection, plan_id: str) -> None:
    """The steps that never began never will."""
    connection.execute(
        steps.update()
        .where(steps.c.plan_id == plan_id, steps.c.state == StepState.PENDING.value)
        .values(state=StepState.SKIPPED.value, ended_at=now_ms())
    )


def control(connection: Connection, plan_id: str) -> Any:
    """The columns the runner steers by: ``stop_requested``, ``confirmed_digest``, ``confirmed_at``, ``journal_before``."""
    return connection.execute(
        sa.select(plans.c.stop_requested, plans.c.confirmed_digest, plans.c.confirmed_at, plans.c.journal_before).where(
            plans.c.id == plan_id
        )
    ).one()


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, StrEnum) else value for name, value in values.items()}


def _plans(connection: Connection, rows: Sequence[Any]) -> list[Plan]:
    by_plan: dict[str, list[StepRecord]] = defaultdict(list)
    query = sa.select(steps).where(steps.c.plan_id.in_([row.id for row in rows])).order_by(steps.c.position)
    for step in connection.execute(query):
        by_plan[step.plan_id].append(_record(step))
    return [_plan(row, by_plan[row.id]) for row in rows]


def _plan(row: Any, records: Iterable[StepRecord]) -> Plan:
    return Plan(
        id=row.id,
        number=row.number,
        kind=row.kind,
        title=row.title,
        target=codec.target_from_json(row.target),
        author=row.author,
        params=row.params,
        limits=row.limits,
        steps=tuple(records),
        state=PlanState(row.state),
        reason=row.reason,
        preview=codec.preview_from_json(row.preview),
        receipt=codec.receipt_from_json(row.receipt),
        created_at=row.created_at,
        updated_at=row.updated_at,
        retries=row.retries,
        statement=row.statement,
    )


def _record(row: Any) -> StepRecord:
    return StepRecord(
        index=row.position,
        spec=StepSpec(row.kind, row.title, row.params),
        state=StepState(row.state),
        prepared=row.prepared,
        result=row.result,
        evidence=tuple(Evidence.from_json(item) for item in row.evidence),
        error=row.error,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )
