"""A payout: many payments of one account as one plan, each carried out once, and what became of every row.

All rows go out by one step of ``chain.batch``: signed and stored first, then in flight together. A payout that was stopped or
failed is continued by another plan: what was signed is sent again as the same bytes, so that it happens once whoever has them, and
only what can no longer happen is signed anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from app.chain.batch import BatchStep
from app.chain.signing import TransactionRequest
from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid
from app.core.evidence import Trust
from app.core.money import exact_units, short_units
from app.operations.plans import Call, Effect, Plan, PlanState, Preview, StepSpec, StepState, Verdict, VerdictLevel
from app.operations.steps import StepContext
from app.wallets.accounts import KeyState
from app.wallets.actual import BALANCE_OF, word
from app.wallets.payout_rows import AGAIN, SAFE, export, outcomes_of, read_rows
from app.wallets.payouts import PayoutCheck, PayoutLine, PayoutRow, RowState
from app.wallets.recipients import contract_verdict
from app.wallets.tokens import TokenInfo
from app.wallets.transfers import TRANSFER, key_verdict, nonce_verdict, token_verdicts
from app.wallets.waiting import taken, waiting_verdict

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Simulated
    from app.wallets.accounts import Account
    from app.wallets.money import Means
    from app.wallets.recipients import Book, Recipients

KIND = "wallets.payout"
STEP, SEND_AGAIN = "wallets.payout", "wallets.payout.again"
SHOWN = 10  # recipients whose balances are shown one by one; the others as one sum
OTHERS = 10  # further accounts whose balances the simulation sees move
PLAIN_GAS = 21_000  # a native transfer to an account without code (Yellow Paper, G_transaction)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A payout's parameters."""

    network_id: str
    sender: str
    token: TokenInfo
    rows: tuple[PayoutLine, ...]
    total: int
    digest: str
    stop_on_failure: bool
    continues: str

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> _Asked:
        return cls(
            str(params["network_id"]),
            str(params["sender"]),
            TokenInfo(str(params["token"]), str(params["symbol"]), int(params["decimals"]), str(params["token_name"])),
            tuple(PayoutLine.from_json(row) for row in params["rows"]),
            int(params["total"]),
            str(params["digest"]),
            not params["continue_on_failure"],
            str(params.get("continues") or ""),
        )

    @property
    def recipients(self) -> list[str]:
        """Each once, in the order of the file, without the sender."""
        return [address for address in dict.fromkeys(row.address for row in self.rows) if address != self.sender]

    def balances_of(self, effect: Effect) -> list[tuple[str, str]]:
        """The ``(account, token)`` whose balances an effect of the preview is the sum of."""
        token = self.token.address if effect.unit == self.token.symbol else ""
        accounts = [effect.subject] if effect.subject.startswith("0x") else self.recipients[SHOWN:]
        return [(account, token) for account in accounts]

    def call(self, row: PayoutLine) -> tuple[str, str, int]:
        """``(to, data, value)`` of a row's transaction."""
        if self.token.address:
            return self.token.address, TRANSFER + word(row.address) + word(row.amount), 0
        return row.address, "0x", row.amount


class PayoutStep(BatchStep):
    """Signs and sends every row of the plan's parameters that was not signed before."""

    async def requests(self, context: StepContext) -> Sequence[TransactionRequest]:
        """The payments in the order of the file. Plain coin transfers need no estimate."""
        asked = _Asked.of(context.plan.params)
        rows = [row for row in asked.rows if not row.sent]
        limits: list[int | None] = [None] * len(rows)
        if not asked.token.address:
            chain = await self.transactions.connect(self.network)
            codes = await chain.rpc.batch([("eth_getCode", [row.address, "latest"]) for row in rows])
            limits = [PLAIN_GAS if str(code) in ("0x", "") else None for code in codes]
        calls = (asked.call(row) for row in rows)
        return [TransactionRequest(to, value, data, limit) for (to, data, value), limit in zip(calls, limits, strict=True)]


