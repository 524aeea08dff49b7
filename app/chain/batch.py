"""Many transactions of one account as one step, in flight together, each carried out once.

All are signed and stored before the first is sent. They go out in the order of their nonces, many in one request and never further
ahead of the chain than a node's pool keeps; what the node forgot or never had goes out again as the same bytes. The step ends when
every one of them is decided, and says for each what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from app.chain import outcomes
from app.chain.nonces import Do
from app.chain.queue import QueuedTransaction, TransactionState
from app.chain.rpc import RpcFailure
from app.chain.sending import TransactionRequest, refusal
from app.chain.standing import Standing, look
from app.core.errors import Invalid
from app.core.evidence import Evidence
from app.operations.plans import Plan, StepSpec
from app.operations.steps import Happened, Outcome, Step, StepContext

if TYPE_CHECKING:
    from app.chain.networks import Chain, Network
    from app.chain.transactions import Transactions

STEP = "chain.batch"
WINDOW = 400  # transactions of one account ahead of the chain: pools drop what is further ahead
REQUEST = 200  # raw transactions in one request
SHOWN = 50  # pieces of evidence; beyond that one a block
MOST = 10_000


class RowFate(StrEnum):
    """What became of one transaction of a batch."""

    PAID = "paid"  # in a block, with its confirmations, and it succeeded
    FAILED = "failed"  # in a block, and it reverted
    REPLACED = "replaced"  # another transaction took its nonce
    CANCELLED = "cancelled"  # the operator cancelled it
    UNSENT = "unsent"  # never sent: one before it failed and the step was to stop
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """One transaction of a batch: ``item`` is its place, counted from 0; ``fee`` in wei."""

    item: int
    hash: str
    nonce: int
    fate: RowFate
    block: int = 0
    block_hash: str = ""
    fee: int = 0

    def to_json(self) -> dict[str, object]:
        """As a step's result carries it."""
        named: dict[str, object] = {"item": self.item, "hash": self.hash, "nonce": self.nonce, "fate": self.fate.value}
        return named | {"block": self.block, "block_hash": self.block_hash, "fee": self.fee}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RowOutcome:
        """Inverse of :meth:`to_json`."""
        numbers = {name: int(body[name]) for name in ("item", "nonce", "block", "fee")}
        return cls(hash=str(body["hash"]), fate=RowFate(body["fate"]), block_hash=str(body["block_hash"]), **numbers)


def batch_spec(
    network: Network, sender: str, requests: Sequence[TransactionRequest], title: str, *, stop_on_failure: bool, kind: str = STEP
) -> StepSpec:
    """The step that sends ``requests``.

    Raises:
        Invalid: none, or more than 10,000.
    """
    if not 0 < len(requests) <= MOST:
        raise Invalid(f"One step sends between 1 and {MOST:,} transactions, not {len(requests):,}. Nothing was planned.")
    items = [{"to": each.to, "value": str(each.value), "data": each.data, "gas_limit": each.gas_limit or 0} for each in requests]
    return StepSpec(
        kind, title, {"network": network.key.text, "sender": sender, "items": items, "stop_on_failure": stop_on_failure}
    )


