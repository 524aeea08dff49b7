"""The one sending path: nonces, signed bytes kept before they are sent, and what became of them.

A transaction's row is written with its signed bytes before anything leaves this machine; from then on the same bytes may be sent
any number of times. One queue per (network, sender): the next nonce is the lowest that neither the chain nor a living row uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.chain import outcomes
from app.chain.nonces import Do, free_run
from app.chain.queue import (
    ALIVE,
    CHUNK,
    HOLDING,
    IN_BLOCK,
    SENT_ONCE,
    Mark,
    Queue,
    QueuedTransaction,
    Signed,
    TransactionState,
    transaction_hash,
)
from app.chain.requests import SigningRequests
from app.chain.rpc import RpcFailure
from app.chain.signer import Signer, SigningTask, UnsignedTransaction
from app.chain.standing import Standing, look
from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict, ConsoleError, Unavailable
from app.core.events import Notice
from app.operations.plans import Plan, StepState
from app.operations.steps import Happened, Outcome

if TYPE_CHECKING:
    from app.chain.fees import FeeQuote, Fees
    from app.chain.networks import Chain, Network, Networks
    from app.chain.simulation import Simulation
    from app.core.events import Bus
    from app.database import Database
    from app.operations import Operations

GAS_MARGIN = (6, 5)  # limit = estimate × 6/5: state may move between estimate and block
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
RECENT = 128  # blocks in which a final transaction is still looked at after a reorganisation


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What to send. ``gas_limit`` None means: estimate. ``data`` is ``0x…``, ``value`` in wei, ``to`` None creates a contract."""

    to: str | None
    value: int
    data: str
    gas_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """What a look at a network's queue led to: the rows sent again, and those that wait behind a nonce that nothing holds."""

    sent_again: tuple[QueuedTransaction, ...] = ()
    behind_gaps: tuple[Standing, ...] = ()


