"""Rollouts: how far one is, what was before it, and how two versions share the traffic."""

from app.cluster.rollouts.history import Revision, revisions, template_changes
from app.cluster.rollouts.progress import Progress, RolloutState, progress
from app.cluster.rollouts.strategies import Arm, Strategy, StrategyKind, strategies, strategy_of

__all__ = [
    "Arm",
    "Progress",
    "Revision",
    "RolloutState",
    "Strategy",
    "StrategyKind",
    "progress",
    "revisions",
    "strategies",
    "strategy_of",
    "template_changes",
]
