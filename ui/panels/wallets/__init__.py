"""Wallets: accounts and where their keys are, what they hold, what they did."""

from ui.panels.wallets.panel import WalletsPanel

__all__ = ["WalletsPanel"]
