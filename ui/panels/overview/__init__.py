"""Overview: the first-run screen, then the state of the whole economy at a glance."""

from ui.panels.overview.panel import OverviewPanel

__all__ = ["OverviewPanel"]