class BatchStep(Step):
    """Sends many transactions of one account. Rooms override :meth:`requests` when they depend on earlier steps."""

    needs_key: ClassVar[bool] = True

    def __init__(self, transactions: Transactions, plan: Plan, spec: StepSpec) -> None:
        self.transactions = transactions
        self.spec = spec
        self.network = str(spec.params["network"])
        self.sender = str(spec.params["sender"])
        self.stop_on_failure = bool(spec.params.get("stop_on_failure"))
        self._told = -1

    async def requests(self, context: StepContext) -> Sequence[TransactionRequest]:
        """What to send, in order; by default as the step's parameters say."""
        items: Sequence[Mapping[str, Any]] = self.spec.params["items"]  # type: ignore[assignment]
        return [TransactionRequest(i["to"], int(i["value"]), str(i["data"]), int(i["gas_limit"]) or None) for i in items]

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Sign and store all; what a killed console stored before is taken as it is."""
        requests = await self.requests(context)
        rows = await self.transactions.prepare_many(
            self.network, self.sender, requests, context.plan, context.index, self.spec.title
        )
        context.report(f"Signed {len(rows):,} transactions from nonce {rows[0].nonce:,}, bytes stored")
        return {"hashes": [row.hash for row in rows], "first_nonce": rows[0].nonce, "sender": self.sender}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Send what the node does not have, in the order of nonces.

        Raises:
            Conflict: the node refuses one, always ``retryable``: those before it may be in blocks already, and no later one can
                be mined before it.
        """
        chain = await self.transactions.connect(self.network)
        standings = await self._look(chain, prepared)
        ready = [standing.row for standing in self._sendable(standings)]
        for start in range(0, len(ready), REQUEST):
            part = ready[start : start + REQUEST]
            refused = await self.transactions.send(chain, part, point="chain.batch.sent")
            for row, failure in zip(part, refused, strict=True):
                if failure is not None:
                    raise self._refusal(row, failure)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Look all up that is not decided; when all is decided, once more at all together."""
        chain = await self.transactions.connect(self.network)
        standings = await self._look(chain, prepared)
        rows = await self._fates(standings)
        open_rows = [row for row in rows if row.fate is RowFate.OPEN]
        if not open_rows:
            standings = await self._look(chain, prepared, everything=True)
            rows = await self._fates(standings)
            open_rows = [row for row in rows if row.fate is RowFate.OPEN]
        decided = len(rows) - len(open_rows)
        if decided != self._told:
            self._told = decided
            context.report(f"{decided:,} of {len(rows):,} are in blocks")
        if not open_rows:
            return self._ended(chain, rows)
        waiting = f"{decided:,} of {len(rows):,} are in blocks. {outcomes.why_waiting(chain, await chain.head())}"
        happened = Happened.NOT_DONE if self._sendable(standings) else Happened.UNKNOWN
        return Outcome(happened, {"rows": len(rows), "decided": decided}, waiting=waiting)

    async def _fates(self, standings: Sequence[Standing]) -> list[RowOutcome]:
        rows = await self._through_replacements(standings, [_outcome(standing) for standing in standings])
        if self.stop_on_failure and self._failed(standings):
            unsent = {s.row.hash for s in standings if s.row.state is TransactionState.SIGNED and not s.known}
            rows = [replace(row, fate=RowFate.UNSENT) if row.hash in unsent else row for row in rows]
        return rows

    async def _look(self, chain: Chain, prepared: Mapping[str, object], *, everything: bool = False) -> list[Standing]:
        """Every row's standing, in the order of items. Final rows are asked about again only once nothing else is open."""
        hashes: Sequence[str] = prepared["hashes"]  # type: ignore[assignment]
        found = await self.transactions.queue.many(self.network, hashes)
        rows = [found[tx_hash] for tx_hash in hashes]
        fresh = rows if everything else [row for row in rows if row.state is not TransactionState.FINAL] or rows
        looked = {s.row.hash: s for s in (await look(chain, self.transactions.queue, fresh)).rows}
        counts = next(iter(looked.values())).counts
        standings = []
        for row in rows:
            if row.hash in looked:
                standings.append(looked[row.hash])
            else:
                # A chain that went back behind it is noticed by the count, one that moved it by the last look at all.
                do = Do.DONE if row.nonce < counts.latest else Do.WAIT
                standings.append(Standing(row, do, counts, None, 0, True))
        return standings

    def _sendable(self, standings: Sequence[Standing]) -> list[Standing]:
        """What may be sent now: unknown to the node, its nonce free and not too far ahead, and nobody told to stop."""
        stopped = self.stop_on_failure and self._failed(standings)
        return sorted(
            (
                standing
                for standing in standings
                if standing.do is Do.RESEND
                and not standing.row.replaced_by
                and standing.row.nonce < standing.counts.latest + WINDOW
                and not (stopped and standing.row.state is TransactionState.SIGNED)
            ),
            key=lambda standing: standing.row.nonce,
        )

    def _failed(self, standings: Sequence[Standing]) -> bool:
        return any(standing.row.succeeded is False for standing in standings)

    def _refusal(self, row: QueuedTransaction, failure: RpcFailure) -> Exception:
        said = refusal(failure)
        said.message = f"Transaction {row.item + 1:,}: {said.message} Those before it stay as they are."
        said.remedy, said.retryable = "It is sent again until the node takes it. Stop the plan to give up the rest.", True
        return said

    async def _through_replacements(self, standings: Sequence[Standing], rows: list[RowOutcome]) -> list[RowOutcome]:
        """A faster copy that was mined counts as the transaction; an empty one at its nonce as its cancelling."""
        told = {s.row.hash: s.row for s in standings if s.row.replaced_by and s.receipt is None and s.row.state != "final"}
        others = await self.transactions.queue.many(self.network, [row.replaced_by for row in told.values()]) if told else {}
        found = []
        for row in rows:
            mine = told.get(row.hash)
            other = others.get(mine.replaced_by) if mine is not None else None
            if mine is not None and other is not None and row.fate in (RowFate.OPEN, RowFate.REPLACED):
                row = _replaced(row, mine, other)
            found.append(row)
        return found

    def _ended(self, chain: Chain, rows: Sequence[RowOutcome]) -> Outcome:
        paid = [row for row in rows if row.fate is RowFate.PAID]
        result: dict[str, object] = {"sent": len(paid), "failed": len(rows) - len(paid), "rows": [row.to_json() for row in rows]}
        failure = ""
        if len(paid) < len(rows):
            told = ", ".join(f"{row.item + 1:,} ({row.fate.value})" for row in rows if row.fate is not RowFate.PAID)
            told = told if len(told) < 400 else told[:400].rpartition(",")[0] + " …"
            failure = f"{len(paid):,} of {len(rows):,} transactions were carried out. Not carried out: {told}."
        happened = Happened.DONE if paid else Happened.NOT_DONE
        return Outcome(happened, result, _evidence(chain, rows), failure=failure)


