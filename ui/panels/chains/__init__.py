"""Local chains: start, stop, mine, fund; their accounts' funds and their log."""

from ui.panels.chains.panel import ChainsPanel

__all__ = ["ChainsPanel"]
