"""The face of the sending path: steps that send, the queue as people see it, and plans that repair it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from app.chain import batch, nonces
from app.chain.queue import ALIVE, HOLDING, IN_BLOCK, Mark, QueuedTransaction, TransactionState
from app.chain.rival import Rival, Rivals
from app.chain.sending import Sending
from app.chain.signing import TransactionRequest
from app.chain.standing import look
from app.core.errors import Invalid
from app.operations.plans import Plan, StepSpec
from app.operations.steps import Outcome, Step, StepContext

if TYPE_CHECKING:
    from app.chain.networks import Network
    from app.operations import Operations

__all__ = ["NonceReport", "QueuedTransaction", "TransactionRequest", "TransactionState", "TransactionStep", "Transactions"]

STEP = "chain.transaction"


@dataclass(frozen=True, slots=True)
class NonceReport:
    """The nonces of one account: used by blocks, used with the pool, the next to be given out, and what is in the way.

    ``gaps`` are nonces that nothing holds although later ones wait; ``waiting`` are the transactions that are in no final block.
    """

    sender: str
    latest: int
    pending: int
    next: int
    gaps: tuple[int, ...]
    waiting: tuple[QueuedTransaction, ...]
    advice: str


class Transactions(Sending):
    """Everything that leaves this console signed."""

    def _register(self, operations: Operations) -> None:
        operations.register_step(STEP, lambda plan, spec: TransactionStep(self, plan, spec))
        operations.register_step(batch.STEP, lambda plan, spec: batch.BatchStep(self, plan, spec))
        from app.chain.replacement import Replacements  # which builds on TransactionStep

        self._replacements = Replacements(self, self._fees, operations)

    def step(
        self,
        network: Network,
        sender: str,
        to: str | None,
        data: str = "0x",
        value: int = 0,
        title: str = "",
        gas_limit: int | None = None,
    ) -> StepSpec:
        """A step that sends one transaction."""
        params = {"network": network.key.text, "sender": sender, "to": to, "value": value, "data": data, "gas_limit": gas_limit}
        return StepSpec(STEP, title or "Send a transaction", params)

    def batch_step(
        self,
        network: Network,
        sender: str,
        requests: Sequence[TransactionRequest],
        title: str = "",
        *,
        stop_on_failure: bool = False,
    ) -> StepSpec:
        """A step that sends many transactions of one account, in flight together, each once.

        Args:
            requests: in order. Those without a gas limit are estimated one by one on the newest state, not on one another.
            stop_on_failure: once one of them reverted, those that were not sent yet are not sent any more.

        Raises:
            Invalid: none, or more than 10,000.
        """
        text = title or f"Send {len(requests):,} transactions"
        return batch.batch_spec(network, sender, requests, text, stop_on_failure=stop_on_failure)

    async def batch_rows(self, plan_id: str) -> Sequence[QueuedTransaction]:
        """Every row of a plan as it stands now, by step and item."""
        plan = await self._operations.get(plan_id)
        rows = await self.queue.rows(plan.target.ref, plan_id=plan.id)
        return sorted(rows, key=lambda row: (row.step_index, row.item, row.created_at))

    async def forget_above(self, network_key: str, height: int, note: str) -> None:
        """Give up what lies above a block, or waits: a local chain was put back there on purpose, so nothing is sent again."""
        rows = await self.queue.rows(network_key, states=HOLDING)
        values = {"state": TransactionState.DROPPED.value, "note": note}
        gone = [row for row in rows if row.block > height or row.state not in IN_BLOCK]
        await self.queue.mark(network_key, [Mark(row.hash, values) for row in gone])

    async def nonces(self, network_key: str, sender: str) -> NonceReport:
        """Where the queue of an account stands, and what to do about it in a sentence.

        Raises:
            Unavailable: the network does not answer.
        """
        chain = await self.connect(network_key)
        asked = [("eth_getTransactionCount", [sender, tag]) for tag in ("latest", "pending")]
        latest, pending = (int(str(used), 16) for used in await chain.rpc.batch(asked))
        sent = await self.queue.rows(network_key, sender, (TransactionState.SENT,))
        looked = (await look(chain, self.queue, sent)).rows if sent else ()
        lost = [standing.row for standing in looked if standing.do is nonces.Do.RESEND]
        rows = await self.queue.rows(network_key, sender, HOLDING, from_nonce=latest)
        elsewhere = {nonce for nonce in await self.reserved(network_key, sender) if nonce >= latest}
        held = {row.nonce for row in rows} | elsewhere
        gaps = nonces.holes(latest, pending, held)
        waiting = await self.queue.rows(network_key, sender, ALIVE)
        if gaps:
            advice = f"Fill {nonces.told(gaps)}: what comes after cannot be mined before."
        elif lost:
            advice = f"The node does not have {nonces.told({row.nonce for row in lost})}: send the stored bytes again."
        elif elsewhere:
            advice = f"Waiting for a signature from elsewhere for {nonces.told(elsewhere)}."
        elif waiting:
            advice = "Waiting for blocks. A transaction that takes too long can be sped up."
        elif pending > latest:
            advice = "Transactions that were not signed here wait in the node's pool."
        else:
            advice = "Nothing waits."
        following = nonces.next_free(latest, pending, held)
        return NonceReport(sender, latest, pending, following, gaps, tuple(waiting), advice)

    # when something else took the nonce

    async def rival(self, plan_id: str) -> Rival | None:
        """The transaction that took the nonce of a plan's transaction, decoded and compared; None when none did.

        Raises:
            Unavailable: the network does not answer, or its node keeps no history.
        """
        return await Rivals(self, self._operations).of_plan(plan_id)

    async def repeats(self, plan: Plan, to: str = "") -> str:
        """For ``PlanKind.repeats`` of rooms that pay: why paying again would be a second payment; empty when it would not.

        Args:
            to: only transactions to this address count: an approval that stands before a request is no part of it.

        Raises:
            Unavailable: that cannot be told now.
        """
        return await Rivals(self, self._operations).repeats(plan, to)

    # mending

    async def plan_speed_up(self, tx_hash: str, max_fee: int | None = None, tip: int | None = None, level: str = "normal") -> Plan:
        """Plan to send the same transaction at a higher price.

        Args:
            max_fee, tip: wei per gas; None: what the level says, and no less than nodes take for a replacement.
            level: slow, normal or fast, as the network's prices are now.

        Raises:
            NotFound: this console did not sign it.
            Conflict: it is in a block already, or does not wait any more.
            Invalid: less than ten percent more on both prices, or no such level.
            Denied: above the network's fee ceiling.
        """
        return await self._replacements.plan_speed_up(tx_hash, max_fee, tip, level)

    async def plan_cancel(self, tx_hash: str, max_fee: int | None = None, tip: int | None = None, level: str = "normal") -> Plan:
        """Plan to put an empty transaction in its place. Args and Raises as :meth:`plan_speed_up`."""
        return await self._replacements.plan_cancel(tx_hash, max_fee, tip, level)

    async def plan_repair(self, network_key: str, sender: str) -> Plan:
        """Plan to send lost bytes again and to fill the nonces that nothing holds.

        Raises:
            Conflict: there is nothing to repair.
            Unavailable: the network does not answer.
        """
        return await self._replacements.plan_repair(network_key, sender)

    async def list(self, network_key: str, sender: str | None = None) -> Sequence[QueuedTransaction]:
        """The queue of a network, newest first."""
        rows = await self.queue.rows(network_key, sender or "")
        return sorted(rows, key=lambda row: (row.created_at, row.nonce), reverse=True)

    async def page(
        self,
        network_key: str,
        sender: str | None = None,
        states: Collection[TransactionState] | None = None,
        before: str = "",
        limit: int = 100,
    ) -> Sequence[QueuedTransaction]:
        """The queue of a network, newest first, a page at a time.

        Args:
            states: only these.
            before: the hash of the last row of the page before.
        """
        return await self.queue.page(network_key, sender or "", states or (), before, limit)


class TransactionStep(Step):
    """Sends one transaction, exactly once. Rooms override :meth:`request` when the data depends on earlier steps."""

    needs_key: ClassVar[bool] = True

    def __init__(self, transactions: Transactions, plan: Plan, spec: StepSpec) -> None:
        self.transactions = transactions
        self.spec = spec
        self.network = str(spec.params["network"])
        self.sender = str(spec.params["sender"])

    async def request(self, context: StepContext) -> TransactionRequest:
        """What to send; by default as the step's parameters say."""
        params = self.spec.params
        to = params.get("to")
        limit = params.get("gas_limit")
        return TransactionRequest(
            to=str(to) if to else None,
            value=int(str(params.get("value") or 0)),
            data=str(params.get("data") or "0x"),
            gas_limit=int(str(limit)) if limit else None,
        )

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Sign and keep."""
        request = await self.request(context)
        if not request.data.startswith("0x"):
            raise Invalid("Call data must be hex. Nothing was signed.")
        prepared = await self.transactions.prepare(self.network, self.sender, request, context.plan, context.index, self.spec.title)
        context.report(f"Signed with nonce {prepared['nonce']}, bytes stored")
        return prepared

    async def given_out(self, context: StepContext) -> bool:
        """Whether somebody elsewhere was asked for its signature."""
        return bool(await self.transactions.requests.of_step(context.plan.id, context.index))

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Send the stored bytes."""
        await self.transactions.broadcast(self.network, str(prepared["raw"]))
        context.report(f"Accepted by the node: {prepared['hash']}")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Look it up on the chain."""
        return await self.transactions.outcome(self.network, str(prepared["hash"]), int(str(prepared["nonce"])), self.sender)
