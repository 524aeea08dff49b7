"""Contracts: sources and their compiler messages, the deployment of the economy, and what is deployed."""

from ui.panels.contracts.panel import ContractsPanel

__all__ = ["ContractsPanel"]
