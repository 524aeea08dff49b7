"""What workloads and nodes used over a week, kept in the store: no metrics server remembers more than its last reading.

A minute of everything is one transaction. Six hours are kept by minutes and seven days as means over ten minutes, so that a series
has at most 360 + 1008 rows and a little. Pods come and go and are not kept, their use is counted for their workload; nor are bare
pods and single Jobs, which end anyway. What was not measured has no row: a gap stays a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from app.cluster.tables import cluster_series, cluster_usage
from app.cluster.usage import KEPT_KINDS, MINUTE_MS, Sample, Top
from app.database import Database

COARSE_MS = 600_000
FINE_KEPT_MS = 6 * 3_600_000
KEPT_MS = 7 * 24 * 3_600_000
MOST_SERIES = 2_500  # of one cluster: 3.4 million rows in a week

Series = tuple[str, Top]  # with the identity of its cluster
Taken = Mapping[Top, tuple[float, float]]  # mean CPU in thousandths of a core and memory in bytes, by kind, namespace and name


@dataclass(frozen=True, slots=True)
class Written:
    """What a minute came to: rows that were kept, and series for which a cluster has too many already."""

    rows: int
    left_out: int


class UsageArchive:
    """Samples in the store of this console; several consoles may share one, and then keep each minute once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ids: dict[Series, int] = {}
        self._seen: set[int] = set()
        self._turned = 0  # UTC ms up to which this process made means last

    @property
    def is_open(self) -> bool:
        """Whether there is a store to write to: it may lie behind a cluster itself, and open later."""
        return self._database.is_open

    async def keep(self, at: int, taken: Mapping[str, Taken]) -> Written:
        """Keep one minute of every cluster, by its identity; a minute that was kept already stays as it is.

        Each ten minutes, means are made of what is past and what has grown old goes, in the same transaction.

        Args:
            at: UTC ms within the minute.

        Raises:
            Unavailable, Conflict: the store does not answer or is held; nothing was kept.
        """
        minute, slot = at - at % MINUTE_MS, at - at % COARSE_MS
        turn = slot != self._turned

        def write(connection: Connection) -> tuple[Written, dict[Series, int]]:
            ids = _numbers(connection) if turn else dict(self._ids)
            left_out = _learn(connection, minute, taken, ids)
            rows = [
                (MINUTE_MS, minute, number, round(cpu * 1000), round(memory))
                for cluster, used in taken.items()
                for key, (cpu, memory) in used.items()
                if (number := ids.get((cluster, key))) is not None
            ]
            self._seen.update(row[2] for row in rows)
            if rows:
                names = [column.name for column in cluster_usage.c]
                connection.execute(_ignoring(connection, cluster_usage), [dict(zip(names, row, strict=True)) for row in rows])
            if turn:
                self._turn(connection, slot)
            return Written(len(rows), left_out), ids

        # What was numbered in a transaction that failed is forgotten with it.
        written, self._ids = await self._database.write(write, durable=False)
        if turn:
            self._turned, self._seen = slot, set()
        return written

    async def read(self, cluster: str, key: Top, since: int, until: int) -> list[Sample]:
        """What was kept of one workload or node from ``since`` up to before ``until`` (UTC ms), oldest first.

        The last six hours before ``until`` come by minutes, what is before as means over ten.
        """
        since = max(since, until - KEPT_MS)
        border = until - FINE_KEPT_MS
        border += -border % COARSE_MS

        def look(connection: Connection) -> list[Sample]:
            series = sa.select(cluster_series.c.id).where(
                cluster_series.c.cluster == cluster,
                cluster_series.c.kind == key[0],
                cluster_series.c.namespace == key[1],
                cluster_series.c.name == key[2],
            )
            number = connection.execute(series).scalar()
            if number is None:
                return []
            found: list[Sample] = []
            for span, first, last in ((COARSE_MS, since, min(border, until)), (MINUTE_MS, max(border, since), until)):
                times = range(first + -first % span, last, span)
                query = sa.select(cluster_usage.c.at, cluster_usage.c.cpu, cluster_usage.c.memory).where(
                    cluster_usage.c.span == span, cluster_usage.c.at.in_(list(times)), cluster_usage.c.series == number
                )
                found += [Sample(row.at, row.cpu / 1000, row.memory, span) for row in connection.execute(query)]
            return sorted(found, key=lambda sample: sample.at)

        return await self._database.read(look)

    def _turn(self, connection: Connection, slot: int) -> None:
        """Make means of the ten minutes that are over, and drop what is too old, or further ahead than a week by a wrong clock."""
        before = (cluster_usage.c.span == COARSE_MS) & (cluster_usage.c.at < slot)
        newest = connection.execute(sa.select(sa.func.max(cluster_usage.c.at)).where(before)).scalar()
        since = 0 if newest is None else newest + COARSE_MS
        place = (cluster_usage.c.at - cluster_usage.c.at % COARSE_MS).label("place")
        means = (
            sa.select(
                sa.literal(COARSE_MS),
                place,
                cluster_usage.c.series,
                sa.cast(sa.func.avg(cluster_usage.c.cpu), sa.BigInteger),
                sa.cast(sa.func.avg(cluster_usage.c.memory), sa.BigInteger),
            )
            .where(cluster_usage.c.span == MINUTE_MS, cluster_usage.c.at >= since, cluster_usage.c.at < slot)
            .group_by(place, cluster_usage.c.series)
        )
        connection.execute(_ignoring(connection, cluster_usage).from_select([column.name for column in cluster_usage.c], means))
        for span, kept in ((MINUTE_MS, FINE_KEPT_MS + COARSE_MS), (COARSE_MS, KEPT_MS)):
            old, ahead = cluster_usage.c.at < slot - kept, cluster_usage.c.at > slot + KEPT_MS
            connection.execute(cluster_usage.delete().where(cluster_usage.c.span == span, old | ahead))
        if self._seen:
            connection.execute(
                cluster_series.update().where(cluster_series.c.id == sa.bindparam("number")).values(seen_at=slot),
                [{"number": number} for number in sorted(self._seen)],
            )
        seen = cluster_series.c.seen_at
        # Longer than their rows, or those would belong to nothing.
        connection.execute(cluster_series.delete().where((seen < slot - KEPT_MS - COARSE_MS) | (seen > slot + KEPT_MS + COARSE_MS)))


def _learn(connection: Connection, minute: int, taken: Mapping[str, Taken], ids: dict[Series, int]) -> int:
    """Number what is measured for the first time, nodes first; how many a cluster has too many."""
    left_out = 0
    counts = Counter(cluster for cluster, _ in ids)
    for cluster, used in taken.items():
        fresh = sorted((key for key in used if (cluster, key) not in ids), key=lambda key: (KEPT_KINDS.index(key[0]), key))
        room = max(0, MOST_SERIES - counts[cluster])
        left_out += len(fresh[room:])
        if fresh[:room]:
            rows = [
                {"cluster": cluster, "kind": kind, "namespace": space, "name": name, "seen_at": minute}
                for kind, space, name in fresh[:room]
            ]
            connection.execute(_ignoring(connection, cluster_series), rows)
            ids |= _numbers(connection, cluster)  # another console may have numbered them first
    return left_out


def _numbers(connection: Connection, cluster: str | None = None) -> dict[Series, int]:
    query = cluster_series.select()
    rows = connection.execute(query if cluster is None else query.where(cluster_series.c.cluster == cluster))
    return {(row.cluster, (row.kind, row.namespace, row.name)): row.id for row in rows}


def _ignoring(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that leaves rows which are there already as they are."""
    insert = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing()
