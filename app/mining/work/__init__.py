"""Proof of work (EIP-918): what the chain asks, threads that search, workers that send what they find.

Knows how to search on this machine and how a solution becomes a Plan; never how a transaction is priced or signed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.mining.work.contract import WorkState, read_work
    from app.mining.work.economics import Prices, Profit
    from app.mining.work.miner import Miner, MinerState
    from app.mining.work.rates import RateLine
    from app.mining.work.roll import Worker, WorkerState
    from app.mining.work.rules import Act, Proposal
    from app.mining.work.service import Work

_HOMES = {
    "Act": "rules",
    "Miner": "miner",
    "MinerState": "miner",
    "Prices": "economics",
    "Profit": "economics",
    "Proposal": "rules",
    "RateLine": "rates",
    "Work": "service",
    "WorkState": "contract",
    "Worker": "roll",
    "WorkerState": "roll",
    "read_work": "contract",
}
__all__ = [
    "Act",
    "Miner",
    "MinerState",
    "Prices",
    "Profit",
    "Proposal",
    "RateLine",
    "Work",
    "WorkState",
    "Worker",
    "WorkerState",
    "read_work",
]


def __getattr__(name: str) -> object:
    # A panel that names a state must not wait for SQLAlchemy or a compiler.
    if name in _HOMES:
        return getattr(importlib.import_module(f"app.mining.work.{_HOMES[name]}"), name)
    raise AttributeError(name)
