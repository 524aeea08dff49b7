"""What calls change for whom: found in their logs, asked of the contracts before and after, and measured again once they are mined.

Nothing here trusts a log for a figure: a log says where to look, the contract's own views say what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.chain.hashing import checksum_address, keccak256
from app.chain.reasons import role_id, role_name
from app.chain.rpc import RpcFailure
from app.chain.runs import CallRequest, CallResult, View, address_of, word
from app.operations.plans import Effect

if TYPE_CHECKING:
    from app.chain.rpc import Rpc

BALANCE_OF, TOTAL_SUPPLY, ALLOWANCE = "0x70a08231", "0x18160ddd", "0xdd62ed3e"
APPROVED_FOR_ALL, HAS_ROLE, OWNER = "0xe985e9c5", "0x91d14854", "0x8da5cb5b"
SYMBOL, DECIMALS = "0x95d89b41", "0x313ce567"
EVERYTHING = "every one of them"  # ApprovalForAll
OWNERSHIP = "owner"
_PAIRS = 2_000  # allowances that are looked at, at most
_ZERO = "0x" + "00" * 20


def _topic(signature: str) -> str:
    return "0x" + keccak256(signature.encode()).hex()


TRANSFER = _topic("Transfer(address,address,uint256)")
APPROVAL = _topic("Approval(address,address,uint256)")
FOR_ALL = _topic("ApprovalForAll(address,address,bool)")
GRANTED = _topic("RoleGranted(bytes32,address,address)")
REVOKED = _topic("RoleRevoked(bytes32,address,address)")
OWNED = _topic("OwnershipTransferred(address,address)")


@dataclass(frozen=True, slots=True)
class Erc20:
    """A token to watch."""

    address: str
    symbol: str
    decimals: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Whose balances to compare in which tokens, whatever the logs say; ``names`` are contracts as people call them, by address."""

    tokens: Sequence[Erc20] = ()
    accounts: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """One figure that may have changed: what sort, of which contract, whose; ``detail`` is a spender or a role."""

    kind: str
    contract: str
    subject: str = ""
    detail: str = ""

    @property
    def view(self) -> View:
        """How to ask the contract."""
        data = {
            "balance": BALANCE_OF + word(self.subject),
            "supply": TOTAL_SUPPLY,
            "allowance": ALLOWANCE + word(self.subject) + word(self.detail or "0x"),
            "for_all": APPROVED_FOR_ALL + word(self.subject) + word(self.detail or "0x"),
            "role": HAS_ROLE + self.detail.removeprefix("0x") + word(self.subject),
            OWNERSHIP: OWNER,
        }
        return self.contract, data[self.kind]

    def value(self, answer: str) -> int:
        """The answer as a number; an owner is 1 when it is the subject. What gives no answer is 0."""
        number = int(answer[:66], 16) if len(answer) >= 66 else 0
        if self.kind == OWNERSHIP:
            return int(len(answer) >= 66 and address_of(answer[:66]) == self.subject)
        return number


def questions(calls: Sequence[CallRequest], results: Sequence[CallResult], watch: Watch) -> list[Question]:
    """What may have changed, in the order in which it was touched: tokens first seen first, roles last."""
    balances: dict[Question, None] = {}
    allowances: dict[Question, None] = {}
    roles: dict[Question, None] = {}
    for token in watch.tokens:
        balances.update({Question("balance", token.address, account): None for account in watch.accounts})
        balances[Question("supply", token.address)] = None
    for call, result in zip(calls, results, strict=True):
        for log in result.logs:
            _read_log(log, balances, allowances, roles)
        _spenders(call, result, allowances)
    return [*balances, *list(allowances)[:_PAIRS], *roles]


def _read_log(
    log: Mapping[str, object], balances: dict[Question, None], allowances: dict[Question, None], roles: dict[Question, None]
) -> None:
    topics = log["topics"]
    if not isinstance(topics, list | tuple) or len(topics) < 3:
        return
    contract, what = address_of(str(log["address"])), str(topics[0]).lower()
    first, second = address_of(str(topics[1])), address_of(str(topics[2]))
    if what == TRANSFER:
        balances.update({Question("balance", contract, party): None for party in (first, second) if party != _ZERO})
        if _ZERO in (first, second):
            balances[Question("supply", contract)] = None
    elif what == APPROVAL and len(topics) == 3:
        allowances[Question("allowance", contract, first, second)] = None
    elif what == FOR_ALL:
        allowances[Question("for_all", contract, first, second)] = None
    elif what in (GRANTED, REVOKED) and len(topics) == 4:
        roles[Question("role", contract, second, str(topics[1]).lower())] = None
    elif what == OWNED:
        roles.update({Question(OWNERSHIP, contract, party): None for party in (first, second) if party != _ZERO})


