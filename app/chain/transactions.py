"""The one sending path: nonces, signed bytes kept before they are sent, and what became of them.

A transaction's row is written with its signed bytes before anything leaves this machine; from then on the same bytes may be sent
any number of times. One queue per (network, sender): the next nonce is the lowest that neither the chain nor a living row uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from app.chain.hashing import checksum_address
from app.chain.networks import Network
from app.chain.rpc import RpcFailure
from app.chain.signer import Signer, UnsignedTransaction, transaction_hash
from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, Unavailable
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.operations.plans import Plan, StepSpec
from app.operations.steps import Happened, Outcome, Step, StepContext

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from app.chain.fees import Fees
    from app.chain.networks import Chain, Networks
    from app.chain.simulation import Simulation
    from app.database import Database
    from app.operations import Operations

STEP = "chain.transaction"
GAS_MARGIN = (6, 5)  # limit = estimate × 6/5: state may move between estimate and block
SAME = ("already known", "already imported", "alreadyknown", "known transaction")


class TransactionState(StrEnum):
    """Where a signed transaction is."""

    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    REPLACED = "replaced"
    DROPPED = "dropped"


ALIVE = (TransactionState.SIGNED, TransactionState.SENT, TransactionState.MINED)
# A node that was killed forgets blocks, so even a final transaction may have to be sent again: it still owns its nonce.
SENT_ONCE = (TransactionState.SENT, TransactionState.MINED, TransactionState.FINAL)


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What to send. ``gas_limit`` None means: estimate. ``data`` is ``0x…``, ``value`` in wei, ``to`` None creates a contract."""

    to: str | None
    value: int
    data: str
    gas_limit: int | None = None


@dataclass(frozen=True, slots=True)
class QueuedTransaction:
    """A row of the queue. ``block`` is 0 until it was seen in one."""

    hash: str
    network: str
    sender: str
    nonce: int
    state: TransactionState
    description: str
    plan_id: str
    block: int
    created_at: int


