"""The one sending path: nonces, signed bytes kept before they are sent, and what became of them.

A transaction's row is written with its signed bytes before anything leaves this machine; from then on the same bytes may be sent
any number of times. One queue per (network, sender): the next nonce is the lowest that neither the chain nor a living row uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.chain import outcomes
from app.chain.nonces import Do
from app.chain.queue import (
    ALIVE,
    HOLDING,
    IN_BLOCK,
    Mark,
    QueuedTransaction,
    TransactionState,
    transaction_hash,
)
from app.chain.rpc import RpcFailure
from app.chain.signing import Signing
from app.chain.standing import Looked, Standing, look
from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError
from app.core.events import Notice
from app.operations.steps import Happened, Outcome

if TYPE_CHECKING:
    from app.chain.networks import Chain

SAME = ("already known", "already imported", "alreadyknown", "known transaction", "nonce too low")
# What no later block changes by itself. Anything else a node says may be a mood, or a lie told after it took the bytes.
FOR_GOOD = (
    "insufficient funds",
    "intrinsic gas",
    "exceeds block gas limit",
    "chain id",
    "chainid",
    "invalid sender",
    "invalid signature",
    "initcode",
    "higher than the max fee",
    "not supported",
    "exceeds the configured cap",
)
NEVER = 2**63  # after every block
RECENT = 128  # blocks in which a final transaction is still looked at after a reorganisation


@dataclass(frozen=True, slots=True)
class Followed:
    """What a look at a network's queue led to: the rows sent again, and those that wait behind a nonce that nothing holds."""

    sent_again: tuple[QueuedTransaction, ...] = ()
    behind_gaps: tuple[Standing, ...] = ()


