"""Keys and accounts.

Knows how an account signs and where its secret lives; never how a transaction is priced, queued or sent (that is
``app.chain.transactions``). Secrets enter through ``app.access.vault`` and leave this room only as signatures.
"""

from app.wallets.accounts import Account, AccountKind, Balances, KeyState, Wallet
from app.wallets.making import Discovered, DrillReport, DrillRow
from app.wallets.phrases import BackupCheck, PhraseState
from app.wallets.service import Wallets
from app.wallets.transfers import TransferDraft
from app.wallets.typed import FieldNode, TypedData

__all__ = [
    "Account",
    "AccountKind",
    "BackupCheck",
    "Balances",
    "Discovered",
    "DrillReport",
    "DrillRow",
    "FieldNode",
    "KeyState",
    "PhraseState",
    "TransferDraft",
    "TypedData",
    "Wallet",
    "Wallets",
]
