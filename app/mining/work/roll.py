"""The roll of workers: a row each, written by the worker itself every few seconds, read by everybody who shares the store.

What an operator asks of a worker (pause, throttle, stop) stands in its row too; the worker reads it with each sign of life, on
whatever machine it runs.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from app.core.clock import now_ms, uuid7
from app.core.errors import Conflict, NotFound
from app.core.events import WorkersChanged
from app.wallets.keys import checksum

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.core.events import Bus
    from app.database import Database
    from app.mining.work.rates import RateLine

BEAT_SECONDS = 2.0
PODS = "kubernetes"  # place of a worker in a cluster; others are local or, seen from another host, remote
SILENT_MS = 15_000  # a worker that has not been heard of for so long is told as silent


class WorkerState(StrEnum):
    """How a worker stands. ``silent`` is never written: it is what others see of one that stopped writing."""

    SEARCHING = "searching"
    SENDING = "sending"  # a solution of this challenge is on its way
    PAUSED = "paused"
    WAITING = "waiting"  # the network does not answer, or nothing can be mined: ``problem`` says why
    STOPPED = "stopped"
    SILENT = "silent"


LIVING = (WorkerState.SEARCHING, WorkerState.SENDING, WorkerState.WAITING, WorkerState.PAUSED)


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker. ``hash_rate`` in hashes per second, times in UTC milliseconds.

    ``place`` is ``kubernetes``, ``local`` or ``remote``: the latter two as seen from the host that reads it.
    ``watts_from`` is ``measured``, ``entered`` or empty.
    """

    id: str
    name: str
    network: str
    contract: str
    miner: str
    host: str
    place: str
    pid: int
    state: WorkerState
    problem: str
    instruction_set: str
    threads: int
    throttle: int
    hash_rate: int
    hashes: int
    accepted: int
    stale: int
    rejected: int
    wrong: int
    watts: float | None
    watts_from: str
    celsius: float | None
    wanted: Mapping[str, object]
    started_at: int
    seen_at: int
    ended_at: int

    @property
    def uptime(self) -> int:
        """Milliseconds from its start to its last sign of life."""
        return (self.ended_at or self.seen_at) - self.started_at


