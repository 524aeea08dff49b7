"""What the orchestrator would do, each with its reason. Taken, a proposal becomes a Plan; nothing acts by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.mining.work.contract import WorkState
from app.mining.work.economics import Prices, profit_of
from app.mining.work.roll import LIVING, PODS, Worker, WorkerState
from app.mining.work.scaling import Crew, weigh

HOT = 90.0  # °C, where processors begin to slow down by themselves
COOL_THROTTLE = 50  # percent
WRONG_SHARE = 20  # one wrong answer in so many is no luck
URGENCY = (
    "work.silent",
    "work.pods.silent",
    "work.wrong",
    "work.hot",
    "work.over",
    "work.pods.over",
    "work.loss",
    "work.pods.loss",
    "work.gain",
    "work.pods.gain",
    "work.idle",
)


class Act(StrEnum):
    """What can be asked of workers."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    THROTTLE = "throttle"
    STOP = "stop"
    FORGET = "forget"
    SCALE = "scale"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One suggestion.

    Attributes:
        rule: id of the rule.
        act: what to do.
        worker_id: with whom; empty for a start and a scale.
        reason: why, in a sentence with the figures it rests on.
        threads, percent, replicas: of a start, of a throttle, of a scale.
        blocked: why it cannot be taken here and now, or empty.
    """

    rule: str
    act: Act
    reason: str
    worker_id: str = ""
    worker: str = ""
    threads: int = 0
    percent: int = 0
    replicas: int = 0
    blocked: str = ""


def propose(
    workers: Sequence[Worker], work: WorkState, prices: Prices, idle_cores: int, crew: Crew | None = None
) -> list[Proposal]:
    """Every suggestion for the workers of a network, the most urgent first.

    Args:
        idle_cores: of this machine, that no worker of its uses.
        crew: the workers that run as pods, whose number is one proposal; None where there are none.
    """
    found: list[Proposal] = []
    living = [worker for worker in workers if worker.state in LIVING]
    for worker in workers:
        found += _about(worker, work, prices)
    searching = [worker for worker in living if worker.state is WorkerState.SEARCHING]
    if work.reward == 0:
        # A pod that is stopped starts again: for pods their number is what can be changed.
        over = [worker for worker in living if worker.state is not WorkerState.PAUSED and worker.place != PODS]
        found += [
            Proposal("work.over", Act.STOP, "The reward has halved away: nothing is left to mine.", w.id, w.name) for w in over
        ]
    elif idle_cores > 0 and _worth_it(searching, work, prices):
        best = max(searching, key=lambda worker: worker.hash_rate / max(worker.threads, 1))
        gain = profit_of(best, work, prices)
        per_core = (gain.profit or 0) / max(best.threads, 1)
        found.append(
            Proposal(
                "work.idle",
                Act.START,
                f"{idle_cores} cores of this machine are idle, and a core earns about {per_core:.4f} {gain.currency} an hour here.",
                threads=idle_cores,
            )
        )
    scale = weigh(workers, work, prices, crew) if crew is not None else None
    if scale is not None and crew is not None:
        found.append(Proposal(scale.rule, Act.SCALE, scale.reason, replicas=scale.replicas, worker=crew.name, blocked=crew.blocked))
    return sorted(found, key=lambda proposal: URGENCY.index(proposal.rule))


def _about(worker: Worker, work: WorkState, prices: Prices) -> list[Proposal]:
    if worker.state is WorkerState.SILENT:
        return [
            Proposal(
                "work.silent",
                Act.FORGET,
                f"{worker.name} on {worker.host} has not been heard of since it found {worker.accepted} solutions. "
                "What it sent is followed all the same; look at its machine, then strike it off.",
                worker.id,
                worker.name,
            )
        ]
    if worker.state not in LIVING:
        return []
    answers = worker.accepted + worker.stale + worker.rejected + worker.wrong
    if worker.wrong and worker.wrong * WRONG_SHARE > answers:
        reason = f"{worker.wrong} of {answers} answers of {worker.name} were no solutions: its processor or memory errs."
        return [Proposal("work.wrong", Act.STOP, reason, worker.id, worker.name)]
    if worker.celsius is not None and worker.celsius >= HOT and worker.throttle > COOL_THROTTLE:
        reason = f"The processor of {worker.name} has {worker.celsius:.0f} °C, above {HOT:.0f} °C."
        return [Proposal("work.hot", Act.THROTTLE, reason, worker.id, worker.name, percent=COOL_THROTTLE)]
    gain = profit_of(worker, work, prices)
    # Pods at a loss are told by their number.
    alone = worker.state is WorkerState.SEARCHING and worker.place != PODS
    if alone and worker.hash_rate and gain.profit is not None and gain.profit < 0:
        reason = (
            f"{worker.name} earns {gain.earns:.4f} and costs {gain.costs:.4f} {gain.currency} an hour "
            f"(entered: {', '.join(gain.entered)})."
        )
        return [Proposal("work.loss", Act.PAUSE, reason, worker.id, worker.name)]
    if worker.state is WorkerState.PAUSED and _would_gain(worker, work, prices):
        reason = f"{worker.name} rests, and at its rate before it would earn more than its energy costs."
        return [Proposal("work.gain", Act.RESUME, reason, worker.id, worker.name)]
    return []


def _would_gain(worker: Worker, work: WorkState, prices: Prices) -> bool:
    """By what it searched while it searched: hashes over its time at work are not kept, so its whole life bounds it from below."""
    from dataclasses import replace

    seconds = max(worker.uptime // 1000, 1)
    awake = replace(worker, state=WorkerState.SEARCHING, hash_rate=worker.hashes // seconds)
    gain = profit_of(awake, work, prices).profit
    return gain is not None and gain > 0


def _worth_it(searching: Sequence[Worker], work: WorkState, prices: Prices) -> bool:
    gains = [profit_of(worker, work, prices).profit for worker in searching]
    return bool(gains) and all(gain is not None and gain > 0 for gain in gains)
