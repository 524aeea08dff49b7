"""Who operates the console, what they may do, and where secrets lie.

Operators, the three roles, the console lock and :mod:`app.access.vault`, the one module that touches the OS keyring. Never knows
what a secret is for: wallets ask for a name and get what was put there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.access.roles import Operator, Role

if TYPE_CHECKING:
    from app.access.service import Access
    from app.access.vault import JournalHead, KeyringState, KeyringStatus, Vault

__all__ = ["Access", "JournalHead", "KeyringState", "KeyringStatus", "Operator", "Role", "Vault"]


def __getattr__(name: str) -> object:
    # SQLAlchemy, keyring and cryptography are slow to import and must not come before the window is painted.
    if name == "Access":
        from app.access import service

        return service.Access
    if name in __all__:
        from app.access import vault

        return getattr(vault, name)
    raise AttributeError(name)
