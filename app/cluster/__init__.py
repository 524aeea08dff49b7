"""Kubernetes clusters: what runs there, how it is, and how it is changed.

Reads the user's contexts, keeps the objects of each connected cluster by list and watch, and says of every kind how far that can be
believed. Everything that changes a cluster is a plan. This room never draws, and knows nothing of chains.

A cluster is spoken to through ``client.Connection`` alone; health, rollouts and differences are pure functions over a ``Snapshot``.
"""

from app.cluster.kinds import KINDS, Kind
from app.cluster.store import KindState, KindStatus, Metrics, Snapshot

__all__ = ["KINDS", "Kind", "KindState", "KindStatus", "Metrics", "Snapshot"]