def _spenders(call: CallRequest, result: CallResult, allowances: dict[Question, None]) -> None:
    """Allowances that may have been spent: a token need not tell of it, so everybody who had a hand in the call is asked about."""
    hands = dict.fromkeys([call.sender, *([call.to] if call.to else []), *(address_of(str(log["address"])) for log in result.logs)])
    for log in result.logs:
        topics = log["topics"]
        if len(topics) != 3 or str(topics[0]).lower() != TRANSFER:
            continue
        token, owner = address_of(str(log["address"])), address_of(str(topics[1]))
        for spender in hands:
            if owner != _ZERO and spender not in (owner, token):
                allowances[Question("allowance", token, owner, checksum_address(spender))] = None


def coin_accounts(calls: Sequence[CallRequest], results: Sequence[CallResult], moved: Iterable[str]) -> list[str]:
    """Whose native balance may have changed: those that calls name first, then the others by address."""
    named = [
        party for call, result in zip(calls, results, strict=True) for party in (call.sender, call.to or result.created) if party
    ]
    known = dict.fromkeys(checksum_address(party) for party in named)
    return [*known, *sorted({checksum_address(party) for party in moved} - set(known))]


def describing(asked: Sequence[Question], watch: Watch) -> list[str]:
    """Tokens whose symbol and decimals must be asked, first seen first."""
    watched = {token.address for token in watch.tokens}
    tokens = dict.fromkeys(each.contract for each in asked if each.kind in ("balance", "supply", "allowance", "for_all"))
    return [token for token in tokens if token not in watched]


def units(
    tokens: Sequence[str], symbols: Sequence[str], decimals: Sequence[str], watch: Watch, native: str
) -> dict[str, tuple[str, int]]:
    """Unit and decimals of each token.

    A token calls itself what it likes. One that takes the name of the native coin, of a watched token or of an earlier one gets its
    address behind it, so that its amounts are never read as theirs.
    """
    known = {token.address: (token.symbol, token.decimals) for token in watch.tokens}
    taken = {native.casefold(), *(symbol.casefold() for symbol, _ in known.values())}
    for token, symbol, places in zip(tokens, symbols, decimals, strict=True):
        name = text_of(symbol) or "token"
        if name.casefold() in taken or name == "token":
            name = f"{name} {token[:8]}…{token[-6:]}"
        taken.add(name.casefold())
        number = int(places, 16) if len(places) >= 66 else 0
        known[token] = (name, number if number <= 77 else 0)
    return known


def text_of(answer: str) -> str:
    """The text of ``symbol()``: an ABI string, or bytes32 as some old tokens return it; only visible characters, at most 24."""
    raw = bytes.fromhex(answer.removeprefix("0x"))
    if len(raw) >= 64 and int.from_bytes(raw[:32], "big") == 32:
        raw = raw[64 : 64 + min(int.from_bytes(raw[32:64], "big"), 1024)]
    else:
        raw = raw[:32]
    text = raw.split(b"\0")[0].decode("utf-8", "ignore")
    return "".join(char for char in text if char.isprintable())[:24].strip()


def effects_of(
    asked: Sequence[Question],
    before: Sequence[str],
    after: Sequence[str],
    unit_of: Mapping[str, tuple[str, int]],
    names: Mapping[str, str],
) -> list[Effect]:
    """The figures that differ."""
    found = []
    for each, first, second in zip(asked, before, after, strict=True):
        old, new = each.value(first), each.value(second)
        if old != new:
            found.append(_effect(each, old, new, unit_of, names))
    return found


