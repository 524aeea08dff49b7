"""Kubernetes clusters: what runs there, how it is, and how it is changed.

Reads the user's contexts, keeps the objects of each connected cluster by list and watch, and says of every kind how far that can be
believed. Everything that changes a cluster is a plan. This room never draws, and knows nothing of chains.

A cluster is spoken to through ``client.Connection`` alone; health, rollouts and differences are pure functions over a ``Snapshot``.
"""

from app.cluster.access import Access
from app.cluster.contexts import Context, Environment
from app.cluster.fleet import FleetRow, Found
from app.cluster.kinds import KINDS, Kind
from app.cluster.logs import LogLine, LogSource
from app.cluster.service import RECORDED, Clusters
from app.cluster.store import KindState, KindStatus, Metrics, Snapshot
from app.cluster.watching import Reach

__all__ = [
    "KINDS",
    "RECORDED",
    "Access",
    "Clusters",
    "Context",
    "Environment",
    "FleetRow",
    "Found",
    "Kind",
    "KindState",
    "KindStatus",
    "LogLine",
    "LogSource",
    "Metrics",
    "Reach",
    "Snapshot",
]
