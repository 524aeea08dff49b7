"""What accounts hold: confirmed, newest, and what this console's own transactions that wait will change.

Confirmed is what was held at the block that has the network's confirmations; a reorganisation may still change what is newer. Each
figure names its block, and all figures of one answer are of the same two blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.core.clock import now_ms
from app.core.errors import Unavailable
from app.core.evidence import Evidence, EvidenceKind, EvidenceStatus, Trust
from app.wallets.actual import BALANCE_OF, word
from app.wallets.keys import parse_address
from app.wallets.tokens import TokenInfo, Tokens

if TYPE_CHECKING:
    from app.chain import Chain, Networks, Transactions
    from app.chain.queue import QueuedTransaction

MOST_WAITING = 5_000
TRIES = 3  # a block may change while its balances are read
TRANSFER, TRANSFER_FROM = "a9059cbb", "23b872dd"


@dataclass(frozen=True, slots=True)
class Pending:
    """What a transaction of this console that is in no block yet will change of a balance. Its network fee is not in it."""

    tx_hash: str
    change: int
    description: str


@dataclass(frozen=True, slots=True)
class Holding:
    """What one account holds of one token, in its smallest unit.

    Attributes:
        confirmed: at ``block``, or None where the node no longer has that state or the contract does not answer.
        newest: at ``head``, or None where the contract does not answer.
        waiting: what transactions of this console that wait will change.
        evidence: where ``confirmed`` and ``newest`` were read.
    """

    account: str
    token: TokenInfo
    confirmed: int | None
    block: int
    block_hash: str
    newest: int | None
    head: int
    head_hash: str
    waiting: tuple[Pending, ...] = ()
    evidence: tuple[Evidence, ...] = field(default=())

    @property
    def pending(self) -> int | None:
        """What is held once everything that waits has happened, network fees apart; None when ``newest`` is not known."""
        return None if self.newest is None else self.newest + sum(change.change for change in self.waiting)


class Holdings:
    """Reads balances, one batch for all accounts and tokens."""

    def __init__(self, networks: Networks, transactions: Transactions, tokens: Tokens) -> None:
        self._networks = networks
        self._transactions = transactions
        self._tokens = tokens

    async def read(self, network_id: str, addresses: Sequence[str]) -> list[Holding]:
        """See :meth:`~app.wallets.money.Money.assets`."""
        chain = await self._networks.connect(network_id)
        accounts = list(dict.fromkeys(parse_address(address) for address in addresses))
        tokens = await self._tokens.list(network_id)
        for _ in range(TRIES):
            if (found := await self._once(chain, accounts, tokens)) is not None:
                return found
        raise Unavailable(
            f"{chain.network.name} changed its newest block while balances were read. Nothing was read.",
            "Try again.",
            retryable=True,
        )

    async def _once(self, chain: Chain, accounts: list[str], tokens: list[TokenInfo]) -> list[Holding] | None:
        """None when a block changed meanwhile."""
        head = await chain.head()
        deep = max(0, head.number - chain.network.confirmations + 1)
        wanted = [(account, token) for account in accounts for token in tokens]
        heights = [head.number] if deep == head.number else [head.number, deep]
        calls: list[tuple[str, list[object]]] = [("eth_getBlockByNumber", [hex(height), False]) for height in heights]
        for height in heights:
            calls += [_balance(account, token.address, height) for account, token in wanted]
        queued = await self._queued(chain)
        senders = list(dict.fromkeys(row.sender for row in queued))
        calls += [("eth_getTransactionCount", [sender, hex(head.number)]) for sender in senders]
        answers = await chain.rpc.each(calls)
        blocks, counts = answers[: len(heights)], answers[len(answers) - len(senders) :]
        figures = answers[len(heights) : len(answers) - len(senders)]
        for answer in (*blocks, *counts):
            if isinstance(answer, Exception):
                raise answer
        if any(block is None for block in blocks) or blocks[0]["hash"] != head.hash:
            return None
        newest, confirmed = figures[: len(wanted)], figures[-len(wanted) :] if wanted else []
        used = {sender: int(str(count), 16) for sender, count in zip(senders, counts, strict=True)}
        waiting = _waiting([row for row in queued if row.nonce >= used[row.sender]], set(accounts))
        seen = [_evidence(chain, block) for block in (blocks[-1], blocks[0])]
        return [
            Holding(
                account,
                token,
                _amount(old),
                deep,
                str(blocks[-1]["hash"]),
                _amount(new),
                head.number,
                head.hash,
                tuple(waiting.get((account, token.address), ())),
                tuple(dict.fromkeys(seen)),
            )
            for (account, token), new, old in zip(wanted, newest, confirmed, strict=True)
        ]

    async def _queued(self, chain: Chain) -> Sequence[QueuedTransaction]:
        from app.chain.queue import TransactionState

        waiting = (TransactionState.SIGNED, TransactionState.SENT, TransactionState.SEEN)
        return await self._transactions.page(chain.network.key.text, states=waiting, limit=MOST_WAITING)


def _waiting(queued: Sequence[QueuedTransaction], accounts: set[str]) -> dict[tuple[str, str], list[Pending]]:
    found: dict[tuple[str, str], list[Pending]] = {}
    by_nonce = {(row.sender, row.nonce): row for row in reversed(queued)}  # newest first: what replaces another counts, once
    for row in by_nonce.values():
        for account, token, change in moved(row.sender, row.to or "", row.value, row.data):
            if account in accounts:
                found.setdefault((account, token), []).append(Pending(row.hash, change, row.description))
    return found


def moved(sender: str, to: str, value: int, data: str) -> list[tuple[str, str, int]]:
    """``(account, token, change)`` of a transaction as far as its call says: coin, and ERC-20 transfers."""
    found = [(sender, "", -value), (to, "", value)] if value and to else []
    body = data.removeprefix("0x")
    if to and body[:8] == TRANSFER and len(body) >= 8 + 128:
        recipient, amount = _address(body[8:72]), int(body[72:136], 16)
        found += [(sender, to, -amount), (recipient, to, amount)]
    elif to and body[:8] == TRANSFER_FROM and len(body) >= 8 + 192:
        owner, recipient, amount = _address(body[8:72]), _address(body[72:136]), int(body[136:200], 16)
        found += [(owner, to, -amount), (recipient, to, amount)]
    return found


def _address(word_: str) -> str:
    return parse_address("0x" + word_[-40:])


def _balance(account: str, token: str, height: int) -> tuple[str, list[object]]:
    if token:
        return "eth_call", [{"to": token, "data": BALANCE_OF + word(account)}, hex(height)]
    return "eth_getBalance", [account, hex(height)]


def _amount(answer: Any) -> int | None:
    """A refused read is None; a contract that was not there yet answers nothing: zero."""
    if isinstance(answer, Exception):
        return None
    text = str(answer)
    return int(text[:66], 16) if len(text) > 2 else 0


def _evidence(chain: Chain, block: dict[str, Any]) -> Evidence:
    return Evidence(
        EvidenceKind.BLOCK,
        str(int(block["number"], 16)),
        chain.network.key.text,
        str(block["hash"]),
        now_ms(),
        EvidenceStatus.CLAIMED,
        "balances read from the node at this block",
        Trust.OWN_NODE if chain.network.own else Trust.OPERATOR,
    )
