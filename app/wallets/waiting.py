"""What earlier transactions of a sender that wait to be mined will take, so that nothing is promised twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.operations.plans import Verdict, VerdictLevel
from app.wallets.holdings import moved

if TYPE_CHECKING:
    from app.chain.transactions import NonceReport


@dataclass(frozen=True, slots=True)
class Taken:
    """What waits: how many transactions, and the most that they take of coin (with fees) and of the token, in smallest units."""

    count: int = 0
    coin: int = 0
    token: int = 0


def taken(report: NonceReport, plan_id: str, token: str) -> Taken:
    """What the sender's waiting transactions take, without those of a plan itself.

    Args:
        token: address of the token, empty for the coin (then ``token`` of the answer is the same as ``coin``).
    """
    rows = {row.nonce: row for row in report.waiting if row.nonce >= report.latest and row.plan_id != plan_id}  # one per nonce
    coin = tokens = 0
    for row in rows.values():
        coin += row.gas_limit * row.max_fee_per_gas
        for account, of, change in moved(row.sender, row.to or "", row.value, row.data):
            if account == report.sender and change < 0:  # what comes in is there only once it has come
                coin -= 0 if of else change
                tokens -= change if of and of == token else 0
    return Taken(len(rows), coin, tokens if token else coin)


def waiting_verdict(found: Taken, held: tuple[int, int], needed: tuple[int, int], words: str) -> Verdict | None:
    """A block where what waits leaves too little, although enough is there now; None otherwise.

    Args:
        held, needed: of the coin (fee included) and of the token, smallest unit; twice the same for a transfer of coin.
        words: what is asked for, such as ``5 AZR``.
    """
    enough_now = held[0] >= needed[0] and held[1] >= needed[1]
    if not enough_now or (held[0] - found.coin >= needed[0] and held[1] - found.token >= needed[1]):
        return None
    detail = f"{found.count:,} of them wait. Wait until they are in a block, or cancel one."
    text = f"Earlier transactions of the sender that wait will leave it too little for {words} and the fee"
    return Verdict("wallets.waiting", VerdictLevel.BLOCK, text, detail)
