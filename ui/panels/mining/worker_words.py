"""A worker in words and cells, the same wherever workers are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.core.clock import now_ms
from ui.widgets import Amount, Row, StatusCell

if TYPE_CHECKING:
    from app.mining.work import Profit, Worker

STATES = {
    "searching": ("run", "Searching"),
    "sending": ("run", "Sending"),
    "paused": ("idle", "Paused"),
    "waiting": ("pend", "Waiting"),
    "stopped": ("idle", "Stopped"),
    "silent": ("warn", "Silent"),
}
PLACES = {"local": "Local", "remote": "Remote", "kubernetes": "Pod"}
LIVING = ("searching", "sending", "paused", "waiting")


def worker_row(worker: Worker, profit: Profit) -> Row:
    """A worker as the table of workers shows it."""
    state, word = STATES[str(worker.state)]
    power = "–" if worker.watts is None else f"{worker.watts:,.1f} W {worker.watts_from}"
    return Row(
        worker.id,
        {
            "name": worker.name,
            "host": worker.host,
            "place": PLACES.get(worker.place, worker.place),
            "state": StatusCell(state, word),
            "set": worker.instruction_set or "–",
            "up": span(worker.uptime // 1000),
            "heat": "–" if worker.celsius is None else f"{worker.celsius:.0f} °C",
            "rate": f"{worker.hash_rate / 1e6:,.2f}",
            "accepted": worker.accepted,
            "stale": worker.stale,
            "rejected": worker.rejected,
            "wrong": worker.wrong,
            "power": power,
            "profit": "–"
            if profit.profit is None
            else Amount(int(profit.profit * 10**6), 6, profit.currency, signed=True, shown=2),
            "seen": f"{span(max(0, now_ms() - worker.seen_at) // 1000)} ago",
        },
    )


def about(worker: Worker, profit: Profit) -> str:
    """The chosen worker in sentences: what it does, what its figure rests on."""
    threads = "1 thread" if worker.threads == 1 else f"{worker.threads} threads"
    words = [f"{worker.name}: {threads} at {worker.throttle} %, up {span(worker.uptime // 1000)}."]
    if worker.problem:
        words.append(worker.problem)
    if profit.seconds_per_solution is not None and worker.hash_rate:
        words.append(f"A solution each {span(max(profit.seconds_per_solution, 1))} on average.")
    if profit.missing:
        words.append(f"No profit is shown without: {', '.join(profit.missing)}.")
    elif profit.entered:
        words.append(f"Its profit rests on what was entered: {', '.join(profit.entered)}.")
    return " ".join(words)


def span(seconds: int) -> str:
    """A length of time in its largest unit of which there are two."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{seconds} s"


def hashes(count: int) -> str:
    """A number of hashes, short."""
    for power, word in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if count >= 10**power:
            return f"{count / 10**power:,.1f} {word}"
    return f"{count:,}"