class PayoutAgainStep(BatchStep):
    """Sends again what an earlier payout signed, the same bytes, and follows it to its end."""

    needs_key: ClassVar[bool] = False

    async def prepare(self, context: StepContext) -> Mapping[str, object]:
        """Nothing to sign: the bytes are stored."""
        hashes = [row.sent for row in _Asked.of(context.plan.params).rows if row.sent]
        rows = sorted((await self.transactions.queue.many(self.network, hashes)).values(), key=lambda row: row.nonce)
        context.report(f"{len(rows):,} payments are sent again, as they were signed before")
        return {"hashes": [row.hash for row in rows], "first_nonce": rows[0].nonce, "sender": self.sender}


class Payouts:
    """Plans of kind ``wallets.payout``: their parameters, preview, receipt and rows."""

    def __init__(self, means: Means, recipients: Recipients) -> None:
        self._means = means
        self._recipients = recipients
        means.operations.register_step(STEP, lambda plan, spec: PayoutStep(means.transactions, plan, spec))
        means.operations.register_step(SEND_AGAIN, lambda plan, spec: PayoutAgainStep(means.transactions, plan, spec))

    # Planning

    async def plan(
        self, check: PayoutCheck, fee: Mapping[str, str], *, continue_on_failure: bool, again: Mapping[str, str] | None = None
    ) -> Plan:
        """See :meth:`~app.wallets.money.Money.plan_payout`."""
        if check.problems:
            raise Invalid(
                f"{len(check.problems):,} of {len(check.rows):,} rows cannot be paid. {check.problems[0]} Nothing was planned.",
                "Correct the file.",
                field="file",
            )
        network = self._means.networks.get(check.network_id)
        params: dict[str, object] = {
            "network": network.key.text,
            "network_id": check.network_id,
            "sender": check.sender,
            "token": check.token.address,
            "symbol": check.token.symbol,
            "decimals": check.token.decimals,
            "token_name": check.token.name,
            "rows": [row.to_json() for row in check.rows],
            "total": str(check.total),
            "digest": check.digest,
            "continue_on_failure": continue_on_failure,
        }
        params |= again or {}
        if fee:
            params["fee"] = dict(fee)
        title = f"Pay {check.token.symbol} to {len(check.rows):,} recipients" if len(check.rows) > 1 else "Pay one recipient"
        spec: dict[str, object] = {"network": network.key.text, "sender": check.sender}
        stored = sum(bool(row.sent) for row in check.rows)
        new = len(check.rows) - stored
        steps = [StepSpec(SEND_AGAIN, f"Send {stored:,} signed payments again", spec)] if stored else []
        if new:
            steps.append(StepSpec(STEP, f"Send {new:,} payments", {**spec, "stop_on_failure": not continue_on_failure}))
        return await self._means.operations.plan(KIND, title, network.target(), params, steps)

    async def plan_rest(self, plan_id: str, fee: Mapping[str, str], statement: str) -> Plan:
        """See :meth:`~app.wallets.money.Money.plan_payout_rest`."""
        plan = await self._of(plan_id)
        if not plan.state.ended:
            raise Conflict(
                f"{plan.name} has not ended: it goes on by itself. Nothing was planned.",
                "Follow it, or stop it first.",
                retryable=True,
            )
        if (other := await self._continued_by(plan.id)) is not None:
            raise Conflict(f"{other} continues {plan.name} already. Nothing was planned.", f"Continue {other} instead.")
        await self._means.transactions.follow(plan.target.ref)
        rows = await self.rows(plan.id)
        paid = [row for row in rows if row.state is RowState.PAID]
        # Who took a nonce from outside may have made the same payment: only the operator can say that it is to be made again.
        free = (*SAFE, RowState.REPLACED) if statement.strip() else SAFE
        risky = [row for row in rows if row.state not in (RowState.PAID, *free, *AGAIN)]
        if risky:
            raise Conflict(
                f"{len(risky):,} of {len(rows):,} rows of {plan.name} may still be paid, the first in line {risky[0].line}: "
                f"{risky[0].error or f'it is {risky[0].state.value}'} Nothing was planned, so that no row is paid twice.",
                "Wait for their blocks and compare, then try again.",
                retryable=True,
            )
        if len(paid) == len(rows):
            raise Conflict(f"Every row of {plan.name} was paid. Nothing was planned.", "There is nothing to continue.")
        asked = _Asked.of(plan.params)
        stored = {row.line: row.tx_hash for row in rows if row.state in AGAIN}
        left = {row.line for row in rows if row.state in free} | stored.keys()
        lines = tuple(replace(line, sent=stored.get(line.line, "")) for line in asked.rows if line.line in left)
        total = sum(line.amount for line in lines)
        check = PayoutCheck(asked.network_id, asked.sender, asked.token, lines, total, (), ())
        again = {"continues": plan.id} | ({"statement": statement.strip()} if statement.strip() else {})
        return await self.plan(check, fee, continue_on_failure=not asked.stop_on_failure, again=again)

    async def find(self, check: PayoutCheck) -> Plan | None:
        """The newest plan, not discarded, that pays or continues to pay the rows of a file."""
        newest = ""
        for plan_id, _, _, params in await self._means.operations.params_of((KIND,)):
            same = params["digest"] == check.digest and params["network"] == self._means.networks.get(check.network_id).key.text
            if (same and not params.get("continues")) or (newest and params.get("continues") == newest):
                plan = await self._means.operations.get(plan_id)
                newest = newest if _discarded(plan) else plan_id
        return await self._means.operations.get(newest) if newest else None

    async def _of(self, plan_id: str) -> Plan:
        plan = await self._means.operations.get(plan_id)
        if plan.kind != KIND:
            raise Invalid(f"{plan.name} is no payout. Nothing was done.", "Choose a payout.")
        return plan

    async def _continued_by(self, plan_id: str, but: str = "") -> str | None:
        for other, name, _, params in await self._means.operations.params_of((KIND,)):
            if other != but and params.get("continues") == plan_id and not _discarded(await self._means.operations.get(other)):
                return name
        return None

    # Preview and receipt

    async def preview(self, plan: Plan) -> Preview:
        """Simulate all payments, one after the other, on the newest block."""
        from app.chain import CallRequest, Erc20, Watch

        asked = _Asked.of(plan.params)
        chain = await self._means.networks.connect(asked.network_id)
        calls = []
        for row in asked.rows:
            to, data, value = asked.call(row)
            calls.append(CallRequest(sender=asked.sender, to=to, data=data, value=value, label=f"Line {row.line}"))
        token = asked.token
        watched = [Erc20(token.address, token.symbol, token.decimals)] if token.address else []
        watch = Watch(tokens=watched, accounts=[asked.sender, *asked.recipients])
        simulated = await self._means.simulation.preview(asked.network_id, calls, watch=watch)
        book = await self._recipients.book(without_plan=plan.id)
        quote = await self._means.fees.quote_for(chain, plan.params)
        fee = quote.fee(sum(simulated.gas), chain.network.symbol)
        effects = _effects(asked, simulated, book)
        verdicts = await self._verdicts(chain, plan, asked, simulated, book, fee.limit)
        return Preview(
            effects=effects,
            verdicts=(*verdicts, *quote.verdicts()),
            calls=tuple(_call(asked, row) for row in asked.rows[:SHOWN]),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
            notes=tuple(_notes(asked)),
        )

    async def measure(self, plan: Plan) -> tuple[Effect, ...]:
        """Read the same balances before the first and after the last block that holds a payment, in two batches."""
        predicted = plan.preview.effects if plan.preview else ()
        asked = _Asked.of(plan.params)
        told = outcomes_of(plan)
        blocks = [row.block for row in (told or await self.rows(plan.id)) if row.block]
        if not blocks:
            return tuple(replace(effect, after=effect.before) for effect in predicted)
        chain = await self._means.networks.connect(asked.network_id)
        keys = [asked.balances_of(effect) for effect in predicted]
        wanted = list(dict.fromkeys(key for each in keys for key in each))
        before, after = [await _balances(chain, wanted, height) for height in (min(blocks) - 1, max(blocks))]
        # As in the preview, native balances are compared without the network fees.
        after[asked.sender, ""] = after.get((asked.sender, ""), 0) + sum(row.fee for row in told)
        return tuple(
            replace(effect, before=str(sum(before[key] for key in each)), after=str(sum(after[key] for key in each)))
            for effect, each in zip(predicted, keys, strict=True)
        )

    async def _verdicts(
        self, chain: Chain, plan: Plan, asked: _Asked, simulated: Simulated, book: Book, cost: int
    ) -> list[Verdict]:
        level, token = VerdictLevel, asked.token
        words = f"{short_units(asked.total, token.decimals)} {token.symbol}"
        calls: list[tuple[str, list[object]]] = [("eth_getBalance", [asked.sender, hex(simulated.block)])]
        if token.address:
            calls.append(("eth_call", [{"to": token.address, "data": BALANCE_OF + word(asked.sender)}, hex(simulated.block)]))
        held = [int(str(answer)[:66], 16) for answer in await chain.rpc.batch(calls)]
        verdicts = [_key(asked.sender, await self._means.accounts(), sum(not row.sent for row in asked.rows))]
        enough = held[-1] >= asked.total
        says = "holds at least" if enough else "holds less than"
        verdicts.append(Verdict("wallets.balance", level.PASS if enough else level.BLOCK, f"The sender {says} {words}"))
        if held[0] < cost + (0 if token.address else asked.total) and enough:
            text = f"The sender holds too little {chain.network.symbol} for the network fees"
            verdicts.append(Verdict("wallets.fee", level.BLOCK, text))
        new = sum(not book.knows(address) for address in asked.recipients)
        if new:
            text = f"{new:,} of {len(asked.recipients):,} recipients were never paid from here and are no contacts"
            verdicts.append(Verdict("wallets.seen", level.NOTE, text))
        report = await self._means.transactions.nonces(chain.network.key.text, asked.sender)
        verdicts.append(nonce_verdict(report, plan.id))
        needs = cost + (0 if token.address else asked.total)
        there = (held[0], held[-1])
        if short := waiting_verdict(
            taken(report, plan.id, token.address), there, (needs, asked.total if token.address else needs), words
        ):
            verdicts.append(short)
        verdicts += _warnings(asked, book)
        codes = await chain.rpc.batch([("eth_getCode", [address, hex(simulated.block)]) for address in asked.recipients])
        economy = await self._means.economy_of(chain.network.key.text)
        verdicts += _contracts(dict(zip(asked.recipients, map(str, codes), strict=True)), asked, economy)
        verdicts += _kept(asked, simulated)
        verdicts += await self._paid_before(plan, asked)
        return verdicts

    async def _paid_before(self, plan: Plan, asked: _Asked) -> list[Verdict]:
        """Whether other plans pay, or paid, the same rows."""
        level, found = VerdictLevel, []
        for plan_id, name, state, params in await self._means.operations.params_of((KIND,)):
            if (
                plan_id in (plan.id, asked.continues)
                or params["digest"] != asked.digest
                or params["network"] != plan.params["network"]
            ):
                continue
            if state in (PlanState.CONFIRMED, PlanState.RUNNING, PlanState.WAITING):
                found.append(Verdict("wallets.paid", level.BLOCK, f"{name} pays just these rows now"))
            elif state is PlanState.DONE:
                found.append(Verdict("wallets.paid", level.WARNING, f"{name} paid just these rows", "They would be paid again."))
            elif state.ended and not _discarded(await self._means.operations.get(plan_id)):
                text = f"{name} began to pay just these rows"
                found.append(Verdict("wallets.paid", level.WARNING, text, "Continue it instead: what it paid would be paid again."))
        if asked.continues:
            found.append(await self._continues(plan, asked))
        return found

    async def _continues(self, plan: Plan, asked: _Asked) -> Verdict:
        first = await self._means.operations.get(asked.continues)
        states = {row.line: row.state for row in await self.rows(first.id)}
        free = (*SAFE, RowState.REPLACED) if plan.params.get("statement") else SAFE
        moved = [row.line for row in asked.rows if not row.sent and states.get(row.line) not in free]
        rival = await self._continued_by(first.id, but=plan.id)
        if moved or rival:
            text = (
                f"Line {moved[0]} was or may be paid by {first.name} meanwhile" if moved else f"{rival} continues {first.name} too"
            )
            return Verdict("wallets.continues", VerdictLevel.BLOCK, text, "Discard this plan and continue anew.")
        done = sum(state is RowState.PAID for state in states.values())
        detail = f"{done:,} of {len(states):,} rows were paid by it."
        return Verdict("wallets.continues", VerdictLevel.PASS, f"It continues {first.name}", detail)

    # Rows

    async def rows(self, plan_id: str) -> list[PayoutRow]:
        """See :meth:`~app.wallets.money.Money.payout_rows`."""
        plan = await self._of(plan_id)
        queued = list(await self._means.transactions.batch_rows(plan.id))
        stored = [row.sent for row in _Asked.of(plan.params).rows if row.sent]
        queued += (await self._means.transactions.queue.many(plan.target.ref, stored)).values() if stored else ()
        replaced = [row.replaced_by for row in queued if row.replaced_by]
        others = await self._means.transactions.queue.many(plan.target.ref, replaced) if replaced else {}
        trust = Trust.OWN_NODE if self._means.networks.get(plan.target.ref).own else Trust.OPERATOR
        return read_rows(plan, _Asked.of(plan.params).rows, queued, others, trust)

    async def export(self, plan_id: str) -> str:
        """The rows as CSV with exact amounts."""
        return export(await self.rows(plan_id), _Asked.of((await self._of(plan_id)).params).token)


