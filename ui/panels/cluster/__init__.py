"""Cluster: the fleet first, then one cluster: its workloads, pods, rollouts, signals, logs; every change is a plan."""

from ui.panels.cluster.panel import ClusterPanel

__all__ = ["ClusterPanel"]
