"""Who may take an account's tokens (ERC-20 allowances): the list, setting one, and taking one back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import Invalid
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.core.money import UINT256_MAX, exact_units, short_units
from app.operations.plans import Call, Effect, Plan, Preview, Verdict, VerdictLevel
from app.wallets.actual import ALLOWANCE, measure, read_word, word
from app.wallets.keys import parse_address
from app.wallets.logs import Kind, LogRow, Logs, Range
from app.wallets.recipients import ZERO
from app.wallets.tokens import TokenInfo, Tokens
from app.wallets.transfers import key_verdict

if TYPE_CHECKING:
    from app.chain import Chain, Fees, Networks, Simulation
    from app.wallets.accounts import Account
    from app.wallets.recipients import Book, Recipients

APPROVE = "0x095ea7b3"  # approve(address,uint256) of ERC-20
# More than any token has, or all that tokens with 96-bit balances (COMP, UNI) can hold: whoever allows that means no limit.
UNLIMITED, UNLIMITED_96 = 2**128, 2**96 - 1


@dataclass(frozen=True, slots=True)
class Allowance:
    """What ``spender`` may take of ``owner``'s tokens, in the smallest unit, as the contract says now.

    ``last_set_block`` and ``tx_hash`` name the event that set it last within the blocks that were read.
    """

    owner: str
    token: TokenInfo
    spender: str
    spender_label: str
    amount: int
    unlimited: bool
    last_set_block: int
    tx_hash: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class AllowanceList:
    """Allowances above zero, and the blocks over which their list is complete. ``first`` above 0: older ones may be missing."""

    rows: tuple[Allowance, ...]
    first: int
    last: int
    evidence: Evidence

    @property
    def text(self) -> str:
        """What the list covers, as a sentence."""
        older = "" if self.first == 0 else " Older ones may be missing: look further back."
        return f"Complete over blocks {self.first:,}–{self.last:,}.{older}"


Verdicts = list[Verdict]  # the verb `list` of Allowances hides the type of the same name


class Allowances:
    """Lists allowances by Approval events and the contracts' word; plans of kind ``wallets.approve`` and ``wallets.revoke``."""

    def __init__(
        self,
        networks: Networks,
        simulation: Simulation,
        fees: Fees,
        accounts: Callable[[], Awaitable[list[Account]]],
        recipients: Recipients,
        tokens: Tokens,
        logs: Logs,
    ) -> None:
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self._accounts = accounts
        self._recipients = recipients
        self._tokens = tokens
        self._logs = logs

    async def list(self, network_id: str, owner: str, further: int) -> AllowanceList:
        """See :meth:`~app.wallets.money.Money.allowances`."""
        account = parse_address(owner, "owner")
        chain = await self._networks.connect(network_id)
        covered = await self._logs.catch_up(chain, Kind.APPROVAL, account, further=further)
        newest: dict[tuple[str, str], LogRow] = {}
        for row in await self._logs.rows(chain.network.key.text, Kind.APPROVAL, account):
            newest.setdefault((row.token, row.recipient), row)
        asked = [
            ("eth_call", [{"to": token, "data": ALLOWANCE + word(account) + word(spender)}, hex(covered.last)])
            for token, spender in newest
        ]
        answers = await chain.rpc.each(asked) if asked else []
        book = await self._recipients.book()
        known: dict[str, TokenInfo] = {}
        rows = []
        for ((token, spender), row), answer in zip(newest.items(), answers, strict=True):
            amount = 0 if isinstance(answer, Exception) or len(str(answer)) < 66 else int(str(answer)[:66], 16)
            if amount:
                if token not in known:
                    known[token] = await self._named(chain, token)
                label = book.name(spender, network_id)
                rows.append(_allowance(chain, account, known[token], label, amount, row, covered))
        return AllowanceList(tuple(rows), covered.first, covered.last, covered.evidence(chain, Kind.APPROVAL))

    async def _named(self, chain: Chain, token: str) -> TokenInfo:
        try:
            return await self._tokens.info(chain, token)
        except Invalid:  # something that takes approvals and names no symbol or decimals
            return TokenInfo(token, f"{token[:6]}…{token[-4:]}", 0)

    # Plans

    async def asked(self, network_id: str, owner: str, token: str, spender: str, amount: int) -> dict[str, object]:
        """The parameters of a plan that sets an allowance; 0 takes it back.

        Raises:
            Invalid: a wrong address, an amount beyond uint256, or no ERC-20 contract.
        """
        if not 0 <= amount <= UINT256_MAX:
            raise Invalid("The amount is larger than a chain can hold. Nothing was planned.", "Enter less.", field="amount")
        chain = await self._networks.connect(network_id)
        info = await self._tokens.info(chain, parse_address(token, "token"))
        return {
            "network": chain.network.key.text,
            "network_id": network_id,
            "owner": parse_address(owner, "owner"),
            "token": info.address,
            "spender": parse_address(spender, "spender"),
            "amount": str(amount),
            "symbol": info.symbol,
            "decimals": info.decimals,
        }

    async def preview(self, plan: Plan) -> Preview:
        """Simulate the call on the newest block, and read the allowance before and after it."""
        from app.chain import CallRequest, Erc20, Watch
        from app.chain.effects import labelled

        wanted = _Asked.of(plan.params)
        chain = await self._networks.connect(wanted.network_id)
        view = CallRequest(sender=wanted.owner, to=wanted.token.address, data=ALLOWANCE + word(wanted.owner) + word(wanted.spender))
        call = CallRequest(sender=wanted.owner, to=wanted.token.address, data=wanted.data, label=plan.title)
        watch = Watch(tokens=[Erc20(wanted.token.address, wanted.token.symbol, wanted.token.decimals)])
        simulated = await self._simulation.preview(wanted.network_id, [call], watch=watch, reads=[view])
        before = await read_word(chain.rpc, wanted.token.address, view.data, simulated.block)
        after = int(simulated.reads[0][:66], 16) if simulated.reads and len(simulated.reads[0]) >= 66 else None
        if after is None and not simulated.error:
            after = wanted.amount  # a node that cannot read after the call: what the standard says
        book = await self._recipients.book(without_plan=plan.id)
        effects = list(simulated.effects)
        subject = f"{wanted.owner}→{wanted.spender}"
        if after is not None and after != before and all(effect.subject != subject for effect in effects):
            token = wanted.token  # a contract that tells nobody what it sets
            effects.append(Effect("allowance", subject, str(before), str(after), token.symbol, token.decimals, "", token.address))
        quote = await self._fees.quote_for(chain, plan.params)
        fee = quote.fee(simulated.gas[0] if simulated.gas else 0, chain.network.symbol)
        value = exact_units(wanted.amount, wanted.token.decimals)
        verdicts = await self._verdicts(chain, wanted, book, before, after, fee.limit)
        return Preview(
            effects=labelled(effects, book.names(wanted.network_id)),
            verdicts=(*verdicts, *quote.verdicts()),
            calls=(Call("ERC-20", wanted.token.address, "approve", (("spender", wanted.spender), ("value", value))),),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            cause=simulated.cause,
            notes=("Until this is in a block, the spender may still take what it may take now.",) if before else (),
        )

    async def measure(self, plan: Plan) -> tuple[Effect, ...]:
        """Read the same allowance before and after the block that holds the transaction."""
        wanted = _Asked.of(plan.params)
        chain = await self._networks.connect(wanted.network_id)
        return await measure(chain.rpc, plan, {wanted.token.symbol: wanted.token.address}, chain.network.symbol)

    async def _verdicts(self, chain: Chain, wanted: _Asked, book: Book, before: int, after: int | None, cost: int) -> Verdicts:
        level, words = VerdictLevel, f"{short_units(wanted.amount, wanted.token.decimals)} {wanted.token.symbol}"
        verdicts = [key_verdict(wanted.owner, await self._accounts())]
        if wanted.spender == ZERO:
            verdicts.append(
                Verdict("wallets.spender", level.BLOCK, "The spender is the zero address", "Nobody could ever spend it.")
            )
        if unlimited(wanted.amount):
            text = f"The spender may take all {wanted.token.symbol} of this account, now and later"
            verdicts.append(Verdict("wallets.unlimited", level.WARNING, text, "An allowance of what is needed is enough."))
        elif wanted.amount:
            verdicts.append(Verdict("wallets.unlimited", level.PASS, f"The spender may take at most {words}"))
        elif not before:
            verdicts.append(Verdict("wallets.revoke", level.BLOCK, "There is nothing to take back: the spender may take nothing"))
        if wanted.amount and before and wanted.amount != before:
            text = "The spender could take the old allowance and the new one"
            verdicts.append(Verdict("wallets.race", level.NOTE, text, "It is safest to take back the old allowance first."))
        if after is not None and after != wanted.amount:
            verdicts.append(
                Verdict("wallets.result", level.WARNING, "The contract does not set what is asked", f"It would be {after}.")
            )
        code, native = await chain.rpc.batch(
            [("eth_getCode", [wanted.spender, "latest"]), ("eth_getBalance", [wanted.owner, "latest"])]
        )
        if wanted.amount and str(code) in ("0x", ""):
            text = "The spender is no contract but somebody's account"
            verdicts.append(
                Verdict("wallets.contract", level.WARNING, text, "Whoever holds its key may take the tokens at any time.")
            )
        if wanted.amount and not book.knows(wanted.spender) and (alike := book.look_alikes(wanted.spender)):
            text = f"The spender looks like {alike[0].name}, but is another address"
            close = level.BLOCK if alike[0].close else level.WARNING
            verdicts.append(Verdict("wallets.lookalike", close, text, f"{wanted.spender} is not {alike[0].address}."))
        if int(str(native), 16) < cost:
            text = f"The account holds too little {chain.network.symbol} for the network fee"
            verdicts.append(Verdict("wallets.fee", level.BLOCK, text))
        return verdicts


