"""Who did what, when, to what effect: a journal that cannot be changed unnoticed, and what others need to check it.

The journal is a chain of hashes; bundles carry it with the headers and proofs; :mod:`app.audit.verifier` checks both and needs
nothing but Python. This room never asks a chain, holds no key and decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.audit.journal import Entry, HeadKeeper, Journal, JournalVerdict

__all__ = ["Entry", "HeadKeeper", "Journal", "JournalVerdict"]


def __getattr__(name: str) -> object:
    # SQLAlchemy is slow to import and must not come before the window is painted.
    if name in __all__:
        from app.audit import journal

        return getattr(journal, name)
    raise AttributeError(name)
