"""Transfers of the native coin and of ERC-20 tokens: the plan, its preview and what really came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.core.clock import now_ms
from app.core.errors import ConsoleError, Invalid
from app.core.money import UINT256_MAX, short_units
from app.operations.plans import Call, Effect, Fee, Plan, PlanState, Preview, Verdict, VerdictLevel
from app.wallets.actual import BALANCE_OF, measure, read_word, word
from app.wallets.keys import parse_address

if TYPE_CHECKING:
    from app.chain import Chain, Economy, Fees, Networks, Simulation
    from app.operations import Operations
    from app.wallets.accounts import Account

TRANSFER = "0xa9059cbb"  # transfer(address,uint256) of ERC-20
ZERO = "0x" + "00" * 20
SEEN_PLANS = 500  # how many past plans are searched for an earlier transfer to the same recipient


@dataclass(frozen=True, slots=True)
class TransferDraft:
    """A transfer as somebody asks for it.

    Attributes:
        network_id: id of the network.
        sender, recipient: addresses; mixed-case letters must satisfy EIP-55.
        amount: in the token's smallest unit (wei for the native coin), at least 1.
        token: address of the ERC-20 contract, or empty for the native coin.
        note: kept with the plan, never on chain.

    Raises:
        Invalid: a wrong checksum or no address, an amount of zero, below zero or beyond uint256.
    """

    network_id: str
    sender: str
    recipient: str
    amount: int
    token: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sender", parse_address(self.sender, "sender"))
        object.__setattr__(self, "recipient", parse_address(self.recipient, "recipient"))
        object.__setattr__(self, "token", parse_address(self.token, "token") if self.token else "")
        if not 0 < self.amount <= UINT256_MAX:
            raise Invalid("The amount must be more than zero. Nothing was planned.", "Enter an amount.", field="amount")


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """How a token shows its amounts. ``address`` is empty for the native coin."""

    address: str
    symbol: str
    decimals: int
    name: str = ""


def call_data(draft: TransferDraft) -> tuple[str, str, int]:
    """``(to, data, value)`` of the transaction."""
    if not draft.token:
        return draft.recipient, "0x", draft.amount
    return draft.token, TRANSFER + word(draft.recipient) + word(draft.amount), 0


async def token_info(chain: Chain, token: str, economy: Economy | None) -> TokenInfo:
    """Symbol and decimals of a token as its contract states them.

    Raises:
        Invalid: there is no ERC-20 contract at that address.
    """
    if not token:
        return TokenInfo("", chain.network.symbol, 18)
    if economy is not None and parse_address(economy.token) == token:
        return TokenInfo(token, economy.token_symbol, economy.decimals, "AzoraToken")
    try:
        calls = [("eth_call", [{"to": token, "data": data}, "latest"]) for data in ("0x95d89b41", "0x313ce567")]  # symbol, decimals
        symbol, decimals = await chain.rpc.batch(calls)
        spelled = _symbol(str(symbol))
        # A token may call itself what the native coin is called; its amounts must never be taken for the coin's.
        spelled = f"{spelled} token" if spelled in ("", chain.network.symbol, "AZR") else spelled
        return TokenInfo(token, spelled.strip(), int(str(decimals), 16), "ERC-20")
    except (ConsoleError, ValueError) as error:
        raise Invalid(
            f"{token} does not answer as an ERC-20 token on {chain.network.name}. Nothing was planned.",
            "Check the network and the token's address.",
            field="token",
        ) from error


def _symbol(answer: str) -> str:
    """The text of ``symbol()``: an ABI string, or bytes32 as some old tokens return it; only visible characters, at most 24."""
    raw = bytes.fromhex(answer.removeprefix("0x"))
    if len(raw) >= 64:
        length = int.from_bytes(raw[32:64], "big")
        raw = raw[64 : 64 + length]
    return "".join(c for c in raw.rstrip(b"\0").decode("utf-8", "ignore") if c.isprintable())[:24]


class Transfers:
    """Previews and measures plans of kind ``wallets.transfer``."""

    def __init__(
        self,
        networks: Networks,
        simulation: Simulation,
        fees: Fees,
        operations: Operations,
        economy_of: Callable[[str], Awaitable[Economy | None]],
        accounts: Callable[[], Awaitable[list[Account]]],
    ) -> None:
        self._networks = networks
        self._simulation = simulation
        self._fees = fees
        self._operations = operations
        self._economy_of = economy_of
        self._accounts = accounts

    async def preview(self, plan: Plan) -> Preview:
        """Simulate the transfer on the newest block."""
        from app.chain import CallRequest, Erc20, Watch

        draft, token = _asked(plan.params)
        chain = await self._networks.connect(draft.network_id)
        to, data, value = call_data(draft)
        accounts = [draft.sender] if draft.sender == draft.recipient else [draft.sender, draft.recipient]
        watch = Watch(tokens=[Erc20(token.address, token.symbol, token.decimals)] if token.address else [], accounts=accounts)
        simulated = await self._simulation.preview(
            draft.network_id, [CallRequest(sender=draft.sender, to=to, data=data, value=value, label=plan.title)], watch=watch
        )
        labels = {account.address: account.label for account in await self._accounts()}
        held = await self._held(chain, draft, simulated.block)
        effects = pick_effects(simulated.effects, accounts, token, labels)
        quote = await self._fees.quote_for(chain, plan.params)
        fee = quote.fee(simulated.gas[0] if simulated.gas else 0, chain.network.symbol)
        return Preview(
            effects=effects,
            verdicts=(*await self._verdicts(chain, plan, draft, token, labels, held, fee), *quote.verdicts()),
            calls=(_decoded(draft, token),),
            fee=fee,
            block=simulated.block,
            block_hash=simulated.block_hash,
            simulated_at=now_ms(),
            method=simulated.method,
            error=simulated.error,
            notes=("A transfer cannot be taken back.",),
        )

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
        chain: Chain,
        plan: Plan,
        draft: TransferDraft,
        token: TokenInfo,
        labels: Mapping[str, str],
        held: Mapping[str, int],
        fee: Fee,
    ) -> list[Verdict]:
        verdicts = [_recipient_verdict(draft, token), _key_verdict(draft, await self._accounts())]
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
        verdicts.append(await self._seen_verdict(plan, draft, labels))
        if str(await chain.rpc.call("eth_getCode", draft.recipient, "latest")) not in ("0x", ""):
            verdicts.append(
                Verdict(
                    "wallets.contract",
                    VerdictLevel.NOTE,
                    "The recipient is a contract",
                    "It must know how to pass tokens on, or they stay there.",
                )
            )
        latest, waiting = await chain.rpc.batch(
            [("eth_getTransactionCount", [draft.sender, "latest"]), ("eth_getTransactionCount", [draft.sender, "pending"])]
        )
        if int(str(waiting), 16) > int(str(latest), 16):
            verdicts.append(
                Verdict("wallets.nonce", VerdictLevel.NOTE, "Earlier transactions of the sender still wait to be mined")
            )
        else:
            verdicts.append(Verdict("wallets.nonce", VerdictLevel.PASS, "The sender's next nonce is free"))
        return verdicts

    async def _seen_verdict(self, plan: Plan, draft: TransferDraft, labels: Mapping[str, str]) -> Verdict:
        if draft.recipient in labels:
            return Verdict(
                "wallets.seen", VerdictLevel.PASS, f"The recipient is {labels[draft.recipient]}, an account of this console"
            )
        before, searched = None, 0
        while searched < SEEN_PLANS:
            page = await self._operations.page(states=[PlanState.DONE], before=before, limit=100)
            for past in page:
                if past.kind == "wallets.transfer" and past.id != plan.id and past.params.get("recipient") == draft.recipient:
                    return Verdict("wallets.seen", VerdictLevel.PASS, f"The recipient was paid before, by {past.name}")
            searched += len(page)
            if len(page) < 100:
                break
            before = page[-1].number
        return Verdict(
            "wallets.seen",
            VerdictLevel.NOTE,
            "This console has never sent anything to the recipient",
            "Compare the whole address with its source: look-alikes share the first and last characters.",
        )


def _asked(params: Mapping[str, object]) -> tuple[TransferDraft, TokenInfo]:
    draft = TransferDraft(
        network_id=str(params["network_id"]),
        sender=str(params["sender"]),
        recipient=str(params["recipient"]),
        amount=int(str(params["amount"])),
        token=str(params["token"]),
        note=str(params["note"]),
    )
    return draft, TokenInfo(draft.token, str(params["symbol"]), int(str(params["decimals"])), str(params["token_name"]))


def _decoded(draft: TransferDraft, token: TokenInfo) -> Call:
    if not draft.token:
        return Call("", draft.recipient, "transfer", (("to", draft.recipient), ("value", str(draft.amount))))
    arguments = (("to", draft.recipient), ("value", str(draft.amount)))
    return Call(token.name, token.address, "transfer", arguments, verified=token.name == "AzoraToken")


def _recipient_verdict(draft: TransferDraft, token: TokenInfo) -> Verdict:
    rule = "wallets.recipient"
    if draft.recipient == ZERO:
        return Verdict(rule, VerdictLevel.BLOCK, "The recipient is the zero address", "Whatever is sent there is lost.")
    if draft.recipient == draft.token:
        return Verdict(
            rule,
            VerdictLevel.BLOCK,
            f"The recipient is the {token.symbol} contract itself",
            "Tokens sent there stay there for good.",
        )
    if draft.recipient == draft.sender:
        return Verdict(
            rule, VerdictLevel.WARNING, "Sender and recipient are the same account", "Only the network fee would be spent."
        )
    return Verdict(rule, VerdictLevel.PASS, "The recipient's address is well formed")


def _key_verdict(draft: TransferDraft, accounts: list[Account]) -> Verdict:
    account = next((account for account in accounts if account.address == draft.sender), None)
    if account is not None and account.key_state == "inKeyring":
        return Verdict("wallets.key", VerdictLevel.PASS, "The sender's key is in the keyring")
    if account is not None and account.key_state == "unknown":
        return Verdict("wallets.key", VerdictLevel.WARNING, "The keyring does not answer", "Open it before you confirm.")
    return Verdict(
        "wallets.key", VerdictLevel.BLOCK, "This console has no key for the sender", "It can be looked at, but not signed for."
    )


def pick_effects(
    simulated: Sequence[Effect], accounts: Sequence[str], token: TokenInfo, labels: Mapping[str, str]
) -> tuple[Effect, ...]:
    """Balance effects of the accounts in one unit, in their order, without the network fee.

    Where the simulation says nothing about an account (it failed, or the balance stayed), no effect is made up.
    """
    by_account = {effect.subject: effect for effect in simulated if effect.kind == "balance" and effect.unit == token.symbol}
    effects = []
    for account in accounts:
        found = by_account.get(account)
        if found is not None and found.before != found.after:
            label = labels.get(account, "")
            effects.append(Effect("balance", account, found.before, found.after, token.symbol, token.decimals, label))
    return tuple(effects)
