"""Keys and accounts.

Knows how an account signs and where its secret lives; never how a transaction is priced, queued or sent (that is
``app.chain.transactions``). Secrets enter through ``app.access.vault`` and leave this room only as signatures.
"""

from app.wallets.accounts import Account, AccountKind, Balances, KeyState, Wallet
from app.wallets.activity import ActivityPage, ActivityRow, AzrEntry, AzrHistory
from app.wallets.allowances import Allowance, AllowanceList
from app.wallets.byhand import HandRequest
from app.wallets.contacts import Contact, ImportReport, ImportRow
from app.wallets.guarding import Part
from app.wallets.holdings import Holding, Pending
from app.wallets.making import Discovered, DrillReport, DrillRow
from app.wallets.payouts import PayoutCheck, PayoutLine, PayoutRow, RowState
from app.wallets.phrases import BackupCheck, PhraseState
from app.wallets.receive import PaymentRequest
from app.wallets.recipients import Book, LookAlike
from app.wallets.service import Wallets
from app.wallets.signers import Dialect, SignerView
from app.wallets.speaking import Signed
from app.wallets.tokens import TokenInfo
from app.wallets.transfers import MostAmount, TransferDraft
from app.wallets.typed import FieldNode, TypedData
from app.wallets.verifying import Verified

__all__ = [
    "Account",
    "AccountKind",
    "ActivityPage",
    "ActivityRow",
    "Allowance",
    "AllowanceList",
    "AzrEntry",
    "AzrHistory",
    "BackupCheck",
    "Balances",
    "Book",
    "Contact",
    "Dialect",
    "Discovered",
    "DrillReport",
    "DrillRow",
    "FieldNode",
    "Holding",
    "ImportReport",
    "ImportRow",
    "HandRequest",
    "KeyState",
    "LookAlike",
    "MostAmount",
    "PaymentRequest",
    "PayoutCheck",
    "PayoutLine",
    "PayoutRow",
    "Pending",
    "Part",
    "PhraseState",
    "Signed",
    "RowState",
    "TokenInfo",
    "SignerView",
    "TransferDraft",
    "TypedData",
    "Verified",
    "Wallet",
    "Wallets",
]
