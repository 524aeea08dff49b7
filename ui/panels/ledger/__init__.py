"""Ledger: every movement of AZR with its evidence, reconciled and proven."""

from ui.panels.ledger.panel import LedgerPanel

__all__ = ["LedgerPanel"]
