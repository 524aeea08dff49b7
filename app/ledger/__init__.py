"""The books of AZR: what happened, who holds what, and whether it adds up.

Knows how to read a chain completely and how to check what it read; never sends anything and never decides. Everything here can be
thrown away and read again from the chain.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.ledger.rows import (
        BurnRow,
        Check,
        Holder,
        IndexState,
        LedgerFilter,
        LedgerRow,
        MintRow,
        Movements,
        Order,
        Page,
        Reconciliation,
        RowKind,
        Supply,
        SupplyPoint,
    )
    from app.ledger.service import Ledger

__all__ = [
    "BurnRow",
    "Check",
    "Holder",
    "IndexState",
    "Ledger",
    "LedgerFilter",
    "LedgerRow",
    "MintRow",
    "Movements",
    "Order",
    "Page",
    "Reconciliation",
    "RowKind",
    "Supply",
    "SupplyPoint",
]


def __getattr__(name: str) -> object:
    # SQLAlchemy is slow to import and must not come before the window is painted.
    if name in __all__:
        return getattr(importlib.import_module(f"app.ledger.{'service' if name == 'Ledger' else 'rows'}"), name)
    raise AttributeError(name)