class Sending(Signing):
    """Sends what was signed, and looks what became of it."""

    # sending

    async def broadcast(self, network_key: str, raw: str) -> None:
        """Hand the bytes to the node; bytes that it knows already are as good as sent.

        Raises:
            Conflict: the node refuses them; ``retryable`` when that may pass. ``outcome`` tells what became of them.
        """
        chain = await self._networks.connect(network_key)
        row = await self.queue.get(network_key, transaction_hash(bytes.fromhex(raw[2:])))
        if row is not None and await self._living_replacement(row) is not None:
            return  # a node would refuse it for its price
        failure: RpcFailure | None = None
        try:
            await chain.rpc.call("eth_sendRawTransaction", raw)
        except RpcFailure as error:
            failure = error
        if failure is not None and not _same(failure):
            raise refusal(failure)
        faults.point("chain.transaction.sent")
        if row is not None:
            await self._sent(network_key, [row])

    async def send(
        self, chain: Chain, rows: Sequence[QueuedTransaction], *, point: str = "chain.transaction.sent"
    ) -> list[RpcFailure | None]:
        """Hand many to the node in one request a batch, in the order given; for each None, or the node's refusal.

        Raises:
            Unavailable: the node stopped answering; some may have been sent.
        """
        answers = await chain.rpc.each([("eth_sendRawTransaction", ["0x" + row.raw.hex()]) for row in rows])
        refused = [answer if isinstance(answer, RpcFailure) and not _same(answer) else None for answer in answers]
        faults.point(point)
        await self._sent(chain.network.key.text, [row for row, failure in zip(rows, refused, strict=True) if failure is None])
        return refused

    async def _sent(self, network_key: str, rows: Sequence[QueuedTransaction]) -> None:
        values = {"state": TransactionState.SENT.value, "sent_at": now_ms()}
        fresh = [row for row in rows if row.state is TransactionState.SIGNED]
        await self.queue.mark(network_key, [Mark(row.hash, values, (TransactionState.SIGNED,)) for row in fresh])

    async def rebroadcast(self, network_key: str) -> int:
        """Send again, in the order in which it happened, what a node forgot (it was killed, or dropped it); returns how many."""
        return len((await self.follow(network_key, deep=True)).sent_again)

    async def follow(self, network_key: str, *, deep: bool = False) -> Followed:
        """Look at every row that may have moved, write down where it is, and send again what the node forgot.

        Args:
            deep: the chain may have gone back: look at final and replaced rows too.

        Raises:
            Unavailable: the network does not answer.
        """
        rows = await self._unsettled(network_key, deep)
        if not rows:
            return Followed()
        chain = await self._networks.connect(network_key)
        looked = await self.look_up(chain, rows)
        again: list[tuple[int, QueuedTransaction]] = []
        lost = {(s.row.plan_id, s.row.step_index) for s in looked.rows if s.do is Do.RESEND}
        wanted = {step: await self._still_wanted(*step) for step in lost}
        for before, standing in zip(rows, looked.rows, strict=True):
            row = standing.row
            if standing.do is Do.REPLACED and before.state is not TransactionState.REPLACED:
                await self._tell_replaced(await self._replaced(row))
            # What was in a block has happened: it goes back there whatever became of its plan.
            elif standing.do is Do.RESEND and await self._resend(
                row, wanted=before.block > 0 or wanted[row.plan_id, row.step_index]
            ):
                again.append((before.block or NEVER, row))
        # One may build on what another account did in an earlier block; within a request the order is the node's own affair.
        for block in sorted({block for block, _ in again}):
            await self.send(chain, [row for at, row in again if at == block])
        return Followed(tuple(row for _, row in again), tuple(standing for standing in looked.rows if standing.do is Do.GAP))

    async def _unsettled(self, network_key: str, deep: bool) -> list[QueuedTransaction]:
        """Rows that may move: sent and not final, given up after they were sent; ``deep``: final ones that the chain may forget."""
        open_states = (TransactionState.SENT, TransactionState.SEEN, TransactionState.MINED)
        rows = await self.queue.rows(network_key, states=open_states)
        rows += await self.queue.rows(network_key, states=(TransactionState.DROPPED,), sent=True)
        highest = await self.queue.highest(network_key) if deep else {}
        if highest:
            chain = await self._networks.connect(network_key)
            counts = [("eth_getTransactionCount", [sender, "latest"]) for sender in highest]
            head, *used = await chain.rpc.batch([("eth_blockNumber", []), *counts])
            closed = (TransactionState.FINAL, TransactionState.REPLACED)
            for (sender, nonce), count in zip(highest.items(), used, strict=True):
                if nonce >= int(str(count), 16):
                    rows += await self.queue.rows(network_key, sender, closed, from_nonce=int(str(count), 16))
            since = max(int(str(head), 16) - RECENT, 1)
            rows += await self.queue.rows(network_key, states=(TransactionState.FINAL,), from_block=since)
        return sorted({row.hash: row for row in rows}.values(), key=lambda row: (row.sender, row.nonce, row.created_at))

    async def _resend(self, row: QueuedTransaction, *, wanted: bool) -> bool:
        """Whether to send it again; what nobody wants any more is given up."""
        if row.state is TransactionState.DROPPED:
            return False
        if row.state is TransactionState.REPLACED:
            note = "What took its nonce is gone from the chain; it is not sent again."
            await self.queue.mark(row.network, [Mark(row.hash, {"state": TransactionState.DROPPED.value, "note": note})])
            return False
        if await self._living_replacement(row) is not None:
            return False
        if not wanted:
            await self.queue.drop(row, "Its plan ended, and the node does not have it.")
        return wanted

    # looking

    async def look_up(self, chain: Chain, rows: Sequence[QueuedTransaction], *, trusting: bool = False) -> Looked:
        """:func:`~app.chain.standing.look`, for whoever waits: a local node's pool that is jammed is loosened."""
        looked = await look(chain, self.queue, rows, trusting=trusting)
        await self.jams.loosen(chain, looked.rows)
        return looked

    async def outcome(self, network_key: str, tx_hash: str, nonce: int, sender: str) -> Outcome:
        """What became of a transaction: done when it has the network's confirmations on the canonical chain.

        A replacement with the same content counts as the transaction itself: its hash is in the result then.
        """
        chain = await self._networks.connect(network_key)
        row = await self.queue.get(network_key, tx_hash)
        if row is None:
            raise Conflict(f"{tx_hash} is not in the queue of this console. Nothing was sent.")
        return await self._outcome(chain, row)

    async def _outcome(self, chain: Chain, row: QueuedTransaction) -> Outcome:
        looked = await self.look_up(chain, [row])
        (standing,) = looked.rows
        if standing.receipt is not None:
            return await outcomes.mined(chain, standing, self._simulation)
        successor = await self._living_replacement(row)
        if successor is not None:
            outcome = await self._outcome(chain, successor)
            if outcome.happened is Happened.DONE:  # it may have come between the two looks
                await self.queue.mark(row.network, [Mark(row.hash, {"state": TransactionState.REPLACED.value}, ALIVE)])
            return outcomes.through_replacement(standing.row, successor, outcome)
        if standing.do is Do.REPLACED:
            await self._replaced(standing.row)
            return Outcome(Happened.NOT_DONE, failure=await self._how_replaced(chain, standing.row))
        return outcomes.open_(chain, looked.head, standing)

    async def _living_replacement(self, row: QueuedTransaction) -> QueuedTransaction | None:
        """The transaction that was signed to take this one's place and may still do so, or has."""
        if not row.replaced_by:
            return None
        other = await self.queue.get(row.network, row.replaced_by)
        while other is not None and other.state is TransactionState.REPLACED and other.replaced_by:
            other = await self.queue.get(other.network, other.replaced_by)  # it was replaced in turn
        if other is None or other.state not in HOLDING:
            return None
        if other.state is TransactionState.SIGNED and not await self._still_wanted(other.plan_id, other.step_index):
            await self.queue.drop(other, "Its plan ended before it was sent.")
            return None
        return other

    async def _replaced(self, row: QueuedTransaction) -> QueuedTransaction:
        """Name who took the nonce, when it was one of ours."""
        if row.replaced_by:
            return row
        own = await self.queue.rows(row.network, row.sender, IN_BLOCK, nonce=row.nonce)
        for other in own:
            await self.queue.mark(row.network, [Mark(row.hash, {"replaced_by": bytes.fromhex(other.hash[2:])})])
            return replace(row, replaced_by=other.hash)
        return row

    async def _tell_replaced(self, row: QueuedTransaction) -> None:
        """Of a plan that goes on its runner tells; of one that has ended nobody else would."""
        try:
            plan = await self._operations.get(row.plan_id)
        except ConsoleError:
            return
        if plan.state.ended and not row.replaced_by:
            text = f"Nonce {row.nonce:,} was used elsewhere: “{row.description}” of {plan.name} sent nothing that counts."
            self.queue.bus.publish(Notice(text, "err", f"azora://plans/{plan.name}"))

    async def _how_replaced(self, chain: Chain, row: QueuedTransaction) -> str:
        """The sentences about the transaction that took the nonce."""
        from app.chain import rival

        return await rival.told(rival.Rivals(self, self._operations), chain, row)


def refusal(failure: RpcFailure) -> Conflict:
    """A node's no, in words; ``retryable`` when a later try may find it in another mood."""
    for_good = any(words in failure.text.lower() for words in FOR_GOOD)
    return Conflict(
        f"The node refused the transaction: {failure.text.rstrip('.')}. It was not sent.", "Preview again.", retryable=not for_good
    )


def _same(failure: RpcFailure) -> bool:
    return any(words in failure.text.lower() for words in SAME)
