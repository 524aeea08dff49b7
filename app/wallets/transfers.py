"""Transfers of the native coin and of ERC-20 tokens: the plan, its preview and what really came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Invalid
from app.core.money import UINT256_MAX, exact_units, short_units
from app.operations.plans import Call, Effect, Fee, Plan, Preview, Verdict, VerdictLevel
from app.wallets.actual import BALANCE_OF, measure, read_word, word
from app.wallets.keys import parse_address
from app.wallets.recipients import contract_verdict, recipient_verdicts
from app.wallets.tokens import TokenInfo
from app.wallets.waiting import taken, waiting_verdict

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulated, Simulation, Transactions
    from app.chain.transactions import NonceReport
    from app.wallets.accounts import Account
    from app.wallets.recipients import Book, Recipients

TRANSFER = "0xa9059cbb"  # transfer(address,uint256) of ERC-20


@dataclass(frozen=True, slots=True)
class TransferDraft:
    """A transfer as somebody asks for it.

    Attributes:
        network_id: id of the network.
        sender, recipient: addresses; mixed-case letters must satisfy EIP-55.
        amount: in the token's smallest unit (wei for the native coin), at least 1.
        token: address of the ERC-20 contract, or empty for the native coin.
        note: kept with the plan, never on chain.
        compared: the recipient's address entered a second time from its source, when it looks like a known one; else empty.
        fee: ``{"level": "slow" | "normal" | "fast"}``, or ``{"max_fee": …, "tip": …}`` in wei per gas as text; empty: normal.

    Raises:
        Invalid: a wrong checksum or no address, an amount of zero, below zero or beyond uint256.
    """

    network_id: str
    sender: str
    recipient: str
    amount: int
    token: str = ""
    note: str = ""
    compared: str = ""
    fee: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sender", parse_address(self.sender, "sender"))
        object.__setattr__(self, "recipient", parse_address(self.recipient, "recipient"))
        object.__setattr__(self, "token", parse_address(self.token, "token") if self.token else "")
        object.__setattr__(self, "compared", parse_address(self.compared, "compared") if self.compared else "")
        if not 0 < self.amount <= UINT256_MAX:
            raise Invalid("The amount must be more than zero. Nothing was planned.", "Enter an amount.", field="amount")


@dataclass(frozen=True, slots=True)
class MostAmount:
    """All that can be sent, and the fee choice it was computed with: a draft that sends it all carries just this ``fee``."""

    amount: int
    fee: Mapping[str, str]


def call_data(draft: TransferDraft) -> tuple[str, str, int]:
    """``(to, data, value)`` of the transaction."""
    if not draft.token:
        return draft.recipient, "0x", draft.amount
    return draft.token, TRANSFER + word(draft.recipient) + word(draft.amount), 0


class Transfers:
    """Previews and measures plans of kind ``wallets.transfer``."""

    def __init__(
        self,
        networks: Networks,
        simulation: Simulation,
        fees: Fees,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        accounts: Callable[[], Awaitable[list[Account]]],
        recipients: Recipients,
        transactions: Transactions,
    ) -> None:
        self._transactions = transactions
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self._economy_of = economy_of
        self._accounts = accounts
        self._recipients = recipients

    async def preview(self, plan: Plan) -> Preview:
        """Simulate the transfer on the newest block."""
        from app.chain import CallRequest, Erc20, Watch
        from app.chain.effects import labelled

        draft, token = _asked(plan.params)
        chain = await self._networks.connect(draft.network_id)
        to, data, value = call_data(draft)
        accounts = [draft.sender] if draft.sender == draft.recipient else [draft.sender, draft.recipient]
        watch = Watch(tokens=[Erc20(token.address, token.symbol, token.decimals)] if token.address else [], accounts=accounts)
        simulated = await self._simulation.preview(
            draft.network_id, [CallRequest(sender=draft.sender, to=to, data=data, value=value, label=plan.title)], watch=watch
        )
        book = await self._recipients.book(without_plan=plan.id)
        held = await self._held(chain, draft, simulated.block)
        effects = labelled(arranged(simulated.effects, accounts), book.names(draft.network_id))
        quote = await self._fees.quote_for(chain, plan.params)
        fee = quote.fee(simulated.gas[0] if simulated.gas else 0, chain.network.symbol)
        return Preview(
            effects=effects,
            verdicts=(
                *await self._verdicts(plan.id, chain, draft, token, book, held, fee),
                *_odd(draft, token, simulated),
                *quote.verdicts(),
            ),
            calls=(_decoded(draft, token),),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
            notes=("A transfer cannot be taken back.",),
        )

    async def most(self, network_id: str, sender: str, recipient: str, token: str, fee: Mapping[str, str]) -> MostAmount:
        """See :meth:`~app.wallets.money.Money.max_amount`."""
        chain = await self._networks.connect(network_id)
        if token:
            there = await read_word(chain.rpc, token, BALANCE_OF + word(sender), (await chain.head()).number)
            waiting = taken(await self._transactions.nonces(chain.network.key.text, sender), "", token)
            return MostAmount(max(0, there - waiting.token), dict(fee))
        quote = await self._fees.quote_for(chain, {"fee": dict(fee)})
        held = [int(str(await chain.rpc.call("eth_getBalance", sender, at)), 16) for at in ("latest", "pending")]
        gas = 21_000
        if recipient:  # a contract may want more
            gas = int(
                str(await chain.rpc.call("eth_estimateGas", {"from": sender, "to": recipient, "value": hex(min(held) // 2)})), 16
            )
        cost = quote.fee(gas, chain.network.symbol).limit
        if min(held) <= cost:
            raise Invalid(
                f"The account holds too little {chain.network.symbol} for the network fee. Nothing can be sent.",
                "Send it some first.",
                field="amount",
            )
        # The price is fixed here: at a higher one the amount and the fee would no longer fit into the balance.
        fixed = {"max_fee": str(quote.max_fee_per_gas), "tip": str(quote.max_priority_fee_per_gas)}
        return MostAmount(min(held) - cost, fixed)

    async def measure(self, plan: Plan) -> tuple[Effect, ...]:
        """Read the same balances before and after the block that holds the transfer."""
        draft, token = _asked(plan.params)
        chain = await self._networks.connect(draft.network_id)
        return await measure(chain.rpc, plan, {token.symbol: token.address} if token.address else {}, chain.network.symbol)

    async def _held(self, chain: Chain, draft: TransferDraft, block: int) -> dict[str, int]:
        native = int(str(await chain.rpc.call("eth_getBalance", draft.sender, hex(block))), 16)
        held = await read_word(chain.rpc, draft.token, BALANCE_OF + word(draft.sender), block) if draft.token else native
        return {"native": native, "token": held}

    async def _verdicts(
        self,
        plan_id: str,
        chain: Chain,
        draft: TransferDraft,
        token: TokenInfo,
        book: Book,
        held: Mapping[str, int],
        fee: Fee,
    ) -> list[Verdict]:
        economy = await self._economy_of(chain.network.key.text)
        verdicts = recipient_verdicts(
            book, draft.recipient, draft.sender, draft.token, token.symbol, draft.network_id, economy, draft.compared
        )
        verdicts.append(key_verdict(draft.sender, await self._accounts()))
        asked = f"{short_units(draft.amount, token.decimals)} {token.symbol}"
        if held["token"] < draft.amount:
            verdicts.append(Verdict("wallets.balance", VerdictLevel.BLOCK, f"The sender holds less than {asked}"))
        else:
            verdicts.append(Verdict("wallets.balance", VerdictLevel.PASS, f"The sender holds at least {asked}"))
        needed = fee.limit + (0 if draft.token else draft.amount)
        if held["native"] < needed and held["token"] >= draft.amount:
            verdicts.append(
                Verdict(
                    "wallets.fee", VerdictLevel.BLOCK, f"The sender holds too little {chain.network.symbol} for the network fee"
                )
            )
        code = await chain.rpc.call("eth_getCode", draft.recipient, "latest")
        if contract := contract_verdict(str(code), draft.recipient, economy):
            verdicts.append(contract)
        report = await self._transactions.nonces(chain.network.key.text, draft.sender)
        verdicts.append(nonce_verdict(report, plan_id))
        there = (held["native"], held["token"])
        needs = (needed, draft.amount if draft.token else needed)
        if short := waiting_verdict(taken(report, plan_id, draft.token), there, needs, asked):
            verdicts.append(short)
        return verdicts


def _asked(params: Mapping[str, object]) -> tuple[TransferDraft, TokenInfo]:
    draft = TransferDraft(
        network_id=str(params["network_id"]),
        sender=str(params["sender"]),
        recipient=str(params["recipient"]),
        amount=int(str(params["amount"])),
        token=str(params["token"]),
        note=str(params["note"]),
        compared=str(params.get("compared", "")),
        fee={str(name): str(value) for name, value in fee.items()} if isinstance(fee := params.get("fee"), Mapping) else {},
    )
    return draft, TokenInfo(draft.token, str(params["symbol"]), int(str(params["decimals"])), str(params["token_name"]))


def _decoded(draft: TransferDraft, token: TokenInfo) -> Call:
    arguments = (("to", draft.recipient), ("value", exact_units(draft.amount, token.decimals)))
    if not draft.token:
        return Call("", draft.recipient, "transfer", arguments)
    return Call(token.name, token.address, "transfer", arguments, verified=token.name == "AzoraToken")


def _odd(draft: TransferDraft, token: TokenInfo, simulated: Simulated) -> list[Verdict]:
    gained = [
        int(effect.after) - int(effect.before)
        for effect in simulated.effects
        if effect.kind == "balance" and effect.subject == draft.recipient and effect.unit == token.symbol
    ]
    if draft.sender == draft.recipient:
        return []
    failed = bool(simulated.error)
    return token_verdicts(draft.amount, sum(gained), simulated.return_data, token, failed=failed)


def nonce_verdict(report: NonceReport, plan_id: str) -> Verdict:
    """Whether the sender's queue lets another transaction through.

    What waits changes from block to block, so it stands in the detail, which no confirmation depends on; and what a killed console
    signed for this very plan is not in its way.
    """
    others = [row for row in report.waiting if row.plan_id != plan_id]
    if report.gaps and others:
        text = "The sender's queue has a gap: what comes after it cannot be mined"
        return Verdict("wallets.nonce", VerdictLevel.WARNING, text, report.advice)
    detail = f"{len(others):,} earlier transactions of the sender wait to be mined." if others else ""
    return Verdict("wallets.nonce", VerdictLevel.PASS, "The sender's next nonce is free", detail)


def key_verdict(sender: str, accounts: list[Account]) -> Verdict:
    """Whether the sender can sign here."""
    account = next((account for account in accounts if account.address == sender), None)
    if account is not None and account.key_state == "inKeyring":
        return Verdict("wallets.key", VerdictLevel.PASS, "The sender's key is in the keyring")
    if account is not None and account.key_state == "external":
        return Verdict("wallets.key", VerdictLevel.NOTE, "A signer elsewhere is asked for the signature", account.signer)
    if account is not None and account.key_state == "watchOnly":
        return Verdict(
            "wallets.key",
            VerdictLevel.WARNING,
            "The sender is only watched: the plan waits until its signature is brought from another console",
            "Export the request, sign it where the key is, and bring it back.",
        )
    if account is not None and account.key_state == "unknown":
        return Verdict("wallets.key", VerdictLevel.WARNING, "The keyring does not answer", "Open it before you confirm.")
    return Verdict(
        "wallets.key", VerdictLevel.BLOCK, "This console has no key for the sender", "It can be looked at, but not signed for."
    )


def arranged(effects: Sequence[Effect], accounts: Sequence[str]) -> list[Effect]:
    """Everything that changes, with the balances of the accounts first, in their order."""
    first = [effect for account in accounts for effect in effects if effect.kind == "balance" and effect.subject == account]
    return [*first, *(effect for effect in effects if effect not in first)]


def token_verdicts(asked: int, got: int, answers: Sequence[str], token: TokenInfo, *, failed: bool) -> list[Verdict]:
    """Warnings about a token that does not do what is asked: it answers no, or keeps a part.

    Args:
        asked, got: what is sent and what the simulation says arrives, in smallest units.
        answers: what each ``transfer`` returned, ``0x…``; nothing is fine.
    """
    if failed or not token.address:
        return []
    if any(len(data) >= 66 and int(data[:66], 16) == 0 for data in answers):
        text = f"The {token.symbol} contract answers no: nothing would be moved"
        return [Verdict("wallets.token", VerdictLevel.BLOCK, text, "It returns false instead of failing.")]
    if got < asked:
        text = f"Less {token.symbol} would arrive than is sent"
        lost = f"{short_units(asked - got, token.decimals)} {token.symbol} would go elsewhere: the token keeps a part."
        return [Verdict("wallets.token", VerdictLevel.WARNING, text, lost)]
    return []
