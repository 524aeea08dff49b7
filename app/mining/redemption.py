"""Redemption: AZR goes into escrow for a payment in fiat; the officer's word that the bank paid burns it.

What the bank did is a person's statement: the chain proves that escrow was burned, never that money arrived.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from app.core.clock import now_ms
from app.core.errors import Conflict, Invalid, NotFound
from app.core.events import Bus, QueueChanged
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.core.money import short_units
from app.database import Database, on_commit
from app.mining.abis import REDEMPTION, TOKEN, reference_word
from app.mining.reading import fee_of, has_role, logs, read, topic
from app.mining.tables import references
from app.operations.plans import Call, Effect, Plan, Preview, StepSpec, Verdict, VerdictLevel
from app.operations.steps import PlanKind
from app.wallets.actual import measure, mined_of
from app.wallets.keys import keccak, parse_address

if TYPE_CHECKING:
    from app.chain import CallRequest, Chain, Economy, Fees, Networks, Simulation, Transactions
    from app.operations import Operations

OFFICER_ROLE = keccak(b"OFFICER_ROLE")
REQUESTED = keccak(b"Requested(uint256,address,uint256,bytes32,uint64)")
COMPLETED = keccak(b"Completed(uint256,bytes32)")
CANCELLED = keccak(b"Cancelled(uint256)")
REFUNDED = keccak(b"Refunded(uint256)")
EVERYBODY = frozenset({"administrator", "developer"})
MOST_TEXT = 140  # characters of a reference, as SEPA allows


class RedemptionStatus(StrEnum):
    """What became of a request."""

    REQUESTED = "requested"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class RedemptionRow:
    """A request as the contract's events tell it.

    Attributes:
        id: the contract's number.
        amount: smallest unit of AZR.
        reference, bank_reference: the text where this store knows it, else the ``0x…`` SHA-256 that the chain carries.
        requested_block, closed_block: block heights; 0 while it is open.
        refundable_at: Unix seconds of block time from which anyone may send the escrow back.
        tx_hash, closed_tx: the transactions.
        evidence: the logs.
    """

    id: int
    account: str
    amount: int
    reference: str
    status: RedemptionStatus
    requested_block: int
    refundable_at: int
    tx_hash: str
    bank_reference: str = ""
    closed_block: int = 0
    closed_tx: str = ""
    evidence: tuple[Evidence, ...] = ()


class Redemptions:
    """Requests, completions, cancels and refunds, each a plan."""

    def __init__(
        self,
        *,
        database: Database,
        operations: Operations,
        networks: Networks,
        simulation: Simulation,
        transactions: Transactions,
        fees: Fees,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        bus: Bus,
        bank_checks: Callable[[str, int, str], Awaitable[Sequence[Verdict]]],
    ) -> None:
        self._database = database
        self._operations = operations
        self._networks = networks
        self._simulation = simulation
        self._transactions = transactions
        self._fees = fees
        self._economy_of = economy_of
        self._bus = bus
        self._bank_checks = bank_checks
        for verb, undo in UNDO.items():
            kind = f"redemption.{verb}"
            operations.register_kind(PlanKind(kind, self._preview, self._measure, EVERYBODY, undo=undo, repeats=self._repeats))

    async def _repeats(self, plan: Plan) -> str:
        """The same call made by a foreign transaction on the nonce, or by this plan after all; an approval may be made again."""
        return await self._transactions.repeats(plan, to=str(plan.params["redemption"]))

    async def list(self, network_id: str) -> Rows:
        """Every request of the network's contract, newest first, from its events; their evidence is *claimed*.

        Raises:
            Unavailable: the network does not answer.
        """
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        if economy is None:
            return []
        wanted = [[topic(event) for event in (REQUESTED, COMPLETED, CANCELLED, REFUNDED)]]
        found = await logs(chain, economy.redemption, wanted, economy.start_block)
        rows: dict[int, RedemptionRow] = {}
        texts = await self._texts()
        for entry in found:
            _apply(rows, entry, texts, chain.network.key.text)
        return sorted(rows.values(), key=lambda row: -row.id)

    async def block_time(self, network_id: str) -> int:
        """Unix seconds of the newest block, which decides whether a timeout has passed. Raises Unavailable."""
        return (await (await self._networks.connect(network_id)).head()).timestamp

    async def get(self, network_id: str, redemption_id: int) -> RedemptionRow:
        """One request. Raises NotFound."""
        for row in await self.list(network_id):
            if row.id == redemption_id:
                return row
        raise NotFound(f"There is no redemption R-{redemption_id} on this network. Nothing was done.", "List the redemptions.")

    async def plan_request(self, network_id: str, account: str, amount: int, reference: str) -> Plan:
        """Plan to put AZR into escrow: an allowance where the present one is too small, then the request.

        Raises:
            Invalid: no amount, or a reference that is empty or longer than 140 characters.
            NotFound: no economy on this network.
        """
        chain, economy = await self._economy(network_id)
        owner, text = parse_address(account, "account"), _reference(reference, "reference")
        if amount < 1:
            raise Invalid("The amount must be more than zero. Nothing was planned.", "Enter an amount.", field="amount")
        await self._remember(text)
        allowed = int(str(await read(chain, economy.token, TOKEN, "allowance", [owner, economy.redemption])))
        params: dict[str, object] = {"account": owner, "amount": str(amount), "reference": text, "approve": allowed < amount}
        shown = f"{short_units(amount, economy.decimals)} {economy.token_symbol}"
        return await self._plan("request", chain, economy, owner, params, f"Redeem {shown}")

    async def plan_complete(self, network_id: str, redemption_id: int, bank_reference: str, officer: str) -> Plan:
        """Plan to state that the bank paid; the escrow is burned. Raises as :meth:`plan_request`; Conflict when closed."""
        text = _reference(bank_reference, "bank_reference")
        await self._remember(text)
        return await self._plan_close("complete", network_id, redemption_id, officer, {"bank_reference": text})

    async def plan_cancel(self, network_id: str, redemption_id: int, sender: str) -> Plan:
        """Plan to send the escrow back, by an officer or the one who asked. Raises NotFound, and Conflict when it is closed."""
        return await self._plan_close("cancel", network_id, redemption_id, sender, {})

    async def plan_refund(self, network_id: str, redemption_id: int, sender: str) -> Plan:
        """Plan to send the escrow back after the timeout; anyone may. Raises NotFound, and Conflict when it is closed."""
        return await self._plan_close("refund", network_id, redemption_id, sender, {})

    # Inside

    async def _economy(self, network_id: str) -> tuple[Chain, Economy]:
        chain = await self._networks.connect(network_id)
        economy = await self._economy_of(chain.network.key.text)
        if economy is None:
            raise NotFound(f"There is no AZR economy on {chain.network.name}. Nothing was done.", "Deploy the contracts first.")
        return chain, economy

    async def _plan_close(self, verb: str, network_id: str, redemption_id: int, sender: str, more: Mapping[str, object]) -> Plan:
        chain, economy = await self._economy(network_id)
        row = await self.get(network_id, redemption_id)
        if row.status is not RedemptionStatus.REQUESTED:
            raise Conflict(f"Redemption R-{row.id} is {row.status.value} already. Nothing was planned.", "Look at the list again.")
        params: dict[str, object] = {"id": row.id, "account": row.account, "amount": str(row.amount), **more}
        return await self._plan(
            verb, chain, economy, parse_address(sender, "sender"), params, f"{verb.capitalize()} redemption R-{row.id}"
        )

    async def _plan(self, verb: str, chain: Chain, economy: Economy, sender: str, more: Mapping[str, object], title: str) -> Plan:
        common = {
            "network": chain.network.key.text,
            "network_id": chain.network.id,
            "sender": sender,
            "redemption": economy.redemption,
        }
        params = {**common, **more}
        calls = _calls(verb, params, economy)
        steps: Sequence[StepSpec] = [
            self._transactions.step(chain.network, sender, to, data=data, title=label) for to, data, label in calls
        ]
        return await self._operations.plan(f"redemption.{verb}", title, chain.network.target(), params, steps)

    async def _preview(self, plan: Plan) -> Preview:
        from app.chain import CallRequest, Erc20, Watch
        from app.chain.effects import others

        chain, economy = await self._economy(str(plan.params["network_id"]))
        if economy.redemption != plan.params["redemption"]:
            raise Conflict("The economy of this network is another than when the plan was made. Nothing was sent.", "Plan again.")
        verb, sender, account = plan.kind.partition(".")[2], str(plan.params["sender"]), str(plan.params["account"])
        calls = [
            CallRequest(sender=sender, to=to, data=data, value=0, label=label)
            for to, data, label in _calls(verb, plan.params, economy)
        ]
        token = Erc20(economy.token, economy.token_symbol, economy.decimals)
        accounts = [account, economy.redemption]
        simulated = await self._simulation.preview(chain.network.id, calls, watch=Watch(tokens=[token], accounts=accounts))
        before = "requested" if verb != "request" else "none"
        subject = f"R-{plan.params['id']}" if verb != "request" else "new request"
        effects = _effects(simulated.effects, accounts, economy)
        effects += others(effects, simulated.effects, {economy.redemption: "Escrow"})
        if not simulated.error:
            effects.append(Effect("redemption", subject, before, AFTER[verb].value))
        return Preview(
            effects=tuple(effects),
            verdicts=tuple(await self._verdicts(verb, chain, economy, plan)),
            calls=tuple(_decoded(call, economy, plan.params) for call in calls),
            fee=await fee_of(self._fees, chain, sum(simulated.gas), plan.params),
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
            notes=(UNDO[verb],) if UNDO[verb] else (),
        )

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        chain, economy = await self._economy(str(plan.params["network_id"]))
        tokens = await measure(chain.rpc, plan, {economy.token_symbol: economy.token}, chain.network.symbol)
        mined = mined_of(plan)
        if not mined:
            return tokens
        self._bus.publish(QueueChanged())
        hashes = {transaction.hash.lower() for transaction in mined}
        rows = await self.list(chain.network.id)
        mine = next((row for row in rows if hashes & {row.tx_hash.lower(), row.closed_tx.lower()}), None)
        predicted = plan.preview.effects if plan.preview else ()
        return tokens + tuple(
            replace(effect, after=mine.status.value if mine else effect.before)
            for effect in predicted
            if effect.kind == "redemption"
        )

    async def _verdicts(self, verb: str, chain: Chain, economy: Economy, plan: Plan) -> Sequence[Verdict]:
        ok, block = VerdictLevel.PASS, VerdictLevel.BLOCK
        amount, sender = int(str(plan.params["amount"])), str(plan.params["sender"])
        shown = f"{short_units(amount, economy.decimals)} {economy.token_symbol}"
        verdicts = []
        if verb == "request":
            held = int(str(await read(chain, economy.token, TOKEN, "balanceOf", [sender])))
            text = f"The account holds {'at least' if held >= amount else 'less than'} {shown}"
            verdicts.append(Verdict("redemption.balance", ok if held >= amount else block, text))
            used = [row for row in await self.list(chain.network.id) if row.reference == plan.params["reference"]]
            if used:
                verdicts.append(
                    Verdict("redemption.reference", VerdictLevel.WARNING, f"The reference is that of R-{used[0].id} too")
                )
            return verdicts
        row = await self.get(chain.network.id, int(str(plan.params["id"])))
        still = row.status is RedemptionStatus.REQUESTED
        verdicts.append(
            Verdict("redemption.open", ok if still else block, f"R-{row.id} is {'open' if still else row.status.value}")
        )
        escrow = int(str(await read(chain, economy.token, TOKEN, "balanceOf", [economy.redemption])))
        open_sum = sum(other.amount for other in await self.list(chain.network.id) if other.status is RedemptionStatus.REQUESTED)
        if escrow == open_sum:
            verdicts.append(Verdict("redemption.escrow", ok, "The escrow on chain equals the open requests"))
        else:
            verdicts.append(
                Verdict(
                    "redemption.escrow",
                    VerdictLevel.WARNING,
                    "The escrow on chain differs from the open requests",
                    f"{escrow}, {open_sum}",
                )
            )
        if verb in ("complete", "cancel"):
            officer = await has_role(chain, economy.redemption, OFFICER_ROLE, sender)
            allowed = officer or (verb == "cancel" and sender == row.account)
            verdicts.append(
                Verdict(
                    "redemption.officer",
                    ok if allowed else block,
                    f"The sender {'holds' if officer else 'does not hold'} OFFICER_ROLE",
                )
            )
        if verb == "complete":
            again = [
                other.id for other in await self.list(chain.network.id) if other.bank_reference == plan.params["bank_reference"]
            ]
            if again:
                verdicts.append(
                    Verdict(
                        "redemption.bank",
                        block,
                        f"This bank reference completed R-{again[0]} already",
                        "One payment completes one request.",
                    )
                )
            verdicts += await self._bank_checks(chain.network.id, row.id, str(plan.params["bank_reference"]))
        if verb == "refund" and (await chain.head()).timestamp < row.refundable_at:
            verdicts.append(
                Verdict("redemption.timeout", block, "The timeout of the request has not passed", "The block time decides.")
            )
        return verdicts

    async def _remember(self, text: str) -> None:
        row = {"hash": reference_word(text), "text": text, "created_at": now_ms()}

        def work(connection: sa.Connection) -> None:
            if connection.scalar(sa.select(references.c.hash).where(references.c.hash == row["hash"])) is None:
                connection.execute(references.insert().values(row))
                on_commit(connection, lambda: self._bus.publish(QueueChanged()))

        await self._database.write(work)

    async def _texts(self) -> dict[str, str]:
        return await self._database.read(
            lambda connection: {"0x" + row.hash.hex(): row.text for row in connection.execute(references.select())}
        )


Rows = list[RedemptionRow]

UNDO = {
    "request": "A request can be cancelled by an officer until it is completed.",
    "complete": "A burn cannot be taken back. The bank payment is your own statement; the chain cannot prove it.",
    "cancel": "",
    "refund": "",
}

AFTER = {
    "request": RedemptionStatus.REQUESTED,
    "complete": RedemptionStatus.COMPLETED,
    "cancel": RedemptionStatus.CANCELLED,
    "refund": RedemptionStatus.REFUNDED,
}


def _reference(text: str, field: str) -> str:
    clean = " ".join(text.split())
    if not clean or len(clean) > MOST_TEXT or not clean.isprintable():
        raise Invalid(
            f"A reference has 1 to {MOST_TEXT} visible characters. Nothing was planned.", "Enter the reference.", field=field
        )
    return clean


def _calls(verb: str, params: Mapping[str, Any], economy: Economy) -> list[tuple[str, str, str]]:
    """``(to, data, title)`` of each transaction."""
    from app.chain import abi

    if verb == "request":
        amount = int(str(params["amount"]))
        ask = abi.encode_call(REDEMPTION, "request", [amount, reference_word(str(params["reference"]))])
        calls = [(economy.redemption, ask, "Request the redemption")]
        if params["approve"]:
            allow = abi.encode_call(TOKEN, "approve", [economy.redemption, amount])
            calls.insert(0, (economy.token, allow, "Allow the escrow to take the amount"))
        return calls
    number = int(str(params["id"]))
    args: list[object] = [number, reference_word(str(params["bank_reference"]))] if verb == "complete" else [number]
    return [(economy.redemption, abi.encode_call(REDEMPTION, verb, args), f"{verb.capitalize()} R-{number}")]


def _effects(simulated: Sequence[Effect], accounts: Sequence[str], economy: Economy) -> list[Effect]:
    symbol, decimals = economy.token_symbol, economy.decimals
    changed = [effect for effect in simulated if effect.unit == symbol and effect.before != effect.after]
    balances = {effect.subject: effect for effect in changed if effect.kind == "balance"}
    labels = {economy.redemption: "Escrow"}
    effects = [
        Effect("balance", found.subject, found.before, found.after, symbol, decimals, labels.get(found.subject, found.label))
        for found in (balances[account] for account in accounts if account in balances)
    ]
    for effect in changed:
        if effect.kind == "supply":
            effects.append(Effect("supply", effect.subject, effect.before, effect.after, symbol, decimals, "Total supply"))
    return effects


def _decoded(call: CallRequest, economy: Economy, params: Mapping[str, Any]) -> Call:
    if call.to == economy.token:
        arguments = (("spender", economy.redemption), ("value", str(params["amount"])))
        return Call("AzoraToken", economy.token, "approve", arguments, verified=True)
    if "reference" in params:
        arguments = (("amount", str(params["amount"])), ("reference", "0x" + reference_word(str(params["reference"])).hex()))
        return Call("Redemption", economy.redemption, "request", arguments, verified=True)
    named: tuple[tuple[str, str], ...] = (("id", str(params["id"])),)
    if "bank_reference" in params:
        named += (("bankReference", "0x" + reference_word(str(params["bank_reference"])).hex()),)
    return Call("Redemption", economy.redemption, call.label.partition(" ")[0].lower(), named, verified=True)


def _apply(rows: dict[int, RedemptionRow], entry: Mapping[str, Any], texts: Mapping[str, str], network: str) -> None:
    """Fold one event into the rows."""
    kind, number = str(entry["topics"][0]), int(str(entry["topics"][1]), 16)
    block, tx_hash, data = int(str(entry["blockNumber"]), 16), str(entry["transactionHash"]), str(entry["data"])[2:]
    words = ["0x" + data[start : start + 64] for start in range(0, len(data), 64)]
    evidence = Evidence(
        EvidenceKind.LOG,
        f"{tx_hash} log {int(str(entry['logIndex']), 16)}",
        network=network,
        block_hash=str(entry["blockHash"]),
        read_at=now_ms(),
        status=EvidenceStatus.CLAIMED,
        check="eth_getLogs",
        trust=Trust.NONE,
    )
    if kind == topic(REQUESTED):
        rows[number] = RedemptionRow(
            id=number,
            account=parse_address("0x" + str(entry["topics"][2])[-40:]),
            amount=int(words[0], 16),
            reference=texts.get(words[1], words[1]),
            status=RedemptionStatus.REQUESTED,
            requested_block=block,
            refundable_at=int(words[2], 16),
            tx_hash=tx_hash,
            evidence=(evidence,),
        )
        return
    row = rows.get(number)
    if row is None:
        return
    status = {
        topic(COMPLETED): RedemptionStatus.COMPLETED,
        topic(CANCELLED): RedemptionStatus.CANCELLED,
        topic(REFUNDED): RedemptionStatus.REFUNDED,
    }[kind]
    bank = texts.get(words[0], words[0]) if status is RedemptionStatus.COMPLETED else ""
    rows[number] = replace(
        row, status=status, bank_reference=bank, closed_block=block, closed_tx=tx_hash, evidence=(*row.evidence, evidence)
    )