def _discarded(plan: Plan) -> bool:
    """It ended before anything was begun."""
    return plan.state.ended and all(step.state in (StepState.SKIPPED, StepState.PENDING) for step in plan.steps)


async def _balances(chain: Chain, wanted: Sequence[tuple[str, str]], height: int) -> dict[tuple[str, str], int]:
    calls: list[tuple[str, list[object]]] = []
    for address, token in wanted:
        if token:
            calls.append(("eth_call", [{"to": token, "data": BALANCE_OF + word(address)}, hex(height)]))
        else:
            calls.append(("eth_getBalance", [address, hex(height)]))
    answers = await chain.rpc.batch(calls)
    return {pair: int(str(answer)[:66], 16) if len(str(answer)) > 2 else 0 for pair, answer in zip(wanted, answers, strict=True)}


def _effects(asked: _Asked, simulated: Simulated, book: Book) -> tuple[Effect, ...]:
    """The sender, the first recipients, all others as one sum, and whoever else the simulation sees move."""
    token = asked.token
    moved = {e.subject: e for e in simulated.effects if e.kind == "balance" and e.unit == token.symbol and e.before != e.after}
    recipients = asked.recipients
    single = [moved[address] for address in (asked.sender, *recipients[:SHOWN]) if address in moved]
    effects = [replace(e, label=book.name(e.subject, asked.network_id)) for e in single]
    rest = [moved[address] for address in recipients[SHOWN:] if address in moved]
    if rest:
        before, after = sum(int(e.before) for e in rest), sum(int(e.after) for e in rest)
        who = f"{len(rest):,} more recipients" if len(rest) > 1 else "1 more recipient"
        effects.append(Effect("balance", who, str(before), str(after), token.symbol, token.decimals, "", token.address))
    known = {asked.sender, *recipients}
    further = [e for address, e in moved.items() if address not in known]
    return (*effects, *further[:OTHERS])


