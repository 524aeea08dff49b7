"""How fast workers searched: a sample each ten seconds for a day, kept beside their rows so that every console sees them.

A sample is written by the worker itself together with its sign of life; what is missing was not measured, and stays a gap.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from app.core.clock import now_ms
from app.mining.tables import work_rates as table
from app.mining.tables import workers

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

EACH_MS = 10_000
KEPT_MS = 25 * 3_600_000  # a day, and what the widest view cuts off


@dataclass(frozen=True, slots=True)
class RateLine:
    """The samples of one worker, oldest first: (UTC milliseconds, hashes per second)."""

    worker_id: str
    name: str
    points: tuple[tuple[int, int], ...]


def note(connection: Connection, worker_id: str, rate: int) -> None:
    """Keep a sample, one in ten seconds; the worker's oldest go."""
    at = now_ms() // EACH_MS * EACH_MS
    same = (table.c.worker == worker_id) & (table.c.at == at)
    if connection.execute(sa.select(table.c.at).where(same)).first() is None:
        connection.execute(table.insert().values(worker=worker_id, at=at, rate=rate))
        connection.execute(table.delete().where(table.c.worker == worker_id, table.c.at < at - KEPT_MS))


def forget(connection: Connection, worker_id: str) -> None:
    """Drop the samples of a worker that is struck off."""
    connection.execute(table.delete().where(table.c.worker == worker_id))


def lines(connection: Connection, network: str, since_ms: int, step_ms: int) -> list[RateLine]:
    """The samples of every worker of a network since then, as means over steps."""
    slot = (table.c.at - table.c.at % step_ms).label("slot")
    query = (
        sa.select(workers.c.id, workers.c.name, slot, sa.func.avg(table.c.rate).label("mean"))
        .join(workers, workers.c.id == table.c.worker)
        .where(workers.c.network == network, table.c.at >= since_ms)
        .group_by(workers.c.id, workers.c.name, slot)
        .order_by(slot)
    )
    names: dict[str, str] = {}
    points: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in connection.execute(query):
        names[row.id] = row.name
        points[row.id].append((int(row.slot), int(row.mean)))
    return [RateLine(worker_id, name, tuple(points[worker_id])) for worker_id, name in names.items()]