class Transactions:
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
    ) -> None:
        self._database = database
        self._networks = networks
        self._fees = fees
        self._simulation = simulation
        self._operations = operations
        self.signer = signer  # set by the console: wallets are built after the sending path
        self._turn: dict[tuple[str, str], asyncio.Lock] = {}
        operations.register_step(STEP, lambda plan, spec: TransactionStep(self, plan, spec))

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

    async def list(self, network_key: str, sender: str | None = None) -> Sequence[QueuedTransaction]:
        """The queue of a network, newest first."""
        from app.chain.tables import transactions as table

        def read(connection: Connection) -> Sequence[QueuedTransaction]:
            query = table.select().where(table.c.network == network_key).order_by(table.c.created_at.desc())
            if sender:
                query = query.where(table.c.sender == bytes.fromhex(sender[2:]))
            return [_queued(row) for row in connection.execute(query)]

        return await self._database.read(read)

    # sending

    async def prepare(
        self, network_key: str, sender: str, request: TransactionRequest, plan: Plan, index: int, title: str
    ) -> dict[str, object]:
        """Price, sign and keep one transaction; the answer holds raw bytes, hash and nonce. Nothing is sent.

        Raises:
            Conflict: it would revert; the reason is in the message. Nothing was signed.
            Unavailable: an earlier step of the plan is no longer on the chain, or not yet again. Nothing was signed.
            Locked, Denied, NotFound: from the signer. Nothing was signed.
        """
        kept = await self._of_step(plan.id, index)
        if kept is not None:
            return kept
        if self.signer is None:
            raise Unavailable("This console has no signer. Nothing was signed.")
        await self._stand_on_earlier(network_key, plan, index)
        chain = await self._networks.connect(network_key)
        quote = await self._fees.quote_for(chain, plan.params)
        gas = request.gas_limit or await self._gas(chain, sender, request)
        async with self._turn.setdefault((network_key, sender), asyncio.Lock()):
            nonce = await self._next_nonce(chain, network_key, sender)
            faults.point("chain.transaction.reserved")
            unsigned = UnsignedTransaction(
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
            raw = await self.signer.sign_transaction(sender, unsigned)
            await self._keep(network_key, sender, nonce, raw, plan.id, index, title)
        faults.point("chain.transaction.signed")
        return {"raw": "0x" + raw.hex(), "hash": transaction_hash(raw), "nonce": nonce, "sender": sender}

    async def _stand_on_earlier(self, network_key: str, plan: Plan, index: int) -> None:
        """A killed node or a reorganisation may have taken back what a step builds on: wait for it to return."""
        from app.chain.tables import transactions as table

        def read(connection: Connection) -> Sequence[Any]:
            mine = (table.c.plan_id == plan.id, table.c.step_index < index, table.c.network == network_key)
            return list(connection.execute(table.select().where(*mine, table.c.state.in_(SENT_ONCE)).order_by(table.c.nonce)))

        last = {row.sender: row for row in await self._database.read(read)}  # its nonce holds for those before
        for row in map(_queued, last.values()):
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

    async def _gas(self, chain: Chain, sender: str, request: TransactionRequest) -> int:
        body = {"from": sender, "data": request.data, "value": hex(request.value)}
        if request.to:
            body["to"] = request.to
        try:
            estimate = int(str(await chain.rpc.call("eth_estimateGas", body)), 16)
        except RpcFailure as failure:
            why = self._simulation.reason(failure.data, failure.text)
            raise Conflict(f"The transaction would fail now: {why}. Nothing was signed or sent.", "Preview again.") from failure
        limit = int((await chain.head()).raw["gasLimit"], 16)
        return min(estimate * GAS_MARGIN[0] // GAS_MARGIN[1], limit)

    async def _next_nonce(self, chain: Chain, network_key: str, sender: str) -> int:
        """The lowest nonce that neither the chain nor a living row uses; rows of ended plans that were never sent are given up."""
        from app.chain.tables import transactions as table

        used = int(str(await chain.rpc.call("eth_getTransactionCount", sender, "pending")), 16)

        def living(connection: Connection) -> Sequence[Any]:
            query = table.select().where(
                table.c.network == network_key,
                table.c.sender == bytes.fromhex(sender[2:]),
                table.c.nonce >= used,
                table.c.state.in_((TransactionState.SIGNED, *SENT_ONCE)),
            )
            return list(connection.execute(query))

        taken = set()
        for row in await self._database.read(living):
            if row.state == TransactionState.SIGNED and (await self._operations.get(row.plan_id)).state.ended:
                await self._mark("0x" + bytes(row.hash).hex(), TransactionState.DROPPED)
            else:
                taken.add(int(row.nonce))
        nonce = used
        while nonce in taken:
            nonce += 1
        return nonce

    async def _keep(self, network_key: str, sender: str, nonce: int, raw: bytes, plan_id: str, index: int, title: str) -> None:
        from app.chain.tables import transactions as table

        def write(connection: Connection) -> None:
            same = (table.c.network == network_key, table.c.sender == bytes.fromhex(sender[2:]), table.c.nonce == nonce)
            if connection.execute(table.select().where(*same, table.c.state.in_(ALIVE))).first() is not None:
                raise Conflict(
                    f"Nonce {nonce:,} was just taken by another console. Nothing was sent.", "Try again.", retryable=True
                )
            now = now_ms()
            connection.execute(
                table.insert().values(
                    hash=bytes.fromhex(transaction_hash(raw)[2:]),
                    network=network_key,
                    sender=bytes.fromhex(sender[2:]),
                    nonce=nonce,
                    raw=raw,
                    state=TransactionState.SIGNED.value,
                    description=title[:200],
                    plan_id=plan_id,
                    step_index=index,
                    block=0,
                    created_at=now,
                    updated_at=now,
                )
            )

        await self._database.write(write)

    async def _of_step(self, plan_id: str, index: int) -> dict[str, object] | None:
        """What was signed for this step before a crash that came before the step itself was stored."""
        from app.chain.tables import transactions as table

        def read(connection: Connection) -> Any:
            query = table.select().where(table.c.plan_id == plan_id, table.c.step_index == index, table.c.state.in_(ALIVE))
            return connection.execute(query).first()

        row = await self._database.read(read)
        if row is None:
            return None
        return {
            "raw": "0x" + bytes(row.raw).hex(),
            "hash": "0x" + bytes(row.hash).hex(),
            "nonce": int(row.nonce),
            "sender": checksum_address(bytes(row.sender)),
        }

    async def broadcast(self, network_key: str, raw: str) -> None:
        """Hand the bytes to the node; bytes that it knows already are as good as sent.

        Raises:
            RpcFailure: the node refuses them; ``observe`` tells why.
        """
        chain = await self._networks.connect(network_key)
        try:
            await chain.rpc.call("eth_sendRawTransaction", raw)
        except RpcFailure as failure:
            text = failure.text.lower()
            if not any(words in text for words in (*SAME, "nonce too low")):
                raise Conflict(f"The node refused the transaction: {failure.text}. It was not sent.", "Preview again.") from failure
        faults.point("chain.transaction.sent")
        await self._mark(transaction_hash(bytes.fromhex(raw[2:])), TransactionState.SENT)

    async def rebroadcast(self, network_key: str) -> int:
        """Send again, in the order of nonces, what a node forgot (it was killed, or dropped it); returns how many."""
        chain = await self._networks.connect(network_key)
        rows = sorted((r for r in await self.list(network_key) if r.state in SENT_ONCE), key=lambda row: (row.sender, row.nonce))
        if not rows:
            return 0
        senders = list(dict.fromkeys(row.sender for row in rows))
        counts = await chain.rpc.batch([("eth_getTransactionCount", [sender, "latest"]) for sender in senders])
        used = {sender: int(str(count), 16) for sender, count in zip(senders, counts, strict=True)}
        for row in rows:  # of plans that have ended nobody else asks again
            if row.state is TransactionState.SENT and row.nonce < used[row.sender]:
                await self.outcome(network_key, row.hash, row.nonce, row.sender)
        rows = [row for row in rows if row.nonce >= used[row.sender]]
        known = await chain.rpc.batch([("eth_getTransactionByHash", [row.hash]) for row in rows])
        forgotten = [row for row, answer in zip(rows, known, strict=True) if answer is None]
        for row in forgotten:
            # Marked before it is sent: whoever then sees it in a block says so later than this, not earlier.
            await self._mark(row.hash, TransactionState.SENT, forgotten=True)
            await self.broadcast(network_key, await self._raw(row.hash))
        return len(forgotten)

    async def _raw(self, tx_hash: str) -> str:
        from app.chain.tables import transactions as table

        def read(connection: Connection) -> str:
            row = connection.execute(table.select().where(table.c.hash == bytes.fromhex(tx_hash[2:]))).one()
            return "0x" + bytes(row.raw).hex()

        return await self._database.read(read)

    # looking

    async def outcome(self, network_key: str, tx_hash: str, nonce: int, sender: str) -> Outcome:
        """What became of a transaction: done when it has the network's confirmations on the canonical chain."""
        chain = await self._networks.connect(network_key)
        receipt, known, used = await chain.rpc.batch(
            [
                ("eth_getTransactionReceipt", [tx_hash]),
                ("eth_getTransactionByHash", [tx_hash]),
                ("eth_getTransactionCount", [sender, "latest"]),
            ]
        )
        if receipt is not None:
            return await self._mined(chain, tx_hash, receipt)
        if known is not None:
            return Outcome(Happened.UNKNOWN, waiting=await self._why_waiting(chain))
        if int(used, 16) > nonce:
            await self._mark(tx_hash, TransactionState.REPLACED)
            return Outcome(
                Happened.NOT_DONE,
                failure=f"Nonce {nonce:,} was used by another transaction. This step sent nothing that counts. "
                "Compare the other transaction of this account, then plan again.",
            )
        return Outcome(Happened.NOT_DONE)

    async def _mined(self, chain: Chain, tx_hash: str, receipt: Mapping[str, Any]) -> Outcome:
        height = int(receipt["blockNumber"], 16)
        head, block = await chain.rpc.batch([("eth_blockNumber", []), ("eth_getBlockByNumber", [hex(height), False])])
        if block is None or block["hash"] != receipt["blockHash"]:
            return Outcome(Happened.UNKNOWN, waiting="A reorganisation took its block away; the chain is being asked again.")
        have, need = int(head, 16) - height + 1, chain.network.confirmations
        evidence = (
            Evidence(
                EvidenceKind.TRANSACTION,
                tx_hash,
                chain.network.key.text,
                receipt["blockHash"],
                now_ms(),
                EvidenceStatus.CLAIMED,
                "receipt read from the node",
                Trust.OWN_NODE if chain.network.own else Trust.OPERATOR,
            ),
        )
        contract = receipt.get("contractAddress")
        result: dict[str, object] = {
            "hash": tx_hash,
            "block": height,
            "block_hash": receipt["blockHash"],
            "status": int(receipt["status"], 16),
            "gas_used": int(receipt["gasUsed"], 16),
            "fee": int(receipt["gasUsed"], 16) * int(receipt.get("effectiveGasPrice", "0x0"), 16),
            "contract": checksum_address(contract) if contract else "",
            "logs": [{key: log[key] for key in ("address", "topics", "data", "logIndex")} for log in receipt["logs"]],
        }
        if not result["status"]:
            await self._mark(tx_hash, TransactionState.FINAL, height, receipt["blockHash"])
            why = await self._why_failed(chain, tx_hash, height)
            return Outcome(
                Happened.DONE,
                result,
                evidence,
                failure=f"The transaction failed on the chain: {why}. Its fee was paid; it changed nothing else.",
            )
        if have < need:
            await self._mark(tx_hash, TransactionState.MINED, height, receipt["blockHash"])
            return Outcome(
                Happened.UNKNOWN,
                result,
                evidence,
                waiting=f"{have} of {need} confirmations. {await self._why_waiting(chain)}".strip(),
            )
        await self._mark(tx_hash, TransactionState.FINAL, height, receipt["blockHash"])
        return Outcome(Happened.DONE, result, evidence)

    async def _why_waiting(self, chain: Chain) -> str:
        """Why nothing moves: usually just time; a chain that makes no blocks by itself is told."""
        head = await chain.head()
        age = now_ms() // 1000 - head.timestamp
        if chain.network.own and age > 5:
            return f"The chain makes no blocks by itself (the last is {age} s old): mine one to go on."
        return "Waiting for the next block."

    async def _why_failed(self, chain: Chain, tx_hash: str, height: int) -> str:
        transaction = await chain.rpc.call("eth_getTransactionByHash", tx_hash)
        body = {key: transaction[key] for key in ("from", "to", "value", "input", "gas") if transaction.get(key) is not None}
        try:
            await chain.rpc.call("eth_call", body, hex(height - 1))
        except RpcFailure as failure:
            return self._simulation.reason(failure.data, failure.text)
        return "its reason cannot be seen any more"

    async def _mark(
        self, tx_hash: str, state: TransactionState, block: int = 0, block_hash: str = "", *, forgotten: bool = False
    ) -> None:
        from app.chain.tables import transactions as table

        def write(connection: Connection) -> None:
            values: dict[str, object] = {"state": state.value, "updated_at": now_ms()}
            if block:
                values |= {"block": block, "block_hash": bytes.fromhex(block_hash[2:])}
            query = table.update().where(table.c.hash == bytes.fromhex(tx_hash[2:]), table.c.state != state.value)
            if state is TransactionState.SENT and not forgotten:  # the same bytes may be sent again; that takes nothing back
                query = query.where(table.c.state == TransactionState.SIGNED.value)
            connection.execute(query.values(**values))

        await self._database.write(write)


def _queued(row: Any) -> QueuedTransaction:
    return QueuedTransaction(
        "0x" + bytes(row.hash).hex(),
        row.network,
        checksum_address(bytes(row.sender)),
        int(row.nonce),
        TransactionState(row.state),
        row.description,
        row.plan_id,
        int(row.block),
        int(row.created_at),
    )


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

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Send the stored bytes."""
        await self.transactions.broadcast(self.network, str(prepared["raw"]))
        context.report(f"Accepted by the node: {prepared['hash']}")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Look it up on the chain."""
        return await self.transactions.outcome(self.network, str(prepared["hash"]), int(str(prepared["nonce"])), self.sender)
