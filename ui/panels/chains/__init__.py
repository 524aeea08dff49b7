"""Local chains: their life, snapshots, accounts, blocks, clock and log."""

from ui.panels.chains.panel import ChainsPanel

__all__ = ["ChainsPanel"]
