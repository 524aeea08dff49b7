"""Jobs: what runs, waits and failed, and every plan that ever ended."""

from ui.panels.jobs.panel import JobsPanel

__all__ = ["JobsPanel"]
