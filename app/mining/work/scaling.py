"""How many pods should mine: the one number that workers in a cluster share, weighed as the rules weigh single workers.

Mining never speaks to a cluster. It names the pods that it heard of; whoever knows clusters (:class:`Fleet`, wired by the console)
says which Deployment runs them, and plans the change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from app.core.errors import Conflict
from app.mining.work.contract import WorkState
from app.mining.work.economics import Prices, Profit, profit_of
from app.mining.work.roll import LIVING, PODS, Worker, WorkerState

if TYPE_CHECKING:
    from app.operations import Plan


class Deployed(Protocol):
    """A Deployment that runs workers."""

    @property
    def context(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def replicas(self) -> int: ...


class Fleet(Protocol):
    """Whoever knows the connected clusters."""

    def holders(self, pods: Collection[str]) -> Sequence[Deployed]:
        """The Deployments that run pods of these names."""

    async def plan_scale(self, context: str, kind: str, namespace: str, name: str, replicas: int, *, reason: str = "") -> Plan:
        """Plan another number of pods."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers that run as pods.

    Attributes:
        replicas: pods that are asked for; where ``blocked``, those that were heard of.
        blocked: why their number cannot be set from here, or empty.
    """

    name: str
    replicas: int
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """Another number of pods, and why."""

    rule: str
    replicas: int
    reason: str


def pods_of(workers: Sequence[Worker]) -> list[Worker]:
    """The workers in clusters that have not ended."""
    return [worker for worker in workers if worker.place == PODS and worker.state is not WorkerState.STOPPED]


def crew_of(workers: Sequence[Worker], fleet: Callable[[], Fleet]) -> Crew | None:
    """The pods among workers with the number that is asked for; None where no worker is a pod."""
    pods = pods_of(workers)
    if not pods:
        return None
    found = fleet().holders({worker.host for worker in pods})
    if len(found) == 1:
        return Crew(found[0].name, found[0].replicas)
    living = sum(worker.state in LIVING for worker in pods)
    if not found:
        return Crew("their Deployment", living, "No connected cluster runs these pods. Connect theirs in the cluster panel.")
    return Crew("their Deployments", living, f"{len(found)} Deployments run these pods. Scale each in the cluster panel.")


async def plan_scale(workers: Sequence[Worker], fleet: Callable[[], Fleet], replicas: int, reason: str) -> Plan:
    """Plan another number for the one Deployment that runs the workers' pods.

    Raises:
        Conflict: none is known, or more than one.
    """
    found = fleet().holders({worker.host for worker in pods_of(workers)})
    if len(found) != 1:
        crew = crew_of(workers, fleet)
        why = crew.blocked if crew is not None else "No worker of this network runs as a pod any more."
        raise Conflict(f"{why} Nothing was planned.", "Look at the workers again.")
    at = found[0]
    return await fleet().plan_scale(at.context, "Deployment", at.namespace, at.name, replicas, reason=reason)


def weigh(workers: Sequence[Worker], work: WorkState, prices: Prices, crew: Crew) -> Scale | None:
    """The number of pods that the rules would set, or None where the present one stands."""
    pods, now = pods_of(workers), crew.replicas
    living = [worker for worker in pods if worker.state in LIVING]
    if work.reward == 0:
        over = f"The reward has halved away: the {_pods(now)} of {crew.name} search for nothing."
        return Scale("work.pods.over", 0, over) if now else None
    gains = [profit_of(worker, work, prices) for worker in living if worker.state is WorkerState.SEARCHING and worker.hash_rate]
    losing = [gain for gain in gains if gain.profit is not None and gain.profit < 0]
    if losing:
        earned, spent = _sum(gain.earns for gain in losing), _sum(gain.costs for gain in losing)
        reason = (
            f"{len(losing)} of the {_pods(now)} of {crew.name} earn {earned:.4f} and cost {spent:.4f} {losing[0].currency} "
            f"an hour (entered: {', '.join(losing[0].entered)})."
        )
        return Scale("work.pods.loss", max(0, now - len(losing)), reason) if now else None
    if living and len(living) < now and len(living) < len(pods):
        reason = (
            f"{_pods(now)} of {crew.name} are asked for and {len(living)} are heard of; {len(pods) - len(living)} fell silent. "
            "With fewer, the cluster keeps none that does not mine."
        )
        return Scale("work.pods.silent", len(living), reason)
    return _more(living, gains, workers, work, crew)


def _more(
    living: Sequence[Worker], gains: Sequence[Profit], workers: Sequence[Worker], work: WorkState, crew: Crew
) -> Scale | None:
    """One more, while it would earn more than it costs once the target has followed.

    The chain pays the same for a period however many search, so what a pod adds is partly taken from our own: of what it earns,
    only the share of the others is new.
    """
    whole = _network_rate(work)
    if whole is None or not gains or len(gains) != len(living) or len(living) != crew.replicas:
        return None
    ours = sum(worker.hash_rate for worker in workers)
    share = Decimal(min(1, ours / max(whole, 1)))
    least = min(gains, key=lambda gain: gain.profit if gain.profit is not None else Decimal("-Infinity"))
    if least.earns is None or least.costs is None:
        return None
    new = least.earns * (1 - share)
    if new <= least.costs:
        return None
    reason = (
        f"Workers here hold {share:.0%} of the hash rate that the chain sees, so one more pod of {crew.name} would add about "
        f"{new:.4f} and cost {least.costs:.4f} {least.currency} an hour (entered: {', '.join(least.entered)})."
    )
    return Scale("work.pods.gain", crew.replicas + 1, reason)


def _network_rate(work: WorkState) -> int | None:
    """Hashes per second of everybody, by the solutions of this period; None before there is any."""
    seconds = work.block_time - work.period_start
    return work.hashes_expected * work.solutions_in_period // seconds if seconds > 0 and work.solutions_in_period else None


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"