def _outcome(standing: Standing) -> RowOutcome:
    row, receipt = standing.row, standing.receipt
    plain = RowOutcome(row.item, row.hash, row.nonce, RowFate.OPEN, row.block, row.block_hash)
    if standing.do is Do.REPLACED:
        return replace(plain, fate=RowFate.REPLACED, block=0, block_hash="")
    if standing.do is not Do.DONE:
        return plain
    fee = int(receipt["gasUsed"], 16) * int(receipt.get("effectiveGasPrice", "0x0"), 16) if receipt else 0
    # Without a receipt it is the row that says so; the last look at all of them has receipts.
    return replace(plain, fate=RowFate.FAILED if row.succeeded is False else RowFate.PAID, fee=fee)


def _replaced(row: RowOutcome, mine: QueuedTransaction, other: QueuedTransaction) -> RowOutcome:
    if other.state is not TransactionState.FINAL:
        return replace(row, fate=RowFate.OPEN)
    fate = RowFate.CANCELLED
    if outcomes.same_content(mine, other):
        fate = RowFate.FAILED if other.succeeded is False else RowFate.PAID
    return replace(row, hash=other.hash, fate=fate, block=other.block, block_hash=other.block_hash)


def _evidence(chain: Chain, rows: Sequence[RowOutcome]) -> tuple[Evidence, ...]:
    mined = [row for row in rows if row.block]
    if len(mined) > SHOWN:
        mined = list({row.block_hash: row for row in mined}.values())  # one of each block
    return tuple(outcomes.evidence_of(chain, row.hash, row.block_hash) for row in mined)


__all__ = ["STEP", "BatchStep", "RowFate", "RowOutcome", "batch_spec"]
