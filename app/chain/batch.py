"""Many transactions of one account as one step, in flight together, each carried out once.

All are signed and stored before the first is sent. They go out in the order of their nonces, many in one request and never further
ahead of the chain than a node's pool keeps; what the node forgot or never had goes out again as the same bytes. The step ends when
every one of them is decided, and says for each what became of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from app.chain import outcomes
from app.chain.nonces import Counts, Do
from app.chain.queue import QueuedTransaction, TransactionState
from app.chain.rpc import RpcFailure
from app.chain.sending import refusal
from app.chain.signing import TransactionRequest
from app.chain.standing import Standing, stayed
from app.core.errors import Invalid
from app.core.evidence import Evidence
from app.operations.plans import Plan, StepSpec, listed
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
        self._fees: dict[str, int] = {}  # wei, of the receipts that were read
        self._fresh: list[Standing] = []  # what the last observation found, for the act that follows it
        # Hashes that may be with the node although they are not marked as sent; None: any, a dead console may have sent them.
        self._perhaps: set[str] | None = None

    async def requests(self, context: StepContext) -> Sequence[TransactionRequest]:
        """What to send, in order; by default as the step's parameters say."""
        items = listed(self.spec.params, "items", dict)
        return [TransactionRequest(i["to"], int(i["value"]), str(i["data"]), int(i["gas_limit"]) or None) for i in items]

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Sign and store all; what a killed console stored before is taken as it is."""
        requests = await self.requests(context)
        rows = await self.transactions.prepare_many(
            self.network, self.sender, requests, context.plan, context.index, self.spec.title
        )
        self._perhaps = set()
        self._fresh = [Standing(row, Do.RESEND, Counts(0, 0, 0), None, 0, False) for row in rows]
        context.report(f"Signed {len(rows):,} transactions from nonce {rows[0].nonce:,}, bytes stored")
        return {"hashes": [row.hash for row in rows], "first_nonce": rows[0].nonce, "sender": self.sender}

    async def given_out(self, context: StepContext) -> bool:
        """Whether somebody elsewhere was asked for its signatures."""
        return bool(await self.transactions.requests.of_step(context.plan.id, context.index))

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Send what the node does not have, in the order of nonces, as far ahead as it mines along.

        Raises:
            Conflict: the node refuses one, always ``retryable``: those before it may be in blocks already, and no later one can
                be mined before it.
        """
        chain = await self.transactions.connect(self.network)
        standings = self._fresh or await self._look(chain, prepared)
        self._fresh = []
        ready = deque(self._unknown(standings))
        while ready:
            latest = int(str(await chain.rpc.call("eth_getTransactionCount", self.sender, "latest")), 16)
            part = [ready.popleft() for _ in range(min(REQUEST, len(ready))) if ready[0].nonce < latest + WINDOW]
            if not part or (self.stop_on_failure and self._failed(await self._look(chain, prepared))):
                return
            if self._perhaps is not None:
                self._perhaps |= {row.hash for row in part}
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
        if not open_rows and not await self._sure(chain, standings):
            standings = await self._look(chain, prepared, everything=True)
            rows = await self._fates(standings)
            open_rows = [row for row in rows if row.fate is RowFate.OPEN]
        decided = len(rows) - len(open_rows)
        if decided != self._told:
            self._told = decided
            context.report(f"{decided:,} of {len(rows):,} are in blocks")
        if not open_rows:
            return self._ended(chain, rows)
        self._fresh = standings
        waiting = f"{decided:,} of {len(rows):,} are in blocks. {outcomes.why_waiting(chain, await chain.head())}"
        latest = standings[0].counts.latest
        sendable = any(row.nonce < latest + WINDOW for row in self._unknown(standings))
        happened = Happened.NOT_DONE if sendable else Happened.UNKNOWN
        return Outcome(happened, {"rows": len(rows), "decided": decided}, waiting=waiting)

    async def _sure(self, chain: Chain, standings: Sequence[Standing]) -> bool:
        """Whether every receipt was read by this step, and its block is still in the chain."""
        mined = [standing.row for standing in standings if standing.row.block]
        return all(row.hash in self._fees for row in mined) and await stayed(chain, mined)

    async def _fates(self, standings: Sequence[Standing]) -> list[RowOutcome]:
        plain = [_outcome(standing, self._fees.get(standing.row.hash, 0)) for standing in standings]
        rows = await self._through_replacements(standings, plain)
        if self.stop_on_failure and self._failed(standings):
            unsent = {s.row.hash for s in standings if s.row.state is TransactionState.SIGNED and not s.known}
            rows = [replace(row, fate=RowFate.UNSENT) if row.hash in unsent else row for row in rows]
        return rows

    async def _look(self, chain: Chain, prepared: Mapping[str, object], *, everything: bool = False) -> list[Standing]:
        """Every row's standing, in the order of items.

        Final rows are asked about again only once nothing else is open; what was surely never sent is not asked about at all.
        """
        hashes = listed(prepared, "hashes", str)
        found = await self.transactions.queue.many(self.network, hashes)
        rows = [found[tx_hash] for tx_hash in hashes]
        asked = rows if everything else [row for row in rows if self._must_ask(row)]
        looked = await self.transactions.look_up(chain, asked or rows[:1], trusting=not everything)
        by_hash = {standing.row.hash: standing for standing in looked.rows}
        counts = looked.rows[0].counts
        standings = []
        for row in rows:
            standing = by_hash.get(row.hash)
            if standing is None:
                sent = row.state is not TransactionState.SIGNED
                # A chain that went back behind a final row is noticed by the count, one that moved it by the last look at all.
                do = (Do.DONE if row.nonce < counts.latest else Do.WAIT) if sent else Do.RESEND
                standing = Standing(row, do, counts, None, 0, sent)
            elif standing.receipt is not None:
                self._fees[row.hash] = outcomes.fee_of(standing.receipt)
            standings.append(standing)
        return standings

    def _must_ask(self, row: QueuedTransaction) -> bool:
        if row.state is TransactionState.SIGNED:
            return self._perhaps is None or row.hash in self._perhaps
        return row.state is not TransactionState.FINAL

    def _unknown(self, standings: Sequence[Standing]) -> list[QueuedTransaction]:
        """What the node does not have and may get, in the order of nonces."""
        stopped = self.stop_on_failure and self._failed(standings)
        rows = [
            standing.row
            for standing in standings
            if standing.do is Do.RESEND
            and not standing.row.replaced_by
            and not (stopped and standing.row.state is TransactionState.SIGNED)
        ]
        return sorted(rows, key=lambda row: row.nonce)

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


def _outcome(standing: Standing, fee: int) -> RowOutcome:
    row = standing.row
    plain = RowOutcome(row.item, row.hash, row.nonce, RowFate.OPEN, row.block, row.block_hash)
    if standing.do is Do.REPLACED:
        return replace(plain, fate=RowFate.REPLACED, block=0, block_hash="")
    if standing.do is not Do.DONE:
        return plain
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
