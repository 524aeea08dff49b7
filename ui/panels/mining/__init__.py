"""Mining: proofs of value on their way to AZR, and AZR on its way to money."""

from ui.panels.mining.panel import MiningPanel

__all__ = ["MiningPanel"]