def _effect(each: Question, old: int, new: int, unit_of: Mapping[str, tuple[str, int]], names: Mapping[str, str]) -> Effect:
    known = {address.lower(): name for address, name in names.items()}
    contract = known.get(each.contract.lower(), each.contract)
    if each.kind in ("role", OWNERSHIP):
        role = role_name(bytes.fromhex(each.detail[2:])) if each.detail else OWNERSHIP
        text = f"{role} {'of' if each.kind == OWNERSHIP else 'on'} {contract}"
        return Effect("role", each.subject, text if old else "", text if new else "", contract=each.contract)
    unit, decimals = unit_of.get(each.contract, ("", 0))
    if each.kind == "for_all":
        subject = f"{each.subject}→{each.detail}"
        text = f"{EVERYTHING}, {unit}"
        return Effect("allowance", subject, text if old else "", text if new else "", contract=each.contract)
    if each.kind == "allowance":
        subject = f"{each.subject}→{each.detail}"
    else:
        subject = each.subject or each.contract
    label = known.get(subject.lower(), "") if each.kind == "supply" else ""
    return Effect(each.kind, subject, str(old), str(new), unit, decimals, label, contract=each.contract)


def labelled(effects: Iterable[Effect], labels: Mapping[str, str]) -> tuple[Effect, ...]:
    """The effects with accounts as people call them, by EIP-55 address."""

    def called(effect: Effect) -> str:
        if effect.label or effect.kind != "allowance":
            return effect.label or labels.get(effect.subject, "")
        owner, _, spender = effect.subject.partition("→")
        if owner in labels or spender in labels:
            return " → ".join(labels.get(party, f"{party[:6]}…{party[-4:]}") for party in (owner, spender))
        return ""

    return tuple(replace(effect, label=called(effect)) for effect in effects)


def others(shown: Iterable[Effect], simulated: Iterable[Effect], labels: Mapping[str, str]) -> tuple[Effect, ...]:
    """What a simulation found beyond the effects that a room shows in its own words: nobody's change is left out."""

    def key(effect: Effect) -> tuple[str, ...]:
        return effect.kind, effect.subject, effect.unit or f"{effect.before}|{effect.after}"

    told = {key(effect) for effect in shown}
    return labelled((effect for effect in simulated if key(effect) not in told), labels)


# Measuring: the same questions, asked of blocks


def question_of(effect: Effect, token_of: Mapping[str, str], native: str) -> Question | None:
    """The question behind an effect; None for the native coin, and for what no contract can be asked.

    Args:
        token_of: addresses of tokens by unit, for effects that do not name their contract.
        native: the unit of the native coin.
    """
    contract = effect.contract or token_of.get(effect.unit, "")
    if not contract:
        return None
    if effect.kind == "balance":
        return Question("balance", contract, effect.subject)
    if effect.kind == "supply":
        return Question("supply", contract)
    if effect.kind == "allowance":
        owner, _, spender = effect.subject.partition("→")
        return Question("allowance" if effect.unit else "for_all", contract, owner, spender)
    if effect.kind == "role" and effect.contract:
        role = (effect.after or effect.before).split(" ", 1)[0]
        if role == OWNERSHIP:
            return Question(OWNERSHIP, contract, effect.subject)
        return Question("role", contract, effect.subject, "0x" + role_id(role).hex())
    return None


async def measured(
    rpc: Rpc, effects: Sequence[Effect], first: int, last: int, token_of: Mapping[str, str], native: str
) -> list[Effect]:
    """The effects that the chain can be asked about, with their values at two blocks; others are left out.

    Native balances are as they are, with whatever fees were paid between the blocks.

    Raises:
        Unavailable: the node does not answer.
    """
    asked: list[tuple[Effect, Question | None]] = []
    calls: list[tuple[str, list[object]]] = []
    for effect in effects:
        question = question_of(effect, token_of, native)
        if question is None and (effect.kind != "balance" or effect.unit != native):
            continue
        asked.append((effect, question))
        for block in (first, last):
            if question is None:
                calls.append(("eth_getBalance", [effect.subject, hex(block)]))
            else:
                to, data = question.view
                calls.append(("eth_call", [{"to": to, "data": data}, hex(block)]))
    answers = await rpc.each(calls)
    found = []
    for at, (effect, question) in enumerate(asked):
        sides = []
        for answer in answers[2 * at : 2 * at + 2]:
            if isinstance(answer, RpcFailure):
                if question is None or not answer.executed:
                    raise answer  # not what a contract says, but that the node cannot tell
                answer = "0x"
            sides.append(int(str(answer), 16) if question is None else question.value(str(answer)))
        found.append(_with(effect, sides[0], sides[1]))
    return found


def _with(effect: Effect, old: int, new: int) -> Effect:
    if effect.unit:
        return replace(effect, before=str(old), after=str(new))
    text = effect.after or effect.before
    return replace(effect, before=text if old else "", after=text if new else "")
