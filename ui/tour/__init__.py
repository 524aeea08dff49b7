"""The tour: a whole demo economy by clicks and keys on the real widgets, with pictures and a report.

It calls no service. What it reports comes from the widgets, from the evidence bundle that it exports through the window, and from
the stand-alone verifier in a process of its own.
"""

from ui.tour.run import run

__all__ = ["run"]
