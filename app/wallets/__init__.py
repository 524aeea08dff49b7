"""Keys and accounts.

Knows how an account signs and where its secret lives; never how a transaction is priced, queued or sent (that is
``app.chain.transactions``). Secrets enter through ``app.access.vault`` and leave this room only as signatures.
"""

from app.wallets.accounts import Account, AccountKind, Balances, KeyState
from app.wallets.service import Wallets
from app.wallets.transfers import TransferDraft
from app.wallets.typed import FieldNode, TypedData

__all__ = ["Account", "AccountKind", "Balances", "FieldNode", "KeyState", "TransferDraft", "TypedData", "Wallets"]
