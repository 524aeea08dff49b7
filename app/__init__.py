"""Azora Console without a window: everything that is true whether or not somebody looks at it. No Qt in here."""

__version__ = "0.1.0"
