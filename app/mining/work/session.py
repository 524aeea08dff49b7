"""A worker at work: follows the challenge, searches, has each solution checked, planned and sent, and keeps its row on the roll."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import ConsoleError, Invalid
from app.core.secret import Secret
from app.mining.kernel import Job as Search
from app.mining.kernel import Solution
from app.mining.work.contract import WorkState
from app.mining.work.miner import Miner
from app.mining.work.power import Power
from app.mining.work.roll import BEAT_SECONDS, Roll, WorkerState
from app.operations.plans import Plan, PlanState

if TYPE_CHECKING:
    from app.core.jobs import Job
    from app.mining.work.solving import Solving
    from app.operations import Operations

LOOK_SECONDS = 1.0  # between two looks at the challenge


@dataclass(slots=True)
class Counts:
    """What became of the solutions. ``wrong`` were no solutions at all; ``rejected`` the chain refused."""

    accepted: int = 0
    stale: int = 0
    rejected: int = 0
    wrong: int = 0


class Session:
    """One worker of this process.

    Args:
        passphrase: of the console, where each plan must be confirmed with it; held in memory while the worker runs.
        solutions: end after so many accepted ones; 0 goes on.
    """

    def __init__(
        self,
        solving: Solving,
        operations: Operations,
        roll: Roll,
        worker_id: str,
        network_id: str,
        account: str,
        *,
        threads: int,
        throttle: int,
        passphrase: Secret | None = None,
        solutions: int = 0,
        miner: Miner | None = None,
    ) -> None:
        self.worker_id = worker_id
        self.counts = Counts()
        self._solving = solving
        self._operations = operations
        self._roll = roll
        self._network_id = network_id
        self._account = account
        self._threads, self._throttle = threads, throttle
        self._passphrase = passphrase
        self._solutions = solutions
        self._loop = asyncio.get_running_loop()
        self._found: asyncio.Queue[tuple[Search, Solution]] = asyncio.Queue()
        self.miner = miner or Miner(self._tell)
        self._power = Power()
        self._state = WorkerState.WAITING
        self._problem = ""
        self._answered: bytes = b""  # the challenge a solution of which is under way or accepted
        self._under_way = 0
        self._paused = False
        self._settled = asyncio.Event()  # a solution has had its answer: the next challenge can be looked for at once
        self._ending = asyncio.Event()

    def _tell(self, search: Search, solution: Solution) -> None:
        """From a searching thread."""
        self._loop.call_soon_threadsafe(self._found.put_nowait, (search, solution))

    def stop(self) -> None:
        """End after the solution at hand."""
        self._ending.set()

    async def run(self, job: Job) -> Counts:
        """Until it is stopped, cancelled, or has as many solutions as were asked for."""
        await asyncio.to_thread(self.miner.start, self._threads, self._throttle)
        try:
            async with asyncio.TaskGroup() as group:
                watching = [group.create_task(self._follow()), group.create_task(self._beat(job))]
                try:
                    await self._solve()
                finally:
                    for task in watching:
                        task.cancel()
        finally:
            self.miner.set_job(None)
            await asyncio.to_thread(self.miner.stop)
            await asyncio.shield(self._end())
        return self.counts

    def _enough(self) -> bool:
        return bool(self._solutions) and self.counts.accepted + self._under_way >= self._solutions

    # following

    async def _follow(self) -> None:
        """Look at the challenge once a second and after each solution; nobody searches longer than that for one that is gone."""
        while True:
            self._settled.clear()
            try:
                await self._look()
            except ConsoleError as error:
                self._rest(WorkerState.WAITING, error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # wait_for of Python 3.11 can lose a cancellation
                    await self._settled.wait()

    async def _look(self) -> None:
        work = await self._solving.state(self._network_id)
        if self._paused:
            self._rest(WorkerState.PAUSED)
        elif work.reward == 0:
            self._rest(WorkerState.WAITING, "The reward has halved away: there is nothing left to mine.")
        elif work.challenge == self._answered:
            self._rest(WorkerState.SENDING)
        elif not self._enough():
            if not self._under_way:
                self._answered = b""  # the chain went on; should a reorganisation bring that challenge back, it is searched again
            self._state, self._problem = WorkerState.SEARCHING, ""
            self.miner.set_job(work.job(self._account))

    def _rest(self, state: WorkerState, problem: str = "") -> None:
        self.miner.set_job(None)
        self._state, self._problem = state, problem

    # solving

    async def _solve(self) -> None:
        async with asyncio.TaskGroup() as group:
            while not self._ending.is_set() and not self._enough():
                found = await self._next()
                work = await self._checked(*found) if found else None
                if found and work:
                    # Beside the search: a plan may wait for confirmations long after the next challenge began.
                    group.create_task(self._send(work, found[1]))
            self.miner.set_job(None)

    async def _next(self) -> tuple[Search, Solution] | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS / 4):
                return await self._found.get()
        except TimeoutError:
            return None

    async def _checked(self, search: Search, solution: Solution) -> WorkState | None:
        """The work as it stands now, when the solution solves it and no other one is on its way; else it is counted and dropped."""
        try:
            work = await self._solving.state(self._network_id)
        except ConsoleError as error:
            self._rest(WorkerState.WAITING, error.message)
            return None
        if work.challenge != search.challenge:
            self.counts.stale += 1
            self._settled.set()
        elif not work.judge(self._account, solution.nonce).solves:
            self.counts.wrong += 1  # the target fell meanwhile, or a kernel that agreed at its start no longer does
        elif work.challenge != self._answered:  # the first solution of a challenge is enough
            self._answered = work.challenge
            self._rest(WorkerState.SENDING)
            self._under_way += 1
            return work
        return None

    async def _send(self, work: WorkState, solution: Solution) -> None:
        accepted = False
        try:
            plan = await self._solving.plan(self._network_id, self._account, solution.nonce)
            plan = await self._operations.execute(plan.id, passphrase=self._passphrase)
            accepted = plan.state is PlanState.DONE
            await self._count(plan, work)
        except Invalid:  # somebody else solved the challenge before this was planned
            self.counts.stale += 1
        except ConsoleError as error:
            self._rest(WorkerState.WAITING, error.message)
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._under_way -= 1
            if not accepted and self._answered == work.challenge:
                self._answered = b""  # while the chain asks it still, it is searched again
            self._settled.set()

    async def _count(self, plan: Plan, work: WorkState) -> None:
        if plan.state is PlanState.DONE:
            self.counts.accepted += 1
        elif await self._still(work):
            self.counts.rejected += 1
            self._problem = plan.reason
        else:
            self.counts.stale += 1

    async def _still(self, work: WorkState) -> bool:
        """Whether the chain still asks the same challenge."""
        try:
            return (await self._solving.state(self._network_id)).challenge == work.challenge
        except ConsoleError:
            return False

    # the roll

    async def _beat(self, job: Job) -> None:
        while True:
            state = self.miner.state
            words = f"{state.hash_rate / 1e6:.2f} MH/s, {self.counts.accepted} accepted, {self.counts.stale} stale"
            job.progress(None, self._problem or words)
            try:
                wanted = await self._roll.beat(self.worker_id, self._row())
            except ConsoleError:  # the next one may get through
                wanted = {}
            self._obey(wanted)
            await asyncio.sleep(BEAT_SECONDS)

    def _row(self) -> dict[str, object]:
        state, watts = self.miner.state, self._power.watts()
        row: dict[str, object] = {
            "state": self._state.value,
            "problem": self._problem[:500],
            "instruction_set": state.instruction_set,
            "threads": state.threads,
            "throttle": state.throttle,
            "hash_rate": int(state.hash_rate),
            "hashes": state.hashes,
            "accepted": self.counts.accepted,
            "stale": self.counts.stale,
            "rejected": self.counts.rejected,
            "wrong": self.counts.wrong,
            "celsius": self._power.celsius(),
        }
        if watts is not None:
            row |= {"watts": watts, "watts_from": "measured"}
        return row

    def _obey(self, wanted: object) -> None:
        wishes = wanted if isinstance(wanted, dict) else {}
        if wishes.get("stop"):
            self._ending.set()
        paused = bool(wishes.get("paused"))
        if paused != self._paused:
            self._paused = paused
            self.miner.pause(paused)
        throttle = wishes.get("throttle")
        if isinstance(throttle, int) and 1 <= throttle <= 100:
            self.miner.set_throttle(throttle)

    async def _end(self) -> None:
        row = {**self._row(), "state": WorkerState.STOPPED.value, "hash_rate": 0, "ended_at": now_ms()}
        try:
            await self._roll.beat(self.worker_id, row)
        except ConsoleError:
            return
