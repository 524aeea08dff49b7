"""What workloads and nodes used is known after a restart, is bounded, and has gaps where nothing was measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from app.cluster import archive as archives
from app.cluster.archive import COARSE_MS, FINE_KEPT_MS, KEPT_MS, UsageArchive
from app.cluster.store import Metrics
from app.cluster.tables import cluster_series, cluster_usage
from app.cluster.usage import MINUTE_MS, History, Sample, runs, summed
from app.database import Database
from tests.cluster.reading import Objects

WEEK_AGO = 1_790_000_000_000 // COARSE_MS * COARSE_MS
HOUR = 3_600_000
CART, NODE = ("Deployment", "shop", "cart"), ("Node", "", "node-a")
BOTH = {CART: (12.5, 1000.0), NODE: (800.0, 5000.0)}


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    sqlite = request.param == "sqlite"
    database = Database.at(tmp_path / "console.db") if sqlite else Database(request.getfixturevalue("postgres"))
    await database.open()
    yield database
    await database.close()


async def rows(database: Database, *where: Any) -> int:
    query = sa.select(sa.func.count()).select_from(cluster_usage).where(*where)
    return int(await database.read(lambda connection: connection.execute(query).scalar_one()))


@pytest.mark.asyncio
async def test_what_was_kept_is_read_by_another_process_and_only_of_that_cluster(database):
    first = UsageArchive(database)
    assert (await first.keep(WEEK_AGO + 7, {"uid-1": BOTH, "uid-2": {CART: (99.0, 9.0)}})).rows == 3
    await first.keep(WEEK_AGO + MINUTE_MS, {"uid-1": {CART: (20.25, 2000.0)}})
    after = await UsageArchive(database).read("uid-1", CART, WEEK_AGO - HOUR, WEEK_AGO + HOUR)
    assert after == [Sample(WEEK_AGO, 12.5, 1000, MINUTE_MS), Sample(WEEK_AGO + MINUTE_MS, 20.25, 2000, MINUTE_MS)]
    assert await UsageArchive(database).read("uid-3", CART, 0, WEEK_AGO + HOUR) == []


@pytest.mark.asyncio
async def test_two_consoles_on_one_store_keep_each_minute_once(database):
    one, other = UsageArchive(database), UsageArchive(database)
    await one.keep(WEEK_AGO, {"uid": {NODE: (1.0, 1.0)}})
    await other.keep(WEEK_AGO + 30_000, {"uid": {NODE: (5.0, 5.0), CART: (2.0, 2.0)}})
    await one.keep(WEEK_AGO + MINUTE_MS, {"uid": {CART: (3.0, 3.0)}})
    assert [sample.cpu for sample in await one.read("uid", NODE, 0, WEEK_AGO + HOUR)] == [1.0]
    assert [sample.cpu for sample in await one.read("uid", CART, 0, WEEK_AGO + HOUR)] == [2.0, 3.0]


@pytest.mark.asyncio
async def test_a_series_has_six_hours_by_minutes_and_a_week_by_means_and_no_more(database):
    kept = UsageArchive(database)
    minutes = 9 * 60
    for number in range(minutes + 1):
        await kept.keep(WEEK_AGO + number * MINUTE_MS, {"uid": {CART: (number, number * 10.0)}})
    now = WEEK_AGO + minutes * MINUTE_MS
    fine = FINE_KEPT_MS // MINUTE_MS
    assert fine < await rows(database, cluster_usage.c.span == MINUTE_MS) <= fine + 2 * COARSE_MS // MINUTE_MS
    assert await rows(database, cluster_usage.c.span == COARSE_MS) == minutes // 10
    read = await kept.read("uid", CART, WEEK_AGO, now)
    assert read[0] == Sample(WEEK_AGO, 4.5, 45, COARSE_MS) and read[-1].cpu == minutes - 1
    assert [sample.at for sample in read] == sorted({sample.at for sample in read}) and len(runs(read)) == 1
    for day in range(1, 9):  # and once a day from then on
        await UsageArchive(database).keep(now + day * 24 * HOUR, {"uid": {NODE: (1.0, 1.0)}})
    assert await rows(database, cluster_usage.c.at < now + 24 * HOUR) == 0
    names = await database.read(lambda connection: connection.execute(sa.select(cluster_series.c.name)).scalars().all())
    assert names == ["node-a"], "a series without rows is forgotten"


@pytest.mark.asyncio
async def test_minutes_before_a_restart_become_means_when_the_console_runs_again(database):
    await UsageArchive(database).keep(WEEK_AGO, {"uid": BOTH})
    now = WEEK_AGO + 2 * 24 * HOUR
    await UsageArchive(database).keep(now, {"uid": BOTH})
    read = await UsageArchive(database).read("uid", CART, now - KEPT_MS, now + MINUTE_MS)
    assert [(sample.at, sample.span) for sample in read] == [(WEEK_AGO, COARSE_MS), (now, MINUTE_MS)]
    assert len(runs(read)) == 2


@pytest.mark.asyncio
async def test_a_clock_that_is_set_back_or_was_far_ahead_breaks_nothing(database):
    kept = UsageArchive(database)
    for number in range(20):
        await kept.keep(WEEK_AGO + number * MINUTE_MS, {"uid": {CART: (1.0, 1.0)}})
    for number in range(-30, 25):  # half an hour back, and over the same minutes again
        await kept.keep(WEEK_AGO + number * MINUTE_MS, {"uid": {CART: (2.0, 2.0)}})
    read = await kept.read("uid", CART, WEEK_AGO - HOUR, WEEK_AGO + 25 * MINUTE_MS)
    assert [sample.cpu for sample in read] == [2.0] * 30 + [1.0] * 20 + [2.0] * 5
    await kept.keep(WEEK_AGO + KEPT_MS // 2, {"uid": {CART: (3.0, 3.0)}})
    await kept.keep(WEEK_AGO + 25 * MINUTE_MS, {"uid": {CART: (2.0, 2.0)}})
    read = await kept.read("uid", CART, WEEK_AGO, WEEK_AGO + 26 * MINUTE_MS)
    assert read[-1] == Sample(WEEK_AGO + 25 * MINUTE_MS, 2.0, 2, MINUTE_MS)
    await kept.keep(WEEK_AGO + 90 * 24 * HOUR, {"uid": {CART: (4.0, 4.0)}})
    await kept.keep(WEEK_AGO + 40 * MINUTE_MS, {"uid": {CART: (2.0, 2.0)}})
    assert await rows(database, cluster_usage.c.at > WEEK_AGO + KEPT_MS + HOUR) == 0, "what lies far ahead would never grow old"


@pytest.mark.asyncio
async def test_a_cluster_has_so_many_series_and_nodes_come_first(database, monkeypatch):
    monkeypatch.setattr(archives, "MOST_SERIES", 2)
    used = {("Deployment", "shop", name): (1.0, 1.0) for name in ("a", "b", "c")} | {NODE: (1.0, 1.0)}
    kept = UsageArchive(database)
    for number in range(2):
        written = await kept.keep(WEEK_AGO + number * MINUTE_MS, {"uid": used, "other": {CART: (1.0, 1.0)}})
        assert (written.rows, written.left_out) == (3, 2)
    assert len(await kept.read("uid", NODE, 0, WEEK_AGO + HOUR)) == 2


@pytest.mark.asyncio
async def test_a_minute_that_could_not_be_written_leaves_no_number_behind(database):
    kept = UsageArchive(database)
    with pytest.raises((OverflowError, sa.exc.DataError)):
        await kept.keep(WEEK_AGO, {"uid": {CART: (1.0, 2.0**80)}})
    await kept.keep(WEEK_AGO + MINUTE_MS, {"uid": {CART: (2.0, 2.0)}})
    assert [sample.cpu for sample in await kept.read("uid", CART, 0, WEEK_AGO + HOUR)] == [2.0]


def pods_of(used: dict[str, float], at: int) -> Metrics:
    return Metrics(True, at, {("n", name): {"main": (cpu, 10)} for name, cpu in used.items()}, {"node-a": (7.0, 70)})


def test_use_is_counted_for_the_workload_that_a_pod_had_at_that_time():
    """Pods of a rolling update come and go; the workload goes on."""
    history = History(span=15_000)
    cluster = Objects(
        [
            {"kind": "ReplicaSet", **meta("web-1", "Deployment", "web")},
            {"kind": "Pod", **meta("a", "ReplicaSet", "web-1")},
            {"kind": "Pod", **meta("b", "ReplicaSet", "web-1")},
            {"kind": "Pod", **meta("static", "Node", "node-a")},
        ]
    )
    history.add(pods_of({"a": 1.0, "static": 50.0}, 15_000), cluster)
    history.add(pods_of({"a": 2.0, "b": 3.0, "static": 50.0}, 30_000), cluster)
    history.add(pods_of({"b": 4.0}, 45_000), cluster)
    assert [(one.at, one.cpu, one.memory) for one in history.of("Deployment", "n", "web")] == [
        (15_000, 1.0, 10),
        (30_000, 5.0, 20),
        (45_000, 4.0, 10),
    ]
    assert history.of("Pod", "n", "a") == [] and len(history.of("Node", "", "node-a")) == 3
    assert history.means(15_000, 45_000, ("Deployment", "Node")) == {("Deployment", "n", "web"): (3.0, 15.0), NODE: (7.0, 70.0)}
    history.add(pods_of({"b": 9.0}, 20_000), cluster)  # the clock was set back
    assert [(one.at, one.cpu) for one in history.of("Deployment", "n", "web")] == [(15_000, 1.0), (20_000, 9.0)]


def test_a_gap_is_what_is_longer_than_the_samples_beside_it_stand_for():
    at = [Sample(minute * MINUTE_MS, 1.0, 1, MINUTE_MS) for minute in (0, 1, 3, 6)]
    assert [len(piece) for piece in runs(at)] == [3, 1]
    assert [len(piece) for piece in runs([Sample(0, 1.0, 1, COARSE_MS), Sample(20 * MINUTE_MS, 1.0, 1, MINUTE_MS)])] == [2]
    one, two = [Sample(1, 2.0, 3, 5)], [Sample(1, 1.0, 1, 5), Sample(2, 5.0, 6, 5)]
    assert summed([one, two]) == [Sample(1, 3.0, 4, 5), Sample(2, 5.0, 6, 5)]


def meta(name: str, kind: str, owner: str) -> dict[str, Any]:
    refs = [{"controller": True, "kind": kind, "name": owner}]
    return {"metadata": {"name": name, "namespace": "n", "ownerReferences": refs}}
