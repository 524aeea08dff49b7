"""Transactions before they are sent: priced, given a nonce, signed here or elsewhere, and stored before anything happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.chain.jams import Jams
from app.chain.nonces import free_run
from app.chain.queue import (
    ALIVE,
    CHUNK,
    HOLDING,
    SENT_ONCE,
    Queue,
    QueuedTransaction,
    Signed,
    TransactionState,
    transaction_hash,
)
from app.chain.requests import SigningRequests
from app.chain.rpc import RpcFailure
from app.chain.signer import Signer, SigningTask, UnsignedTransaction
from app.core import faults
from app.core.errors import Conflict, ConsoleError, Unavailable
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


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What to send. ``gas_limit`` None means: estimate. ``data`` is ``0x…``, ``value`` in wei, ``to`` None creates a contract."""

    to: str | None
    value: int
    data: str
    gas_limit: int | None = None


class Signing:
    """Reserves nonces, asks for signatures and keeps what was signed; the sending path is built on it."""

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
        self.jams = Jams()
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
        if asked:
            async with self.turn_of(network_key, sender):
                return await self.sign_and_keep(task, sender, asked[0].unsigned)
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
            await self.requests.keep(sender, [(task, transaction)])
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
            elsewhere = self.signer is not None and await self.signer.signs_elsewhere(sender)
            if elsewhere and (asked := await self.requests.of_step(plan.id, index)):
                async with self.turn_of(network_key, sender):
                    await self._keep_answered(sender, [(request.task, request.unsigned) for request in asked])
                return await self.prepare_many(network_key, sender, requests, plan, index, title)
            chain = await self._networks.connect(network_key)
            quote = await self._fees.quote_for(chain, plan.params)
            limits = {item: limit for item in missing if (limit := requests[item].gas_limit)}
            unknown = [item for item in missing if item not in limits]
            estimates = await self._gas(chain, sender, [requests[item] for item in unknown]) if unknown else []
            limits |= dict(zip(unknown, estimates, strict=True))
            async with self.turn_of(network_key, sender):
                nonces = await self._free_nonces(chain, sender, len(missing))
                faults.point("chain.batch.reserved")
                if elsewhere:
                    pairs = [
                        (
                            SigningTask(network_key, plan.id, index, _of_many(title, item, requests), item),
                            unsigned(chain, nonce, requests[item], limits[item], quote),
                        )
                        for item, nonce in zip(missing, nonces, strict=True)
                    ]
                    await self.requests.keep(sender, pairs)
                    faults.point("chain.request.kept")
                    kept |= {row.item: row for row in await self._keep_answered(sender, pairs)}
                    missing = []
                for start in range(0, len(missing), CHUNK):
                    part = list(zip(missing, nonces, strict=True))[start : start + CHUNK]
                    unsigned_ = [unsigned(chain, nonce, requests[item], limits[item], quote) for item, nonce in part]
                    raws = await self._sign_many(sender, unsigned_)
                    signed = [
                        Signed(nonce, raw, plan.id, index, _of_many(title, item, requests), item)
                        for (item, nonce), raw in zip(part, raws, strict=True)
                    ]
                    kept |= {row.item: row for row in await self.queue.keep(network_key, sender, signed)}
                    faults.point("chain.batch.stored")
        return [kept[item] for item in range(len(requests))]

    async def _keep_answered(
        self, sender: str, asked: Sequence[tuple[SigningTask, UnsignedTransaction]]
    ) -> list[QueuedTransaction]:
        """Get all of a step signed elsewhere, and only then keep them; the caller has the account's turn. Raises Waiting."""
        task = asked[0][0]
        raws = await self._sign_many(sender, [unsigned for _, unsigned in asked], task)
        signed = [
            Signed(unsigned.nonce, raw, each.plan_id, each.index, each.title, each.item)
            for (each, unsigned), raw in zip(asked, raws, strict=True)
        ]
        kept = await self.queue.keep(task.network, sender, signed)
        faults.point("chain.batch.stored")
        await self.requests.drop(task.plan_id, task.index)
        return kept

    async def connect(self, network_key: str) -> Chain:
        """The checked chain of a network. Raises as :meth:`Networks.connect`."""
        return await self._networks.connect(network_key)

    async def quote_for(self, chain: Chain, params: Mapping[str, object]) -> FeeQuote:
        """The price that a plan asks for. Raises as :meth:`Fees.quote_for`."""
        return await self._fees.quote_for(chain, params)

    async def _sign_many(
        self, sender: str, transactions: Sequence[UnsignedTransaction], task: SigningTask | None = None
    ) -> Sequence[bytes]:
        if self.signer is None:
            raise Unavailable("This console has no signer. Nothing was signed.")
        return await self.signer.sign_transactions(sender, transactions, task)

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
                failed = requests[at]
                why = await self._simulation.told(chain, failed.to, failed.data, estimate.data, estimate.text)
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

    # of the sending path

    async def outcome(self, network_key: str, tx_hash: str, nonce: int, sender: str) -> Outcome:
        """What became of a transaction; the sending path looks."""
        raise NotImplementedError

    async def rebroadcast(self, network_key: str) -> int:
        """Send again what a node forgot; the sending path does."""
        raise NotImplementedError


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


def _of_many(title: str, item: int, requests: Sequence[TransactionRequest]) -> str:
    return f"{title}, {item + 1:,} of {len(requests):,}"
