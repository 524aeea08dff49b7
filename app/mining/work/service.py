"""Proof of work as a person meets it: its state, workers of this machine and of others, and single solutions."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Invalid
from app.core.secret import Secret
from app.mining.kernel import cores
from app.mining.work.economics import Prices, Profit, profit_of
from app.mining.work.orders import Orders
from app.mining.work.roll import LIVING, PODS, Roll, Worker, this_host
from app.mining.work.rules import Act, Proposal, propose
from app.mining.work.scaling import Fleet, crew_of, plan_scale
from app.mining.work.session import Session
from app.mining.work.solving import Solving
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.access import Access
    from app.chain import Economy, Fees, Networks, Simulation, Transactions
    from app.core.events import Bus
    from app.core.jobs import Job, Jobs
    from app.database import Database
    from app.mining.work.contract import WorkState
    from app.mining.work.rates import RateLine
    from app.operations import Operations, Plan

MOST_THREADS = 1024


class Work:
    """Proof of work on each network."""

    def __init__(
        self,
        *,
        database: Database,
        operations: Operations,
        access: Access,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        bus: Bus,
        jobs: Jobs,
        fleet: Callable[[], Fleet],
        prices: Callable[[], Prices] = Prices,
    ) -> None:
        self._operations = operations
        self._prices = prices
        self._fleet = fleet
        self._access = access
        self._networks = networks
        self._jobs = jobs
        self._roll = Roll(database, bus)
        self._solving = Solving(operations, networks, simulation, transactions, fees, economy_of)
        self._sessions: dict[str, Session] = {}  # of this process
        self._orders = Orders(operations, self._roll, self._start_planned)

    async def state(self, network_id: str) -> WorkState:
        """Challenge, target, difficulty, reward, eras, at the newest block.

        Raises:
            NotFound: no proof of work on this network. Unavailable: it does not answer.
        """
        return await self._solving.state(network_id)

    async def plan_solution(self, network_id: str, miner: str, nonce: bytes) -> Plan:
        """Plan to claim the reward for a nonce that was found elsewhere. Raises as :meth:`Solving.plan`."""
        return await self._solving.plan(network_id, miner, nonce)

    async def workers(self, network_id: str) -> list[Worker]:
        """Every worker of the network that shares this store, living ones first."""
        network = self._networks.get(network_id)
        return await self._roll.list(network.key.text) if network.genesis else []

    async def rates(self, network_id: str, minutes: int) -> Sequence[RateLine]:
        """Hash rates of the network's workers over the last minutes (of a day at most), in about 180 steps."""
        from app.mining.work.rates import EACH_MS

        network, span = self._networks.get(network_id), minutes * 60_000
        step = max(EACH_MS, span // 180 // EACH_MS * EACH_MS)
        return await self._roll.rates(network.key.text, now_ms() - span, step) if network.genesis else []

    async def live(self) -> dict[str, float]:
        """Hashes per second of the workers in this process, as their threads count them now; asks neither store nor chain."""
        return {worker_id: session.miner.state.hash_rate for worker_id, session in self._sessions.items()}

    async def start_worker(
        self,
        network_id: str,
        account: str,
        *,
        name: str = "",
        threads: int = 0,
        throttle: int = 100,
        solutions: int = 0,
        passphrase: Secret | None = None,
        plan_id: str = "",
    ) -> Job:
        """Mine on this machine until the job is cancelled or the worker is told to stop.

        Args:
            account: gets the rewards and signs; its key must be at hand.
            threads: 0 for one per core.
            throttle: share of the time in which they search, 1 to 100 percent.
            solutions: end after so many accepted ones; 0 goes on.
            passphrase: the console's, where one is set and the network was not started by this console.
            plan_id: the plan that asks for it.

        Raises:
            Invalid: threads or throttle out of range.
            NotFound: no proof of work on this network. Unavailable: it does not answer.
            Denied, Locked: the passphrase is wrong, or is needed and missing; nothing was started.
        """
        count = _threads(threads)
        if not 1 <= throttle <= 100:
            raise Invalid("A throttle is 1 to 100 percent. Nothing was started.", "Choose another.", field="throttle")
        miner = parse_address(account, "account")
        chain, economy = await self._solving.economy(network_id)
        if self._access.locked or not chain.network.target().quick:
            await self._access.check_passphrase(passphrase)
        label = name.strip()[:60] or f"{chain.network.name}, {_counted(count)}"
        place = PODS if os.environ.get("KUBERNETES_SERVICE_HOST") else "local"
        worker_id = await self._roll.enter(chain.network.key.text, economy.work, miner, label, place, os.getpid(), plan_id)
        session = Session(
            self._solving,
            self._operations,
            self._roll,
            worker_id,
            network_id,
            miner,
            threads=count,
            throttle=throttle,
            passphrase=passphrase,
            solutions=solutions,
        )

        async def mine(job: Job) -> object:
            self._sessions[worker_id] = session
            try:
                return await session.run(job)
            finally:
                del self._sessions[worker_id]

        return self._jobs.start(f"Mine: {label}", mine, kind="mining", link=f"azora://mining/{worker_id}")

    # the orchestrator

    async def profits(self, network_id: str) -> list[tuple[Worker, Profit]]:
        """What each worker earns and costs per hour. Raises as :meth:`state`."""
        work, prices = await self.state(network_id), self._prices()
        return [(worker, profit_of(worker, work, prices)) for worker in await self.workers(network_id)]

    async def proposals(self, network_id: str) -> list[Proposal]:
        """What the rules would do, each with its reason, the most urgent first. Raises as :meth:`state`."""
        work, workers = await self.state(network_id), await self.workers(network_id)
        here = this_host()
        busy = sum(worker.threads for worker in workers if worker.host == here and worker.state in LIVING)
        return propose(workers, work, self._prices(), max(0, cores() - busy), crew_of(workers, self._fleet))

    async def plan_order(
        self,
        network_id: str,
        act: Act,
        worker_id: str = "",
        *,
        percent: int = 0,
        account: str = "",
        threads: int = 0,
        reason: str = "",
    ) -> Plan:
        """Plan an order: pause, resume, throttle, stop or forget a worker on whatever machine, or start one here.

        Args:
            percent: of a throttle, 1 to 100; of a start too, where 0 is all the time.
            account, threads: of a start.

        Raises:
            Invalid: a percentage or a number of threads out of range.
            NotFound: no such worker, or no proof of work.
        """
        if act is Act.START:
            count, share = _threads(threads), percent or 100
            if not 1 <= share <= 100:
                raise Invalid("A throttle is 1 to 100 percent. Nothing was planned.", "Choose another.", field="throttle")
            chain, _ = await self._solving.economy(network_id)
            miner = parse_address(account, "account")
            name = f"{chain.network.name}, {_counted(count)}"
            params: dict[str, object] = {
                "network_id": network_id,
                "account": miner,
                "threads": count,
                "throttle": share,
                "name": name,
            }
            return await self._orders.plan(act, f"Start a worker with {_counted(count)}", {**params, "reason": reason})
        if act is Act.THROTTLE and not 1 <= percent <= 100:
            raise Invalid("A throttle is 1 to 100 percent. Nothing was planned.", "Choose another.", field="percent")
        worker = await self._roll.get(worker_id)
        verb = {Act.FORGET: "Strike off", Act.THROTTLE: f"Throttle to {percent} %:"}.get(act, act.value.capitalize())
        return await self._orders.plan(act, f"{verb} {worker.name}", {"worker": worker.id, "percent": percent, "reason": reason})

    async def plan_proposal(self, network_id: str, proposal: Proposal, account: str = "") -> Plan:
        """The plan of a proposal; ``account`` gets the rewards where it starts a worker.

        Raises: as :meth:`plan_order`, and Conflict where no single Deployment is known to scale.
        """
        if proposal.act is Act.SCALE:
            return await plan_scale(await self.workers(network_id), self._fleet, proposal.replicas, proposal.reason)
        return await self.plan_order(
            network_id,
            proposal.act,
            proposal.worker_id,
            percent=proposal.percent,
            account=account,
            threads=proposal.threads,
            reason=proposal.reason,
        )

    async def _start_planned(self, params: Mapping[str, object]) -> str:
        """A worker that a plan asks for, started once. On networks that ask for the passphrase, start it by hand instead."""
        plan_id = str(params["plan"])
        if await self._roll.of_plan(plan_id) is None:
            await self.start_worker(
                str(params["network_id"]),
                str(params["account"]),
                name=str(params["name"]),
                threads=int(str(params["threads"])),
                throttle=int(str(params["throttle"])),
                plan_id=plan_id,
            )
        worker = await self._roll.of_plan(plan_id)
        return worker.id if worker else ""

    async def pause_worker(self, worker_id: str, paused: bool = True) -> None:
        """Let a worker rest, or go on, wherever it runs. Raises Conflict when it has ended."""
        await self._roll.want(worker_id, paused=paused)

    async def throttle_worker(self, worker_id: str, percent: int) -> None:
        """Let a worker search in this share of the time. Raises Invalid outside 1 to 100, Conflict when it has ended."""
        if not 1 <= percent <= 100:
            raise Invalid("A throttle is 1 to 100 percent. Nothing was changed.", "Choose another.", field="throttle")
        await self._roll.want(worker_id, throttle=percent)

    async def stop_worker(self, worker_id: str) -> None:
        """Let a worker end after the solution at hand, wherever it runs. Raises Conflict when it has ended."""
        await self._roll.want(worker_id, stop=True)

    async def enter_watts(self, worker_id: str, watts: float | None) -> None:
        """Power that somebody read off a meter, in watts; shown as *entered*.

        Raises:
            Invalid: below zero or beyond 100 kW.
        """
        if watts is not None and not 0 <= watts <= 100_000:
            raise Invalid("Power is 0 to 100,000 watts. Nothing was changed.", "Read the meter again.", field="watts")
        await self._roll.set_watts(worker_id, watts)

    async def forget_worker(self, worker_id: str) -> None:
        """Strike an ended or silent worker off the roll. Raises Conflict when it is alive."""
        await self._roll.forget(worker_id)


def _threads(count: int) -> int:
    if not 0 <= count <= MOST_THREADS:
        raise Invalid(f"A worker has up to {MOST_THREADS} threads. Nothing was started.", "Choose fewer.", field="threads")
    return count or cores()


def _counted(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"