class Roll:
    """Reads and writes the workers' rows."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def enter(self, network: str, contract: str, miner: str, name: str, place: str, pid: int, plan_id: str = "") -> str:
        """A new row; its id. A plan enters one worker, however often it is asked."""
        from app.mining.tables import workers as table

        now, worker_id = now_ms(), str(uuid7())
        row = {
            "id": worker_id,
            "name": name,
            "network": network,
            "contract": bytes.fromhex(contract[2:]),
            "miner": bytes.fromhex(miner[2:]),
            "host": this_host(),
            "place": place,
            "pid": pid,
            "state": WorkerState.WAITING.value,
            "problem": "",
            "instruction_set": "",
            "watts_from": "",
            "wanted": {"plan": plan_id} if plan_id else {},
            "started_at": now,
            "seen_at": now,
            "ended_at": 0,
        } | dict.fromkeys(("threads", "throttle", "hash_rate", "hashes", "accepted", "stale", "rejected", "wrong"), 0)
        await self._database.write(lambda connection: connection.execute(table.insert().values(row)))
        self._bus.publish(WorkersChanged())
        return worker_id

    async def beat(self, worker_id: str, values: Mapping[str, object]) -> Mapping[str, object]:
        """A sign of life; what an operator asks of this worker."""
        from app.mining.tables import workers as table
        from app.mining.work.rates import note

        def write(connection: Connection) -> Mapping[str, object]:
            one = table.c.id == worker_id
            connection.execute(table.update().where(one).values(seen_at=now_ms(), **values))
            note(connection, worker_id, int(str(values.get("hash_rate", 0))))
            return dict(connection.execute(table.select().with_only_columns(table.c.wanted).where(one)).scalar() or {})

        wanted = await self._database.write(write, durable=False)
        self._bus.publish(WorkersChanged())
        return wanted

    async def list(self, network: str) -> list[Worker]:
        """The workers of a network, living ones first."""
        from app.mining.tables import workers as table

        query = table.select().where(table.c.network == network).order_by(table.c.ended_at == 0, table.c.started_at)

        def read(connection: Connection) -> list[Worker]:
            return [_worker(row) for row in connection.execute(query)]

        found = await self._database.read(read)
        return sorted(found, key=lambda worker: (worker.state is WorkerState.STOPPED, -worker.started_at))

    async def rates(self, network: str, since_ms: int, step_ms: int) -> Sequence[RateLine]:
        """Hash rates of a network's workers since then, as means over steps of milliseconds."""
        from app.mining.work.rates import lines

        return await self._database.read(lambda connection: lines(connection, network, since_ms, step_ms))

    async def get(self, worker_id: str) -> Worker:
        """One worker. Raises NotFound."""
        from app.mining.tables import workers as table

        def read(connection: Connection) -> Worker | None:
            row = connection.execute(table.select().where(table.c.id == worker_id)).first()
            return None if row is None else _worker(row)

        found = await self._database.read(read)
        if found is None:
            raise NotFound("There is no such worker. Nothing was done.", "List them: azora mint status")
        return found

    async def of_plan(self, plan_id: str) -> Worker | None:
        """The worker that a plan started, or None."""
        from app.mining.tables import workers as table

        def read(connection: Connection) -> Worker | None:
            rows = connection.execute(table.select().order_by(table.c.started_at.desc()))
            return next((_worker(row) for row in rows if (row.wanted or {}).get("plan") == plan_id), None)

        return await self._database.read(read)

    async def want(self, worker_id: str, **wishes: object) -> None:
        """Ask a worker for something; it follows with its next sign of life.

        Raises:
            Conflict: it has ended.
        """
        from app.mining.tables import workers as table

        worker = await self.get(worker_id)
        if worker.state is WorkerState.STOPPED:
            raise Conflict(f"The worker {worker.name} has ended. Nothing was asked of it.", "Start another.")
        wanted = {**worker.wanted, **wishes}
        await self._database.write(
            lambda connection: connection.execute(table.update().where(table.c.id == worker_id).values(wanted=wanted))
        )
        self._bus.publish(WorkersChanged())

    async def set_watts(self, worker_id: str, watts: float | None) -> None:
        """What somebody read off a meter; a machine that measures itself writes over it."""
        from app.mining.tables import workers as table

        values = {"watts": watts, "watts_from": "" if watts is None else "entered"}
        unmeasured = (table.c.id == worker_id, table.c.watts_from != "measured")
        await self._database.write(lambda connection: connection.execute(table.update().where(*unmeasured).values(values)))
        self._bus.publish(WorkersChanged())

    async def forget(self, worker_id: str) -> None:
        """Strike an ended or silent worker off the roll.

        Raises:
            Conflict: it is alive.
        """
        from app.mining.tables import workers as table
        from app.mining.work import rates

        worker = await self.get(worker_id)
        if worker.state not in (WorkerState.STOPPED, WorkerState.SILENT):
            raise Conflict(f"The worker {worker.name} is alive. It was not struck off.", "Stop it first.")

        def strike(connection: Connection) -> None:
            rates.forget(connection, worker_id)
            connection.execute(table.delete().where(table.c.id == worker_id))

        await self._database.write(strike)
        self._bus.publish(WorkersChanged())


def this_host() -> str:
    """The name by which workers of this machine stand on the roll."""
    return socket.gethostname()[:120]


def _worker(row: Any) -> Worker:
    state = WorkerState(row.state)
    silent = state is not WorkerState.STOPPED and row.seen_at < now_ms() - SILENT_MS
    return Worker(
        id=row.id,
        name=row.name,
        network=row.network,
        contract=checksum(bytes(row.contract)),
        miner=checksum(bytes(row.miner)),
        host=row.host,
        place=row.place if row.place == PODS or row.host == this_host() else "remote",
        pid=int(row.pid),
        state=WorkerState.SILENT if silent else state,
        problem=row.problem,
        instruction_set=row.instruction_set,
        threads=row.threads,
        throttle=row.throttle,
        hash_rate=0 if silent else int(row.hash_rate),
        hashes=int(row.hashes),
        accepted=int(row.accepted),
        stale=int(row.stale),
        rejected=int(row.rejected),
        wrong=int(row.wrong),
        watts=row.watts,
        watts_from=row.watts_from,
        celsius=row.celsius,
        wanted=row.wanted,
        started_at=int(row.started_at),
        seen_at=int(row.seen_at),
        ended_at=int(row.ended_at),
    )