def _key(sender: str, accounts: Sequence[Account], count: int) -> Verdict:
    account = next((one for one in accounts if one.address == sender), None)
    if account is not None and account.key_state is KeyState.EXTERNAL:
        text = f"The signer at {account.signer} is asked for {count:,} signatures, one after the other"
        detail = "What comes back is compared byte for byte; nothing is sent before all are signed."
        return Verdict("wallets.key", VerdictLevel.NOTE, text, detail)
    if account is not None and account.key_state is KeyState.WATCH_ONLY and count > 1:
        text = f"{account.label} is only watched: {count:,} transactions are carried to another console as one file"
        detail = "The plan waits until all come back signed, just as they were previewed; nothing is sent before."
        return Verdict("wallets.key", VerdictLevel.NOTE, text, detail)
    return key_verdict(sender, list(accounts))


def _kept(asked: _Asked, simulated: Simulated) -> list[Verdict]:
    """Warnings about tokens that do not do what is asked."""
    recipients, symbol = set(asked.recipients), asked.token.symbol
    moved = [e for e in simulated.effects if e.kind == "balance" and e.subject in recipients and e.unit == symbol]
    got = sum(int(effect.after) - int(effect.before) for effect in moved)
    sent = sum(row.amount for row in asked.rows if row.address != asked.sender)
    return token_verdicts(sent, got, simulated.return_data, asked.token, failed=bool(simulated.error))