@dataclass(frozen=True, slots=True)
class _Asked:
    network_id: str
    owner: str
    spender: str
    amount: int
    token: TokenInfo

    @classmethod
    def of(cls, params: Mapping[str, object]) -> _Asked:
        token = TokenInfo(str(params["token"]), str(params["symbol"]), int(str(params["decimals"])), "ERC-20")
        return cls(str(params["network_id"]), str(params["owner"]), str(params["spender"]), int(str(params["amount"])), token)

    @property
    def data(self) -> str:
        return approve_data(self.spender, self.amount)


def unlimited(amount: int) -> bool:
    """Whether an allowance means no limit."""
    return amount >= UNLIMITED or amount == UNLIMITED_96


def approve_data(spender: str, amount: int) -> str:
    """Call data of ``approve``."""
    return APPROVE + word(spender) + word(amount)


def _allowance(chain: Chain, owner: str, token: TokenInfo, label: str, amount: int, row: LogRow, covered: Range) -> Allowance:
    trust = Trust.OWN_NODE if chain.network.own else Trust.OPERATOR
    network = chain.network.key.text
    read = (now_ms(), EvidenceStatus.CLAIMED)
    said = Evidence(EvidenceKind.BLOCK, str(covered.last), network, covered.last_hash, *read, "allowance() of the token", trust)
    event = Evidence(EvidenceKind.LOG, row.tx_hash, network, row.block_hash, *read, "its last Approval event", trust)
    return Allowance(owner, token, row.recipient, label, amount, unlimited(amount), row.block, row.tx_hash, (said, event))
