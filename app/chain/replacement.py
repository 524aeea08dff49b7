"""Speed up, cancel and repair: transactions at a nonce that is named, instead of the next free one.

A replacement offers at least ten percent more than what it replaces, on both prices, or nodes refuse it; and at least what the
network asks now. Both stay in the queue until one of them is final, since nobody can take back what a node was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.chain import nonces, outcomes
from app.chain.fees import GWEI, FeeQuote, gwei
from app.chain.nonces import Do
from app.chain.queue import HOLDING, IN_BLOCK, QueuedTransaction, TransactionState, missing
from app.chain.signer import SigningTask
from app.chain.signing import TransactionRequest, prepared_of, unsigned
from app.chain.standing import look
from app.chain.transactions import TransactionStep
from app.core import faults
from app.core.clock import now_ms
from app.core.errors import Conflict, Denied, Invalid
from app.operations.plans import Effect, Fee, Plan, Preview, StepSpec, Verdict, VerdictLevel, listed
from app.operations.steps import Happened, Outcome, PlanKind, Step, StepContext

if TYPE_CHECKING:
    from app.chain.fees import Fees
    from app.chain.networks import Chain
    from app.chain.transactions import Transactions
    from app.operations import Operations

SPEED_UP, CANCEL, REPAIR = "chain.speed_up", "chain.cancel", "chain.repair"
PLACED, AGAIN = "chain.placed", "chain.again"  # kinds of steps
EVERYBODY = frozenset({"administrator", "developer"})
EMPTY_GAS = 21_000


class Replacements:
    """Plans that replace what waits, fill gaps, and send stored bytes again."""

    def __init__(self, transactions: Transactions, fees: Fees, operations: Operations) -> None:
        self._transactions = transactions
        self._fees = fees
        self._operations = operations
        for kind in (SPEED_UP, CANCEL):
            operations.register_kind(PlanKind(kind, self._preview, self._measure, EVERYBODY))
        operations.register_kind(PlanKind(REPAIR, self._preview_repair, self._measure_repair, EVERYBODY))
        operations.register_step(PLACED, lambda plan, spec: PlacedStep(transactions, plan, spec))
        operations.register_step(AGAIN, lambda plan, spec: AgainStep(transactions, spec))

    async def plan_speed_up(self, tx_hash: str, max_fee: int | None, tip: int | None, level: str) -> Plan:
        """The same transaction at a higher price. ``max_fee`` and ``tip`` in wei per gas; None: as the level says, but no less
        than works.
        """
        row, chain = await self._waiting(tx_hash)
        quote = await self._price(chain, row, max_fee, tip, level)
        request = TransactionRequest(row.to, row.value, row.data, row.gas_limit)
        title = f"Speed up “{row.description}”"[:200]
        return await self._plan(SPEED_UP, chain, row, request, quote, title)

    async def plan_cancel(self, tx_hash: str, max_fee: int | None, tip: int | None, level: str) -> Plan:
        """An empty transaction of the account to itself, at the same nonce and a higher price."""
        row, chain = await self._waiting(tx_hash)
        quote = await self._price(chain, row, max_fee, tip, level)
        request = TransactionRequest(row.sender, 0, "0x", EMPTY_GAS)
        if (row.to, row.value, row.data) == (row.sender, 0, "0x"):
            raise Conflict("This transaction is empty already: it moves nothing. Nothing was planned.", "Speed it up instead.")
        return await self._plan(CANCEL, chain, row, request, quote, f"Cancel “{row.description}”"[:200])

    async def plan_repair(self, network_key: str, sender: str) -> Plan:
        """Send stored bytes again that the node lost, and fill the nonces that nothing holds with empty transactions."""
        chain = await self._transactions.connect(network_key)
        await self._transactions.follow(network_key, deep=True)
        report = await self._transactions.nonces(network_key, sender)
        lost = await self._lost(chain, report.waiting)
        if not report.gaps and not lost:
            raise Conflict(f"There is nothing to repair. {report.advice} Nothing was planned.", "Look at the queue.")
        steps = []
        base = {"network": chain.network.key.text, "sender": sender}
        if lost:
            numbers = nonces.told({row.nonce for row in lost})
            steps.append(StepSpec(AGAIN, f"Send {numbers} again", {**base, "hashes": [row.hash for row in lost]}))
        for nonce in report.gaps:
            params = {**base, "nonce": nonce, "to": sender, "value": "0", "data": "0x", "gas_limit": EMPTY_GAS}
            steps.append(StepSpec(PLACED, f"Fill nonce {nonce:,}", params))
        title = f"Repair the queue of {sender[:6]}…{sender[-4:]}"
        params = {**base, "gaps": list(report.gaps), "lost": [row.nonce for row in lost]}
        return await self._operations.plan(REPAIR, title, chain.network.target(), params, steps)

    async def _plan(
        self, kind: str, chain: Chain, row: QueuedTransaction, request: TransactionRequest, quote: FeeQuote, title: str
    ) -> Plan:
        params: dict[str, object] = {
            "network": row.network,
            "sender": row.sender,
            "nonce": row.nonce,
            "replaces": row.hash,
            "to": request.to,
            "value": str(request.value),
            "data": request.data,
            "gas_limit": request.gas_limit,
            "max_fee": str(quote.max_fee_per_gas),
            "tip": str(quote.max_priority_fee_per_gas),
            "legacy": row.legacy,
        }
        return await self._operations.plan(kind, title, chain.network.target(), params, [StepSpec(PLACED, title, params)])

    async def _waiting(self, tx_hash: str) -> tuple[QueuedTransaction, Chain]:
        """The newest transaction at that place, if it can still be replaced.

        Raises:
            NotFound: no transaction of this console.
            Conflict: it is in a block, or nothing of it waits.
        """
        rows = await self._transactions.queue.find(tx_hash)
        if not rows:
            raise missing(tx_hash)
        row = next((each for each in rows if each.state in HOLDING), rows[0])
        while row.replaced_by and (other := await self._transactions.queue.get(row.network, row.replaced_by)) is not None:
            if other.state not in HOLDING:
                break
            row = other
        chain = await self._transactions.connect(row.network)
        row = (await look(chain, self._transactions.queue, [row])).rows[0].row
        if why := _why_not(row):
            raise Conflict(f"{why} Nothing was planned.", "Look at the queue.")
        return row, chain

    async def _price(self, chain: Chain, row: QueuedTransaction, max_fee: int | None, tip: int | None, level: str) -> FeeQuote:
        quote = await self._fees.quote(chain, level)
        least_tip = nonces.bumped(row.max_priority_fee_per_gas, min(quote.max_priority_fee_per_gas, quote.max_fee_per_gas))
        least = max(nonces.bumped(row.max_fee_per_gas, quote.max_fee_per_gas), least_tip)
        floor, floor_tip = nonces.bumped(row.max_fee_per_gas, 0), nonces.bumped(row.max_priority_fee_per_gas, 0)
        if row.legacy:
            least_tip, tip, floor_tip = least, max_fee, floor
        offered, offered_tip = least if max_fee is None else max_fee, least_tip if tip is None else tip
        if offered < floor or offered_tip < floor_tip:
            raise Invalid(
                f"Nodes take a replacement only for at least {gwei(floor)} gwei per gas and a tip of {gwei(floor_tip)}: "
                "ten percent more than before on both. Nothing was planned.",
                "Offer more.",
                field="fee",
            )
        if offered_tip > offered:
            raise Invalid(
                "The tip is above the maximum fee, which includes it. Nothing was planned.", "Lower the tip.", field="fee"
            )
        ceiling = chain.network.fee_ceiling_gwei * GWEI
        if offered > ceiling:
            raise Denied(
                f"A replacement must offer {gwei(offered)} gwei per gas, above the network's fee ceiling of {gwei(ceiling)}. "
                "Nothing was planned.",
                "Raise the ceiling in Settings, Networks, or wait for the transaction.",
            )
        return FeeQuote(offered, offered_tip, quote.base_fee, row.legacy, "custom")

    async def _lost(self, chain: Chain, rows: Sequence[QueuedTransaction]) -> list[QueuedTransaction]:
        """Sent rows of the queue that the node does not have and that may be sent."""
        sent = [row for row in rows if row.state is TransactionState.SENT and not row.replaced_by]
        looked = await look(chain, self._transactions.queue, sent) if sent else None
        return [standing.row for standing in looked.rows if standing.do is Do.RESEND] if looked else []

    # previews

    async def _preview(self, plan: Plan) -> Preview:
        params = plan.params
        chain = await self._transactions.connect(str(params["network"]))
        row = await self._transactions.queue.get(str(params["network"]), str(params["replaces"]))
        if row is None:
            raise missing(str(params["replaces"]))
        looked = await look(chain, self._transactions.queue, [row])
        row = looked.rows[0].row
        other = await self._transactions.queue.get(row.network, row.replaced_by) if row.replaced_by else None
        error = _why_not(row)
        if other is not None and other.plan_id != plan.id and other.state in HOLDING:
            error = error or f"“{row.description}” is being replaced already."
        fee, tip, gas = int(str(params["max_fee"])), int(str(params["tip"])), int(str(params["gas_limit"]))
        base = looked.head.base_fee or 0
        price = min(base + tip, fee)
        verdicts = (
            Verdict(
                "chain.replaces", VerdictLevel.NOTE, f"It takes the place of “{row.description}”, nonce {row.nonce:,}", row.hash
            ),
            Verdict("chain.bump", VerdictLevel.PASS, "It offers at least ten percent more on both prices, as nodes ask"),
        )
        note = "Until a block holds one of them, either may be mined: a node that has the first cannot be made to forget it."
        return Preview(
            effects=self._effects(plan, row, fee, tip),
            verdicts=verdicts,
            fee=Fee(gas, gas, fee, tip, gas * price, gas * fee, chain.network.symbol),
            block=looked.head.number,
            block_hash=looked.head.hash,
            simulated_at=now_ms(),
            method="queue",
            error=error,
            notes=(note,),
        )

    def _effects(self, plan: Plan, row: QueuedTransaction, fee: int, tip: int) -> tuple[Effect, ...]:
        label = f"nonce {row.nonce:,}, {row.description}"
        effects = [Effect("fee", row.hash, str(row.max_fee_per_gas), str(fee), "gwei", 9, f"{label}: most per gas")]
        if not row.legacy:
            effects.append(Effect("fee", row.hash, str(row.max_priority_fee_per_gas), str(tip), "gwei", 9, f"{label}: tip per gas"))
        if plan.kind == CANCEL:
            effects.append(Effect("state", row.hash, "waits", "cancelled", label=label))
        return tuple(effects)

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        """The prices of what is in the block now."""
        row = await self._transactions.queue.get(str(plan.params["network"]), str(plan.params["replaces"]))
        if row is None:
            return ()
        mined = await self._transactions.queue.rows(row.network, row.sender, IN_BLOCK, nonce=row.nonce)
        now = mined[0] if mined else row
        effects = self._effects(plan, row, now.max_fee_per_gas, now.max_priority_fee_per_gas)
        if now.hash != row.hash and not outcomes.same_content(row, now):
            return effects
        return tuple(effect if effect.kind == "fee" else _was_mined(effect, mined) for effect in effects)

    async def _preview_repair(self, plan: Plan) -> Preview:
        network_key, sender = str(plan.params["network"]), str(plan.params["sender"])
        chain = await self._transactions.connect(network_key)
        head = await chain.head()
        gaps = listed(plan.params, "gaps", int)
        quote = await self._fees.quote_for(chain, plan.params)
        gas = EMPTY_GAS * len(gaps)
        return Preview(
            effects=self._repair_effects(plan, sender, "an empty transaction", "sent again"),
            verdicts=quote.verdicts(),
            fee=quote.fee(gas, chain.network.symbol, gas) if gas else None,
            block=head.number,
            block_hash=head.hash,
            simulated_at=now_ms(),
            method="queue",
            notes=("An empty transaction moves nothing; it only uses up its nonce, so that those behind it can be mined.",),
        )

    def _repair_effects(self, plan: Plan, sender: str, filled: str, sent: str) -> tuple[Effect, ...]:
        lost = listed(plan.params, "lost", int)
        gaps = listed(plan.params, "gaps", int)
        again = [Effect("state", sender, "not in the node's pool", sent, label=f"nonce {nonce:,}") for nonce in lost]
        return (*again, *(Effect("state", sender, "nothing", filled, label=f"nonce {nonce:,}") for nonce in gaps))

    async def _measure_repair(self, plan: Plan) -> tuple[Effect, ...]:
        done = all(record.state == "done" for record in plan.steps)
        filled, sent = ("an empty transaction", "sent again") if done else ("nothing", "not in the node's pool")
        return self._repair_effects(plan, str(plan.params["sender"]), filled, sent)


class PlacedStep(TransactionStep):
    """Sends one transaction at the nonce, and for a replacement at the price, that its parameters name."""

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Sign for exactly that place.

        Raises:
            Conflict: what it replaces is in a block, or the nonce is held. Nothing was signed.
        """
        params, queue = self.spec.params, self.transactions.queue
        kept = await queue.rows(self.network, self.sender, plan_id=context.plan.id, step_index=context.index)
        if kept:
            return prepared_of(kept[0])
        chain = await self.transactions.connect(self.network)
        nonce, replaces = int(str(params["nonce"])), str(params.get("replaces") or "")
        request = await self.request(context)
        task = SigningTask(self.network, context.plan.id, context.index, self.spec.title)
        asked = await self.transactions.requests.of_step(context.plan.id, context.index)
        async with self.transactions.turn_of(self.network, self.sender):
            if replaces:
                old = await queue.get(self.network, replaces)
                now = (await look(chain, queue, [old])).rows[0].row if old else None
                if now is None or (why := _why_not(now)):
                    raise Conflict(f"{why if now else 'What it replaces is gone.'} Nothing was signed.", "Look at the queue.")
            elif int(str(await chain.rpc.call("eth_getTransactionCount", self.sender, "pending")), 16) > nonce:
                raise Conflict(f"Nonce {nonce:,} is used by now. Nothing was signed.", "Look at the queue.")
            quote = await self._quote(chain, context.plan)
            faults.point("chain.transaction.reserved")
            transaction = asked[0].unsigned if asked else unsigned(chain, nonce, request, request.gas_limit or EMPTY_GAS, quote)
            prepared = await self.transactions.sign_and_keep(task, self.sender, transaction, replaces)
        context.report(f"Signed with nonce {nonce}, bytes stored")
        return prepared

    async def _quote(self, chain: Chain, plan: Plan) -> FeeQuote:
        params = self.spec.params
        if "max_fee" not in params:
            return await self.transactions.quote_for(chain, plan.params)
        prices = int(str(params["max_fee"])), int(str(params["tip"]))
        return FeeQuote(*prices, 0, bool(params["legacy"]), "custom")

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Whether it is in a block, or what it was to replace was faster."""
        outcome = await super().observe(prepared, context)
        replaces = str(self.spec.params.get("replaces") or "")
        if not replaces or not outcome.failure or outcome.happened is Happened.DONE:
            return outcome
        first = await self._first(replaces)
        if first is None:
            return outcome
        if context.plan.kind == SPEED_UP:
            # What was wanted has happened, if not by this transaction.
            return await self.transactions.outcome(self.network, first.hash, first.nonce, self.sender)
        text = f"“{first.description}” was mined first, in block {first.block:,}: it could not be cancelled any more."
        return Outcome(Happened.NOT_DONE, failure=text)

    async def _first(self, tx_hash: str) -> QueuedTransaction | None:
        """The transaction, or what that one replaced in turn, which is in a block."""
        rows = []
        row = await self.transactions.queue.get(self.network, tx_hash)
        while row is not None:
            rows.append(row)
            row = await self.transactions.queue.get(self.network, row.replaces) if row.replaces else None
        chain = await self.transactions.connect(self.network)
        looked = await look(chain, self.transactions.queue, rows)
        return next((standing.row for standing in looked.rows if standing.row.state in IN_BLOCK), None)


class AgainStep(Step):
    """Sends stored bytes again."""

    def __init__(self, transactions: Transactions, spec: StepSpec) -> None:
        self._transactions = transactions
        self._network = str(spec.params["network"])
        self._hashes = listed(spec.params, "hashes", str)

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Nothing to sign: the bytes are stored."""
        return {"hashes": list(self._hashes)}

    async def act(self, prepared: Mapping[str, object], context: StepContext) -> None:
        """Send what is still missing, in the order of nonces.

        Raises:
            Conflict: the node refuses one.
        """
        chain = await self._transactions.connect(self._network)
        rows = [standing.row for standing in await self._standings(chain) if standing.do is Do.RESEND]
        for row, failure in zip(rows, await self._transactions.send(chain, rows), strict=True):
            if failure is not None:
                text = f"The node refused nonce {row.nonce:,}: {failure.text.rstrip('.')}. It was not sent."
                raise Conflict(text, "Look at the queue.", retryable=True)

    async def observe(self, prepared: Mapping[str, object], context: StepContext) -> Outcome:
        """Done when the node has all of them, or something took their nonces."""
        chain = await self._transactions.connect(self._network)
        lost = [standing.row for standing in await self._standings(chain) if standing.do is Do.RESEND]
        if lost:
            return Outcome(Happened.NOT_DONE, waiting=f"The node does not have {nonces.told({row.nonce for row in lost})} yet.")
        return Outcome(Happened.DONE, {"hashes": list(self._hashes)})

    async def _standings(self, chain: Chain) -> Sequence[Any]:
        found = await self._transactions.queue.many(self._network, self._hashes)
        rows = sorted((row for row in found.values() if row.state in HOLDING), key=lambda row: row.nonce)
        return (await look(chain, self._transactions.queue, rows)).rows if rows else ()


def _why_not(row: QueuedTransaction) -> str:
    """Why a transaction cannot be replaced any more; empty when it can."""
    match row.state:
        case TransactionState.MINED | TransactionState.FINAL:
            return f"“{row.description}” is in block {row.block:,} already: it cannot be replaced any more."
        case TransactionState.REPLACED:
            return f"Nonce {row.nonce:,} was used by another transaction: “{row.description}” does not wait any more."
        case TransactionState.DROPPED:
            return f"“{row.description}” was given up: nothing of it waits."
        case _:
            return ""


def _was_mined(effect: Effect, mined: Sequence[QueuedTransaction]) -> Effect:
    return Effect(effect.kind, effect.subject, effect.before, "mined" if mined else effect.before, label=effect.label)