def _warnings(asked: _Asked, book: Book) -> list[Verdict]:
    counts: dict[str, int] = {}
    for row in asked.rows:
        counts[row.address] = counts.get(row.address, 0) + 1
    found = []
    twice = sum(count > 1 for count in counts.values())
    if twice:
        text = f"{twice:,} recipients stand in more than one row" if twice > 1 else "One recipient stands in more than one row"
        found.append(Verdict("wallets.twice", VerdictLevel.WARNING, text, "Each row is paid."))
    # As in a single transfer: a close look-alike of a known address is paid only once it was entered again from its source.
    open_ = [row for row in asked.rows if not book.knows(row.address) and not row.compared and _close(book, row.address)]
    alike = [row for row in asked.rows if row.address not in book.own and book.look_alikes(row.address)]
    if alike:
        some = f"{len(alike):,} recipients look like other known addresses"
        text = some if len(alike) > 1 else "One recipient looks like another known address"
        level = VerdictLevel.BLOCK if open_ else VerdictLevel.WARNING
        first = (open_ or alike)[0]
        found.append(Verdict("wallets.lookalike", level, text, f"The first is {first.address} in line {first.line}."))
    return found


def _close(book: Book, address: str) -> bool:
    alike = book.look_alikes(address)
    return bool(alike) and alike[0].close