class Sending:
    """Reserves nonces, asks for signatures, sends, and looks what became of it."""

    def __init__(
        self,
        *,
        database: Database,
        networks: Networks,
        fees: Fees,
        simulation: Simulation,
        operations: Operations,
        signer: Signer | None = None,
        bus: Bus | None = None,
    ) -> None:
        self.queue = Queue(database, bus)
        self.requests = SigningRequests(database)
        self._networks = networks
        self._fees = fees
        self._simulation = simulation
        self._operations = operations
        self.signer = signer  # set by the console: wallets are built after the sending path
        # Likewise: what people call the addresses of a network, by EIP-55 spelling.
        self.names_of: Callable[[Network], Awaitable[Mapping[str, str]]] | None = None
        self._turn: dict[tuple[str, str], asyncio.Lock] = {}
        self._register(operations)

    def _register(self, operations: Operations) -> None:
        """Tell operations of the steps and kinds of plans."""

    # signing

    async def prepare(
        self, network_key: str, sender: str, request: TransactionRequest, plan: Plan, index: int, title: str
    ) -> dict[str, object]:
        """Price, sign and keep one transaction; the answer holds raw bytes, hash and nonce. Nothing is sent.

        Raises:
            Conflict: it would revert; the reason is in the message. Nothing was signed.
            Unavailable: an earlier step of the plan is no longer on the chain, or not yet again. Nothing was signed.
            Locked, Denied, NotFound: from the signer. Nothing was signed.
        """
        kept = await self._of_step(network_key, plan.id, index)
        if kept:
            return prepared_of(kept[0])
        await self._stand_on_earlier(network_key, plan, index)
        task = SigningTask(network_key, plan.id, index, title)
        asked = await self.requests.of_step(plan.id, index)
        if asked is not None:
            async with self.turn_of(network_key, sender):
                return await self.sign_and_keep(task, sender, asked.unsigned)
        chain = await self._networks.connect(network_key)
        quote = await self._fees.quote_for(chain, plan.params)
        gas = request.gas_limit or (await self._gas(chain, sender, [request]))[0]
        async with self.turn_of(network_key, sender):
            (nonce,) = await self._free_nonces(chain, sender, 1)
            faults.point("chain.transaction.reserved")
            return await self.sign_and_keep(task, sender, unsigned(chain, nonce, request, gas, quote))

    async def sign_and_keep(
        self, task: SigningTask, sender: str, transaction: UnsignedTransaction, replaces: str = ""
    ) -> dict[str, object]:
        """Get it signed and store the bytes; the caller has the account's turn.

        What is signed elsewhere is stored before it is asked for, so that after a restart exactly the same is asked for again.

        Raises:
            Waiting: the signature is not there yet. The nonce stays reserved as long as the plan lives.
        """
        elsewhere = self.signer is not None and await self.signer.signs_elsewhere(sender)
        if elsewhere:
            await self.requests.keep(task, sender, transaction)
            faults.point("chain.request.kept")
        raw = await self.sign(sender, transaction, task)
        signed = Signed(transaction.nonce, raw, task.plan_id, task.index, task.title, replaces=replaces)
        await self.queue.keep(task.network, sender, [signed])
        faults.point("chain.transaction.signed")
        if elsewhere:
            await self.requests.drop(task.plan_id, task.index)
        return {"raw": "0x" + raw.hex(), "hash": transaction_hash(raw), "nonce": transaction.nonce, "sender": sender}

    async def prepare_many(
        self, network_key: str, sender: str, requests: Sequence[TransactionRequest], plan: Plan, index: int, title: str
    ) -> Sequence[QueuedTransaction]:
        """Price, sign and keep many transactions of one step, in the order given; nothing is sent.

        What a killed console kept of them before is taken as it is.

        Raises: as :meth:`prepare`.
        """
        kept = {row.item: row for row in await self._of_step(network_key, plan.id, index)}
        missing = [item for item in range(len(requests)) if item not in kept]
        if missing:
            await self._stand_on_earlier(network_key, plan, index)
            chain = await self._networks.connect(network_key)
            quote = await self._fees.quote_for(chain, plan.params)
            limits = {item: limit for item in missing if (limit := requests[item].gas_limit)}
            unknown = [item for item in missing if item not in limits]
            estimates = await self._gas(chain, sender, [requests[item] for item in unknown]) if unknown else []
            limits |= dict(zip(unknown, estimates, strict=True))
            async with self.turn_of(network_key, sender):
                nonces = await self._free_nonces(chain, sender, len(missing))
                faults.point("chain.batch.reserved")
                for start in range(0, len(missing), CHUNK):
                    part = list(zip(missing, nonces, strict=True))[start : start + CHUNK]
                    asked = [unsigned(chain, nonce, requests[item], limits[item], quote) for item, nonce in part]
                    raws = await self._sign_many(sender, asked)
                    signed = [
                        Signed(nonce, raw, plan.id, index, f"{title}, {item + 1:,} of {len(requests):,}", item)
                        for (item, nonce), raw in zip(part, raws, strict=True)
                    ]
                    await self.queue.keep(network_key, sender, signed)
                    faults.point("chain.batch.stored")
            kept = {row.item: row for row in await self._of_step(network_key, plan.id, index)}
        return [kept[item] for item in range(len(requests))]

    async def _sign_many(self, sender: str, transactions: Sequence[UnsignedTransaction]) -> Sequence[bytes]:
        """A signer that can sign many with one look at the key is asked once."""
        many: Callable[..., Awaitable[Sequence[bytes]]] | None = getattr(self.signer, "sign_transactions", None)
        if many is not None:
            return await many(sender, transactions)
        return [await self.sign(sender, each) for each in transactions]

    async def connect(self, network_key: str) -> Chain:
        """The checked chain of a network. Raises as :meth:`Networks.connect`."""
        return await self._networks.connect(network_key)

    async def quote_for(self, chain: Chain, params: Mapping[str, object]) -> FeeQuote:
        """The price that a plan asks for. Raises as :meth:`Fees.quote_for`."""
        return await self._fees.quote_for(chain, params)

    async def sign(self, sender: str, transaction: UnsignedTransaction, task: SigningTask | None = None) -> bytes:
        """The one place that asks for a signature. Raises as :meth:`Signer.sign_transaction`."""
        if self.signer is None:
            raise Unavailable("This console has no signer. Nothing was signed.")
        return await self.signer.sign_transaction(sender, transaction, task)

    def turn_of(self, network_key: str, sender: str) -> asyncio.Lock:
        """Nonces of one account are given out one at a time."""
        return self._turn.setdefault((network_key, sender), asyncio.Lock())

    async def _of_step(self, network_key: str, plan_id: str, index: int) -> list[QueuedTransaction]:
        """What was signed for this step before a crash that came before the step itself was stored."""
        return await self.queue.rows(network_key, states=ALIVE, plan_id=plan_id, step_index=index)

    async def _stand_on_earlier(self, network_key: str, plan: Plan, index: int) -> None:
        """A killed node or a reorganisation may have taken back what a step builds on: wait for it to return."""
        rows = await self.queue.rows(network_key, states=SENT_ONCE, plan_id=plan.id)
        last = {row.sender: row for row in rows if row.step_index < index}  # its nonce holds for those before
        for row in last.values():
            outcome = await self.outcome(network_key, row.hash, row.nonce, row.sender)
            if outcome.failure:
                raise Conflict(f"An earlier step of this plan did not stay on the chain: {outcome.failure} Nothing was signed.")
            if outcome.happened is Happened.NOT_DONE:
                await self.rebroadcast(network_key)
            if outcome.happened is not Happened.DONE:
                raise Unavailable(
                    "An earlier step of this plan is no longer in a block; this one waits until it is again. Nothing was signed.",
                    retryable=True,
                )

    async def _gas(self, chain: Chain, sender: str, requests: Sequence[TransactionRequest]) -> list[int]:
        """Gas limits of requests, each estimated by itself on the newest state."""
        bodies = [
            {"from": sender, "data": request.data, "value": hex(request.value), **({"to": request.to} if request.to else {})}
            for request in requests
        ]
        estimates = await chain.rpc.each([("eth_estimateGas", [body]) for body in bodies])
        for at, estimate in enumerate(estimates):
            if isinstance(estimate, RpcFailure):
                why = self._simulation.reason(estimate.data, estimate.text)
                which = f"Transaction {at + 1:,} of {len(requests):,}" if len(requests) > 1 else "The transaction"
                raise Conflict(f"{which} would fail now: {why}. Nothing was signed or sent.", "Preview again.") from estimate
        limit = int((await chain.head()).raw["gasLimit"], 16)
        return [min(int(str(estimate), 16) * GAS_MARGIN[0] // GAS_MARGIN[1], limit) for estimate in estimates]

    async def _free_nonces(self, chain: Chain, sender: str, count: int) -> list[int]:
        """The lowest nonces that no block, no pool and no living row uses; what ended plans never got into a pool is given up."""
        asked = [("eth_getTransactionCount", [sender, tag]) for tag in ("latest", "pending")]
        latest, pending = (int(str(used), 16) for used in await chain.rpc.batch(asked))
        rows = await self.queue.rows(chain.network.key.text, sender, HOLDING, from_nonce=latest)
        idle = [row for row in rows if row.state in (TransactionState.SIGNED, TransactionState.SENT)]
        wanted = {step: await self._still_wanted(*step) for step in {(row.plan_id, row.step_index) for row in idle}}
        given_up = {row.hash for row in idle if not wanted[row.plan_id, row.step_index]}
        if given_up:
            answers = await chain.rpc.batch([("eth_getTransactionByHash", [tx_hash]) for tx_hash in given_up])
            given_up = {tx_hash for tx_hash, answer in zip(given_up, answers, strict=True) if answer is None}
            for row in rows:
                if row.hash in given_up:
                    await self.queue.drop(row, "Its plan ended before a node had it.")
        held = {row.nonce for row in rows if row.hash not in given_up}
        return free_run(latest, pending, held | await self.reserved(chain.network.key.text, sender), count)

    async def reserved(self, network_key: str, sender: str) -> set[int]:
        """Nonces of what waits for a signature from elsewhere; what ended plans asked for is forgotten."""
        found = set()
        for request in await self.requests.of_sender(network_key, sender):
            if (await self._operations.get(request.task.plan_id)).state.ended:
                await self.requests.drop(request.task.plan_id)
            else:
                found.add(request.unsigned.nonce)
        return found

    async def _still_wanted(self, plan_id: str, step_index: int) -> bool:
        """Whether the bytes of a step may still be sent: its plan goes on, or the step was done."""
        try:
            plan = await self._operations.get(plan_id)
        except ConsoleError:
            return True
        return not plan.state.ended or plan.steps[step_index].state is StepState.DONE

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
        """Send again, in the order of nonces, what a node forgot (it was killed, or dropped it); returns how many."""
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
        looked = await look(chain, self.queue, rows)
        again = []
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
                again.append(row)
        if again:
            await self.send(chain, again)
        return Followed(tuple(again), tuple(standing for standing in looked.rows if standing.do is Do.GAP))

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
        looked = await look(chain, self.queue, [row])
        (standing,) = looked.rows
        if standing.receipt is not None:
            return await outcomes.mined(chain, standing, self._simulation.reason)
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


def unsigned(chain: Chain, nonce: int, request: TransactionRequest, gas: int, quote: FeeQuote) -> UnsignedTransaction:
    """The transaction as it is to be signed."""
    return UnsignedTransaction(
        chain_id=chain.network.chain_id,
        nonce=nonce,
        to=request.to,
        value=request.value,
        data=bytes.fromhex(request.data[2:]),
        gas_limit=gas,
        max_fee_per_gas=quote.max_fee_per_gas,
        max_priority_fee_per_gas=quote.max_priority_fee_per_gas,
        legacy=quote.legacy,
    )


def prepared_of(row: QueuedTransaction) -> dict[str, object]:
    """What a step of one transaction keeps."""
    return {"raw": "0x" + row.raw.hex(), "hash": row.hash, "nonce": row.nonce, "sender": row.sender}


def refusal(failure: RpcFailure) -> Conflict:
    """A node's no, in words; ``retryable`` when a later try may find it in another mood."""
    for_good = any(words in failure.text.lower() for words in FOR_GOOD)
    return Conflict(
        f"The node refused the transaction: {failure.text.rstrip('.')}. It was not sent.", "Preview again.", retryable=not for_good
    )


def _same(failure: RpcFailure) -> bool:
    return any(words in failure.text.lower() for words in SAME)
