"""What became of each payment of a payout, as people read it and as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.chain import outcomes
from app.chain.batch import RowFate, RowOutcome
from app.chain.queue import QueuedTransaction, TransactionState
from app.core.clock import now_ms
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.core.money import exact_units
from app.wallets import csvfile
from app.wallets.payouts import PayoutLine, PayoutRow, RowState
from app.wallets.tokens import NATIVE_DECIMALS, TokenInfo

if TYPE_CHECKING:
    from app.operations.plans import Plan


WORDS = {
    RowState.FAILED: "It reverted: nothing was paid but its fee.",
    RowState.REPLACED: "Another transaction took its nonce. Compare that one before this row is paid again.",
    RowState.LOOSE: "It was signed and is in no block: if a node has it, it could still happen.",
}
# What a payout that continues another may sign anew: nothing of these can happen any more.
SAFE = (RowState.PLANNED, RowState.FAILED, RowState.UNPAID)
# What it sends again, the same bytes: so it happens once, whoever has them already.
AGAIN = (RowState.LOOSE, RowState.SIGNED, RowState.SENT, RowState.SEEN)


_ALIVE = {
    TransactionState.SIGNED: RowState.SIGNED,
    TransactionState.SENT: RowState.SENT,
    TransactionState.SEEN: RowState.SEEN,
    TransactionState.MINED: RowState.MINED,
    TransactionState.REPLACED: RowState.REPLACED,
}
_FATES = {RowFate.PAID: RowState.PAID, RowFate.FAILED: RowState.FAILED, RowFate.CANCELLED: RowState.UNPAID}


def read_rows(
    plan: Plan,
    lines: Sequence[PayoutLine],
    queued: Sequence[QueuedTransaction],
    others: Mapping[str, QueuedTransaction],
    trust: Trust,
) -> list[PayoutRow]:
    """The rows of a payout as they stand now.

    Args:
        queued: the transactions of the plan, and those of earlier ones that it sends again, oldest first.
        others: transactions of this console that took the place of some of them, by hash.
    """
    by_hash = {row.hash: row for row in queued}
    own = {row.item: row for row in queued if row.plan_id == plan.id}
    told = {row.hash: row for row in outcomes_of(plan)} | {row.nonce: row for row in outcomes_of(plan)}
    rows, item = [], 0
    for line in lines:
        signed = by_hash.get(line.sent) if line.sent else own.get(item)
        item += not line.sent
        outcome = None if signed is None else told.get(signed.hash) or told.get(signed.nonce)
        rows.append(_row(plan, line, signed, outcome, others, trust))
    return rows


def outcomes_of(plan: Plan) -> list[RowOutcome]:
    """What the step that sent them said when it ended; empty before."""
    results = [step.result.get("rows") for step in plan.steps]
    return [RowOutcome.from_json(row) for rows in results if isinstance(rows, list) for row in rows]


def export(rows: Sequence[PayoutRow], token: TokenInfo) -> str:
    """The rows as CSV with exact amounts; fees in whole coins."""
    headings = ("line", "address", "label", "amount", "token", "memo", "state", "transaction", "block", "fee", "error")
    return csvfile.write(headings, [_cells(row, token) for row in rows])


def _cells(row: PayoutRow, token: TokenInfo) -> tuple[object, ...]:
    fee = exact_units(row.fee, NATIVE_DECIMALS) if row.fee else ""
    amount = exact_units(row.amount, token.decimals)
    where = (row.state.value, row.tx_hash, row.block or "", fee, row.error)
    return (row.line, row.address, row.label, amount, token.symbol, row.memo, *where)


def _row(
    plan: Plan,
    line: PayoutLine,
    queued: QueuedTransaction | None,
    told: RowOutcome | None,
    others: Mapping[str, QueuedTransaction],
    trust: Trust,
) -> PayoutRow:
    row = PayoutRow(line.line, line.address, line.label, line.amount, line.memo, RowState.PLANNED)
    row = replace(row, warning=line.warning, known=line.known)
    if queued is None:
        return replace(row, state=RowState.UNPAID if plan.state.ended else RowState.PLANNED)
    other = others.get(queued.replaced_by)
    same = other is not None and outcomes.same_content(queued, other)
    state = _state(plan, queued, told, other, same=same)
    where = other if other is not None and same and state in (RowState.PAID, RowState.FAILED, RowState.MINED) else queued
    evidence: tuple[Evidence, ...] = ()
    if where.block and state in (RowState.PAID, RowState.FAILED, RowState.MINED):
        how = (now_ms(), EvidenceStatus.CLAIMED, "receipt read from the node", trust)
        evidence = (Evidence(EvidenceKind.TRANSACTION, where.hash, plan.target.ref, where.block_hash, *how),)
    fee = told.fee if told is not None else 0
    block = where.block if evidence else 0
    return replace(row, state=state, tx_hash=where.hash, block=block, fee=fee, error=WORDS.get(state, ""), evidence=evidence)


def _state(
    plan: Plan, queued: QueuedTransaction, told: RowOutcome | None, other: QueuedTransaction | None, *, same: bool
) -> RowState:
    if queued.state is TransactionState.FINAL:  # the chain's word, newer than the step's result
        return RowState.FAILED if queued.succeeded is False else RowState.PAID
    if other is not None and other.state is TransactionState.FINAL:
        # Ours took the nonce: either the same payment at another price, or something else, and then this can never happen.
        return (RowState.FAILED if other.succeeded is False else RowState.PAID) if same else RowState.UNPAID
    if told is not None and told.fate in _FATES:
        return _FATES[told.fate]
    if queued.state is TransactionState.DROPPED or (queued.state is TransactionState.SIGNED and plan.state.ended):
        return RowState.LOOSE  # a kill may have come between handing it over and writing that down
    return _ALIVE[queued.state]