def _contracts(codes: Mapping[str, str], asked: _Asked, economy: Economy | None) -> list[Verdict]:
    """Recipients that hold code: those of the economy itself as a warning, others as a note."""
    found = [(row, contract_verdict(codes.get(row.address, "0x"), row.address, economy)) for row in asked.rows]
    held = [(row, verdict) for row, verdict in found if verdict is not None]
    if not held:
        return []
    own = [pair for pair in held if pair[1].level is VerdictLevel.WARNING]
    row, verdict = (own or held)[0]
    count = len({row.address for row, _ in held})
    text = f"{count:,} recipients are contracts" if count > 1 else verdict.text
    return [Verdict("wallets.contract", verdict.level, text, f"The first is in line {row.line}. {verdict.detail}")]


def _call(asked: _Asked, row: PayoutLine) -> Call:
    arguments = (("to", row.address), ("value", exact_units(row.amount, asked.token.decimals)))
    name = asked.token.name
    return Call(name, asked.token.address or row.address, "transfer", arguments, verified=name == "AzoraToken")


def _notes(asked: _Asked) -> list[str]:
    rule = (
        "Once a payment fails, those that were not sent yet are not sent; up to 400 may be in flight."
        if asked.stop_on_failure
        else "A payment that fails does not hold up the others."
    )
    total = f"{exact_units(asked.total, asked.token.decimals)} {asked.token.symbol} in {len(asked.rows):,} payments."
    return [total, rule, "Memos stay in this console; nothing of them goes on chain.", "A payment cannot be taken back."]
