"""Hash rates of a day: a sample each ten seconds, means over the steps that are asked for, and nothing of a worker struck off."""

from __future__ import annotations

import pytest
import pytest_asyncio

from app.core.events import Bus
from app.database import Database
from app.mining.work import rates
from app.mining.work.roll import Roll

pytestmark = pytest.mark.asyncio
WHO, WHERE, NETWORK = "0x" + "33" * 20, "0x" + "11" * 20, "195:0xabc"


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def roll(request, tmp_path, monkeypatch):
    """A roll with one worker, and a clock that the test moves."""
    url = tmp_path / "console.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    database = Database.at(url) if request.param == "sqlite" else Database(url)
    await database.open()
    clock = {"now": 1_800_000_000_000}
    for module in ("app.mining.work.rates", "app.mining.work.roll"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: clock["now"])
    found = Roll(database, Bus())
    worker = await found.enter(NETWORK, WHERE, WHO, "rig", "local", 1)
    yield found, worker, clock
    await database.close()


async def test_samples_become_means_and_what_was_not_measured_stays_a_gap(roll):
    found, worker, clock = roll
    begin = clock["now"]
    for second, rate in ((0, 100), (2, 900), (10, 300), (20, 500), (60, 700)):
        clock["now"] = begin + second * 1000
        await found.beat(worker, {"hash_rate": rate})
    (fine,) = await found.rates(NETWORK, begin, rates.EACH_MS)
    assert fine.name == "rig"
    assert fine.points == ((begin, 100), (begin + 10_000, 300), (begin + 20_000, 500), (begin + 60_000, 700))
    (rough,) = await found.rates(NETWORK, begin, 30_000)
    assert rough.points == ((begin, 300), (begin + 60_000, 700))
    assert await found.rates(NETWORK, begin + 61_000, 30_000) == [] == await found.rates("196:0xabc", begin, 30_000)


async def test_the_samples_of_a_day_are_kept_and_go_with_their_worker(roll):
    found, worker, clock = roll
    begin = clock["now"]
    for hours in (0, 12, 26):
        clock["now"] = begin + hours * 3_600_000
        await found.beat(worker, {"hash_rate": 1_000 + hours, "state": "stopped"})
    (line,) = await found.rates(NETWORK, 0, rates.EACH_MS)
    assert [rate for _, rate in line.points] == [1_012, 1_026]
    await found.forget(worker)
    again = await found.enter(NETWORK, WHERE, WHO, "rig", "local", 1)
    await found.beat(again, {"hash_rate": 5})
    (line,) = await found.rates(NETWORK, 0, rates.EACH_MS)
    assert (line.worker_id, [rate for _, rate in line.points]) == (again, [5])
