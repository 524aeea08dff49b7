"""What a worker earns and costs: from its hash rate and what the chain asks, and from prices that somebody entered.

Hash rate, target and reward are read; energy price and the price of AZR are entered, power is measured or entered. A figure is only
as good as its weakest part, and says which parts were entered.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.mining.work.contract import WorkState
from app.mining.work.roll import Worker, WorkerState

HOUR = 3600
LONGEST = 100 * 365 * 24 * HOUR  # seconds; beyond that a share is told as never


@dataclass(frozen=True, slots=True)
class Prices:
    """Entered by somebody. ``azr`` and ``kilowatt_hour`` in ``currency``; None where nothing was entered."""

    azr: Decimal | None = None
    kilowatt_hour: Decimal | None = None
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class Profit:
    """One worker per hour. Amounts in ``currency``; None where a part is not known, and ``missing`` names it.

    Attributes:
        azr: smallest units of AZR that it mines on average, at the present target and reward.
        seconds_per_solution: on average; None when it does not search.
        earns, costs, profit: in the currency.
        entered: the parts that nobody measured.
    """

    azr: int
    seconds_per_solution: int | None
    earns: Decimal | None
    costs: Decimal | None
    profit: Decimal | None
    currency: str
    entered: tuple[str, ...]
    missing: tuple[str, ...]


def profit_of(worker: Worker, work: WorkState, prices: Prices) -> Profit:
    """What a worker earns and costs per hour, at its present hash rate."""
    azr = worker.hash_rate * HOUR * work.reward // work.hashes_expected
    seconds = work.hashes_expected // worker.hash_rate if worker.hash_rate else None
    missing, entered = [], []
    earns = costs = None
    if prices.azr is None:
        missing.append("price of AZR")
    else:
        earns = Decimal(azr) / 10**18 * prices.azr
        entered.append("price of AZR")
    if prices.kilowatt_hour is None:
        missing.append("energy price")
    else:
        entered.append("energy price")
    resting = worker.state in (WorkerState.STOPPED, WorkerState.PAUSED)
    if worker.watts is None:
        missing.append("power")
    elif prices.kilowatt_hour is not None:
        # A worker that rests mines nothing; what the machine draws then is not its own.
        costs = Decimal(0) if resting else Decimal(str(worker.watts)) / 1000 * prices.kilowatt_hour
    if worker.watts is not None and worker.watts_from == "entered":
        entered.append("power")
    gain = earns - costs if earns is not None and costs is not None else None
    known = seconds if seconds is not None and seconds <= LONGEST else None
    return Profit(azr, known, earns, costs, gain, prices.currency, tuple(entered), tuple(missing))
